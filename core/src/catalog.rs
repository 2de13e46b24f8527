//! The compiled tools of one server.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::reason::Reason;
use crate::schema::{self, CompileError, Documents, MAX_COMPILE_STEPS, Options, Schema};

/// A tool as MCP's `tools/list` describes it.
#[derive(Clone, Copy, Debug)]
pub struct ToolDefinition<'a> {
    /// The name, compared byte for byte.
    pub name: &'a str,
    /// The `inputSchema`, as JSON.
    pub input_schema: &'a [u8],
    /// The `outputSchema`, as JSON, for tools that have one.
    pub output_schema: Option<&'a [u8]>,
}

/// The compiled tools of one server: an immutable snapshot, replaced whole.
#[derive(Debug, Default)]
pub struct Catalog {
    tools: HashMap<String, Tool>,
}

#[derive(Debug)]
struct Tool {
    /// Or why calls are refused: its schema does not compile, or it is not the tool that was approved.
    input: Result<Schema, Reason>,
    output: Structure,
}

/// What is known of a tool's structured output.
#[derive(Debug)]
pub(crate) enum Structure {
    /// It promises none.
    Free,
    /// It satisfies this.
    Schema(Box<Schema>),
    /// It satisfies something that does not compile.
    Unknown,
}

impl Catalog {
    /// Starts an empty catalog.
    #[must_use]
    pub fn builder(origin: Origin) -> CatalogBuilder {
        let options = Options { empty_is_open: origin == Origin::Live, ..Options::default() };
        CatalogBuilder {
            catalog: Self::default(),
            documents: Documents::new(),
            options,
            origin,
            steps: MAX_COMPILE_STEPS,
        }
    }

    /// Whether `name` is listed, its schema compiled or not.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tools.contains_key(name)
    }

    /// The names of the tools, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// How many tools are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether no tool is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The schema of a tool: none when it is not listed, `Some(None)` when it did not compile.
    pub(crate) fn get(&self, name: &str) -> Option<Option<&Schema>> {
        self.tools.get(name).map(|tool| tool.input.as_ref().ok())
    }

    /// Why calls of a tool that is listed without a schema are refused.
    pub(crate) fn barred(&self, name: &str) -> Reason {
        let tool = self.tools.get(name);
        tool.and_then(|tool| tool.input.as_ref().err().copied()).unwrap_or(Reason::ToolUnsupported)
    }

    /// The names that the schema of the tool called `name` declares.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<Declared<'_>> {
        self.get(name).flatten().map(Declared)
    }

    /// Whether the structured output of a tool can be checked against an output schema.
    pub(crate) fn checks_output(&self, name: &str) -> bool {
        matches!(self.structure(name), Structure::Schema(_))
    }

    /// What is known of the structured output of a tool.
    pub(crate) fn structure(&self, name: &str) -> &Structure {
        self.tools.get(name).map_or(&Structure::Free, |tool| &tool.output)
    }
}

/// The names that the schema of a tool declares, wherever in it: what a model wrote under another name
/// is its own.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'c>(&'c Schema);

impl Declared<'_> {
    /// Whether `name` is one of them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.mentions(name)
    }
}

/// Where tool definitions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written or reviewed by the operator.
    Trusted,
    /// Learned from a running server's `tools/list`. A schema that says no more than
    /// `properties: {}` is open here, because some SDKs list unions so.
    Live,
}

/// Output schemas assert formats, for official clients do and throw a result away that fails.
const OUTPUT: Options =
    Options { assert_format: true, assert_content: false, empty_is_open: false };

/// Builds a [`Catalog`].
#[derive(Debug)]
pub struct CatalogBuilder {
    catalog: Catalog,
    documents: Documents,
    options: Options,
    origin: Origin,
    /// Steps that are left to compile: for all tools of a live server together, for each tool otherwise.
    steps: u32,
}

impl CatalogBuilder {
    /// Sets the documents that the schemas of tools added from now on may refer to.
    pub fn documents(&mut self, documents: Documents) -> &mut Self {
        self.documents = documents;
        self
    }

    /// Makes `format` an assertion instead of an annotation.
    pub fn assert_formats(&mut self, assert: bool) -> &mut Self {
        self.options.assert_format = assert;
        self
    }

    /// Says whether a root with `properties: {}` and no `additionalProperties` takes any argument.
    pub fn empty_properties_open(&mut self, open: bool) -> &mut Self {
        self.options.empty_is_open = open;
        self
    }

    /// Compiles and adds a tool, and returns warnings about its input schema. A later definition replaces an
    /// earlier one of the same name.
    ///
    /// # Errors
    /// When the schema cannot be honoured. The tool is then listed as unsupported: its calls are
    /// refused with `tool_unsupported`.
    pub fn tool(&mut self, tool: ToolDefinition<'_>) -> Result<Vec<String>, CompileError> {
        if self.origin == Origin::Trusted {
            self.steps = MAX_COMPILE_STEPS;
        }
        let (documents, steps) = (&self.documents, &mut self.steps);
        let input = schema::compile(tool.input_schema, self.options, documents, steps);
        let (input, outcome) = match input {
            Ok((schema, warnings)) => (Ok(schema), Ok(warnings)),
            Err(error) => (Err(Reason::ToolUnsupported), Err(error)),
        };
        let output = match tool.output_schema {
            None => Structure::Free,
            // It only judges what masking did to an output, so that it may fail to compile.
            Some(text) => schema::compile(text, OUTPUT, documents, steps)
                .map_or(Structure::Unknown, |(schema, _)| Structure::Schema(schema.into())),
        };
        self.catalog.tools.insert(tool.name.to_string(), Tool { input, output });
        outcome
    }

    /// The tools so far.
    pub(crate) const fn so_far(&self) -> &Catalog {
        &self.catalog
    }

    /// Keeps `tool` listed, but its calls are refused for this reason.
    pub(crate) fn withhold(&mut self, tool: &str, reason: Reason) {
        if let Some(tool) = self.catalog.tools.get_mut(tool) {
            tool.input = Err(reason);
        }
    }

    /// The finished snapshot.
    #[must_use]
    pub fn build(self) -> Catalog {
        self.catalog
    }
}
