//! Who keeps the limits and the budgets of a policy.

use super::budget::{Overspent, Sums};
use super::limit::Charges;
use crate::session::Outcome;

/// Keeps the limits and the budgets of a policy: the core says what a call costs, the keeper whether so much is
/// left.
///
/// Several threads may ask at once.
pub trait Admit {
    /// Takes all of `charges`, or none when one of their limits has too little left.
    ///
    /// # Errors
    /// [`Exhausted`], and nothing was taken.
    fn admit(&self, charges: Charges<'_>) -> Result<(), Exhausted>;

    /// Takes all of `sums`, or none when one of their budgets has too little left; what was taken is
    /// [settled](Self::settle) when the call has ended. A keeper that does not say how keeps no budgets: what
    /// nobody counts is used up.
    ///
    /// # Errors
    /// [`Overspent`], and nothing was taken.
    fn reserve(&self, mut sums: Sums<'_>) -> Result<Option<Hold>, Overspent> {
        sums.next().map_or(Ok(None), |sum| Err(Overspent { budget: sum.budget.index }))
    }

    /// Takes all of `sums` and all of `charges`, or nothing: what [`reserve`](Self::reserve) and
    /// [`admit`](Self::admit) take one after the other. A keeper that is far away is asked once.
    ///
    /// # Errors
    /// What lacks, and nothing was taken: of both the budget.
    fn take(&self, sums: Sums<'_>, charges: Charges<'_>) -> Result<Option<Hold>, Shortage> {
        let hold = self.reserve(sums).map_err(Shortage::Budget)?;
        if let Err(exhausted) = self.admit(charges) {
            if let Some(hold) = hold {
                self.settle(hold, Outcome::Failed);
            }
            return Err(Shortage::Limit(exhausted));
        }
        Ok(hold)
    }

    /// Ends the call of `hold`. What one took that failed is given back; all else stays taken. A hold is settled
    /// once: a second time changes nothing.
    fn settle(&self, hold: Hold, outcome: Outcome) {
        let _ = (hold, outcome);
    }
}

/// What a call took from budgets, by a number of their keeper. It means nothing to any other keeper but those that
/// succeed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold(pub u64);

/// What a call lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// A budget.
    Budget(Overspent),
    /// A limit.
    Limit(Exhausted),
}

/// A limit has too little left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// The limit, as [`LimitRef::index`](super::LimitRef::index) has it: of several the one that keeps
    /// the caller waiting longest.
    pub limit: usize,
    /// After how many milliseconds all of them have enough left again; none when that cannot be said.
    pub retry_after_ms: Option<u64>,
}
