//! Who keeps the limits of a policy.

use super::limit::Charges;

/// Keeps the limits of a policy: the core says what a call costs, the keeper whether so much is left.
///
/// Several threads may ask at once.
pub trait Admit {
    /// Takes all of `charges`, or none when one of their limits has too little left.
    ///
    /// # Errors
    /// [`Exhausted`], and nothing was taken.
    fn admit(&self, charges: Charges<'_>) -> Result<(), Exhausted>;
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
