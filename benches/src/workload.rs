//! The calls that are timed: the labelled ones, and large documents made here.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// Tools and calls to them.
pub struct Workload {
    /// Name and schema.
    pub tools: Vec<(String, Value)>,
    /// The calls.
    pub calls: Vec<LabelledCall>,
}

/// A call and the class that it is of.
pub struct LabelledCall {
    /// The class, as the data set names it.
    pub class: String,
    /// Index of the tool.
    pub tool: usize,
    /// The arguments.
    pub arguments: Vec<u8>,
}

impl LabelledCall {
    fn as_pair(&self) -> (usize, &[u8]) {
        (self.tool, &self.arguments)
    }
}

impl Workload {
    /// The labelled tools and calls; none where they are absent.
    #[must_use]
    pub fn labelled() -> Option<Self> {
        let folder = shared()?.join("data/validation");
        let read = |name: &str| -> Option<Vec<Value>> {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            text.lines().map(|line| serde_json::from_str(line).ok()).collect()
        };
        let tool =
            |tool: Value| Some((tool["tool"].as_str()?.to_owned(), tool["input_schema"].clone()));
        let tools: Vec<_> = read("dev_tools.jsonl")?.into_iter().filter_map(tool).collect();
        let index: HashMap<&str, usize> =
            tools.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
        let call = |call: Value| {
            let arguments = match &call["arguments_text"] {
                Value::String(text) => text.clone().into_bytes(),
                _ => BASE64.decode(call["arguments_b64"].as_str()?).ok()?,
            };
            let tool = *index.get(call["tool"].as_str()?)?;
            Some(LabelledCall { class: call["class"].as_str()?.to_owned(), tool, arguments })
        };
        let calls = read("dev_calls.jsonl")?.into_iter().filter_map(call).collect();
        Some(Self { tools, calls })
    }

    /// One call with a string of `bytes` bytes that has an escape about every 20.
    #[must_use]
    pub fn string(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes + 64);
        while text.len() < bytes {
            text.push_str(r"total = sum(xs, y);\n    return total * 2\n");
        }
        let schema = serde_json::json!({
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
            "required": ["path", "content"],
            "additionalProperties": false,
        });
        Self::one(schema, format!(r#"{{"path":"src/main.py","content":"{text}"}}"#))
    }

    /// One call with `bytes` bytes of small objects.
    #[must_use]
    pub fn objects(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes + 256);
        let mut nth = 0;
        while text.len() < bytes {
            let comma = if nth == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"id": {nth}, "name": "item {nth}", "price": {}.5, "tags": ["a{}", "b"], "active": {}, "note": null}}"#,
                nth % 997,
                nth % 7,
                nth % 3 == 0
            );
            nth += 1;
        }
        let schema = serde_json::json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer", "minimum": 0},
                    "name": {"type": "string"},
                    "price": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "active": {"type": "boolean"},
                    "note": {"type": ["string", "null"]},
                },
                "required": ["id", "name"],
                "additionalProperties": false,
            }}},
            "required": ["items"],
        });
        Self::one(schema, format!(r#"{{"items": [{text}]}}"#))
    }

    /// One valid call to one tool.
    #[must_use]
    pub fn one(schema: Value, arguments: String) -> Self {
        let arguments = arguments.into_bytes();
        let call = LabelledCall { class: "valid".to_owned(), tool: 0, arguments };
        Self { tools: vec![("tool".to_owned(), schema)], calls: vec![call] }
    }

    /// The calls of fewer than 4 KB whose class is `class`; of every class when it is `mix`.
    #[must_use]
    pub fn calls_of(&self, class: &str) -> Vec<(usize, &[u8])> {
        let wanted = |call: &&LabelledCall| {
            (class == "mix" || call.class == class) && call.arguments.len() < 4096
        };
        self.calls.iter().filter(wanted).map(LabelledCall::as_pair).collect()
    }

    /// All calls.
    #[must_use]
    pub fn all_calls(&self) -> Vec<(usize, &[u8])> {
        self.calls.iter().map(LabelledCall::as_pair).collect()
    }
}

/// The folder of shared data beside the checkout; none where it is absent.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("AIRLOCK_SHARED") {
        return Some(path.into());
    }
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|dir| dir.join("shared")).find(|dir| dir.join("data").is_dir())
}
