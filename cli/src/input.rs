//! What the commands read: tools and calls, one JSON object a line.

use std::fmt;
use std::fs;
use std::path::Path;

use airlock::core::{Call, Caller, Catalog, Origin, ToolDefinition};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A line of the tools file. Unknown members are ignored.
#[derive(Deserialize)]
struct ToolLine<'a> {
    tool: Option<String>,
    name: Option<String>,
    #[serde(borrow, alias = "input_schema", rename = "inputSchema")]
    input_schema: &'a RawValue,
}

/// A line of the calls file. Unknown members are ignored.
#[derive(Deserialize)]
pub struct CallLine<'a> {
    /// What the line calls itself.
    #[serde(default)]
    pub id: Value,
    /// The tool that is called.
    pub tool: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    arguments_text: Option<String>,
    #[serde(alias = "arguments_b64")]
    arguments_base64: Option<String>,
    agent: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    tenant: Option<String>,
    /// RFC 3339.
    at: Option<String>,
}

/// Why nothing can be checked: a sentence that names the file and the line.
#[derive(Debug)]
pub struct Failure(pub String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
/// A result of reading.
pub type Result<T> = std::result::Result<T, Failure>;

/// Reads the tools of the file `path` for `airlock COMMAND`, which says what is the matter with them.
pub fn catalog(path: &Path, assert_formats: bool, command: &str) -> Result<Catalog> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut builder = Catalog::builder(Origin::Trusted);
    builder.assert_formats(assert_formats);
    let mut seen = std::collections::HashMap::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let place = Place { path, line };
        let tool: ToolLine<'_> = serde_json::from_str(text).map_err(|e| format!("{place}: {e}"))?;
        let name =
            tool.tool.or(tool.name).ok_or_else(|| format!("{place}: a tool needs a name"))?;
        if let Some(first) = seen.insert(name.clone(), line) {
            return Err(format!("{place}: the tool {name:?} is already on line {first}").into());
        }
        let definition = ToolDefinition {
            name: &name,
            input_schema: tool.input_schema.get().as_bytes(),
            output_schema: None,
        };
        match builder.tool(definition) {
            Ok(warnings) => {
                for warning in warnings {
                    eprintln!("airlock {command}: {place}: warning: {name:?}: {warning}");
                }
            }
            // Its calls are refused with `tool_unsupported`; the others can be checked.
            Err(error) => {
                eprintln!("airlock {command}: {place}: {name:?} is not supported: {error}");
            }
        }
    }
    Ok(builder.build())
}

impl<'a> CallLine<'a> {
    /// Reads a line.
    pub fn read(text: &'a str, place: Place<'_>) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| format!("{place}: {e}").into())
    }

    /// Hands over the call that the line describes.
    pub fn with<R>(&self, place: Place<'_>, call: impl FnOnce(&Call<'_>) -> R) -> Result<R> {
        let arguments = self.arguments(place)?;
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let now = match &self.at {
            Some(at) => Some(moment(at).map_err(|e| format!("{place}: at: {e}"))?),
            None => None,
        };
        let (agent, tenant) = (self.agent.as_deref(), self.tenant.as_deref());
        let caller = Caller { agent, roles: &roles, tenant };
        let arguments = &arguments;
        Ok(call(&Call { tool: &self.tool, arguments, caller, now, ..Call::default() }))
    }

    /// The bytes to check.
    fn arguments(&self, place: Place<'_>) -> Result<Vec<u8>> {
        match (self.arguments, &self.arguments_text, &self.arguments_base64) {
            (Some(value), None, None) => Ok(value.get().as_bytes().to_vec()),
            (None, Some(text), None) => Ok(text.as_bytes().to_vec()),
            (None, None, Some(text)) => {
                BASE64.decode(text).map_err(|e| format!("{place}: arguments_base64: {e}").into())
            }
            (None, None, None) => Ok(b"{}".to_vec()),
            _ => Err(format!("{place}: the arguments are given more than once").into()),
        }
    }
}

/// Unix milliseconds of an RFC 3339 moment.
pub fn moment(text: &str) -> std::result::Result<u64, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    u64::try_from(moment.as_millisecond()).map_err(|_| "a moment before 1970".into())
}

/// A line of a file.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub path: &'a Path,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}
