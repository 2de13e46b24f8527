//! The compiled tools of one server.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::schema::{self, CompileError, Options, Schema};

/// A tool as MCP's `tools/list` describes it.
#[derive(Clone, Copy, Debug)]
pub struct ToolDefinition<'a> {
    /// The name, compared byte for byte.
    pub name: &'a str,
    /// The `inputSchema`, as JSON.
    pub input_schema: &'a [u8],
}

/// The compiled tools of one server: an immutable snapshot, replaced whole.
#[derive(Debug, Default)]
pub struct Catalog {
    /// A tool whose schema does not compile is listed without one.
    tools: HashMap<String, Option<Schema>>,
}

impl Catalog {
    /// Starts an empty catalog.
    #[must_use]
    pub fn builder(origin: Origin) -> CatalogBuilder {
        let options = Options { empty_is_open: origin == Origin::Live, ..Options::default() };
        CatalogBuilder { catalog: Self::default(), options }
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
        self.tools.get(name).map(Option::as_ref)
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

/// Builds a [`Catalog`].
#[derive(Debug)]
pub struct CatalogBuilder {
    catalog: Catalog,
    options: Options,
}

impl CatalogBuilder {
    /// Makes `format` an assertion instead of an annotation.
    #[must_use]
    pub fn assert_formats(mut self, assert: bool) -> Self {
        self.options.assert_format = assert;
        self
    }

    /// Says whether a root with `properties: {}` and no `additionalProperties` takes any argument.
    #[must_use]
    pub fn empty_properties_open(mut self, open: bool) -> Self {
        self.options.empty_is_open = open;
        self
    }

    /// Compiles and adds a tool, and returns warnings about its schema. A later definition replaces an
    /// earlier one of the same name.
    ///
    /// # Errors
    /// When the schema cannot be honoured. The tool is then listed as unsupported: its calls are
    /// refused with `tool_unsupported`.
    pub fn tool(&mut self, tool: ToolDefinition<'_>) -> Result<Vec<String>, CompileError> {
        let compiled = schema::compile(tool.input_schema, self.options);
        let (schema, outcome) = match compiled {
            Ok((schema, warnings)) => (Some(schema), Ok(warnings)),
            Err(error) => (None, Err(error)),
        };
        self.catalog.tools.insert(tool.name.to_string(), schema);
        outcome
    }

    /// The finished snapshot.
    #[must_use]
    pub fn build(self) -> Catalog {
        self.catalog
    }
}
