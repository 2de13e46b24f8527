//! The arguments of a call: ghosts cut, the rest validated, and what can be mended mended.

use super::Guard;
use crate::buf::{Buf, Full};
use crate::caller::Call;
use crate::json::{self, Kind};
use crate::mend::Mending;
use crate::policy::{Disclose, Ghosts, NearMiss, Repair, Ruling, Settings};
use crate::reason::Reason;
use crate::report::{self, MAX_VIOLATIONS, Refused, Reporter};
use crate::schema::{self, Collect, Cut, Memory, Outcome, Schema};
use crate::scratch::Scratch;

/// More ghosts than this in one call are not stripped but refused.
const MAX_GHOSTS: usize = 1024;
/// Steps that looking into unions for a report may take.
const REPORT_STEPS: u32 = 1 << 17;

impl Guard {
    /// Says which argument the policy holds against a call.
    pub(super) fn report_argument(
        &self,
        ruling: &Ruling<'_>,
        doc: json::Document<'_>,
        report: &mut report::Report<'_>,
    ) {
        if self.policy.settings().disclose == Disclose::Opaque {
            return;
        }
        if let Some(at) = ruling.at {
            report.argument(doc, at.node, self.policy.missing_name(at), self.policy.advice(at));
        }
    }

    /// Repairs what the policy says, when that makes the refused call valid; else the report is as it
    /// was.
    pub(super) fn mend(&self, schema: &Schema, call: &Call<'_>, scratch: &mut Scratch<'_>) -> bool {
        let repair = self.policy.repair(call.tool);
        if repair == Repair::default() {
            return false;
        }
        let bytes = call.arguments;
        let Scratch { tape, inner, faults, mended, report, .. } = scratch;
        report.clear();
        let doc = json::Document::new(bytes, &tape.nodes);
        let mending = Mending { repair, inner, out: mended, report };
        let limits = self.budget.arguments;
        if mending.mend(schema, doc, faults) {
            let mended = core::mem::take(&mut scratch.mended);
            let read = json::parse_named(&mended, limits, &mut scratch.tape, schema.names());
            let valid = read.is_ok() && self.validate(schema, &mended, scratch).is_ok();
            scratch.mended = mended;
            if valid {
                return true;
            }
        }
        // What was wrong is told of the call as it came.
        scratch.report.clear();
        if json::parse_named(bytes, limits, &mut scratch.tape, schema.names()).is_ok() {
            let _ = self.validate(schema, bytes, scratch);
        }
        false
    }

    /// Cuts ghosts and validates the rest; what is wrong is in the report.
    pub(super) fn validate(
        &self,
        schema: &Schema,
        bytes: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Reason> {
        let Scratch { tape, inner, cuts, marks, text, .. } = &mut *scratch;
        let json::Tape { nodes, order } = tape;
        cuts.clear();
        let doc = json::Document::new(bytes, nodes);
        let memory = Memory { order, marks, text, inner };
        if doc.root().kind() == Kind::Object
            && schema::accepts(schema, doc, self.budget.steps, memory)
        {
            return Ok(());
        }
        self.strip_and_validate(schema, bytes, scratch)
    }

    /// [`validate`](Self::validate) for a call that has ghosts, or faults, or a schema that does not let
    /// both be seen in one pass.
    #[inline(never)]
    pub(super) fn strip_and_validate(
        &self,
        schema: &Schema,
        bytes: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Reason> {
        let Scratch { tape, inner, cuts, faults, branch, marks, text, report, .. } = scratch;
        let json::Tape { nodes, order } = tape;
        let Settings { ghosts, near_miss, .. } = *self.policy.settings();
        if ghosts != Ghosts::Allow {
            schema::cut(schema, bytes, nodes, cuts).map_err(|_| Reason::TooComplex)?;
            if cuts.len() > MAX_GHOSTS {
                return Err(Reason::TooComplex);
            }
        }
        let doc = json::Document::new(bytes, nodes);
        // One pass that gathers every fault: there is none in a valid call, so it costs no more than a
        // pass for the verdict alone.
        faults.clear();
        let mut collect = Collect { faults, most: MAX_VIOLATIONS };
        let memory = Memory { order, marks, text, inner };
        let steps = self.budget.steps;
        let mut outcome = schema::validate(schema, doc, steps, memory, Some(&mut collect));
        if outcome == Outcome::TooComplex {
            // The first fault alone may be within the budget.
            let memory = Memory { order, marks, text, inner };
            outcome = schema::validate(schema, doc, steps, memory, None);
        }
        if outcome == Outcome::TooComplex {
            return Err(Reason::TooComplex);
        }
        let object = doc.root().kind() == Kind::Object;
        if outcome == Outcome::Valid && cuts.is_empty() && object {
            return Ok(());
        }

        let refused = match (ghosts, near_miss) {
            (Ghosts::Reject, _) => Refused::All,
            (_, NearMiss::Refuse) => Refused::NearMisses,
            (_, NearMiss::Strip) => Refused::None,
        };
        let memory = Memory { order, marks, text, inner };
        let steps = steps.min(REPORT_STEPS);
        let mut reporter = Reporter { report, doc, schema, cuts, refused, memory, branch, steps };
        // What is not known to be no near miss must not be stripped as if it were none.
        if !reporter.find_meant() && near_miss == NearMiss::Refuse {
            return Err(Reason::TooComplex);
        }
        let invalid = outcome == Outcome::Invalid;
        reporter.tell(if object && invalid { faults } else { &mut [] });
        if !object {
            reporter.not_an_object();
            return Err(Reason::MalformedArguments);
        }
        if invalid {
            return Err(Reason::ValidationFailed);
        }
        if report.count() > 0 { Err(Reason::GhostArguments) } else { Ok(()) }
    }
}

/// Writes `bytes` without the ranges of `cuts`.
pub(super) fn splice(bytes: &[u8], cuts: &[Cut], out: &mut Buf<'_, u8>) -> Result<(), Full> {
    out.clear();
    let mut kept = 0;
    for cut in cuts {
        out.extend(bytes.get(kept..cut.start as usize).unwrap_or(&[]))?;
        kept = cut.end as usize;
    }
    out.extend(bytes.get(kept..).unwrap_or(&[]))
}
