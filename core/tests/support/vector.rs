//! The golden vectors of `testdata/`: how they are read. `testdata/README.md` says what they mean.
#![allow(dead_code, reason = "not every test needs every helper")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One line: a call, or an output to filter.
#[derive(Deserialize, Serialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<Vec<Tool>>,
    pub(crate) policy: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<CallLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<OutputLine>,
    pub(crate) expect: Option<Box<RawValue>>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    #[serde(rename = "inputSchema")]
    pub(crate) input_schema: Box<RawValue>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct CallLine {
    pub(crate) tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
}

impl CallLine {
    pub(crate) fn arguments(&self) -> Vec<u8> {
        match (&self.arguments_text, &self.arguments_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(text)) => BASE64.decode(text).unwrap(),
            _ => panic!("the arguments are given once"),
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputLine {
    Text(String),
    Json(String),
}

/// What is said of a call.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Answer {
    pub(crate) decision: String,
    pub(crate) reason: Option<String>,
    pub(crate) arguments_text: Option<String>,
    pub(crate) stripped: Vec<String>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) suggest: Vec<Suggestion>,
    /// Byte for byte. `airlock check` does not print it.
    #[serde(default)]
    pub(crate) refusal: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) keyword: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) property: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u32>,
    pub(crate) fix: Option<Fix>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Fix {
    pub(crate) op: String,
    pub(crate) path: String,
    pub(crate) to: Value,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Suggestion {
    pub(crate) path: String,
    pub(crate) to: String,
}

/// What becomes of an output.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Shown {
    pub(crate) bytes: String,
    pub(crate) masked: usize,
    pub(crate) truncated: bool,
}

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name)
}

/// The lines of the file, placeholders as they are.
pub(crate) fn lines() -> Vec<String> {
    let text = fs::read_to_string(path("vectors.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Every vector, placeholders filled in.
pub(crate) fn read() -> Vec<Vector> {
    let secrets = secrets();
    lines().iter().map(|line| serde_json::from_str(&fill(line, &secrets)).unwrap()).collect()
}

/// The values of the placeholders: nothing that looks like a secret stands in a file.
pub(crate) fn secrets() -> BTreeMap<String, String> {
    let text = fs::read_to_string(path("secrets.json")).unwrap();
    let parts: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap();
    parts.into_iter().map(|(name, parts)| (name, parts.concat())).collect()
}

/// `line` with `${name}` replaced.
pub(crate) fn fill(line: &str, secrets: &BTreeMap<String, String>) -> String {
    secrets
        .iter()
        .fold(line.to_owned(), |line, (name, value)| line.replace(&format!("${{{name}}}"), value))
}

/// The reverse of [`fill`].
pub(crate) fn empty(line: &str, secrets: &BTreeMap<String, String>) -> String {
    secrets
        .iter()
        .fold(line.to_owned(), |line, (name, value)| line.replace(value, &format!("${{{name}}}")))
}
