//! The firewall of std: calls are charged and recorded, permits settled, outputs recorded, and the policy changed.
//!
//! Threads share a firewall; its permits stay in the thread that got them, under numbers, until the call has
//! ended or JavaScript has forgotten it. A settled call cannot be asked for again, so its details are rendered at
//! once and fetched after it. Where a store has to be asked, [`settle_later`] does so on the thread pool.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use airlock::core::{Call, Caller, Output as Shown, Verdict};
use airlock::firewall::{FirewallError, Running};
use airlock::reload::Live;
use airlock::{Firewall, Outcome};
use napi::bindgen_prelude::{AsyncTask, External};
use napi::{Env, Task};
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::plan::{Adjust, Foundation, Plan, Source, each_tool, failure, unmade};
use crate::relay;
use crate::reply::{Output, refused};
use crate::shares::Shares;
use crate::slots::{Owner, Slots};
use crate::text::Text;
use crate::work;

/// A firewall of the process.
struct Shared {
    live: Arc<Live>,
    /// Whether decisions may wait for a store.
    waits: bool,
    /// Of the policy that is in force; held while it is changed.
    source: Mutex<Source>,
    adjust: Adjust,
}

/// A firewall in one thread.
struct Post {
    shared: Arc<Shared>,
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
    fn keep(shared: Arc<Shared>) -> External<Owner> {
        let (identity, details, output) = (Identity::default(), String::new(), Output::default());
        let running = HashMap::new();
        let post = Self { shared, identity, details, masked: 0, output, running, last: 0 };
        let free = |slot| {
            // A thread that is ending has freed them all.
            let _ = POSTS.try_with(|posts| posts.free(slot));
        };
        Owner::of(POSTS.with(|posts| posts.add(post)), free)
    }

    /// The firewall under the policy that is in force.
    fn firewall(&self) -> Arc<Firewall> {
        self.shared.live.load()
    }

    /// Keeps a call that runs, under the number of its permit.
    fn run(&mut self, running: Option<Running>) -> u32 {
        if let Some(running) = running {
            self.last = self.last.wrapping_add(1);
            self.running.insert(self.last, running);
        }
        self.last
    }
}

/// Builds a firewall.
#[napi(catch_unwind)]
pub fn open_firewall(mut plan: Plan) -> napi::Result<External<Owner>> {
    let Foundation { builder, source, adjust, waits } = plan.lay(|guard| guard)?;
    let mut builder = Some(builder);
    each_tool(plan.tools.as_deref().unwrap_or("[]"), |tool| {
        let with = builder.take().map(|builder| builder.tool(tool)).transpose();
        builder =
            with.map_err(|error| failure("tool", &format!("the tool {:?}: {error}", tool.name)))?;
        Ok(())
    })?;
    let firewall = builder.unwrap_or_else(Firewall::builder).build().map_err(unmade)?;
    let live = Arc::new(Live::new(firewall));
    Ok(Post::keep(Arc::new(Shared { live, waits, source: Mutex::new(source), adjust })))
}

/// Puts another policy in force, or without one that which is in force, read anew.
#[napi(catch_unwind)]
pub fn reload_firewall(
    firewall: u32,
    policy: Option<String>,
    toml: Option<String>,
    json: Option<String>,
) -> napi::Result<()> {
    let shared = lend(firewall, |post| Arc::clone(&post.shared))?;
    let Shared { live, source, adjust, .. } = &*shared;
    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
    let next = Source::given(policy, toml, json).unwrap_or_else(|| source.clone());
    let open = || adjust.open(&next).map_err(FirewallError::Policy);
    live.reload_with(open).map_err(unmade)?;
    *source = next;
    Ok(())
}

/// Whether decisions may wait for a store.
#[napi(catch_unwind)]
pub fn firewall_waits(firewall: u32) -> napi::Result<bool> {
    lend(firewall, |post| post.shared.waits)
}

/// A connection of the server called `server`: see `relay`.
#[napi(catch_unwind)]
pub fn connect_firewall(
    firewall: u32,
    server: Option<String>,
    listens: bool,
) -> napi::Result<External<Owner>> {
    let live = lend(firewall, |post| Arc::clone(&post.shared.live))?;
    relay::open(&live, server.as_deref(), listens)
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
    lend(firewall, |post| post.identity = Identity::new(agent, roles, tenant, session))
}

/// What became of a call.
pub struct Answer {
    /// As of `check`.
    code: u32,
    details: String,
    /// The arguments to run with, where they are others.
    changed: Option<Vec<u8>>,
    /// The call, when it may run.
    running: Option<Running>,
}

fn ask(
    firewall: &Firewall,
    identity: &Identity,
    tool: &str,
    now: Option<u64>,
    arguments: &[u8],
) -> Answer {
    let session = identity.session();
    identity.with(|caller| {
        let call = Call { tool, arguments, caller, session, now, ..Call::default() };
        match firewall.call(&call) {
            Ok(permit) => {
                let allowed = permit.allowed();
                let details = answer::verdict(&Verdict::Allow(allowed));
                let changed = allowed.is_changed().then(|| allowed.arguments().to_vec());
                let running = Some(permit.into_running());
                Answer { code: u32::from(changed.is_some()), details, changed, running }
            }
            Err(barred) => {
                let refusal = barred.refusal();
                let details = answer::verdict(&Verdict::Refuse(refusal));
                Answer { code: refused(refusal.reason()), details, changed: None, running: None }
            }
        }
    })
}

/// Settles a call: checked, charged, recorded. Codes as of `check`; the permit of an allowed call is the number
/// that [`permit`] returns.
#[napi(catch_unwind)]
pub fn settle(firewall: u32, tool: String, now: f64, arguments: Text) -> napi::Result<u32> {
    lend(firewall, |post| {
        let answer = ask(&post.firewall(), &post.identity, &tool, moment(now), &arguments);
        let Answer { code, details, changed, running } = answer;
        post.details = details;
        if let Some(changed) = changed {
            post.output.set(&changed);
        }
        post.run(running);
        code
    })
}

/// [`settle`] on the thread pool.
#[napi(catch_unwind)]
pub fn settle_later(
    firewall: u32,
    tool: String,
    now: f64,
    arguments: Text,
) -> napi::Result<AsyncTask<Later>> {
    lend(firewall, |post| {
        let (firewall_now, identity) = (post.firewall(), post.identity.clone());
        let (now, arguments) = (moment(now), arguments.to_vec());
        AsyncTask::new(Later {
            slot: firewall,
            firewall: firewall_now,
            identity,
            tool,
            now,
            arguments,
        })
    })
}

/// A call that is settled elsewhere.
pub struct Later {
    slot: u32,
    firewall: Arc<Firewall>,
    identity: Identity,
    tool: String,
    now: Option<u64>,
    arguments: Vec<u8>,
}

/// What became of it.
#[napi(object, object_from_js = false)]
pub struct SettledLater {
    /// As of [`settle`].
    pub code: u32,
    /// The number of the permit, when it may run.
    pub permit: u32,
    /// Everything about it, as JSON.
    pub details: String,
    /// The arguments to run with, where they are others.
    pub changed: Option<String>,
}

impl Task for Later {
    type Output = Answer;
    type JsValue = SettledLater;

    fn compute(&mut self) -> napi::Result<Answer> {
        let Self { firewall, identity, tool, now, arguments, .. } = self;
        work::apart(|| ask(firewall, identity, tool, *now, arguments))
    }

    fn resolve(&mut self, _: Env, answer: Answer) -> napi::Result<SettledLater> {
        let Answer { code, details, changed, running } = answer;
        let permit = lend(self.slot, |post| post.run(running))?;
        let changed = changed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(SettledLater { code, permit, details, changed })
    }
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
        post.firewall().end_session(&caller, &session);
    })
}

/// How many calls run, and how those that ended did: running, ok, failed, unknown, refused.
#[napi(catch_unwind)]
pub fn calls(firewall: u32) -> napi::Result<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
    lend(firewall, |post| {
        let calls = post.firewall().calls();
        [calls.running, calls.ok, calls.failed, calls.unknown, calls.refused]
            .map(|count| count as f64)
            .to_vec()
    })
}

/// Masks, cuts and records the output of a tool; answers as `filter` of a guard.
#[napi(catch_unwind)]
pub fn show(firewall: u32, tool: String, is_json: bool, text: Text) -> napi::Result<u32> {
    lend(firewall, |post| {
        let firewall = post.firewall();
        let Post { output, masked, .. } = post;
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
    lend(firewall, |post| post.firewall().kill_switch().set(on))
}

/// The firewalls that threads may adopt.
static SHARED: Shares<Shared> = Shares::new();

/// A number under which other threads can [`adopt_firewall`] while this thread holds it.
#[napi(catch_unwind)]
pub fn share_firewall(firewall: u32) -> napi::Result<u32> {
    lend(firewall, |post| SHARED.number(&post.shared))
}

/// The firewall that another thread has shared; none when nobody holds it any more.
#[napi(catch_unwind)]
pub fn adopt_firewall(number: u32) -> Option<External<Owner>> {
    SHARED.find(number).map(Post::keep)
}
