//! The public face: compile once, then check calls and filter outputs.
//!
//! The only module that knows the order of things. Cheap refusals come first; the arguments are read
//! only for a call that its name and its caller may make.

use core::fmt::Write;

use crate::buf::Buf;
use crate::caller::Call;
use crate::catalog::{Catalog, CatalogBuilder, Origin, ToolDefinition};
use crate::json::{self, Kind, Limits};
use crate::reason::Reason;
use crate::report::{self, MAX_VIOLATIONS, Notice, Reporter};
use crate::schema::{self, Collect, CompileError, Cut, DEFAULT_STEPS, Memory, Outcome, Schema};
use crate::scratch::Scratch;

pub use crate::report::{Fix, Violation};

/// More ghosts than this in one call are not stripped but refused.
const MAX_GHOSTS: usize = 1024;

/// What happens to members that a schema does not declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ghosts {
    /// They are cut out and reported.
    #[default]
    Strip,
    /// The call is refused.
    Reject,
    /// They stay; the schema alone decides.
    Allow,
}

/// What happens to a ghost that is probably a misspelt declared name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NearMiss {
    /// The call is refused with the suggestion: stripping would run the tool with a default and look
    /// like success.
    #[default]
    Refuse,
    /// It is stripped like any ghost, and the suggestion is reported.
    Strip,
}

/// Policy and detectors, compiled once: immutable, shared by every thread.
#[derive(Debug, Default)]
pub struct Guard {
    catalog: Catalog,
    ghosts: Ghosts,
    near_miss: NearMiss,
}

/// Builds a [`Guard`].
#[derive(Debug)]
pub struct GuardBuilder {
    guard: Guard,
    catalog: CatalogBuilder,
}

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
    arguments: &'s [u8],
    report: &'s report::Report<'s>,
    changed: bool,
}

impl<'s> Allowed<'s> {
    /// The exact bytes to pass on: the input itself when nothing was stripped.
    #[must_use]
    pub const fn arguments(&self) -> &'s [u8] {
        self.arguments
    }

    /// Whether something was stripped.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// Pointers of the members that were stripped, in document order.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        self.report.stripped()
    }

    /// Near misses among them: the pointer, and the declared name that was probably meant.
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.report.suggestions()
    }
}

/// A refused call.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'s> {
    json: &'s [u8],
    reason: Reason,
    rule: Option<&'s str>,
    hint: Option<&'s str>,
    report: &'s report::Report<'s>,
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

/// The output of a tool.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Plain text.
    Text(&'a [u8]),
    /// A JSON document.
    Json(&'a [u8]),
}

/// An output that may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Filtered<'s> {
    /// The bytes to show: the input itself when nothing was masked or cut.
    pub bytes: &'s [u8],
    /// Whether something was cut off.
    pub truncated: bool,
    /// How many values were masked.
    pub masked: usize,
}

impl Guard {
    /// Starts a guard.
    #[must_use]
    pub fn builder() -> GuardBuilder {
        GuardBuilder { guard: Self::default(), catalog: Catalog::builder(Origin::Trusted) }
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> Scratch<'static> {
        Scratch::new()
    }

    /// Decides on a call to one of the guard's own tools.
    pub fn check<'s>(&'s self, call: &Call<'s>, scratch: &'s mut Scratch<'_>) -> Verdict<'s> {
        self.check_in(&self.catalog, call, scratch)
    }

    /// Decides on a call to one of `catalog`'s tools. Pure: nothing is charged or remembered.
    pub fn check_in<'s>(
        &'s self,
        catalog: &'s Catalog,
        call: &Call<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Verdict<'s> {
        scratch.report.clear();
        let schema = match catalog.get(call.tool) {
            None => return refuse(Reason::UnknownTool, call, scratch),
            Some(None) => return refuse(Reason::ToolUnsupported, call, scratch),
            Some(Some(schema)) => schema,
        };
        if let Err(error) = json::parse(call.arguments, Limits::ARGUMENTS, &mut scratch.tape) {
            scratch.report.parse_error(call.arguments, error);
            return refuse(Reason::MalformedArguments, call, scratch);
        }
        let object = scratch.tape.nodes.first().is_some_and(|root| root.kind() == Kind::Object);
        match self.validate(schema, call.arguments, scratch) {
            Ok(()) if scratch.report.has_violations() => {
                refuse(Reason::GhostArguments, call, scratch)
            }
            Ok(()) => allow(call, scratch),
            Err(Reason::ValidationFailed) if !object => {
                refuse(Reason::MalformedArguments, call, scratch)
            }
            Err(reason) => refuse(reason, call, scratch),
        }
    }

    /// Cuts ghosts and validates the rest; refused ghosts and violations are in the report.
    fn validate(
        &self,
        schema: &Schema,
        bytes: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Reason> {
        let Scratch { tape, inner, cuts, faults, marks, report, .. } = scratch;
        let json::Tape { nodes, order } = tape;
        cuts.clear();
        schema.bind(bytes, nodes);
        if self.ghosts != Ghosts::Allow {
            schema::cut(schema, bytes, nodes, cuts).map_err(|_| Reason::TooComplex)?;
            if cuts.len() > MAX_GHOSTS {
                return Err(Reason::TooComplex);
            }
        }
        let doc = json::Document::new(bytes, nodes);
        let memory = Memory { order, marks };
        let mut outcome = schema::validate(schema, doc, DEFAULT_STEPS, memory, None);
        if outcome == Outcome::Invalid {
            faults.clear();
            let mut collect = Collect { faults, most: MAX_VIOLATIONS };
            let memory = Memory { order, marks };
            outcome = schema::validate(schema, doc, DEFAULT_STEPS, memory, Some(&mut collect));
        }
        if outcome != Outcome::TooComplex && (outcome == Outcome::Invalid || !cuts.is_empty()) {
            let mut reporter = Reporter { report, doc, schema, cuts, inner };
            reporter.ghosts(|meant| {
                self.ghosts == Ghosts::Reject
                    || meant.is_some() && self.near_miss == NearMiss::Refuse
            });
            if outcome == Outcome::Invalid {
                reporter.faults(faults);
            }
        }
        match outcome {
            Outcome::Valid => Ok(()),
            Outcome::Invalid => Err(Reason::ValidationFailed),
            Outcome::TooComplex => Err(Reason::TooComplex),
        }
    }

    /// Masks, then truncates the output of `tool`.
    ///
    /// # Errors
    /// When the output cannot be made safe; then nothing of it may be shown.
    pub fn filter<'s>(
        &'s self,
        _tool: &str,
        output: Output<'s>,
        _scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        Ok(Filtered { bytes, truncated: false, masked: 0 })
    }
}

impl GuardBuilder {
    /// Compiles and adds a tool.
    ///
    /// # Errors
    /// When its schema cannot be honoured.
    pub fn tool(mut self, tool: ToolDefinition<'_>) -> Result<Self, CompileError> {
        self.catalog.tool(tool)?;
        Ok(self)
    }

    /// Says what happens to undeclared members.
    #[must_use]
    pub fn ghosts(mut self, ghosts: Ghosts) -> Self {
        self.guard.ghosts = ghosts;
        self
    }

    /// Says what happens to undeclared members that are probably misspelt.
    #[must_use]
    pub fn near_miss(mut self, near_miss: NearMiss) -> Self {
        self.guard.near_miss = near_miss;
        self
    }

    /// The finished guard.
    ///
    /// # Errors
    /// None yet: every part was checked when it was added.
    pub fn build(self) -> Result<Guard, CompileError> {
        Ok(Guard { catalog: self.catalog.build(), ..self.guard })
    }
}

fn allow<'s>(call: &Call<'s>, scratch: &'s mut Scratch<'_>) -> Verdict<'s> {
    if scratch.cuts.is_empty() {
        return Verdict::Allow(Allowed {
            arguments: call.arguments,
            report: &scratch.report,
            changed: false,
        });
    }
    if splice(call.arguments, &scratch.cuts, &mut scratch.out).is_err() {
        return refuse(Reason::InternalError, call, scratch);
    }
    Verdict::Allow(Allowed { arguments: &scratch.out, report: &scratch.report, changed: true })
}

/// Writes `bytes` without the ranges of `cuts`.
fn splice(
    bytes: &[u8],
    cuts: &[Cut],
    out: &mut Buf<'_, u8>,
) -> Result<(), crate::buf::Full> {
    out.clear();
    let mut kept = 0;
    for cut in cuts {
        out.extend(bytes.get(kept..cut.start as usize).unwrap_or(&[]))?;
        kept = cut.end as usize;
    }
    out.extend(bytes.get(kept..).unwrap_or(&[]))
}

fn refuse<'s>(reason: Reason, call: &Call<'s>, scratch: &'s mut Scratch<'_>) -> Verdict<'s> {
    let Scratch { report, out, .. } = scratch;
    let mut memory = [0; 64];
    let mut message = Buf::lent(&mut memory);
    // What does not fit into 64 bytes is said by the reason alone.
    let _ = match (reason, report.violations().count()) {
        (Reason::ValidationFailed | Reason::GhostArguments, 1) => {
            message.write_str("1 argument is wrong.")
        }
        (Reason::ValidationFailed | Reason::GhostArguments, count) => {
            write!(message, "{count} arguments are wrong.")
        }
        _ => message.write_str(reason.message()),
    };
    let notice = Notice {
        reason,
        tool: call.tool,
        message: core::str::from_utf8(&message).unwrap_or(""),
        hint: None,
        rule: None,
        retry_after_ms: None,
    };
    report::write_refusal(report, &notice, out);
    Verdict::Refuse(Refusal { json: out, reason, rule: None, hint: None, report })
}
