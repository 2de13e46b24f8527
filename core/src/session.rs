//! What is remembered from one call of a session to the next.
//!
//! ```text
//! decide ─ reads the session ─▶ effects ─ reserve ─▶ Ticket ─ the tool runs ─ finish(Ok | Failed | Unknown)
//! ```
//!
//! The rules of a policy ask the session and say what an allowed call does to it; whoever decides holds the
//! session alone from the question to the reservation, so two calls cannot both take the last of something.
//! Nothing here has a clock or locks: moments come with calls. What is remembered is bounded, and what does
//! not fit is refused, or forgotten where forgetting refuses: a session that is full lets less through, never
//! more. Every operation costs a look-up or a scan of at most 64 entries. Values of arguments are kept only
//! as digests under a secret key (SipHash-1-3), so that nobody who writes arguments finds two that look alike.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hasher;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::json::{Kind, Str, Value};

/// Most finished calls that later ones may refer to.
const MAX_EVENTS: usize = 16;
/// Most values that are remembered as used up.
const MAX_SPENT: usize = 4096;
/// Most rules whose calls are counted.
const MAX_USES: usize = 4096;
/// Most effects of calls that have not ended. Those of the oldest give way, as if nobody knew how its call
/// ended.
const MAX_OPEN: usize = 64;

/// The memory of one session: some 200 bytes, and more only for what the rules of a policy remember.
///
/// The host keeps one for each run of an agent, and lends it to each decision on a call of it.
#[derive(Clone)]
pub struct Session {
    key: [u8; 16],
    /// Milliseconds of a clock that only goes forward, where the host has one.
    elapsed: Option<u64>,
    /// Bits, which a policy gives their names. They are only ever set.
    labels: u64,
    /// Calls that were let through.
    calls: u32,
    /// Number of the last reservation.
    last: u64,
    events: Vec<Event>,
    /// Digests of values that are used up.
    spent: HashTable<u64>,
    uses: HashTable<Use>,
    /// What reservations that are not settled may still change, the oldest first.
    open: VecDeque<Open>,
}

/// The reservation of one call in its [`Session`]: what [`Session::finish`] settles. It means nothing to any
/// other session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// How a call that was let through has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tool did what it was asked.
    Ok,
    /// The tool did nothing.
    Failed,
    /// Nobody knows what the tool did.
    Unknown,
}

/// What an allowed call does to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Sets labels.
    Label(u64),
    /// Takes a value, unless the call fails.
    Spend(u64),
    /// Is remembered, once it has ended well.
    Event(u64),
    /// Is counted for the rule of this key.
    Use(u64),
}

impl Default for Effect {
    fn default() -> Self {
        Self::Label(0)
    }
}

/// A call that ended well.
#[derive(Clone, Copy, Debug)]
struct Event {
    digest: u64,
    /// When the call was let through, in milliseconds.
    at: Option<u64>,
}

/// The calls that a rule let through.
#[derive(Clone, Copy, Debug)]
struct Use {
    rule: u64,
    calls: u32,
    /// When the last one was, in milliseconds.
    last: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    ticket: u64,
    effect: Effect,
    /// When the call was let through, in milliseconds.
    at: Option<u64>,
    /// For [`Effect::Use`] when the call before was.
    before: Option<u64>,
}

impl Session {
    /// A session in which nothing has happened. `key` is secret: 128 random bits, which several sessions may
    /// share.
    #[must_use]
    pub const fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            elapsed: None,
            labels: 0,
            calls: 0,
            last: 0,
            events: Vec::new(),
            spent: HashTable::new(),
            uses: HashTable::new(),
            open: VecDeque::new(),
        }
    }

    /// Sets how many milliseconds a clock of the host has been running that only goes forward. It then says
    /// how long ago a call was, in place of the moments of calls, so that setting the time of day helps
    /// nobody: a host that begins with it does it before every decision.
    pub const fn set_elapsed(&mut self, milliseconds: u64) {
        self.elapsed = Some(milliseconds);
    }

    /// How many calls were let through.
    #[must_use]
    pub const fn calls(&self) -> u32 {
        self.calls
    }

    /// Ends the call of `ticket`. One that went well is remembered for rules with `after`; one that failed
    /// gives back what its rules with `once` took. Labels, counts and cool-downs stay in any case. A ticket is
    /// settled once: a second time changes nothing.
    pub fn finish(&mut self, ticket: Ticket, outcome: Outcome) {
        self.settle(ticket, |session, Open { effect, at, .. }| match (effect, outcome) {
            (Effect::Event(digest), Outcome::Ok) => session.remember(Event { digest, at }),
            (Effect::Spend(digest), Outcome::Failed) => session.give_back(digest),
            _ => {}
        });
    }

    /// Ends a call that was let through here and then did not run, because a limit that is kept elsewhere
    /// refused it or it could not be recorded: all that was reserved is given back, but for labels, which are
    /// only ever set.
    pub fn cancel(&mut self, ticket: Ticket) {
        let mut counted = false;
        self.settle(ticket, |session, Open { effect, at, before, .. }| match effect {
            Effect::Spend(digest) => session.give_back(digest),
            Effect::Use(rule) => session.unuse(rule, at, before),
            // Every reservation has one, so that a second call gives nothing back again.
            Effect::Label(_) => counted = true,
            Effect::Event(_) => {}
        });
        if counted {
            self.calls = self.calls.saturating_sub(1);
        }
    }

    /// The time by which durations are measured, for a call at the moment `now`.
    pub(crate) fn time(&self, now: Option<u64>) -> Option<u64> {
        self.elapsed.or(now)
    }

    pub(crate) const fn labels(&self) -> u64 {
        self.labels
    }

    /// How many calls the rule of this key let through, and when the last was.
    pub(crate) fn uses(&self, rule: u64) -> Option<(u32, Option<u64>)> {
        self.uses.find(rule, |found| found.rule == rule).map(|found| (found.calls, found.last))
    }

    /// Whether another rule's calls can be counted.
    pub(crate) fn can_count(&self) -> bool {
        self.uses.len() < MAX_USES
    }

    /// Whether the value of this digest is neither used up nor too much to remember.
    pub(crate) fn can_spend(&self, digest: u64) -> bool {
        self.spent.len() < MAX_SPENT && self.spent.find(digest, |found| *found == digest).is_none()
    }

    /// When the last call with this digest was that ended well, as far as that is known.
    pub(crate) fn happened(&self, digest: u64) -> Option<Option<u64>> {
        self.events.iter().find(|event| event.digest == digest).map(|event| event.at)
    }

    /// Starts a digest.
    pub(crate) fn digest(&self) -> Digest {
        Digest { hasher: SipHasher13::new_with_key(&self.key), so_far: 0 }
    }

    /// Takes `effects` for a call that is about to run at the moment `now`; the decision has found that they
    /// are there to take.
    pub(crate) fn reserve(&mut self, effects: &[Effect], now: Option<u64>) -> Ticket {
        self.last = self.last.wrapping_add(1);
        self.calls = self.calls.saturating_add(1);
        let (ticket, at) = (self.last, self.time(now));
        let mut all = 0;
        for effect in effects {
            let mut before = None;
            match *effect {
                Effect::Label(labels) => all |= labels,
                Effect::Spend(digest) => {
                    self.spent.insert_unique(digest, digest, |digest| *digest);
                }
                Effect::Use(rule) => before = self.count(rule, at),
                Effect::Event(_) => {}
            }
            if !matches!(effect, Effect::Label(_)) {
                self.open(Open { ticket, effect: *effect, at, before });
            }
        }
        self.labels |= all;
        self.open(Open { ticket, effect: Effect::Label(all), at, before: None });
        Ticket(ticket)
    }

    fn open(&mut self, open: Open) {
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(open);
    }

    /// Closes what is open of a ticket, and does `end` with each part. Parts of one ticket stand side by side,
    /// and tickets in order.
    fn settle(&mut self, Ticket(ticket): Ticket, mut end: impl FnMut(&mut Self, Open)) {
        let first = match self.open.back() {
            // Mostly the call that began last ends first.
            Some(last) if last.ticket == ticket => {
                self.open.iter().rposition(|part| part.ticket != ticket).map_or(0, |at| at + 1)
            }
            _ => self.open.partition_point(|part| part.ticket < ticket),
        };
        let mut last = first;
        while let Some(part) = self.open.get(last).copied().filter(|part| part.ticket == ticket) {
            end(self, part);
            last += 1;
        }
        if last == self.open.len() {
            self.open.truncate(first);
        } else {
            self.open.drain(first..last);
        }
    }

    fn remember(&mut self, event: Event) {
        if let Some(known) = self.events.iter_mut().find(|known| known.digest == event.digest) {
            known.at = known.at.max(event.at);
        } else if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else if let Some(oldest) = self.events.iter_mut().min_by_key(|event| event.at) {
            *oldest = event;
        }
    }

    fn give_back(&mut self, digest: u64) {
        if let Ok(entry) = self.spent.find_entry(digest, |found| *found == digest) {
            entry.remove();
        }
    }

    /// Counts a call for a rule; when the one before was.
    fn count(&mut self, rule: u64, at: Option<u64>) -> Option<u64> {
        match self.uses.find_mut(rule, |found| found.rule == rule) {
            Some(found) => {
                found.calls = found.calls.saturating_add(1);
                let before = found.last;
                found.last = before.max(at);
                before
            }
            None => {
                let first = Use { rule, calls: 1, last: at };
                self.uses.insert_unique(rule, first, |found| found.rule);
                None
            }
        }
    }

    fn unuse(&mut self, rule: u64, at: Option<u64>, before: Option<u64>) {
        if let Some(found) = self.uses.find_mut(rule, |found| found.rule == rule) {
            found.calls = found.calls.saturating_sub(1);
            if found.last == at {
                found.last = before;
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the key nor what it would tell from digests.
        let Self { labels, calls, .. } = self;
        let mut session = f.debug_struct("Session");
        session.field("labels", labels).field("calls", calls).finish_non_exhaustive()
    }
}

/// The digest of arguments in the making: the same for equal values, however they are spelt. Nobody without the
/// key can tell it from a random number, so a number that anyone may know, taken as its exclusive or, makes it one
/// of a certain purpose.
pub(crate) struct Digest {
    /// Nothing was written to it.
    hasher: SipHasher13,
    so_far: u64,
}

impl Digest {
    /// Adds a value; none when it is an array or an object, which are equal in too many ways.
    #[inline]
    pub(crate) fn add(&mut self, value: Value<'_>) -> Option<()> {
        self.so_far = match value.kind() {
            Kind::String => {
                let text = value.as_str()?;
                match text.is_escaped() {
                    false => self.begin(b's', text.raw().len()).hash(text.raw()),
                    true => self.unescaped(text),
                }
            }
            Kind::Number => {
                let number = value.as_number()?;
                let mut length = 0;
                number.canonical(|part| length += part.len());
                let mut hasher = self.begin(b'n', length);
                number.canonical(|part| hasher.write(part));
                hasher.finish()
            }
            Kind::True => self.begin(b't', 0).finish(),
            Kind::False => self.begin(b'f', 0).finish(),
            Kind::Null => self.begin(b'0', 0).finish(),
            Kind::Array | Kind::Object | Kind::Key => return None,
        };
        Some(())
    }

    pub(crate) const fn finish(&self) -> u64 {
        self.so_far
    }

    #[cold]
    fn unescaped(&self, text: Str<'_>) -> u64 {
        let mut hasher = self.begin(b's', text.bytes().count());
        text.bytes().for_each(|byte| hasher.write_u8(byte));
        hasher.finish()
    }

    /// What comes before the bytes of a value, so that no two lists of values run together to the same. It fills
    /// whole words, which lets the bytes be hashed where they are.
    #[inline]
    fn begin(&self, kind: u8, length: usize) -> SipHasher13 {
        let mut hasher = self.hasher;
        hasher.write_u64(self.so_far);
        hasher.write_u64((length as u64) << 8 | u64::from(kind));
        hasher
    }
}

#[cfg(test)]
mod tests;
