//! A decision apart from the memory that it was made in.

use super::{Allowed, Refusal, Source, Verdict, Would};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::scratch::Scratch;

/// The answer to a call without its texts, which are in the scratch: for a host that keeps both together
/// longer than a borrow lasts.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'p> {
    pub(super) policy: &'p Policy,
    pub(super) would: Option<Would<'p>>,
    pub(super) answer: Answer<'p>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer<'p> {
    Allow {
        source: Source,
        /// Something was stripped.
        cut: bool,
        rule: Option<&'p str>,
    },
    Refuse {
        reason: Reason,
        cause: Reason,
        rule: Option<&'p str>,
        hint: Option<&'p str>,
        approval_ms: Option<u64>,
        retry_after_ms: Option<u64>,
    },
}

impl<'p> Settled<'p> {
    pub(super) const fn allowed(
        policy: &'p Policy,
        source: Source,
        cut: bool,
        rule: Option<&'p str>,
    ) -> Self {
        Self { policy, would: None, answer: Answer::Allow { source, cut, rule } }
    }

    /// The whole answer, out of the `arguments` of the call and the scratch in which it was settled; another
    /// scratch holds the texts of another answer.
    #[must_use]
    pub fn verdict<'s>(&self, arguments: &'s [u8], scratch: &'s Scratch<'_>) -> Verdict<'s>
    where
        'p: 's,
    {
        let &Self { policy, would, answer } = self;
        let Scratch { report, conditions: memory, out, mended, .. } = scratch;
        match answer {
            Answer::Allow { source, cut, rule } => {
                let changed = cut || source == Source::Mended;
                let arguments = match source {
                    _ if cut => &**out,
                    Source::Mended => mended,
                    Source::Call => arguments,
                };
                Verdict::Allow(Allowed { arguments, report, changed, rule, policy, memory, would })
            }
            Answer::Refuse { reason, cause, rule, hint, approval_ms, retry_after_ms } => {
                let json = out;
                Verdict::Refuse(Refusal {
                    json,
                    reason,
                    cause,
                    rule,
                    hint,
                    report,
                    would,
                    approval_ms,
                    retry_after_ms,
                })
            }
        }
    }

    /// Why the call is refused; none when it is allowed.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self.answer {
            Answer::Allow { .. } => None,
            Answer::Refuse { reason, .. } => Some(reason),
        }
    }

    /// The refusal, when it is one.
    pub(super) fn refusal<'s>(&self, scratch: &'s Scratch<'_>) -> Option<Refusal<'s>>
    where
        'p: 's,
    {
        match self.verdict(&[], scratch) {
            Verdict::Allow(_) => None,
            Verdict::Refuse(refusal) => Some(refusal),
        }
    }
}
