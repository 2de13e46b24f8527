//! What JavaScript wants built: a policy, tools, and where things are kept.
//!
//! Everything comes as text, because JavaScript objects are slow to walk from here. How a policy is read stays
//! with what is built from it, so that one that is put in its place is read in the same way.

use std::path::Path;
use std::sync::Arc;

use airlock::Firewall;
use airlock::core::json::{self, Limits, Tape, Value};
use airlock::core::{Guard, GuardBuilder, ToolDefinition};
use airlock::firewall::{FirewallBuilder, FirewallError};
use airlock::limit::RedisOptions;
use airlock::mask::{HmacSha256, LEAST_KEY};
use airlock::policy::{self, NearMiss, PolicyFile, Repair};
use napi::Error;
use napi_derive::napi;

use crate::text::Text;

/// What to build.
#[napi(object, object_to_js = false)]
pub struct Plan {
    /// Name of a preset, or path of a policy file.
    pub policy: Option<String>,
    /// Text of a policy in TOML, in place of `policy`.
    pub toml: Option<String>,
    /// Text of a policy in JSON, in place of `policy`.
    pub json: Option<String>,
    /// A JSON array of tools as `tools/list` has them.
    pub tools: Option<String>,
    /// Whether a tool that does not compile is kept: its calls are refused.
    pub keep_unsupported: bool,
    /// Whether `format` is an assertion.
    pub assert_formats: bool,
    /// Whether near misses are stripped (true) or refused (false); else the policy says.
    pub strip_near_misses: Option<bool>,
    /// Path of the audit log, in place of the policy's.
    pub audit: Option<String>,
    /// Path of the kill file.
    pub kill_file: Option<String>,
    /// Path of the pin file.
    pub pin_file: Option<String>,
    /// URL of the store of limits, in place of the policy's.
    pub redis: Option<String>,
    /// The same for a policy that has a store: what the environment says.
    pub redis_variable: Option<String>,
    /// Patterns of tools whose arguments have the repair `scalar`, besides what the policy says.
    pub coerce: Vec<String>,
    /// Key of the mask style `hash`.
    pub mask_key: Option<Text>,
}

/// Where a policy comes from.
#[derive(Clone)]
pub enum Source {
    /// Name of a preset, or path of a file.
    Named(String),
    Toml(String),
    Json(String),
}

impl Source {
    /// The one that is given; none where none is.
    pub fn given(name: Option<String>, toml: Option<String>, json: Option<String>) -> Option<Self> {
        toml.map(Self::Toml).or(json.map(Self::Json)).or(name.map(Self::Named))
    }
}

/// What the host says of arguments besides any policy.
pub struct Adjust {
    coerce: Vec<String>,
    near_miss: Option<NearMiss>,
}

impl Adjust {
    /// Reads a policy.
    pub fn open(&self, source: &Source) -> Result<PolicyFile, policy::Error> {
        let file = match source {
            Source::Named(name) => PolicyFile::open(name),
            Source::Toml(text) => PolicyFile::parse("policy.toml", text),
            Source::Json(text) => PolicyFile::parse("policy.json", text),
        }?;
        let mut tools = self.coerce.iter();
        let file = tools.try_fold(file, |file, tools| file.with_repair(tools, Repair::SCALAR))?;
        Ok(self.near_miss.into_iter().fold(file, PolicyFile::with_near_miss))
    }
}

/// A firewall that is half built, and how another policy for it is read.
pub struct Foundation {
    pub builder: FirewallBuilder,
    pub source: Source,
    pub adjust: Adjust,
    /// Whether decisions may wait for a store.
    pub waits: bool,
}

impl Plan {
    /// All that is planned, but for tools; `guard` has what the caller wants of the guard.
    pub fn lay(
        &mut self,
        guard: impl FnOnce(GuardBuilder) -> GuardBuilder,
    ) -> napi::Result<Foundation> {
        let source = Source::given(self.policy.take(), self.toml.take(), self.json.take());
        let source = source.unwrap_or_else(|| Source::Named("permissive".to_owned()));
        let near_miss = |strips| if strips { NearMiss::Strip } else { NearMiss::Refuse };
        let coerce = std::mem::take(&mut self.coerce);
        let adjust = Adjust { coerce, near_miss: self.strip_near_misses.map(near_miss) };
        let file = adjust.open(&source).map_err(|error| failure("policy", &error.to_string()))?;
        let mut builder = Firewall::builder().guard(guard(self.guard()?));
        // The variable alone must not change where limits are kept: others share the machine.
        let asked = file.policy().store().is_some();
        let url = self.redis.as_deref().or(self.redis_variable.as_deref().filter(|_| asked));
        let store = RedisOptions::of(file.policy(), url)
            .map_err(|error| unmade(FirewallError::Store(error)))?;
        let waits = store.is_some();
        if let Some(options) = store {
            builder = builder.redis(options);
        }
        if let Some(path) = &self.audit {
            builder = builder.audit_file(Path::new(path));
        }
        if let Some(path) = &self.kill_file {
            builder = builder.kill_file(Path::new(path));
        }
        if let Some(path) = &self.pin_file {
            builder = builder.pin_file(Path::new(path));
        }
        Ok(Foundation { builder: builder.policy(file), source, adjust, waits })
    }

    fn guard(&self) -> napi::Result<GuardBuilder> {
        let builder = Guard::builder();
        let Some(key) = &self.mask_key else { return Ok(builder) };
        let hash = HmacSha256::new(key).ok_or_else(|| {
            failure("policy", &format!("the key for masks has fewer than {LEAST_KEY} bytes"))
        })?;
        Ok(builder.mask_hash(Arc::new(hash)))
    }
}

/// Reads a JSON array of tools.
pub fn each_tool(
    text: &str,
    mut add: impl FnMut(ToolDefinition<'_>) -> napi::Result<()>,
) -> napi::Result<()> {
    let mut tape = Tape::growable();
    let doc = json::parse(text.as_bytes(), Limits::OUTPUT, &mut tape)
        .map_err(|error| failure("tool", &format!("the tools are no strict JSON: {error}")))?;
    for tool in doc.root().elements() {
        let name = tool.get("name").and_then(Value::as_str);
        let name: String =
            name.ok_or_else(|| failure("tool", "a tool has no name"))?.chars().collect();
        let input_schema = tool
            .get("inputSchema")
            .ok_or_else(|| failure("tool", &format!("the tool {name:?} has no inputSchema")))?
            .raw();
        let output_schema = tool.get("outputSchema").map(Value::raw);
        add(ToolDefinition { name: &name, input_schema, output_schema })?;
    }
    Ok(())
}

/// Why there is no firewall.
pub fn unmade(error: FirewallError) -> Error {
    match error {
        FirewallError::Audit(error) => failure("audit", &error.to_string()),
        FirewallError::NoAudit => {
            failure("policy", "the policy asks for an audit log: name a file in `audit`")
        }
        other => failure("policy", &other.to_string()),
    }
}

/// An error whose message begins with its kind, for TypeScript to make its classes of.
pub fn failure(kind: &str, message: &str) -> Error {
    Error::from_reason(format!("{kind}\n{message}"))
}
