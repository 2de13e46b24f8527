//! The labelled tools and calls of `shared/data/validation`.
#![allow(dead_code, reason = "not every test needs every helper")]

use std::collections::HashSet;

use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Catalog, Guard, Origin, ToolDefinition};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::shared;

/// A labelled call.
pub(crate) struct DevCall {
    pub(crate) id: String,
    pub(crate) tool: String,
    pub(crate) class: String,
    pub(crate) arguments: Vec<u8>,
    pub(crate) expect: Expect,
}

/// What must be said of it.
#[derive(Deserialize)]
pub(crate) struct Expect {
    pub(crate) valid: bool,
    pub(crate) errors: Vec<ExpectedError>,
    pub(crate) stripped: HashSet<String>,
    pub(crate) cleaned: Option<Box<RawValue>>,
    pub(crate) suggest: Option<Vec<Suggestion>>,
}

#[derive(Deserialize)]
pub(crate) struct ExpectedError {
    pub(crate) path: String,
    pub(crate) keyword: String,
    pub(crate) offset: Option<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Suggestion {
    pub(crate) path: String,
    pub(crate) to: String,
}

#[derive(Deserialize)]
struct ToolLine<'a> {
    tool: String,
    #[serde(borrow)]
    input_schema: &'a RawValue,
}

#[derive(Deserialize)]
struct CallLine {
    id: String,
    tool: String,
    class: String,
    arguments_text: Option<String>,
    arguments_b64: Option<String>,
    expect: Expect,
}

/// Every tool, compiled.
pub(crate) fn catalog() -> Option<Catalog> {
    let text = shared::text("validation/dev_tools.jsonl")?;
    let mut builder = Catalog::builder(Origin::Trusted);
    for line in text.lines() {
        let tool: ToolLine<'_> = serde_json::from_str(line).unwrap();
        let definition = ToolDefinition {
            name: &tool.tool,
            input_schema: tool.input_schema.get().as_bytes(),
            output_schema: None,
        };
        builder.tool(definition).unwrap_or_else(|error| panic!("{}: {error}", tool.tool));
    }
    Some(builder.build())
}

/// Every call.
pub(crate) fn calls() -> Option<Vec<DevCall>> {
    let text = shared::text("validation/dev_calls.jsonl")?;
    let read = |line: &str| {
        let line: CallLine = serde_json::from_str(line).unwrap();
        let arguments = match (line.arguments_text, line.arguments_b64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => BASE64.decode(text).unwrap(),
            _ => panic!("{}: arguments are given once", line.id),
        };
        let CallLine { id, tool, class, expect, .. } = line;
        DevCall { id, tool, class, arguments, expect }
    };
    Some(text.lines().map(read).collect())
}

/// A guard that allows every tool.
pub(crate) fn guard(near_miss: NearMiss) -> Guard {
    let policy = Policy::permissive().with_near_miss(near_miss);
    Guard::builder().policy(policy).unwrap().build().unwrap()
}
