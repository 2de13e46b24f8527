//! What an operator is told about the store: one line when it is lost, one when it is back.

use std::fmt;
use std::time::Duration;

use airlock_core::policy::OnLoss;

/// Something happened to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// It does not answer.
    Lost {
        /// What the system or the server says; cut, escaped, never with a password.
        why: String,
        /// What becomes of calls now.
        on_loss: OnLoss,
    },
    /// It answers again.
    Returned {
        /// How long it did not.
        after: Duration,
        /// How many calls with limits were refused meanwhile.
        refused: u64,
        /// How many this process admitted on its own.
        admitted: u64,
        /// Whether it lost data: accounts that it does not have are counted as used up.
        forgot: bool,
    },
    /// It lacks what was charged before: accounts that it does not have are counted as used up.
    Forgot,
}

impl fmt::Display for StoreEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { why, on_loss } => {
                let then = match on_loss {
                    OnLoss::Fallback => "this process counts limited calls for itself",
                    OnLoss::Refuse => "calls with limits are refused",
                };
                write!(f, "the store of limits is lost ({why}): {then} until it is back")
            }
            Self::Returned { after, refused, admitted, forgot } => {
                let seconds = after.as_secs_f64();
                write!(
                    f,
                    "the store of limits is back after {seconds:.1} s: {refused} calls were refused and \
                     {admitted} admitted by this process alone"
                )?;
                let lost = "; it has lost data: limits that it does not know start used up";
                f.write_str(if *forgot { lost } else { "" })
            }
            Self::Forgot => f.write_str(
                "the store of limits has lost data: limits that it does not know start used up",
            ),
        }
    }
}
