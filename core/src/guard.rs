//! The public face: compile once, then check calls and filter outputs.
use alloc::string::String;
use alloc::vec::Vec;

use crate::buf::Buf;
use crate::caller::Call;
use crate::json::Tape;
use crate::reason::Reason;

/// STUB SKELETON (signatures are final, bodies are being written).
#[derive(Debug, Default)]
pub struct Guard {
    catalog: Catalog,
}

/// Builds a [`Guard`].
#[derive(Debug, Default)]
pub struct GuardBuilder {}

/// A tool as MCP's `tools/list` describes it.
#[derive(Clone, Copy, Debug)]
pub struct ToolDefinition<'a> {
    /// The name, compared byte for byte.
    pub name: &'a str,
    /// The `inputSchema`, as JSON.
    pub input_schema: &'a [u8],
}

/// The compiled tools of one server: an immutable snapshot.
#[derive(Debug, Default)]
pub struct Catalog {}

impl Catalog {
    /// Starts an empty catalog that is filled tool by tool. `live` = learned from a running server's
    /// `tools/list` (the `properties: {}` exception applies).
    pub fn builder(_live: bool) -> CatalogBuilder {
        CatalogBuilder {}
    }
    /// Whether `name` is listed (also true for a tool whose schema did not compile).
    pub fn contains(&self, _name: &str) -> bool {
        false
    }
}

/// Builds a [`Catalog`].
#[derive(Debug)]
pub struct CatalogBuilder {}

impl CatalogBuilder {
    /// Compiles and adds one tool. On `Err` the tool is in the catalog as unsupported: its calls are
    /// refused with `tool_unsupported`; the host withholds it from the list and reports why.
    pub fn tool(&mut self, _tool: ToolDefinition<'_>) -> Result<Vec<String>, CompileError> {
        Ok(Vec::new())
    }
    /// The finished snapshot.
    pub fn build(self) -> Catalog {
        Catalog {}
    }
}

/// Why a schema or policy cannot be compiled: where (JSON pointer into it) and why.
#[derive(Debug, Clone)]
pub struct CompileError {
    /// RFC 6901 pointer into the schema.
    pub path: String,
    /// What cannot be honoured.
    pub message: String,
}

/// Memory of one caller thread, reused from call to call.
#[derive(Debug)]
pub struct Scratch<'m> {
    pub(crate) tape: Tape<'m>,
    pub(crate) out: Buf<'m, u8>,
}

/// The answer to a call.
#[derive(Debug)]
pub enum Verdict<'s> {
    /// The call may run with these arguments.
    Allow(Allowed<'s>),
    /// The call must not run.
    Refuse(Refusal<'s>),
}

/// An allowed call.
#[derive(Debug)]
pub struct Allowed<'s> {
    arguments: &'s [u8],
}

impl<'s> Allowed<'s> {
    /// The exact bytes to pass on: the input itself when nothing was stripped.
    pub fn arguments(&self) -> &'s [u8] {
        self.arguments
    }
    /// Whether they differ from the input.
    pub fn is_changed(&self) -> bool {
        false
    }
    /// JSON pointers of the ghost members that were stripped, in document order.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        core::iter::empty()
    }
    /// Near misses of stripped ghosts: (pointer of the ghost, declared name).
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        core::iter::empty()
    }
}

/// A refused call.
#[derive(Debug)]
pub struct Refusal<'s> {
    json: &'s [u8],
    reason: Reason,
}

impl<'s> Refusal<'s> {
    /// The refusal JSON for the model, at most 2048 bytes (contract of DESIGN section 4).
    pub fn json(&self) -> &'s [u8] {
        self.json
    }
    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }
    /// For the operator only: the rule that decided.
    pub fn rule(&self) -> Option<&'s str> {
        None
    }
    /// One sentence for the model.
    pub fn message(&self) -> &'s str {
        ""
    }
    /// Pointers of ghosts that were stripped before the call was refused for other reasons.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        core::iter::empty()
    }
    /// (pointer, declared name or enum member as JSON text... plain text).
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        core::iter::empty()
    }
    /// Every violation found (capped), uncut.
    pub fn violations(&self) -> impl Iterator<Item = Violation<'s>> {
        core::iter::empty()
    }
    /// Hints that belong to no violation (a policy rule's hint).
    pub fn hint(&self) -> Option<&'s str> {
        None
    }
}

/// One violation.
#[derive(Debug, Clone, Copy)]
pub struct Violation<'s> {
    /// RFC 6901 pointer into the arguments.
    pub path: &'s str,
    /// The JSON Schema keyword, or `parse`, `duplicateKey`, `ghost`.
    pub keyword: &'s str,
    /// `required`: the missing name.
    pub property: Option<&'s str>,
    /// `parse`, `duplicateKey`: the byte offset.
    pub offset: Option<u32>,
    /// What the schema wants, in words.
    pub expected: &'s str,
    /// What came: a type, never the value.
    pub received: &'s str,
    /// A sentence.
    pub message: &'s str,
    /// An imperative sentence; empty when there is none.
    pub fix_hint: &'s str,
    /// A repair that a program can make.
    pub fix: Option<Fix<'s>>,
}

/// A repair that a program can make without reading prose.
#[derive(Debug, Clone, Copy)]
pub struct Fix<'s> {
    /// `rename`, `replace`, `unquote`, `wrap`, `parse`, `remove` or `add`.
    pub op: &'static str,
    /// What it applies to.
    pub path: &'s str,
    /// JSON text: the new name or value; `null` when the operation needs none.
    pub to: &'s str,
}

/// The output of a tool.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// Plain text.
    Text(&'a [u8]),
    /// A JSON document.
    Json(&'a [u8]),
}

/// An output that may be shown.
#[derive(Debug)]
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
    pub fn builder() -> GuardBuilder {
        GuardBuilder::default()
    }
    /// Memory for one thread, sized for this guard.
    pub fn scratch(&self) -> Scratch<'static> {
        Scratch { tape: Tape::growable(), out: Buf::growable() }
    }
    /// Decides on a call to one of the guard's own tools.
    pub fn check<'s>(&'s self, call: &Call<'s>, scratch: &'s mut Scratch<'_>) -> Verdict<'s> {
        self.check_in(&self.catalog, call, scratch)
    }
    /// Decides on a call to one of `catalog`'s tools.
    pub fn check_in<'s>(
        &'s self,
        _catalog: &'s Catalog,
        _call: &Call<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Verdict<'s> {
        let _ = &scratch.tape;
        Verdict::Refuse(Refusal { json: &scratch.out, reason: Reason::InternalError })
    }
    /// Masks, then truncates the output of `tool`.
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
    /// Adds a tool (trusted definition: `properties: {}` closes).
    pub fn tool(self, _tool: ToolDefinition<'_>) -> Result<Self, CompileError> {
        Ok(self)
    }
    /// The finished guard.
    pub fn build(self) -> Result<Guard, CompileError> {
        Ok(Guard::default())
    }
}
