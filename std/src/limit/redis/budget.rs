//! What budgets come to on the server, and what calls that run have taken from them.
//!
//! The window of a call is that of its own moment, or the latest that this process has seen if that is later, so
//! that a clock that is set back gives nobody more here; it is part of the account's name. What is to be
//! given back is remembered until the call ends; of more than [`MAX_OPEN`] calls the oldest give back nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlock_core::policy::{BudgetRef, Hold, Policy, Sum, Sums};
use sha2::{Digest, Sha256};

/// Most calls that have not ended.
const MAX_OPEN: usize = 1 << 16;
/// What the script has its numbers below.
const LIMB: u128 = 1_000_000_000_000_000;
/// For how many seconds the sum of a window is kept of which it is not known when it began: two months.
const KEPT: i64 = 62 * 86_400;

/// A budget of a policy.
#[derive(Clone)]
pub(super) struct Budget {
    name: String,
    /// As the document has it: numbers of other windows mean something else.
    window: String,
    /// What tells its keys from those of other budgets and of limits.
    pub(super) digest: [u8; 32],
    /// Whoever counts for another version of the policy may have it too.
    latest: Arc<Mutex<Latest>>,
}

/// The latest window that was seen.
struct Latest {
    window: i64,
    /// In which seconds it lies at most.
    bounds: Option<Range<i64>>,
}

/// What a call takes from one account.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) account: String,
    pub(super) amount: u128,
    pub(super) max: u128,
    /// At which second the window began.
    pub(super) began: i64,
    /// For how many seconds the account is kept.
    pub(super) kept: i64,
}

/// A number as the script has it.
pub(super) const fn limbs(units: u128) -> [u64; 3] {
    // Each is below 10^15.
    [(units / LIMB / LIMB) as u64, (units / LIMB % LIMB) as u64, (units % LIMB) as u64]
}

impl Budget {
    pub(super) fn new(budget: BudgetRef<'_>) -> Self {
        let BudgetRef { name, window, .. } = budget;
        // No name has the byte between them.
        let digest = Sha256::new().chain_update(name).chain_update([0]).chain_update(window);
        Self {
            name: name.to_owned(),
            window: window.to_owned(),
            digest: digest.finalize().into(),
            latest: Arc::new(Mutex::new(Latest { window: i64::MIN, bounds: None })),
        }
    }

    /// The budgets of `policy`, where one with the same name and window goes on.
    pub(super) fn succeed(known: &[Self], policy: &Policy) -> Vec<Self> {
        let budget = |budget: BudgetRef<'_>| {
            let same = |one: &&Self| one.name == budget.name && one.window == budget.window;
            known.iter().find(same).cloned().unwrap_or_else(|| Self::new(budget))
        };
        policy.budgets().map(budget).collect()
    }

    /// The window that a sum belongs to, when it began, and for how long it is kept.
    pub(super) fn window(&self, sum: &Sum<'_>, sums: &Sums<'_>) -> (i64, i64, i64) {
        let mut latest = lock(&self.latest);
        if sum.window > latest.window {
            *latest = Latest { window: sum.window, bounds: sums.bounds(sum) };
        }
        match &latest.bounds {
            // Kept longer than it matters, for clocks differ.
            Some(Range { start, end }) => {
                (latest.window, *start, end.saturating_sub(*start).saturating_mul(2))
            }
            None => (latest.window, 0, KEPT),
        }
    }
}

/// What calls that run have taken.
#[derive(Default)]
pub(super) struct Holds(Mutex<Open>);

#[derive(Default)]
struct Open {
    last: u64,
    holds: BTreeMap<u64, Held>,
}

/// What one call has taken.
pub(super) struct Held {
    pub(super) parts: Vec<Part>,
    /// What it has taken from the books of this process.
    pub(super) own: Option<Hold>,
}

impl Holds {
    pub(super) fn open(&self, held: Held) -> Hold {
        let mut open = lock(&self.0);
        if open.holds.len() >= MAX_OPEN {
            open.holds.pop_first();
        }
        open.last = open.last.wrapping_add(1);
        let hold = open.last;
        open.holds.insert(hold, held);
        Hold(hold)
    }

    pub(super) fn close(&self, Hold(hold): Hold) -> Option<Held> {
        lock(&self.0).holds.remove(&hold)
    }
}

/// No step of what is done under a lock can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_make_up_the_number() {
        for units in [0, 1, LIMB - 1, LIMB, LIMB * LIMB - 1, LIMB * LIMB, u128::MAX] {
            let [high, middle, low] = limbs(units);
            assert!(middle < LIMB as u64 && low < LIMB as u64 && high < LIMB as u64);
            let sum = (u128::from(high) * LIMB + u128::from(middle)) * LIMB + u128::from(low);
            assert_eq!(sum, units);
        }
    }
}
