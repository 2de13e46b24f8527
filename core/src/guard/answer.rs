//! What a check answers.

use crate::policy::{Charges, Decision, Policy};
use crate::reason::Reason;
use crate::report::{self, Violation};

/// The answer to a call. It has two arms for ever: a host that knows two arms is safe.
#[derive(Debug)]
pub enum Verdict<'s> {
    /// The call may run, with these arguments.
    Allow(Allowed<'s>),
    /// The call must not run.
    Refuse(Refusal<'s>),
}

/// An allowed call.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'s> {
    pub(super) arguments: &'s [u8],
    pub(super) report: &'s report::Report<'s>,
    pub(super) changed: bool,
    pub(super) rule: Option<&'s str>,
    pub(super) policy: &'s Policy,
    pub(super) memory: &'s crate::policy::Memory<'s>,
    pub(super) would: Option<Would<'s>>,
}

/// What would have become of a call if rules in shadow mode were in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Would<'s> {
    /// Why the call would have been refused; none when it would have been allowed.
    pub reason: Option<Reason>,
    /// The rule that would have decided; none for the default.
    pub rule: Option<&'s str>,
}

impl<'s> From<Decision<'s>> for Would<'s> {
    fn from(decision: Decision<'s>) -> Self {
        match decision {
            Decision::Allow { rule } => Self { reason: None, rule: rule.map(|rule| rule.id) },
            Decision::Refuse { reason, rule, .. } => {
                Self { reason: Some(reason), rule: rule.map(|rule| rule.id) }
            }
        }
    }
}

impl<'s> Allowed<'s> {
    /// The exact bytes to pass on: the input itself when nothing was stripped or repaired.
    #[must_use]
    pub const fn arguments(&self) -> &'s [u8] {
        self.arguments
    }

    /// Whether something was stripped or repaired.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// The rule that allowed it; none for the default.
    #[must_use]
    pub const fn rule(&self) -> Option<&'s str> {
        self.rule
    }

    /// What the call costs: the limits that name its tool, all of which it must satisfy.
    pub fn charges(&self) -> Charges<'s> {
        self.policy.charges(self.memory)
    }

    /// What would have become of the call if rules in shadow mode were in force, when it would have
    /// been something else.
    #[must_use]
    pub const fn would(&self) -> Option<Would<'s>> {
        self.would
    }

    /// Pointers of the members that were stripped, in document order.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        self.report.stripped()
    }

    /// Pointers of the strings that were replaced by the JSON in them, in document order: only where the
    /// policy says `repair = ["json-string"]`.
    pub fn repaired(&self) -> impl Iterator<Item = &'s str> {
        self.report.repaired()
    }

    /// Near misses among the stripped: the pointer, and the declared name that was probably meant.
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.report.suggestions()
    }
}

/// A refused call.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'s> {
    pub(super) json: &'s [u8],
    pub(super) reason: Reason,
    pub(super) cause: Reason,
    pub(super) rule: Option<&'s str>,
    pub(super) hint: Option<&'s str>,
    pub(super) report: &'s report::Report<'s>,
    pub(super) would: Option<Would<'s>>,
    pub(super) approval_ms: Option<u64>,
    pub(super) retry_after_ms: Option<u64>,
}

impl<'s> Refusal<'s> {
    /// The refusal for the model: one JSON object of at most 2,048 bytes.
    #[must_use]
    pub const fn json(&self) -> &'s [u8] {
        self.json
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Why, for the operator: the [`reason`](Self::reason) unless the policy hides it from the model.
    #[must_use]
    pub const fn cause(&self) -> Reason {
        self.cause
    }

    /// The rule that decided; for the operator, not for the model.
    #[must_use]
    pub const fn rule(&self) -> Option<&'s str> {
        self.rule
    }

    /// A hint that belongs to no violation.
    #[must_use]
    pub const fn hint(&self) -> Option<&'s str> {
        self.hint
    }

    /// What would have become of the call if rules in shadow mode were in force, when it would have
    /// been something else.
    #[must_use]
    pub const fn would(&self) -> Option<Would<'s>> {
        self.would
    }

    /// For how many milliseconds an approval of this call holds, where the policy says so; for
    /// [`Reason::ApprovalRequired`].
    #[must_use]
    pub const fn approval_ms(&self) -> Option<u64> {
        self.approval_ms
    }

    /// After how many milliseconds the call may be made again; for [`Reason::RateLimited`].
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// How many violations there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.report.count()
    }

    /// The violations, in document order.
    pub fn violations(&self) -> impl Iterator<Item = Violation<'s>> {
        self.report.violations()
    }

    /// Pointers of members that stripping would have removed.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        self.report.stripped()
    }

    /// Near misses: the pointer, and the declared name or enum member that was probably meant.
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.report.suggestions()
    }
}
