//! Limits on calls and sums of budgets, kept in this process.
//!
//! A [`Limiter`] has one book for each limit of a policy, and in it one account for each key. Under one
//! short lock a call takes from all of its limits or from none, so that a refusal by one limit costs
//! nothing at another. The arithmetic is that of the crate `governor` (GCRA: as many calls at once as the
//! burst, then one for each part of the period); accounts are kept here, for they must be bounded and
//! a charge must be taken back. A charge costs one lookup; a book that is full looks for accounts to close
//! ten times a second at most.

mod book;
mod budget;
mod meter;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlock_core::Outcome;
use airlock_core::policy::{Admit, Charges, Exhausted, Hold, LimitRef, Overspent, Policy, Sums};

#[cfg(feature = "redis")]
pub use self::redis::{RedisLimiter, RedisOptions, StoreError, StoreEvent};
use crate::clock::Clock;
use book::Book;
use budget::Budgets;
use meter::Meter;

/// How many keys one limit tells apart at a time.
pub const MAX_KEYS: usize = 1 << 16;

/// Who counts the calls under a policy, and under those that take its place.
pub trait Keeper: Admit + fmt::Debug + Send + Sync {
    /// Who counts under `policy`, which is to be in force in place of this one's: limits with the same id count
    /// on. Both may be asked at once.
    ///
    /// # Errors
    /// When a limit of `policy` cannot be kept; nothing has changed then.
    fn succeed(&self, policy: &Policy) -> Result<Arc<dyn Keeper>, LimitError>;
}

/// Counts the calls of one policy, and adds up what they take from its budgets.
///
/// An account is closed when it is as full as a new one. While [`MAX_KEYS`] keys of a limit have open
/// accounts, calls with other keys are refused by that limit; so they are by a budget with [`MAX_KEYS`] keys in its
/// window.
#[derive(Debug)]
pub struct Limiter {
    clock: Arc<dyn Clock>,
    max_keys: usize,
    /// Held by whoever uses a book.
    desk: Arc<Mutex<Desk>>,
    /// Those of the policy's limits, in its order. Who counts for another version of the policy may have
    /// some of them too.
    books: Vec<Named>,
    budgets: Budgets,
}

/// The book of a limit.
#[derive(Debug)]
struct Named {
    limit: String,
    book: Arc<Mutex<Book>>,
}

impl Named {
    /// The book; nobody waits here, for the desk is held.
    fn open(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Desk {
    /// The latest moment seen, in nanoseconds of the clock: threads read the clock in another order than
    /// they come here.
    now: u64,
    /// What the charges of the call at hand have come to.
    outcomes: Vec<Result<Before, Wait>>,
}

/// What an account was before it was charged; none when there was none.
type Before = Option<u64>;
/// How many nanoseconds a charge must wait; none when waiting does not help.
type Wait = Option<u64>;

impl Limiter {
    /// A limiter with nothing used up.
    ///
    /// # Errors
    /// When a limit needs more than 292 years to fill up again.
    pub fn new(policy: &Policy, clock: Arc<dyn Clock>) -> Result<Self, LimitError> {
        Self::with_max_keys(policy, clock, MAX_KEYS)
    }

    /// [`new`](Self::new) with another bound than [`MAX_KEYS`].
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_max_keys(
        policy: &Policy,
        clock: Arc<dyn Clock>,
        max_keys: usize,
    ) -> Result<Self, LimitError> {
        let book = |(limit, meter)| Named { limit, book: new_book(meter, max_keys) };
        let books = meters(policy)?.into_iter().map(book).collect();
        let budgets = Budgets::new(policy, max_keys);
        Ok(Self { clock, max_keys, desk: Arc::default(), books, budgets })
    }

    /// A limiter for `policy`, which is to be in force in place of this one's. Limits with the same id count
    /// on in the same accounts, also for who still asks this limiter. Where the rate or the burst is
    /// another one, an account lacks as many calls as before, but not more than the new burst; where the
    /// key is another one, a new id makes it begin anew. Budgets with the same id count on too, unless their
    /// window is another one.
    ///
    /// # Errors
    /// As [`new`](Self::new); nothing has changed then.
    pub fn succeed(&self, policy: &Policy) -> Result<Self, LimitError> {
        let meters = meters(policy)?;
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.now = self.now().max(desk.now);
        let book = |(limit, meter): (String, Meter)| match self
            .books
            .iter()
            .find(|named| named.limit == limit)
        {
            Some(named) => {
                named.open().succeed(meter, desk.now);
                Named { limit, book: Arc::clone(&named.book) }
            }
            None => Named { limit, book: new_book(meter, self.max_keys) },
        };
        let books = meters.into_iter().map(book).collect();
        let (clock, desk) = (Arc::clone(&self.clock), Arc::clone(&self.desk));
        let budgets = self.budgets.succeed(policy);
        Ok(Self { clock, max_keys: self.max_keys, desk, books, budgets })
    }

    /// How many accounts are open.
    #[must_use]
    pub fn accounts(&self) -> usize {
        let _desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let limited: usize = self.books.iter().map(|named| named.open().len()).sum();
        limited.saturating_add(self.budgets.accounts())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn new_book(meter: Meter, max_keys: usize) -> Arc<Mutex<Book>> {
    Arc::new(Mutex::new(Book::new(meter, max_keys)))
}

/// The id and the meter of each limit.
fn meters(policy: &Policy) -> Result<Vec<(String, Meter)>, LimitError> {
    let meter = |limit: LimitRef<'_>| {
        let id = limit.id.to_owned();
        match Meter::new(&limit) {
            Some(meter) => Ok((id, meter)),
            None => Err(LimitError { limit: id }),
        }
    };
    policy.limits().map(meter).collect()
}

impl Keeper for Limiter {
    fn succeed(&self, policy: &Policy) -> Result<Arc<dyn Keeper>, LimitError> {
        Ok(Arc::new(self.succeed(policy)?))
    }
}

impl Admit for Limiter {
    fn admit(&self, charges: Charges<'_>) -> Result<(), Exhausted> {
        if charges.clone().next().is_none() {
            return Ok(());
        }
        let now = self.now();
        // No step of what is done under the lock can panic half-way.
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.admit(charges, &self.books, now)
    }

    fn reserve(&self, sums: Sums<'_>) -> Result<Option<Hold>, Overspent> {
        self.budgets.reserve(sums)
    }

    fn settle(&self, hold: Hold, outcome: Outcome) {
        self.budgets.settle(hold, outcome);
    }
}

impl Desk {
    fn admit(&mut self, charges: Charges<'_>, books: &[Named], now: u64) -> Result<(), Exhausted> {
        let Self { now: latest, outcomes } = self;
        *latest = now.max(*latest);
        outcomes.clear();
        let mut exhausted: Option<(usize, Wait)> = None;
        for charge in charges.clone() {
            let index = charge.limit.index;
            // A limit of another policy is one that nobody keeps.
            let outcome = match books.get(index) {
                Some(named) => named.open().take(charge.key, charge.cost, *latest),
                None => Err(None),
            };
            if let Err(wait) = outcome
                && exhausted.is_none_or(|(_, longest)| is_longer(wait, longest))
            {
                exhausted = Some((index, wait));
            }
            outcomes.push(outcome);
        }
        let Some((limit, wait)) = exhausted else { return Ok(()) };
        for (charge, outcome) in charges.zip(outcomes) {
            if let (Ok(before), Some(named)) = (outcome, books.get(charge.limit.index)) {
                named.open().give_back(charge.key, *before);
            }
        }
        // Rounded up: who waits so long is admitted.
        Err(Exhausted { limit, retry_after_ms: wait.map(|nanos| nanos.div_ceil(1_000_000)) })
    }
}

/// For ever is longest.
fn is_longer(wait: Wait, than: Wait) -> bool {
    match (wait, than) {
        (Some(wait), Some(than)) => wait > than,
        (wait, than) => wait.is_none() && than.is_some(),
    }
}

/// A limit that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitError {
    /// Its id.
    pub limit: String,
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the limit {:?} needs centuries to fill up again: lower its burst", self.limit)
    }
}

impl std::error::Error for LimitError {}
