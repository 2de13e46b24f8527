//! Limits on calls, kept in this process.
//!
//! A [`Limiter`] has one book for each limit of a policy, and in it one account for each key. Under one
//! short lock a call takes from all of its limits or from none, so that a refusal by one limit costs
//! nothing at another. The arithmetic is that of the crate `governor` (GCRA: as many calls at once as the
//! burst, then one for each part of the period); accounts are kept here, for they must be bounded and
//! a charge must be taken back. A charge costs one lookup; a book that is full looks for accounts to close
//! ten times a second at most.

mod book;
mod meter;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use airlock_core::policy::{Admit, Charges, Exhausted, LimitRef, Policy};

#[cfg(feature = "redis")]
pub use self::redis::{RedisLimiter, RedisOptions, StoreError, StoreEvent};
use crate::clock::Clock;
use book::Book;

/// How many keys one limit tells apart at a time.
pub const MAX_KEYS: usize = 1 << 16;

/// Counts the calls of one policy.
///
/// An account is closed when it is as full as a new one. While [`MAX_KEYS`] keys of a limit have open
/// accounts, calls with other keys are refused by that limit.
#[derive(Debug)]
pub struct Limiter {
    clock: Arc<dyn Clock>,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    /// In the order of the policy.
    books: Vec<Book>,
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
        let book = |limit: LimitRef<'_>| {
            Book::new(&limit, max_keys).ok_or_else(|| LimitError { limit: limit.id.to_owned() })
        };
        let books = policy.limits().map(book).collect::<Result<_, _>>()?;
        let books = Mutex::new(Books { books, now: 0, outcomes: Vec::new() });
        Ok(Self { clock, books })
    }

    /// How many accounts are open.
    #[must_use]
    pub fn accounts(&self) -> usize {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.books.iter().map(Book::len).sum()
    }
}

impl Admit for Limiter {
    fn admit(&self, charges: Charges<'_>) -> Result<(), Exhausted> {
        if charges.clone().next().is_none() {
            return Ok(());
        }
        let now = u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // No step of what is done under the lock can panic half-way.
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.admit(charges, now)
    }
}

impl Books {
    fn admit(&mut self, charges: Charges<'_>, now: u64) -> Result<(), Exhausted> {
        let Self { books, now: latest, outcomes } = self;
        *latest = now.max(*latest);
        outcomes.clear();
        let mut exhausted: Option<(usize, Wait)> = None;
        for charge in charges.clone() {
            let index = charge.limit.index;
            // A limit of another policy is one that nobody keeps.
            let outcome = match books.get_mut(index) {
                Some(book) => book.take(charge.key, charge.cost, *latest),
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
            if let (Ok(before), Some(book)) = (outcome, books.get_mut(charge.limit.index)) {
                book.give_back(charge.key, *before);
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
