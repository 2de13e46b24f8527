//! A decision apart from the memory that it was made in.

use super::decide::Source;
use super::{Allowed, Refusal, Verdict, Would};
use crate::policy::{Hold, Policy};
use crate::reason::Reason;
use crate::scratch::Scratch;
use crate::session::Ticket;

/// The answer to a call without its texts, which are in the scratch: for a host that keeps both together
/// longer than a borrow lasts. Another scratch holds the texts of another answer.
#[derive(Clone, Copy, Debug)]
pub enum Settled<'p> {
    /// The call may run.
    Allow(Cleared<'p>),
    /// The call must not run.
    Refuse(Barred<'p>),
}

/// That a call may run.
#[derive(Clone, Copy, Debug)]
pub struct Cleared<'p> {
    pub(super) policy: &'p Policy,
    pub(super) source: Source,
    /// Something was stripped.
    pub(super) cut: bool,
    pub(super) rule: Option<&'p str>,
    pub(super) would: Option<Would<'p>>,
    pub(super) ticket: Option<Ticket>,
    pub(super) hold: Option<Hold>,
}

/// That a call must not run, and why.
#[derive(Clone, Copy, Debug)]
pub struct Barred<'p> {
    pub(super) reason: Reason,
    pub(super) cause: Reason,
    pub(super) rule: Option<&'p str>,
    pub(super) hint: Option<&'p str>,
    pub(super) would: Option<Would<'p>>,
    pub(super) approval_ms: Option<u64>,
    pub(super) retry_after_ms: Option<u64>,
}

impl<'p> Settled<'p> {
    /// The whole answer, out of the `arguments` of the call and the scratch in which it was settled.
    #[must_use]
    pub fn verdict<'s>(&self, arguments: &'s [u8], scratch: &'s Scratch<'_>) -> Verdict<'s>
    where
        'p: 's,
    {
        match self {
            Self::Allow(cleared) => Verdict::Allow(cleared.allowed(arguments, scratch)),
            Self::Refuse(barred) => Verdict::Refuse(barred.refusal(scratch)),
        }
    }

    /// Why the call is refused; none when it is allowed.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allow(_) => None,
            Self::Refuse(barred) => Some(barred.reason),
        }
    }
}

impl<'p> Cleared<'p> {
    /// What the call reserved in its session: to [finish](crate::Session::finish) when it has ended.
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// What the call took from budgets: to [settle](crate::policy::Admit::settle) when it has ended.
    #[must_use]
    pub const fn hold(&self) -> Option<Hold> {
        self.hold
    }

    /// The allowed call, out of its `arguments` and the scratch in which it was settled.
    #[must_use]
    pub fn allowed<'s>(&self, arguments: &'s [u8], scratch: &'s Scratch<'_>) -> Allowed<'s>
    where
        'p: 's,
    {
        let &Self { policy, source, cut, rule, would, ticket: _, hold: _ } = self;
        let Scratch { report, conditions: memory, out, mended, .. } = scratch;
        let changed = cut || source == Source::Mended;
        let arguments = match source {
            _ if cut => &**out,
            Source::Mended => mended,
            Source::Call => arguments,
        };
        Allowed { arguments, report, changed, rule, policy, memory, would }
    }
}

impl<'p> Barred<'p> {
    /// The refusal, out of the scratch in which it was settled.
    #[must_use]
    pub fn refusal<'s>(&self, scratch: &'s Scratch<'_>) -> Refusal<'s>
    where
        'p: 's,
    {
        let &Self { reason, cause, rule, hint, would, approval_ms, retry_after_ms } = self;
        let Scratch { report, out: json, .. } = scratch;
        Refusal { json, reason, cause, rule, hint, report, would, approval_ms, retry_after_ms }
    }
}
