//! The accounts of one limit.
//!
//! A key has an account while something of what was taken from it is missing; afterwards it is like a key
//! that was never seen. Accounts that are full again are closed when the book has no room: one pass over
//! all, ten times a second at most, whoever asks how often.

use std::collections::HashMap;

use super::meter::Meter;
use super::{Before, Wait};

/// Least time from one pass to the next, in nanoseconds.
const PAUSE: u64 = 100_000_000;

#[derive(Debug)]
pub(super) struct Book {
    meter: Meter,
    /// Hashed under a random seed: keys hold text of the model.
    accounts: HashMap<Box<[u8]>, u64>,
    max_keys: usize,
    /// No account is looked for before.
    next_pass: u64,
}

impl Book {
    pub(super) fn new(meter: Meter, max_keys: usize) -> Self {
        Self { meter, accounts: HashMap::new(), max_keys, next_pass: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Goes on under another rate: as many calls are missing from each account as were before.
    pub(super) fn succeed(&mut self, meter: Meter, now: u64) {
        self.accounts.retain(|_, account| {
            *account = meter.convert(*account, &self.meter, now);
            *account > now
        });
        self.meter = meter;
        self.next_pass = 0;
    }

    /// Takes `cost` from the account of `key`: what it was before, or how long to wait.
    pub(super) fn take(&mut self, key: &[u8], cost: u32, now: u64) -> Result<Before, Wait> {
        if let Some(account) = self.accounts.get_mut(key) {
            let before = *account;
            *account = self.meter.take(before, cost, now)?;
            return Ok(Some(before));
        }
        self.make_room(now)?;
        let account = self.meter.take(now, cost, now)?;
        self.accounts.insert(key.into(), account);
        Ok(None)
    }

    /// Undoes a [`take`](Self::take) that found `before`.
    pub(super) fn give_back(&mut self, key: &[u8], before: Before) {
        match before {
            None => {
                self.accounts.remove(key);
            }
            Some(before) => {
                if let Some(account) = self.accounts.get_mut(key) {
                    *account = before;
                }
            }
        }
    }

    fn make_room(&mut self, now: u64) -> Result<(), Wait> {
        if self.accounts.len() >= self.max_keys && now >= self.next_pass {
            let mut soonest = u64::MAX;
            self.accounts.retain(|_, account| {
                let missing = *account > now;
                soonest = if missing { soonest.min(*account) } else { soonest };
                missing
            });
            // While the book is full accounts only move away: none is full again before `soonest`.
            let full = self.accounts.len() >= self.max_keys;
            let least = now.saturating_add(PAUSE);
            self.next_pass = if full { least.max(soonest) } else { least };
        }
        if self.accounts.len() < self.max_keys {
            return Ok(());
        }
        Err(Some(self.next_pass.saturating_sub(now)))
    }
}
