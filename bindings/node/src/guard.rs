//! Compiling a guard, and asking it.
//!
//! What is compiled is shared: by every thread that adopts it, for as long as one thread holds it. What a
//! call writes to belongs to the thread, which finds it by a number. A check costs its own work and about
//! 0.1 µs of the boundary.

use std::sync::Arc;

use airlock::Firewall;
use airlock::core::{
    Call, Catalog, CatalogBuilder, Guard, Origin, Output as Shown, Scratch, ToolDefinition, Verdict,
};
use airlock::reload::Live;
use napi::bindgen_prelude::{External, Uint8Array};
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::plan::{Foundation, Plan, each_tool, failure, unmade};
use crate::relay;
use crate::reply::{Output, refused};
use crate::shares::Shares;
use crate::slots::{Owner, Slots};
use crate::text::Text;

/// A call above this many bytes gives the memory that it took back.
const LARGE: usize = 1 << 20;

/// What is compiled.
struct Shared {
    /// Where connections are made.
    live: Arc<Live>,
    /// The same, for whoever only asks.
    firewall: Arc<Firewall>,
    /// Whether decisions of connections may wait for a store.
    waits: bool,
    names: Vec<Box<str>>,
    warnings: Vec<String>,
}

/// A guard in one thread.
struct Handle {
    shared: Arc<Shared>,
    scratch: Scratch<'static>,
    other: String,
    identity: Identity,
    masked: u32,
    output: Output,
}

thread_local! {
    static GUARDS: Slots<Handle> = const { Slots::new() };
}

/// Calls `with` on the guard in `slot`.
fn lend<R>(slot: u32, with: impl FnOnce(&mut Handle) -> R) -> napi::Result<R> {
    GUARDS.with(|guards| guards.lend(slot, with))
}

impl Handle {
    fn keep(shared: Arc<Shared>) -> External<Owner> {
        let scratch = shared.guard().scratch();
        let (other, identity, output) = (String::new(), Identity::default(), Output::default());
        let handle = Self { shared, scratch, other, identity, masked: 0, output };
        let free = |slot| {
            // A thread that is ending has freed them all.
            let _ = GUARDS.try_with(|guards| guards.free(slot));
        };
        Owner::of(GUARDS.with(|guards| guards.add(handle)), free)
    }
}

impl Shared {
    fn guard(&self) -> &Guard {
        self.firewall.guard()
    }
}

/// Compiles a guard.
#[napi(catch_unwind)]
pub fn compile(mut plan: Plan) -> napi::Result<External<Owner>> {
    let mut tools = Tools::new(&plan);
    if let Some(text) = &plan.tools {
        each_tool(text, |tool| tools.add(tool))?;
    }
    let Tools { builder: catalog, names, warnings, .. } = tools;
    let Foundation { builder, waits, .. } = plan.lay(|guard| guard.catalog(catalog.build()))?;
    let live = Arc::new(Live::new(builder.build().map_err(unmade)?));
    let firewall = live.load();
    Ok(Handle::keep(Arc::new(Shared { live, firewall, waits, names, warnings })))
}

/// A connection of the server called `server`: see `relay`.
#[napi(catch_unwind)]
pub fn connect(guard: u32, server: Option<String>, listens: bool) -> napi::Result<External<Owner>> {
    let live = lend(guard, |handle| Arc::clone(&handle.shared.live))?;
    relay::open(&live, server.as_deref(), listens)
}

/// Whether decisions of connections may wait for a store.
#[napi(catch_unwind)]
pub fn waits(guard: u32) -> napi::Result<bool> {
    lend(guard, |handle| handle.shared.waits)
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
pub fn tool_names(guard: u32) -> napi::Result<Vec<String>> {
    lend(guard, |handle| handle.shared.names.iter().map(|name| name.to_string()).collect())
}

/// What may be wrong with the tools' schemas.
#[napi(catch_unwind)]
pub fn warnings(guard: u32) -> napi::Result<Vec<String>> {
    lend(guard, |handle| handle.shared.warnings.clone())
}

/// Whether the policy has windows of time, so that the moment of a call matters.
#[napi(catch_unwind)]
pub fn has_windows(guard: u32) -> napi::Result<bool> {
    lend(guard, |handle| handle.shared.guard().policy().windows().next().is_some())
}

/// Names a tool that is none of the compiled ones, for the next calls about the tool `u32::MAX`.
#[napi(catch_unwind)]
pub fn name_tool(guard: u32, name: String) -> napi::Result<()> {
    lend(guard, |handle| handle.other = name)
}

/// Says who makes the next calls.
#[napi(catch_unwind)]
pub fn set_caller(
    guard: u32,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
    session: Option<String>,
) -> napi::Result<()> {
    lend(guard, |handle| {
        let identity = Identity::new(agent, roles, tenant, session);
        handle.identity = identity.known_to(handle.shared.guard().policy());
    })
}

/// Decides on a call. Code 0: it may run as it is; 1: with the arguments that were written; else a refusal.
#[napi(catch_unwind)]
pub fn check(guard: u32, tool: u32, now: f64, arguments: Text) -> napi::Result<u32> {
    lend(guard, |handle| {
        let Handle { shared, scratch, other, identity, output, .. } = handle;
        let code =
            decide(
                shared,
                scratch,
                other,
                identity,
                tool,
                &arguments,
                now,
                |verdict| match verdict {
                    Verdict::Allow(allowed) if allowed.is_changed() => {
                        output.set(allowed.arguments());
                        1
                    }
                    Verdict::Allow(_) => 0,
                    Verdict::Refuse(refusal) => refused(refusal.reason()),
                },
            );
        if arguments.len() > LARGE {
            scratch.shrink_to(LARGE);
        }
        code
    })
}

/// Everything about the same decision, as JSON.
#[napi(catch_unwind)]
pub fn explain(guard: u32, tool: u32, now: f64, arguments: Text) -> napi::Result<String> {
    lend(guard, |handle| {
        let Handle { shared, scratch, other, identity, .. } = handle;
        decide(shared, scratch, other, identity, tool, &arguments, now, |it| answer::verdict(&it))
    })
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
    let tool = shared.names.get(tool as usize).map_or(other, |name| name);
    let session = identity.session();
    identity.with(|caller| {
        let call = Call { tool, arguments, caller, session, now: moment(now), ..Call::default() };
        with(shared.guard().check(&call, scratch))
    })
}

/// Masks, then cuts the output of a tool. Code 0: it may be shown as it is; 1: what may be shown was written;
/// 3: the same, and something was cut off; else a refusal was written.
#[napi(catch_unwind)]
pub fn filter(guard: u32, tool: u32, is_json: bool, text: Text) -> napi::Result<u32> {
    lend(guard, |handle| {
        let Handle { shared, scratch, other, masked, output, .. } = handle;
        let name = shared.names.get(tool as usize).map_or(&**other, |name| name);
        let shown = if is_json { Shown::Json(&text) } else { Shown::Text(&text) };
        *masked = 0;
        let code = match shared.guard().filter(name, shown, scratch) {
            Ok(filtered) => {
                *masked = u32::try_from(filtered.masked).unwrap_or(u32::MAX);
                if filtered.masked == 0 && !filtered.truncated && filtered.bytes == &*text {
                    return 0;
                }
                output.set(filtered.bytes);
                if filtered.truncated { 3 } else { 1 }
            }
            Err(refusal) => {
                output.set(refusal.json());
                refused(refusal.reason())
            }
        };
        if text.len() > LARGE {
            scratch.shrink_to(LARGE);
        }
        code
    })
}

/// How many values the last [`filter`] masked.
#[napi(catch_unwind)]
pub fn masked(guard: u32) -> napi::Result<u32> {
    lend(guard, |handle| handle.masked)
}

/// What the last call has written, once.
#[napi(catch_unwind)]
pub fn take_text(guard: u32) -> napi::Result<String> {
    lend(guard, |handle| handle.output.text())
}

/// The same, as bytes.
#[napi(catch_unwind)]
pub fn take_bytes(guard: u32) -> napi::Result<Uint8Array> {
    lend(guard, |handle| handle.output.bytes())
}

/// The guards that threads may adopt.
static SHARED: Shares<Shared> = Shares::new();

/// A number under which other threads can [`adopt`] this guard while this thread holds it.
#[napi(catch_unwind)]
pub fn share(guard: u32) -> napi::Result<u32> {
    lend(guard, |handle| SHARED.number(&handle.shared))
}

/// The guard that another thread has shared; none when nobody holds it any more.
#[napi(catch_unwind)]
pub fn adopt(number: u32) -> Option<External<Owner>> {
    SHARED.find(number).map(Handle::keep)
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
