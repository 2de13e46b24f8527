//! Every question that the relay asks the guard, in one place.

use alloc::string::String;
use alloc::vec::Vec;

use crate::caller::{Call, Caller};
use crate::catalog::{Catalog, CatalogBuilder, Origin, ToolDefinition};
use crate::guard::{Cleared, Filtered, Guard, Output, Refusal, Settled, Verdict};
use crate::policy::{Admit, Charges, EmptyProperties, Exhausted, Hold, UnknownTool};
use crate::reason::Reason;
use crate::schema::CompileError;
use crate::scratch::Scratch;
use crate::session::{Session, Ticket};

/// Whether a tool may be called so: `[A-Za-z0-9_./-]{1,128}`, or a name that the policy spells byte for
/// byte. Others are look-alikes, or text for the model.
pub(super) fn admits_spelling(guard: &Guard, tool: &str) -> bool {
    guard.policy().admits_spelling(tool)
}

/// Whether the policy wants it to seem that `tool` does not exist.
pub(super) fn hides(guard: &Guard, tool: &str, caller: &Caller<'_>) -> bool {
    guard.policy().settings().hide && !guard.policy().decide(tool, caller).is_allow()
}

/// Whether calls of tools that no list declares pass unchecked.
pub(super) fn forwards_unknown(guard: &Guard) -> bool {
    guard.policy().settings().unknown_tool == UnknownTool::Forward
}

/// Stands for the keeper of limits where there is none: what nobody counts is used up.
pub(super) struct Unkept;

impl Admit for Unkept {
    fn admit(&self, mut charges: Charges<'_>) -> Result<(), Exhausted> {
        charges.next().map_or(Ok(()), |charge| {
            Err(Exhausted { limit: charge.limit.index, retry_after_ms: None })
        })
    }
}

/// What a call that was let through reserved, in its session and of budgets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reserved {
    pub(super) ticket: Option<Ticket>,
    pub(super) hold: Option<Hold>,
}

impl Reserved {
    fn by(cleared: &Cleared<'_>) -> Self {
        Self { ticket: cleared.ticket(), hold: cleared.hold() }
    }
}

/// The refusal of a call by its name and caller alone, whether or not such a tool exists.
pub(super) fn check_name<'s>(
    guard: &'s Guard,
    call: &Call<'_>,
    limits: &dyn Admit,
    scratch: &'s mut Scratch<'_>,
) -> Option<Refusal<'s>> {
    guard.settle_name(call, Some(limits), scratch)
}

/// Decides on a call that would run with no schema to check it against.
pub(super) fn check_unlisted<'s>(
    guard: &'s Guard,
    call: &Call<'_>,
    limits: &dyn Admit,
    session: Option<&mut Session>,
    scratch: &'s mut Scratch<'_>,
) -> Result<Reserved, Refusal<'s>> {
    match guard.settle_unlisted(call, Some(limits), session, scratch) {
        Settled::Allow(cleared) => Ok(Reserved::by(&cleared)),
        Settled::Refuse(barred) => Err(barred.refusal(scratch)),
    }
}

/// What stands in place of the answer that a tool does not exist: that there were too many such calls.
pub(super) fn refuse_unknown<'s>(
    guard: &'s Guard,
    call: &Call<'_>,
    limits: &dyn Admit,
    scratch: &'s mut Scratch<'_>,
) -> Option<Refusal<'s>> {
    guard.refuse_unknown(call, limits, scratch)
}

/// Starts to learn the tools of a running server.
pub(super) fn learner(guard: &Guard) -> CatalogBuilder {
    let open = guard.policy().settings().empty_properties == EmptyProperties::Open;
    let mut builder = Catalog::builder(Origin::Live);
    builder.empty_properties_open(open).documents(guard.documents().clone());
    builder
}

/// Decides on a call to a tool of `catalog` and charges it; what it reserved.
pub(super) fn check<'s>(
    guard: &'s Guard,
    catalog: &Catalog,
    call: &Call<'s>,
    limits: &dyn Admit,
    session: Option<&mut Session>,
    scratch: &'s mut Scratch<'_>,
) -> (Verdict<'s>, Reserved) {
    let settled = guard.settle_in(catalog, call, Some(limits), session, scratch);
    let reserved = match settled {
        Settled::Allow(cleared) => Reserved::by(&cleared),
        Settled::Refuse(_) => Reserved::default(),
    };
    (settled.verdict(call.arguments, scratch), reserved)
}

/// Compiles one tool of a live list; the warnings, or why its calls cannot be checked.
pub(super) fn learn(
    guard: &Guard,
    builder: &mut CatalogBuilder,
    name: &str,
    input_schema: &[u8],
    output_schema: Option<&[u8]>,
) -> Result<Vec<String>, CompileError> {
    let warnings = builder.tool(ToolDefinition { name, input_schema, output_schema })?;
    if let Err(error) = guard.policy().review_tool(name, builder.so_far()) {
        builder.withhold(name, Reason::ToolUnsupported);
        return Err(CompileError { path: String::new(), message: error.message });
    }
    Ok(warnings)
}

/// Masks, then cuts an output of `tool`; the empty name for what no tool said. The numbers of values
/// are those of the connection, whose memory `scratch` is.
pub(super) fn filter<'s>(
    guard: &'s Guard,
    tool: &'s str,
    output: Output<'s>,
    scratch: &'s mut Scratch<'_>,
) -> Result<Filtered<'s>, Refusal<'s>> {
    guard.filter_on(tool, output, scratch)
}

/// Structured output of `tool`, its masks in the shape of what they stand for; none when it cannot be
/// shown so.
pub(super) fn filter_shaped<'s>(
    guard: &'s Guard,
    tool: &'s str,
    output: &'s [u8],
    scratch: &'s mut Scratch<'_>,
) -> Option<&'s [u8]> {
    guard.filter_shaped(tool, output, scratch)
}

/// Whether structured output that was masked still satisfies the tool's output schema.
pub(super) fn output_accepts(
    guard: &Guard,
    catalog: &Catalog,
    tool: &str,
    output: &[u8],
    scratch: &mut Scratch<'_>,
) -> bool {
    guard.accepts_output(catalog, tool, output, scratch)
}

/// The refusal of a structured output that does not satisfy the tool's output schema; none when it does,
/// or when that schema cannot be compiled.
pub(super) fn broken_promise(
    guard: &Guard,
    catalog: &Catalog,
    tool: &str,
    output: &[u8],
    scratch: &mut Scratch<'_>,
) -> Option<Vec<u8>> {
    if !catalog.checks_output(tool) || guard.accepts_output(catalog, tool, output, scratch) {
        return None;
    }
    Some(guard.refuse_output(tool, scratch).json().to_vec())
}
