//! The firewall of std: calls are charged and recorded, outputs recorded.
//!
//! What a call was charged with stays charged, however it ends, so a call is settled here and no permit
//! crosses the boundary. A settled call cannot be asked for again, so its details are rendered at once and
//! fetched after it.

use std::path::Path;

use airlock::Firewall;
use airlock::core::{Call, Output, Verdict};
use airlock::firewall::FirewallError;
use napi::bindgen_prelude::{BufferSlice, External};
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::guard::{Plan, each_tool, failure, policy_file};
use crate::reply::{self, refused};

/// A firewall in one thread.
pub struct Post {
    firewall: Firewall,
    identity: Identity,
    details: String,
    masked: u32,
    spill: Vec<u8>,
}

/// Builds a firewall.
#[napi(catch_unwind)]
pub fn open_firewall(plan: Plan, kill_file: Option<String>) -> napi::Result<External<Post>> {
    let mut builder = Firewall::builder().policy(policy_file(&plan)?);
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
    let firewall = builder.unwrap_or_else(Firewall::builder).build().map_err(|error| {
        let kind = if matches!(error, FirewallError::Audit(_)) { "audit" } else { "policy" };
        failure(kind, &error.to_string())
    })?;
    let (identity, details, spill) = (Identity::default(), String::new(), Vec::new());
    Ok(External::new(Post { firewall, identity, details, masked: 0, spill }))
}

/// Says who makes the next calls.
#[napi(catch_unwind)]
pub fn set_firewall_caller(
    post: &mut External<Post>,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
) {
    let identity = Identity::new(agent, roles, tenant, post.firewall.policy());
    post.identity = identity;
}

/// Settles a call whose arguments are the first `length` bytes of `io`: checked, charged, recorded. Codes
/// as of `check`.
#[napi(catch_unwind)]
pub fn settle(
    post: &mut External<Post>,
    tool: String,
    length: u32,
    now: f64,
    mut io: BufferSlice<'_>,
) -> f64 {
    let Post { firewall, identity, details, spill, .. } = &mut **post;
    let arguments = io.get(..length as usize).unwrap_or(&[]);
    let (code, output) = identity.with(|caller| {
        let call = Call { tool: &tool, arguments, caller, now: moment(now), ..Call::default() };
        match firewall.call(&call) {
            Ok(permit) => {
                let allowed = permit.allowed();
                *details = answer::verdict(&Verdict::Allow(allowed));
                let changed = allowed.is_changed();
                (u8::from(changed), changed.then(|| allowed.arguments().to_vec()))
            }
            Err(barred) => {
                let refusal = barred.refusal();
                *details = answer::verdict(&Verdict::Refuse(refusal));
                (refused(refusal.reason()), None)
            }
        }
    });
    match output {
        Some(output) => reply::with(code, &output, &mut io, spill),
        None => reply::plain(code, 0),
    }
}

/// Everything about the call that was settled last, as JSON.
#[napi(catch_unwind)]
pub fn settled(post: &mut External<Post>) -> String {
    std::mem::take(&mut post.details)
}

/// Masks, cuts and records the output of a tool; answers as `filter` of a guard.
#[napi(catch_unwind)]
pub fn show(
    post: &mut External<Post>,
    tool: String,
    length: u32,
    is_json: bool,
    mut io: BufferSlice<'_>,
) -> f64 {
    let Post { firewall, spill, masked, .. } = &mut **post;
    let input = io.get(..length as usize).unwrap_or(&[]);
    let output = if is_json { Output::Json(input) } else { Output::Text(input) };
    *masked = 0;
    let (code, output) = match firewall.filter(&tool, output) {
        Ok(shown) => {
            *masked = u32::try_from(shown.masked()).unwrap_or(u32::MAX);
            if shown.is_unchanged() {
                return reply::plain(0, 0);
            }
            (if shown.is_truncated() { 3 } else { 1 }, shown.bytes().to_vec())
        }
        Err(barred) => (refused(barred.reason()), barred.json().to_vec()),
    };
    reply::with(code, &output, &mut io, spill)
}

/// How many values the last [`show`] masked.
#[napi(catch_unwind)]
pub fn masked_by_firewall(post: &External<Post>) -> u32 {
    post.masked
}

/// Writes what did not fit into a buffer that is large enough.
#[napi(catch_unwind)]
pub fn take_firewall_spill(post: &mut External<Post>, mut io: BufferSlice<'_>) {
    reply::take(&mut io, &mut post.spill);
}

/// Halts every call, or lets calls go on.
#[napi(catch_unwind)]
pub fn halt(post: &External<Post>, on: bool) {
    post.firewall.kill_switch().set(on);
}
