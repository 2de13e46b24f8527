//! Tools and documents as JSON, compiled into a catalog.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use airlock_core::json::{self, Document, Kind, Limits, Str, Tape, Value};
use airlock_core::{Catalog, CompileError, Documents, Origin, ToolDefinition};

use crate::codes::Status;
use crate::error::{Fault, Report};

/// How tools are compiled.
#[derive(Clone, Copy)]
pub(crate) struct Compile {
    pub assert_formats: bool,
    /// A tool that does not compile is listed, and its calls are refused.
    pub withhold: bool,
}

/// Compiled tools, and their names.
#[derive(Default)]
pub(crate) struct Tools {
    pub catalog: Catalog,
    pub names: Names,
}

/// The names of tools by id: the first has id 1.
#[derive(Default)]
pub(crate) struct Names(Vec<Box<str>>);

impl Tools {
    /// Compiles the tools in `text`: an array, or an object whose member `tools` is one, as a
    /// result of `tools/list` is.
    pub(crate) fn read(
        text: &[u8],
        documents: &Documents,
        how: Compile,
        report: &Report,
    ) -> Result<Self, Status> {
        let mut builder = Catalog::builder(Origin::Trusted);
        builder.documents(documents.clone());
        builder.assert_formats(how.assert_formats);
        let mut names = Vec::new();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut tape = Tape::growable();
        let doc = parse(text, &mut tape, report)?;
        let (list, prefix) = match doc.root().get("tools") {
            Some(list) => (list, "/tools"),
            None => (doc.root(), ""),
        };
        let fault = |at: Value<'_>, pointer: fmt::Arguments<'_>, message: fmt::Arguments<'_>| {
            let place = json::line_column(text, at.span().0);
            report.fault(Fault { status: Status::TOOL_INVALID, place, message, pointer })
        };
        if list.kind() != Kind::Array {
            return Err(fault(
                list,
                format_args!("{prefix}"),
                format_args!("tools are an array, or an object with an array called tools"),
            ));
        }
        let mut known = alloc::collections::BTreeSet::new();
        for (nth, tool) in list.elements().enumerate() {
            let at = alloc::format!("{prefix}/{nth}");
            let string = |names: [&str; 2]| {
                names.iter().find_map(|name| tool.get(name)).and_then(Value::as_str).map(plain)
            };
            let Some(name) = string(["tool", "name"]) else {
                let message = format_args!("a tool has a name");
                return Err(fault(tool, format_args!("{at}/name"), message));
            };
            let schemas =
                |names: [&'static str; 2]| names.into_iter().find_map(|n| Some((n, tool.get(n)?)));
            let Some((member, input)) = schemas(["inputSchema", "input_schema"]) else {
                let message = format_args!("a tool has an inputSchema");
                return Err(fault(tool, format_args!("{at}/inputSchema"), message));
            };
            if !known.insert(String::from(&*name)) {
                let message = format_args!("the second tool of this name");
                return Err(fault(tool, format_args!("{at}/name"), message));
            }
            let output = schemas(["outputSchema", "output_schema"]).map(|(_, schema)| schema.raw());
            let definition =
                ToolDefinition { name: &name, input_schema: input.raw(), output_schema: output };
            if let Err(CompileError { path, message, .. }) = builder.tool(definition)
                && !how.withhold
            {
                let pointer = format_args!("{at}/{member}{path}");
                return Err(fault(input, pointer, format_args!("{message}")));
            }
            names.push(Box::from(&*name));
        }
        Ok(Self { catalog: builder.build(), names: Names(names) })
    }
}

impl Names {
    /// The id of the tool called `name`.
    pub(crate) fn id(&self, name: &str) -> Option<u32> {
        let at = self.0.iter().position(|known| **known == *name)?;
        u32::try_from(at).ok()?.checked_add(1)
    }

    /// The name of the tool that has this id.
    #[inline]
    pub(crate) fn name(&self, id: u32) -> Option<&str> {
        self.0.get((id as usize).checked_sub(1)?).map(|name| &**name)
    }
}

/// Reads documents that schemas refer to: an object from URIs to schemas.
pub(crate) fn documents(text: &[u8], report: &Report) -> Result<Documents, Status> {
    let mut documents = Documents::new();
    if text.is_empty() {
        return Ok(documents);
    }
    let mut tape = Tape::growable();
    let doc = parse(text, &mut tape, report)?;
    for (uri, schema) in doc.root().members() {
        let uri = plain(uri);
        if let Err(CompileError { path, message, .. }) = documents.add(&uri, schema.raw()) {
            let place = json::line_column(text, schema.span().0);
            let (message, pointer) = (format_args!("{message}"), format_args!("{path}"));
            let status = Status::TOOL_INVALID;
            return Err(report.fault(Fault { status, place, message, pointer }));
        }
    }
    Ok(documents)
}

fn parse<'t>(
    text: &'t [u8],
    tape: &'t mut Tape<'_>,
    report: &Report,
) -> Result<Document<'t>, Status> {
    json::parse(text, Limits::OUTPUT, tape).map_err(|error| {
        let place = json::line_column(text, error.offset as usize);
        let message = format_args!("not readable as JSON: {error}");
        report.fault(Fault {
            status: Status::TOOL_INVALID,
            place,
            message,
            pointer: format_args!(""),
        })
    })
}

/// The text, its escapes undone.
fn plain(text: Str<'_>) -> Cow<'_, str> {
    text.as_plain().map_or_else(|| Cow::Owned(text.chars().collect()), Cow::Borrowed)
}
