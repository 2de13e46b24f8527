//! The sessions of many agents, kept apart.
//!
//! A session is that of a tenant, an agent and the id that the host gave it; none of the three is for the
//! model to choose. One that had no call for a while is over. Sessions are bounded in number, and none is
//! forgotten before its time to make room, for what it remembers holds its calls back: while the bound is
//! reached a new session is refused. A look-up takes one short lock; a full book looks for sessions that are
//! over ten times a second at most.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airlock_core::policy::Keeping;
use airlock_core::{Caller, Session};

/// Least time from one search for sessions that are over to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// A session in which nothing has happened, under a secret key of its own: for decisions without a firewall.
#[must_use]
pub fn fresh() -> Session {
    Session::new(secret())
}

/// 128 bits that nobody outside knows: hashes under keys that the standard library has from the operating
/// system.
pub(crate) fn secret() -> [u8; 16] {
    let state = RandomState::new();
    let (one, other) = (u128::from(state.hash_one(0_u8)), u128::from(state.hash_one(1_u8)));
    (one << 64 | other).to_le_bytes()
}

/// One session, for as long as a call of it runs and until it is over.
pub(crate) type Shared = Arc<Mutex<Session>>;

pub(crate) fn lock(session: &Shared) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time of a clock as sessions count it.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Too many sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Every session of a firewall.
pub(crate) struct Sessions {
    secret: [u8; 16],
    book: Mutex<Book>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is shown to nobody, nor are keys, which name callers.
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Book {
    kept: HashMap<Box<[u8]>, Kept>,
    /// No session that is over is looked for before.
    next_pass: Duration,
}

#[derive(Debug)]
struct Kept {
    session: Shared,
    /// When its last call began, by the clock that only goes forward.
    used: Duration,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { secret: secret(), book: Mutex::default() }
    }

    /// The session that `key` stands for, a new one when it has none or that one is over.
    pub(crate) fn open(&self, key: &[u8], keeping: Keeping, now: Duration) -> Result<Shared, Full> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = Duration::from_millis(keeping.idle_ms);
        if let Some(kept) = book.kept.get_mut(key) {
            if kept.is_over(now, idle) {
                kept.session = Arc::new(Mutex::new(Session::new(self.secret)));
            }
            kept.used = now.max(kept.used);
            return Ok(Arc::clone(&kept.session));
        }
        if book.kept.len() >= keeping.most && now >= book.next_pass {
            book.kept.retain(|_, kept| !kept.is_over(now, idle));
            book.next_pass = now.saturating_add(PAUSE);
        }
        if book.kept.len() >= keeping.most {
            return Err(Full);
        }
        let session = Arc::new(Mutex::new(Session::new(self.secret)));
        let kept = Kept { session: Arc::clone(&session), used: now };
        book.kept.insert(key.into(), kept);
        Ok(session)
    }

    /// Forgets a session.
    pub(crate) fn end(&self, key: &[u8]) {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).kept.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).kept.len()
    }
}

impl Kept {
    /// No call of it runs, and the last began too long ago.
    fn is_over(&self, now: Duration, idle: Duration) -> bool {
        Arc::strong_count(&self.session) == 1 && now.saturating_sub(self.used) > idle
    }
}

/// Writes the key of a session, one for each triple.
pub(crate) fn write_key(caller: &Caller<'_>, session: &str, key: &mut Vec<u8>) {
    key.clear();
    for part in [caller.tenant, caller.agent, Some(session)] {
        // No length is this one.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        key.extend_from_slice(&length.to_le_bytes());
        key.extend_from_slice(part.unwrap_or("").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPING: fn(u64, usize) -> Keeping = |idle_ms, most| Keeping { idle_ms, most };

    #[test]
    fn a_full_book_refuses_new_sessions_and_forgets_none_early() {
        let sessions = Sessions::new();
        let keeping = KEEPING(1000, 2);
        let at = Duration::from_millis;
        let first = sessions.open(b"a", keeping, at(0)).unwrap();
        drop(sessions.open(b"b", keeping, at(0)).unwrap());
        assert_eq!(sessions.open(b"c", keeping, at(1000)).err(), Some(Full));
        // It is `b` that is over: a call of `a` runs.
        sessions.open(b"c", keeping, at(1200)).unwrap();
        assert!(Arc::ptr_eq(&first, &sessions.open(b"a", keeping, at(9000)).unwrap()));
        assert_eq!(sessions.len(), 2);
    }

    #[test]
    fn a_session_that_was_idle_begins_anew_and_no_other() {
        let sessions = Sessions::new();
        let keeping = KEEPING(1000, 9);
        let at = Duration::from_millis;
        let id = |session: Shared| Arc::downgrade(&session);
        let first = id(sessions.open(b"a", keeping, at(0)).unwrap());
        assert!(first.ptr_eq(&id(sessions.open(b"a", keeping, at(1000)).unwrap())));
        assert!(first.ptr_eq(&id(sessions.open(b"a", keeping, at(2000)).unwrap())));
        assert!(!first.ptr_eq(&id(sessions.open(b"a", keeping, at(3001)).unwrap())));
    }

    #[test]
    fn nothing_shows_the_secret() {
        let sessions = Sessions { secret: [0xa7; 16], book: Mutex::default() };
        let kept = sessions.open(b"key", Keeping::default(), Duration::ZERO).unwrap();
        let shown = format!("{sessions:?} {kept:?}");
        assert!(!shown.contains("167"), "{shown}");
    }

    #[test]
    fn keys_of_different_triples_differ() {
        let key = |tenant, agent, session| {
            let mut key = Vec::new();
            write_key(&Caller { tenant, agent, ..Caller::default() }, session, &mut key);
            key
        };
        let parts = [None, Some(""), Some("a"), Some("ab")];
        let mut keys = Vec::new();
        for tenant in parts {
            for agent in parts {
                keys.extend(["", "a", "b", "ab"].map(|session| key(tenant, agent, session)));
            }
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
