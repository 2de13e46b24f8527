//! Compiling a guard, and asking it.
//!
//! What is compiled is shared: by every thread that adopts it, for as long as one thread holds it. What a
//! call writes to belongs to the thread. A check costs its own work and about 0.1 µs of the boundary.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use airlock::audit::AuditLog;
use airlock::clock::SystemClock;
use airlock::core::json::{self, Limits, Tape, Value};
use airlock::core::{
    Call, Catalog, CatalogBuilder, Guard, Origin, Output, Scratch, ToolDefinition, Verdict,
};
use airlock::limit::Limiter;
use airlock::policy::{NearMiss, PolicyError, PolicyFile};
use napi::Error;
use napi::bindgen_prelude::{BufferSlice, External};
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::reply::{self, refused};

/// A call above this many bytes gives the memory that it took back.
const LARGE: usize = 1 << 20;
/// Most servers of which the tools are remembered.
const MOST_SERVERS: usize = 256;

/// What to compile. Texts, because JavaScript objects are slow to walk from here.
#[napi(object)]
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
}

/// What is compiled.
pub struct Shared {
    pub guard: Arc<Guard>,
    pub log: AuditLog,
    /// Counts the calls of every connection.
    pub limiter: Arc<Limiter>,
    catalog: Catalog,
    names: Vec<Box<str>>,
    warnings: Vec<String>,
    /// The tools of live servers, by the name of the server, for connections to come.
    learned: Mutex<HashMap<String, Arc<Catalog>>>,
}

/// A guard in one thread.
pub struct Handle {
    pub shared: Arc<Shared>,
    scratch: Scratch<'static>,
    other: String,
    identity: Identity,
    masked: u32,
    spill: Vec<u8>,
}

impl Handle {
    fn new(shared: Arc<Shared>) -> Self {
        let scratch = shared.guard.scratch();
        let (other, identity) = (String::new(), Identity::default());
        Self { shared, scratch, other, identity, masked: 0, spill: Vec::new() }
    }
}

impl Shared {
    pub fn learned(&self, server: &str) -> Option<Arc<Catalog>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned()
    }

    pub fn learn(&self, server: &str, catalog: &Arc<Catalog>) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if learned.len() < MOST_SERVERS || learned.contains_key(server) {
            learned.insert(server.to_owned(), Arc::clone(catalog));
        }
    }
}

/// Compiles a guard.
#[napi(catch_unwind)]
pub fn compile(plan: Plan) -> napi::Result<External<Handle>> {
    let file = policy_file(&plan)?;
    let log = AuditLog::of(&file, plan.audit.as_deref().map(Path::new), None)
        .map_err(|error| failure("audit", &error.to_string()))?;
    let (mut policy, sources) = file.into_parts();
    let wrong = |error: PolicyError| failure("policy", &sources.explain(&error).to_string());
    let limiter = Limiter::new(&policy, Arc::new(SystemClock::new()))
        .map_err(|error| failure("policy", &error.to_string()))?;
    if let Some(strip) = plan.strip_near_misses {
        policy = policy.with_near_miss(if strip { NearMiss::Strip } else { NearMiss::Refuse });
    }
    let guard = Guard::builder().policy(policy).and_then(|it| it.build()).map_err(wrong)?;
    if guard.policy().settings().needs_audit && !log.is_kept() {
        return Err(failure("policy", "the policy asks for an audit log: name a file in `audit`"));
    }
    let mut tools = Tools::new(&plan);
    if let Some(text) = &plan.tools {
        each_tool(text, |tool| tools.add(tool))?;
    }
    let Tools { builder, names, warnings, .. } = tools;
    let catalog = builder.build();
    guard.review(&catalog).map_err(wrong)?;
    let guard = Arc::new(guard);
    let (limiter, learned) = (Arc::new(limiter), Mutex::default());
    let shared = Shared { guard, log, limiter, catalog, names, warnings, learned };
    Ok(External::new(Handle::new(Arc::new(shared))))
}

/// The policy of a plan.
pub fn policy_file(plan: &Plan) -> napi::Result<PolicyFile> {
    let file = match (&plan.toml, &plan.json) {
        (Some(text), _) => PolicyFile::parse("policy.toml", text),
        (None, Some(text)) => PolicyFile::parse("policy.json", text),
        (None, None) => PolicyFile::open(plan.policy.as_deref().unwrap_or("permissive")),
    };
    file.map_err(|error| failure("policy", &error.to_string()))
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

/// The tools of a plan, being compiled.
struct Tools {
    builder: CatalogBuilder,
    keep_unsupported: bool,
    names: Vec<Box<str>>,
    warnings: Vec<String>,
}

impl Tools {
    fn new(plan: &Plan) -> Self {
        let mut builder = Catalog::builder(Origin::Trusted);
        builder.assert_formats(plan.assert_formats);
        let keep_unsupported = plan.keep_unsupported;
        Self { builder, keep_unsupported, names: Vec::new(), warnings: Vec::new() }
    }

    fn add(&mut self, definition: ToolDefinition<'_>) -> napi::Result<()> {
        let name = definition.name;
        match self.builder.tool(definition) {
            Ok(warnings) => {
                self.warnings.extend(warnings.iter().map(|it| format!("{name:?}: {it}")));
            }
            Err(error) if self.keep_unsupported => {
                self.warnings.push(format!("{name:?} is not supported: {error}"));
            }
            Err(error) => {
                return Err(failure("tool", &format!("the tool {name:?}: {error}")));
            }
        }
        if !self.names.iter().any(|known| **known == *name) {
            self.names.push(name.into());
        }
        Ok(())
    }
}

/// Names of the compiled tools, whose places in the list are their numbers.
#[napi(catch_unwind)]
pub fn tool_names(handle: &External<Handle>) -> Vec<String> {
    handle.shared.names.iter().map(|name| name.to_string()).collect()
}

/// What may be wrong with the tools' schemas.
#[napi(catch_unwind)]
pub fn warnings(handle: &External<Handle>) -> Vec<String> {
    handle.shared.warnings.clone()
}

/// Names a tool that is none of the compiled ones, for the next calls about the tool `u32::MAX`.
#[napi(catch_unwind)]
pub fn name_tool(handle: &mut External<Handle>, name: String) {
    handle.other = name;
}

/// Says who makes the next calls.
#[napi(catch_unwind)]
pub fn set_caller(
    handle: &mut External<Handle>,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
) {
    let identity = Identity::new(agent, roles, tenant, handle.shared.guard.policy());
    handle.identity = identity;
}

/// Decides on a call whose arguments are the first `length` bytes of `io`. Code 0: it may run as it is; 1:
/// with the arguments in `io`; a refusal writes nothing.
#[napi(catch_unwind)]
pub fn check(
    handle: &mut External<Handle>,
    tool: u32,
    length: u32,
    now: f64,
    mut io: BufferSlice<'_>,
) -> f64 {
    let Handle { shared, scratch, other, identity, spill, .. } = &mut **handle;
    let arguments = io.get(..length as usize).unwrap_or(&[]);
    let (code, output) =
        decide(shared, scratch, other, identity, tool, arguments, now, |verdict| match verdict {
            Verdict::Allow(allowed) if allowed.is_changed() => {
                (1, Some(allowed.arguments().to_vec()))
            }
            Verdict::Allow(_) => (0, None),
            Verdict::Refuse(refusal) => (refused(refusal.reason()), None),
        });
    if length as usize > LARGE {
        scratch.shrink_to(LARGE);
    }
    match output {
        Some(output) => reply::with(code, &output, &mut io, spill),
        None => reply::plain(code, 0),
    }
}

/// Everything about the same decision, as JSON.
#[napi(catch_unwind)]
pub fn explain(
    handle: &mut External<Handle>,
    tool: u32,
    length: u32,
    now: f64,
    io: BufferSlice<'_>,
) -> String {
    let Handle { shared, scratch, other, identity, .. } = &mut **handle;
    let arguments = io.get(..length as usize).unwrap_or(&[]);
    decide(shared, scratch, other, identity, tool, arguments, now, |it| answer::verdict(&it))
}

#[expect(clippy::too_many_arguments, reason = "the fields of a handle, lent apart")]
fn decide<R>(
    shared: &Shared,
    scratch: &mut Scratch<'static>,
    other: &str,
    identity: &Identity,
    tool: u32,
    arguments: &[u8],
    now: f64,
    with: impl FnOnce(Verdict<'_>) -> R,
) -> R {
    let Shared { guard, catalog, .. } = shared;
    let tool = shared.names.get(tool as usize).map_or(other, |name| name);
    identity.with(|caller| {
        let call = Call { tool, arguments, caller, now: moment(now), ..Call::default() };
        with(guard.check_in(catalog, &call, scratch))
    })
}

/// Masks, then cuts the output of a tool, the first `length` bytes of `io`. Code 0: it may be shown as it
/// is; 1: what may be shown is in `io`; 3: the same, and something was cut off; a refusal is in `io`.
#[napi(catch_unwind)]
pub fn filter(
    handle: &mut External<Handle>,
    tool: u32,
    length: u32,
    is_json: bool,
    mut io: BufferSlice<'_>,
) -> f64 {
    let Handle { shared, scratch, other, spill, masked, .. } = &mut **handle;
    let name = shared.names.get(tool as usize).map_or(&**other, |name| name);
    let input = io.get(..length as usize).unwrap_or(&[]);
    let output = if is_json { Output::Json(input) } else { Output::Text(input) };
    *masked = 0;
    let (code, output) = match shared.guard.filter(name, output, scratch) {
        Ok(filtered) => {
            *masked = u32::try_from(filtered.masked).unwrap_or(u32::MAX);
            if filtered.masked == 0 && !filtered.truncated && filtered.bytes == input {
                return reply::plain(0, 0);
            }
            (if filtered.truncated { 3 } else { 1 }, filtered.bytes.to_vec())
        }
        Err(refusal) => (refused(refusal.reason()), refusal.json().to_vec()),
    };
    if length as usize > LARGE {
        scratch.shrink_to(LARGE);
    }
    reply::with(code, &output, &mut io, spill)
}

/// How many values the last [`filter`] masked.
#[napi(catch_unwind)]
pub fn masked(handle: &External<Handle>) -> u32 {
    handle.masked
}

/// Writes what did not fit into a buffer that is large enough.
#[napi(catch_unwind)]
pub fn take_spill(handle: &mut External<Handle>, mut io: BufferSlice<'_>) {
    reply::take(&mut io, &mut handle.spill);
}

/// The guards that threads may adopt. An entry does not keep its guard.
static SHARED: Mutex<BTreeMap<u32, Weak<Shared>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A number under which other threads can [`adopt`] this guard while this thread holds it.
#[napi(catch_unwind)]
pub fn share(handle: &External<Handle>) -> u32 {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.retain(|_, guard| guard.strong_count() > 0);
    let known = shared.iter().find(|(_, it)| it.as_ptr() == Arc::as_ptr(&handle.shared));
    if let Some((&number, _)) = known {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    shared.insert(number, Arc::downgrade(&handle.shared));
    number
}

/// The guard that another thread has shared; none when nobody holds it any more.
#[napi(catch_unwind)]
pub fn adopt(number: u32) -> Option<External<Handle>> {
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get(&number)?.upgrade().map(|shared| External::new(Handle::new(shared)))
}

/// The version of the addon, which must be that of the package.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Panics: proof that Node survives it.
#[napi(catch_unwind)]
#[allow(clippy::panic, reason = "it is what the test wants to see")]
pub fn panic_for_test() -> u32 {
    panic!("a test asked for it")
}

/// An error whose message begins with its kind, for TypeScript to make its classes of.
pub fn failure(kind: &str, message: &str) -> Error {
    Error::from_reason(format!("{kind}\n{message}"))
}
