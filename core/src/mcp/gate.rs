//! Every question that the relay asks the guard, in one place.

use alloc::string::String;
use alloc::vec::Vec;

use crate::buf::Buf;
use crate::caller::{Call, Caller};
use crate::catalog::{Catalog, CatalogBuilder, Origin, ToolDefinition};
use crate::guard::{Filtered, Guard, Output, Refusal, Verdict};
use crate::json::{Document, Limits, Tape, parse};
use crate::policy::{EmptyProperties, UnknownTool};
use crate::schema::{self, CompileError, DEFAULT_STEPS, Memory};
use crate::scratch::Scratch;

/// Whether a tool may be called so. Names that MCP does not allow are look-alikes, or text for the
/// model, unless the policy spells them byte for byte.
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

/// The refusal of a call by its name and caller alone, whether or not such a tool exists.
pub(super) fn check_name<'s>(
    guard: &'s Guard,
    call: &Call<'s>,
    scratch: &'s mut Scratch<'_>,
) -> Option<Refusal<'s>> {
    guard.check_name(call, scratch)
}

/// Starts to learn the tools of a running server.
pub(super) fn learner(guard: &Guard) -> CatalogBuilder {
    let open = guard.policy().settings().empty_properties == EmptyProperties::Open;
    Catalog::builder(Origin::Live).empty_properties_open(open)
}

/// Decides on a call to a tool of `catalog`.
pub(super) fn check<'s>(
    guard: &'s Guard,
    catalog: &'s Catalog,
    call: &Call<'s>,
    scratch: &'s mut Scratch<'_>,
) -> Verdict<'s> {
    guard.check_in(catalog, call, scratch)
}

/// Compiles one tool of a live list; the warnings, or why its calls cannot be checked.
pub(super) fn learn(
    builder: &mut CatalogBuilder,
    name: &str,
    input_schema: &[u8],
) -> Result<Vec<String>, CompileError> {
    builder.tool(ToolDefinition { name, input_schema })
}

/// Masks, then cuts an output of `tool`; the empty name for what no tool said.
pub(super) fn filter<'s>(
    guard: &'s Guard,
    tool: &'s str,
    output: Output<'s>,
    scratch: &'s mut Scratch<'_>,
) -> Result<Filtered<'s>, Refusal<'s>> {
    guard.filter(tool, output, scratch)
}

/// Whether structured output that was masked still satisfies the tool's output schema. Clients assert
/// formats, so they count. The schema is compiled here, because few outputs are masked; one that cannot
/// be compiled accepts nothing.
pub(super) fn output_accepts(output_schema: &[u8], output: &[u8]) -> bool {
    let options = schema::Options { assert_format: true, ..schema::Options::default() };
    let Ok((schema, _)) = schema::compile(output_schema, options) else { return false };
    let mut tape = Tape::growable();
    if parse(output, Limits::OUTPUT, &mut tape).is_err() {
        return false;
    }
    let Tape { nodes, order } = &mut tape;
    schema.bind(output, nodes);
    let mut marks = Buf::growable();
    let memory = Memory { order, marks: &mut marks };
    let doc = Document::new(output, nodes);
    schema::validate(&schema, doc, DEFAULT_STEPS, memory, None) == schema::Outcome::Valid
}
