//! Sums of budgets, kept in this process.
//!
//! A budget has one book, which is that of its latest window: with the first call of a later one all accounts
//! begin anew, and a call of an earlier one, or of no known moment, counts in the latest, so that no clock that
//! is set back gives anybody more. What calls that run have taken is remembered until they end; of more than
//! [`MAX_OPEN`] the oldest can no longer be given back. Everything happens under one short lock. A reservation
//! costs one lookup for each budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlock_core::Outcome;
use airlock_core::policy::{Hold, Overspent, Policy, Sums};

/// Most sums of calls that have not ended.
const MAX_OPEN: usize = 1 << 16;

/// The books of one policy.
#[derive(Debug)]
pub(super) struct Budgets {
    max_keys: usize,
    /// Held by whoever uses a book.
    desk: Arc<Mutex<Desk>>,
    /// Those of the policy's budgets, in its order. Who counts for another version of the policy may have
    /// some of them too.
    books: Vec<Named>,
}

#[derive(Clone, Debug)]
struct Named {
    name: String,
    /// As the document has it: numbers of other windows mean something else.
    window: String,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug)]
struct Book {
    /// The latest window so far.
    window: i64,
    /// What was taken in it, hashed under a random seed: keys hold text of the model.
    accounts: HashMap<Box<[u8]>, u128>,
}

#[derive(Debug, Default)]
struct Desk {
    /// The number of the last hold.
    last: u64,
    /// What may be given back, by the number of its hold and its place there: the oldest first.
    open: BTreeMap<(u64, usize), Open>,
}

#[derive(Debug)]
struct Open {
    book: Arc<Mutex<Book>>,
    window: i64,
    key: Box<[u8]>,
    amount: u128,
}

impl Budgets {
    pub(super) fn new(policy: &Policy, max_keys: usize) -> Self {
        let none = Self { max_keys, desk: Arc::default(), books: Vec::new() };
        none.succeed(policy)
    }

    /// Those of `policy`: one with the same name and the same sort of window counts on.
    pub(super) fn succeed(&self, policy: &Policy) -> Self {
        let books = policy.budgets().map(|budget| {
            let same = |known: &&Named| known.name == budget.name && known.window == budget.window;
            self.books.iter().find(same).cloned().unwrap_or_else(|| Named {
                name: budget.name.to_owned(),
                window: budget.window.to_owned(),
                book: Arc::new(Mutex::new(Book { window: i64::MIN, accounts: HashMap::new() })),
            })
        });
        Self { max_keys: self.max_keys, desk: Arc::clone(&self.desk), books: books.collect() }
    }

    /// Takes all of `sums` or none.
    pub(super) fn reserve(&self, sums: Sums<'_>) -> Result<Option<Hold>, Overspent> {
        if sums.clone().next().is_none() {
            return Ok(None);
        }
        let mut desk = lock(&self.desk);
        // The moment of a call counts for all of its budgets, also when one of them refuses it.
        for sum in sums.clone() {
            if let Some(named) = self.books.get(sum.budget.index) {
                lock(&named.book).turn_to(sum.window);
            }
        }
        for sum in sums.clone() {
            // A budget of another policy is one that nobody keeps.
            let overspent = Err(Overspent { budget: sum.budget.index });
            let Some(named) = self.books.get(sum.budget.index) else { return overspent };
            if !lock(&named.book).has(sum.key, sum.amount, sum.budget.max, self.max_keys) {
                return overspent;
            }
        }
        desk.last = desk.last.wrapping_add(1);
        let hold = desk.last;
        let taken = sums.filter(|sum| sum.amount > 0);
        for (place, sum) in taken.enumerate() {
            let Some(named) = self.books.get(sum.budget.index) else { continue };
            let window = lock(&named.book).take(sum.key, sum.amount);
            let (book, key) = (Arc::clone(&named.book), sum.key.into());
            if desk.open.len() >= MAX_OPEN {
                desk.open.pop_first();
            }
            desk.open.insert((hold, place), Open { book, window, key, amount: sum.amount });
        }
        Ok(Some(Hold(hold)))
    }

    pub(super) fn settle(&self, Hold(hold): Hold, outcome: Outcome) {
        let mut desk = lock(&self.desk);
        for place in 0.. {
            let Some(open) = desk.open.remove(&(hold, place)) else { break };
            if outcome == Outcome::Failed {
                lock(&open.book).give_back(open.window, &open.key, open.amount);
            }
        }
    }

    /// How many accounts are open.
    pub(super) fn accounts(&self) -> usize {
        let _desk = lock(&self.desk);
        self.books.iter().map(|named| lock(&named.book).accounts.len()).sum()
    }
}

impl Book {
    /// Goes on to a later window.
    fn turn_to(&mut self, window: i64) {
        if window > self.window {
            self.window = window;
            self.accounts.clear();
        }
    }

    fn has(&self, key: &[u8], amount: u128, max: u128, max_keys: usize) -> bool {
        let account = self.accounts.get(key);
        let room = account.is_some() || amount == 0 || self.accounts.len() < max_keys;
        let sum = account.copied().unwrap_or(0).checked_add(amount);
        room && sum.is_some_and(|sum| sum <= max)
    }

    /// Takes what is there; from which window.
    fn take(&mut self, key: &[u8], amount: u128) -> i64 {
        match self.accounts.get_mut(key) {
            Some(account) => *account = account.saturating_add(amount),
            None => drop(self.accounts.insert(key.into(), amount)),
        }
        self.window
    }

    fn give_back(&mut self, window: i64, key: &[u8], amount: u128) {
        // What was taken from a window that is over is not missing in this one.
        if window != self.window {
            return;
        }
        if let Some(account) = self.accounts.get_mut(key) {
            *account = account.saturating_sub(amount);
            if *account == 0 {
                self.accounts.remove(key);
            }
        }
    }
}

/// No step of what is done under a lock can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
