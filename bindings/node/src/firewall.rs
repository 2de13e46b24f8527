//! The firewall of std: calls are charged and recorded, permits settled, outputs recorded.
//!
//! Threads share a firewall; its permits stay in the thread that got them, under numbers, until the call has
//! ended or JavaScript has forgotten it. A settled call cannot be asked for again, so its details are rendered at
//! once and fetched after it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use airlock::core::{Call, Caller, Output as Shown, Verdict};
use airlock::firewall::Running;
use airlock::{Firewall, Outcome};
use napi::bindgen_prelude::External;
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::guard::{Plan, each_tool, failure, guard_builder, policy_file, unmade};
use crate::reply::{Output, refused};
use crate::shares::Shares;
use crate::slots::{Owner, Slots};
use crate::text::Text;

/// A firewall in one thread.
struct Post {
    firewall: Arc<Firewall>,
    identity: Identity,
    details: String,
    masked: u32,
    output: Output,
    /// The calls that run, by the numbers of their permits.
    running: HashMap<u32, Running>,
    last: u32,
}

thread_local! {
    static POSTS: Slots<Post> = const { Slots::new() };
}

fn lend<R>(slot: u32, with: impl FnOnce(&mut Post) -> R) -> napi::Result<R> {
    POSTS.with(|posts| posts.lend(slot, with))
}

impl Post {
    fn keep(firewall: Arc<Firewall>) -> External<Owner> {
        let (identity, details, output) = (Identity::default(), String::new(), Output::default());
        let running = HashMap::new();
        let post = Self { firewall, identity, details, masked: 0, output, running, last: 0 };
        let free = |slot| {
            // A thread that is ending has freed them all.
            let _ = POSTS.try_with(|posts| posts.free(slot));
        };
        Owner::of(POSTS.with(|posts| posts.add(post)), free)
    }
}

/// Builds a firewall.
#[napi(catch_unwind)]
pub fn open_firewall(plan: Plan, kill_file: Option<String>) -> napi::Result<External<Owner>> {
    let mut builder = Firewall::builder().guard(guard_builder(&plan)?).policy(policy_file(&plan)?);
    if let Some(path) = &plan.audit {
        builder = builder.audit_file(Path::new(path));
    }
    if let Some(path) = &kill_file {
        builder = builder.kill_file(Path::new(path));
    }
    let mut builder = Some(builder);
    each_tool(plan.tools.as_deref().unwrap_or("[]"), |tool| {
        let with = builder.take().map(|builder| builder.tool(tool)).transpose();
        builder =
            with.map_err(|error| failure("tool", &format!("the tool {:?}: {error}", tool.name)))?;
        Ok(())
    })?;
    let firewall = builder.unwrap_or_else(Firewall::builder).build().map_err(unmade)?;
    Ok(Post::keep(Arc::new(firewall)))
}

/// Says who makes the next calls, in which session.
#[napi(catch_unwind)]
pub fn set_firewall_caller(
    firewall: u32,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
    session: Option<String>,
) -> napi::Result<()> {
    lend(firewall, |post| {
        post.identity = Identity::new(agent, roles, tenant, session, post.firewall.policy());
    })
}

/// Settles a call: checked, charged, recorded. Codes as of `check`; the permit of an allowed call is the number
/// that [`permit`] returns.
#[napi(catch_unwind)]
pub fn settle(firewall: u32, tool: String, now: f64, arguments: Text) -> napi::Result<u32> {
    lend(firewall, |post| {
        let Post { firewall, identity, details, output, running, last, .. } = post;
        let session = identity.session();
        identity.with(|caller| {
            let (tool, arguments) = (&*tool, &*arguments);
            let now = moment(now);
            let call = Call { tool, arguments, caller, session, now, ..Call::default() };
            match firewall.call(&call) {
                Ok(permit) => {
                    let allowed = permit.allowed();
                    *details = answer::verdict(&Verdict::Allow(allowed));
                    let is_changed = allowed.is_changed();
                    if is_changed {
                        output.set(allowed.arguments());
                    }
                    *last = last.wrapping_add(1);
                    running.insert(*last, permit.into_running());
                    u32::from(is_changed)
                }
                Err(barred) => {
                    let refusal = barred.refusal();
                    *details = answer::verdict(&Verdict::Refuse(refusal));
                    refused(refusal.reason())
                }
            }
        })
    })
}

/// Everything about the call that was settled last, as JSON.
#[napi(catch_unwind)]
pub fn settled(firewall: u32) -> napi::Result<String> {
    lend(firewall, |post| std::mem::take(&mut post.details))
}

/// The number of the permit that was given last.
#[napi(catch_unwind)]
pub fn permit(firewall: u32) -> napi::Result<u32> {
    lend(firewall, |post| post.last)
}

/// Ends a call: 0 the tool did what it was asked, 1 it did nothing, else nobody knows. Only the first end counts.
#[napi(catch_unwind)]
pub fn finish(firewall: u32, permit: u32, outcome: u32) -> napi::Result<()> {
    lend(firewall, |post| {
        if let Some(running) = post.running.remove(&permit) {
            running.finish(match outcome {
                0 => Outcome::Ok,
                1 => Outcome::Failed,
                _ => Outcome::Unknown,
            });
        }
    })
}

/// Forgets a session: the next call that names it begins another.
#[napi(catch_unwind)]
pub fn end_session(
    firewall: u32,
    agent: Option<String>,
    tenant: Option<String>,
    session: String,
) -> napi::Result<()> {
    lend(firewall, |post| {
        let caller = Caller { agent: agent.as_deref(), roles: &[], tenant: tenant.as_deref() };
        post.firewall.end_session(&caller, &session);
    })
}

/// How many calls run, and how those that ended did: running, ok, failed, unknown, refused.
#[napi(catch_unwind)]
pub fn calls(firewall: u32) -> napi::Result<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
    lend(firewall, |post| {
        let calls = post.firewall.calls();
        [calls.running, calls.ok, calls.failed, calls.unknown, calls.refused]
            .map(|count| count as f64)
            .to_vec()
    })
}

/// Masks, cuts and records the output of a tool; answers as `filter` of a guard.
#[napi(catch_unwind)]
pub fn show(firewall: u32, tool: String, is_json: bool, text: Text) -> napi::Result<u32> {
    lend(firewall, |post| {
        let Post { firewall, output, masked, .. } = post;
        let shown = if is_json { Shown::Json(&text) } else { Shown::Text(&text) };
        *masked = 0;
        match firewall.filter(&tool, shown) {
            Ok(shown) => {
                *masked = u32::try_from(shown.masked()).unwrap_or(u32::MAX);
                if shown.is_unchanged() {
                    return 0;
                }
                output.set(shown.bytes());
                if shown.is_truncated() { 3 } else { 1 }
            }
            Err(barred) => {
                output.set(barred.json());
                refused(barred.reason())
            }
        }
    })
}

/// How many values the last [`show`] masked.
#[napi(catch_unwind)]
pub fn masked_by_firewall(firewall: u32) -> napi::Result<u32> {
    lend(firewall, |post| post.masked)
}

/// What the last call has written, once.
#[napi(catch_unwind)]
pub fn take_firewall_text(firewall: u32) -> napi::Result<String> {
    lend(firewall, |post| post.output.text())
}

/// Halts every call, or lets calls go on.
#[napi(catch_unwind)]
pub fn halt(firewall: u32, on: bool) -> napi::Result<()> {
    lend(firewall, |post| post.firewall.kill_switch().set(on))
}

/// The firewalls that threads may adopt.
static SHARED: Shares<Firewall> = Shares::new();

/// A number under which other threads can [`adopt_firewall`] while this thread holds it.
#[napi(catch_unwind)]
pub fn share_firewall(firewall: u32) -> napi::Result<u32> {
    lend(firewall, |post| SHARED.number(&post.firewall))
}

/// The firewall that another thread has shared; none when nobody holds it any more.
#[napi(catch_unwind)]
pub fn adopt_firewall(number: u32) -> Option<External<Owner>> {
    SHARED.find(number).map(Post::keep)
}
