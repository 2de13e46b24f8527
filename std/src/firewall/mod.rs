//! Everything together: policy, tools, clock, limits, kill switch and audit behind two questions.
//!
//! ```text
//! call ─ identity ─ guard: check, then charge ─ audit ─▶ Permit (arguments) │ Refused (for the model)
//! output ─ guard: mask, then cut ─ audit ─▶ Shown │ Refused
//! ```
//!
//! A [`Firewall`] is what a program or a binding holds: any number of threads ask it at once, nothing
//! waits for anything but the audit and, where the policy has rules about sessions, the decision on another
//! call of the same session; no call allocates once the pool has as many desks as calls run at a time. What
//! is not recorded does not pass.

mod builder;
mod connection;
mod permit;
mod pool;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use airlock_core::mcp::{self, Direction, Event};
use airlock_core::policy::{KillSwitch, Policy, UnknownTool};
use airlock_core::{Call, Caller, Catalog, Guard, Outcome, Output, Reason, Scratch, Settled};

use crate::audit::{AuditLog, Places};
use crate::clock::Clock;
#[cfg(feature = "redis")]
use crate::kill::KillKey;
use crate::kill::{Cause, KillFile};
use crate::limit::Keeper;
use crate::observe::{self, CallSpan, Incidents, Metrics, Traces};
use crate::policy::PolicyFile;
use crate::session::{self, Full, Sessions, Shared, millis};
pub use builder::{FirewallBuilder, FirewallError};
pub use connection::Connection;
pub use permit::{Permit, Refused, Running, Shown};
use pool::{Desk, Lease, Pool};

/// As many roles of an agent are handed over without allocating.
const FEW_ROLES: usize = 16;
/// Most servers of which the tools are remembered.
const MOST_SERVERS: usize = 256;

/// A firewall for the tool calls of one program.
///
/// ```
/// use airlock::core::{Call, Caller, Output, ToolDefinition};
/// use airlock::policy::PolicyFile;
/// use airlock::{Firewall, Outcome};
///
/// let policy = PolicyFile::parse("policy.toml", r#"
///     allowed_tools = ["get_*"]
///     rate_limits = { "*" = "1/hour" }
/// "#)?;
/// let firewall = Firewall::builder()
///     .policy(policy)
///     .tool(ToolDefinition {
///         name: "get_user",
///         input_schema: br#"{"type":"object","properties":{"id":{"type":"integer"}}}"#,
///         output_schema: None,
///     })?
///     .build()?;
///
/// let caller = Caller { agent: Some("ci-bot"), ..Caller::default() };
/// let call = Call { tool: "get_user", arguments: br#"{"id":7}"#, caller, ..Call::default() };
/// match firewall.call(&call) {
///     Ok(permit) => {
///         assert_eq!(permit.arguments(), br#"{"id":7}"#);
///         // The tool runs here, with these arguments.
///         permit.finish(Outcome::Ok);
///     }
///     Err(refused) => panic!("{}", refused.reason().name()),
/// }
/// let refused = firewall.call(&call).err().ok_or("the limit is used up")?;
/// assert_eq!(refused.refusal().retry_after_ms(), Some(3_600_000));
///
/// let shown = firewall.filter("get_user", Output::Text(b"password=Tr0ub4dor&3"));
/// assert_eq!(shown.map_err(|_| "nothing to show")?.bytes(), b"password=[REDACTED]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Firewall {
    guard: Arc<Guard>,
    limiter: Arc<dyn Keeper>,
    clock: Arc<dyn Clock>,
    audit: AuditLog,
    kill_switch: KillSwitch,
    kill_file: Option<KillFile>,
    pin_file: Option<PathBuf>,
    /// Watched as long as one of the firewalls lives that succeed each other.
    #[cfg(feature = "redis")]
    _kill_key: Option<Arc<KillKey>>,
    sessions: Arc<Sessions>,
    /// The tools of live servers, compiled for this guard, by the names of the servers.
    learned: Mutex<HashMap<Box<str>, Arc<Catalog>>>,
    pool: Arc<Pool>,
    tally: Arc<Tally>,
    metrics: Option<Metrics>,
    traces: Option<Traces>,
}

/// How many calls run, and how those that ended did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Permits that are not finished.
    pub running: u64,
    /// Finished with [`crate::Outcome::Ok`].
    pub ok: u64,
    /// Finished with [`crate::Outcome::Failed`].
    pub failed: u64,
    /// Finished with [`crate::Outcome::Unknown`], or dropped.
    pub unknown: u64,
    /// Refused calls.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct Tally {
    running: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
    /// Calls that connections have passed on and that are not answered.
    relayed: AtomicU64,
}

impl observe::Calls for Tally {
    fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed) + self.relayed.load(Ordering::Relaxed)
    }
}

impl Firewall {
    /// A firewall under the preset or policy file that `policy` names, without tools: for a policy that
    /// passes calls of unknown tools on. Others [build](Self::builder) one with their tools.
    ///
    /// # Errors
    /// As [`FirewallBuilder::build`], and what is wrong with the policy.
    pub fn open(policy: &str) -> Result<Self, FirewallError> {
        Self::builder().open(policy)?.build()
    }

    /// Starts a firewall; without a policy it has the preset `permissive`.
    #[must_use]
    pub fn builder() -> FirewallBuilder {
        FirewallBuilder::new()
    }

    /// A firewall under the policy in `file` with everything else from this one: tools, clock, audit log, kill
    /// switch, metrics, counters and sessions. Limits count on, see [`Keeper::succeed`], and sessions remember,
    /// see [`Policy::succeed`]. Both can be asked at once.
    ///
    /// # Errors
    /// What is wrong with the policy, as [`FirewallBuilder::build`]; or that it wants another audit or
    /// another store than those that are open.
    pub fn succeed(&self, file: PolicyFile) -> Result<Self, FirewallError> {
        let (ours, next) = (self.policy(), file.policy());
        if ours.audit() != next.audit() {
            return Err(FirewallError::AuditChanged);
        }
        if ours.store() != next.store() {
            return Err(FirewallError::StoreChanged);
        }
        if file.policy().settings().needs_audit && !self.audit.is_kept() {
            return Err(FirewallError::NoAudit);
        }
        let audit = self.audit.with_places(Places::of(&file));
        let (policy, sources) = file.into_parts();
        let guard = self.guard.succeed(policy);
        let guard = guard.map_err(|error| FirewallError::Guard(sources.explain(&error)))?;
        // Last, for this is where something changes for others.
        let limiter = self.limiter.succeed(guard.policy()).map_err(FirewallError::Limit)?;
        Ok(Self {
            guard: Arc::new(guard),
            limiter,
            clock: Arc::clone(&self.clock),
            audit,
            kill_switch: self.kill_switch.clone(),
            kill_file: self.kill_file.clone(),
            pin_file: self.pin_file.clone(),
            #[cfg(feature = "redis")]
            _kill_key: self._kill_key.clone(),
            sessions: Arc::clone(&self.sessions),
            learned: Mutex::default(),
            pool: Arc::clone(&self.pool),
            tally: Arc::clone(&self.tally),
            metrics: self.metrics.clone(),
            traces: self.traces.clone(),
        })
    }

    /// Decides on a call, charges and records it. A caller with a name that `[agents]` of the policy knows
    /// has the roles and the tenant from there, unless the call says others; the moment is that of the
    /// firewall's clock, unless the call says another. Where the policy has rules about sessions, the call
    /// belongs to the session of its tenant, its agent and [`Call::session`], and to none without the last.
    ///
    /// # Errors
    /// The refusal: what to tell the model in place of a result.
    pub fn call<'a>(&'a self, call: &Call<'a>) -> Result<Permit<'a>, Refused<'a>> {
        let started = Instant::now();
        self.poll_kill_file();
        let arguments = call.arguments;
        let (mut few, mut many) = ([""; FEW_ROLES], Vec::new());
        let caller = self.identify(call.caller, &mut few, &mut many);
        let now = call.now.or_else(|| self.clock.now());
        let call = &Call { caller, now, ..*call };
        let mut lease = self.pool.lease();
        let mut span = CallSpan::new(self.guard.has_tool(call.tool).then_some(call.tool));
        let Desk { scratch, text } = lease.desk();
        let (session, settled) = match self.session(call, text) {
            Ok(session) => {
                let settled = self.settle(call, session.as_ref(), scratch);
                (session, settled)
            }
            Err(Full) => {
                (None, Settled::Refuse(self.guard.refuse(Reason::SessionRule, call, scratch)))
            }
        };
        let recorded = self.record(&settled, call, started, &lease, &mut span);
        match settled {
            Settled::Allow(cleared) if recorded => {
                let hold = cleared.hold().map(|hold| (Arc::clone(&self.limiter), hold));
                let running =
                    Running::new(&self.tally, session.zip(cleared.ticket()), span).holding(hold);
                Ok(Permit { lease, cleared, arguments, running })
            }
            // What may not be recorded may not run.
            Settled::Allow(cleared) => {
                if let Some((session, ticket)) = session.zip(cleared.ticket()) {
                    session::lock(&session).cancel(ticket);
                }
                if let Some(hold) = cleared.hold() {
                    self.limiter.settle(hold, Outcome::Failed);
                }
                Err(self.refuse(Reason::InternalError, call, lease))
            }
            Settled::Refuse(barred) => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                Err(Refused { lease, barred })
            }
        }
    }

    /// Ends the session called `session` of a caller: what it remembers is forgotten, and the next call that
    /// names it begins another. One that nobody ends is over when it was idle for as long as the policy says.
    pub fn end_session(&self, caller: &Caller<'_>, session: &str) {
        let (mut few, mut many) = ([""; FEW_ROLES], Vec::new());
        let caller = self.identify(*caller, &mut few, &mut many);
        let mut key = Vec::new();
        session::write_key(&caller, session, &mut key);
        self.sessions.end(&key);
    }

    /// How many sessions are kept.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Masks, then cuts the output of `tool`, and records it.
    ///
    /// # Errors
    /// The refusal to show in its place; nothing of the output may be shown.
    pub fn filter<'a>(&'a self, tool: &str, output: Output<'a>) -> Result<Shown<'a>, Refused<'a>> {
        let started = Instant::now();
        let call = &Call { tool, ..Call::default() };
        let input = match output {
            Output::Text(bytes) | Output::Json(bytes) => bytes,
        };
        let mut lease = self.pool.lease();
        let Desk { scratch, text } = lease.desk();
        let filtered = self.guard.filter(tool, output, scratch);
        let outcome = match &filtered {
            Ok(filtered) => {
                let &airlock_core::Filtered { counts: masked, truncated, hidden, stripped, .. } =
                    filtered;
                mcp::Outcome::Filtered { masked, truncated, hidden, stripped, output }
            }
            Err(refusal) => mcp::Outcome::Refused(refusal),
        };
        let declared = self.guard.declared(tool);
        let event =
            Event { tool: Some(tool), declared, ..Event::new(Direction::ToClient, outcome) };
        let recorded = self.audit.record(&event, started).is_ok();
        let took = started.elapsed();
        let words = observe::observe(self.metrics.as_ref(), &event, took, recorded);
        CallSpan::told_output(self.traces.as_ref(), &event, words, took);
        let (truncated, masked, unchanged) = match filtered {
            Ok(filtered) if recorded => {
                let unchanged = std::ptr::eq(filtered.bytes, input);
                if !unchanged {
                    text.clear();
                    text.extend_from_slice(filtered.bytes);
                }
                (filtered.truncated, filtered.masked, unchanged)
            }
            Ok(_) => return Err(self.refuse(Reason::InternalError, call, lease)),
            Err(refusal) => {
                let reason = refusal.reason();
                return Err(self.refuse(reason, call, lease));
            }
        };
        Ok(Shown { lease, input: unchanged.then_some(input), truncated, masked })
    }

    /// The policy and the tools, for questions that are neither charged nor recorded.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.guard.policy()
    }

    /// The switch that halts every call; with a kill file it is the file that turns it.
    #[must_use]
    pub const fn kill_switch(&self) -> &KillSwitch {
        &self.kill_switch
    }

    /// The audit log, to [reopen](AuditLog::reopen) or [close](AuditLog::close) it.
    #[must_use]
    pub const fn audit(&self) -> &AuditLog {
        &self.audit
    }

    pub(crate) const fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// How many calls run and ran. The numbers are read one after the other, while calls go on.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let Tally { running, ok, failed, unknown, refused, relayed: _ } = &*self.tally;
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Calls {
            running: read(running),
            ok: read(ok),
            failed: read(failed),
            unknown: read(unknown),
            refused: read(refused),
        }
    }

    /// Looks for the kill file, and tells when it came or went; whether it did.
    fn poll_kill_file(&self) -> bool {
        let Some(came) = self.kill_file.as_ref().and_then(KillFile::turn) else { return false };
        let incidents = Incidents::new(&self.audit, self.metrics.clone());
        incidents.halt(Cause::File, came, self.kill_switch.is_on());
        true
    }

    /// What was learned of the tools of the server with this name.
    fn learned(&self, server: &str) -> Option<Arc<Catalog>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned()
    }

    fn learn(&self, server: &str, tools: &Arc<Catalog>) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if learned.len() < MOST_SERVERS || learned.contains_key(server) {
            learned.insert(server.into(), Arc::clone(tools));
        }
    }

    /// The session of a call, when the policy asks about sessions and the call has one; `key` is memory.
    fn session(&self, call: &Call<'_>, key: &mut Vec<u8>) -> Result<Option<Shared>, Full> {
        let policy = self.policy();
        let Some(id) = call.session.filter(|_| policy.has_session_rules()) else { return Ok(None) };
        session::write_key(&call.caller, id, key);
        match self.sessions.open(key, policy.keeping(), self.clock.elapsed()) {
            // A call that is refused in any case, or let through in any case, needs no session.
            Err(Full) if self.kill_switch.is_on() || policy.settings().shadow => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn settle(
        &self,
        call: &Call<'_>,
        session: Option<&Shared>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let limits = Some(&*self.limiter as _);
        let mut session = session.map(session::lock);
        if let Some(session) = &mut session {
            session.set_elapsed(millis(self.clock.elapsed()));
        }
        let session = session.as_deref_mut();
        if self.guard.has_tool(call.tool) || !self.forwards_unknown() {
            self.guard.settle(call, limits, session, scratch)
        } else {
            self.guard.settle_unlisted(call, limits, session, scratch)
        }
    }

    /// What the policy says about the agent, where the call does not.
    fn identify<'r>(
        &'r self,
        caller: Caller<'r>,
        few: &'r mut [&'r str; FEW_ROLES],
        many: &'r mut Vec<&'r str>,
    ) -> Caller<'r> {
        let Some(known) = caller.agent.and_then(|name| self.policy().agent(name)) else {
            return caller;
        };
        let tenant = caller.tenant.or_else(|| known.tenant());
        if !caller.roles.is_empty() {
            return Caller { tenant, ..caller };
        }
        let count = known.roles().count();
        let roles = match few.get_mut(..count) {
            Some(few) => {
                few.iter_mut().zip(known.roles()).for_each(|(slot, role)| *slot = role);
                &*few
            }
            None => {
                many.extend(known.roles());
                many
            }
        };
        Caller { tenant, roles, ..caller }
    }

    fn forwards_unknown(&self) -> bool {
        self.policy().settings().unknown_tool == UnknownTool::Forward
    }

    /// Whether what was settled is recorded.
    fn record(
        &self,
        settled: &Settled<'_>,
        call: &Call<'_>,
        started: Instant,
        lease: &Lease<'_>,
        span: &mut CallSpan,
    ) -> bool {
        let (metrics, traces) = (self.metrics.as_ref(), self.traces.as_ref());
        if !self.audit.is_kept() && !observe::is_watched(metrics, traces) {
            return true;
        }
        let told = |outcome| Event {
            tool: Some(call.tool),
            caller: call.caller,
            arguments: Some(call.arguments),
            declared: self.guard.declared(call.tool),
            ..Event::new(Direction::ToServer, outcome)
        };
        let mut tell = |event: &Event<'_>| {
            let recorded = self.audit.record(event, started).is_ok();
            let took = started.elapsed();
            let words = observe::observe(metrics, event, took, recorded);
            span.decided(traces, event, call.session, words, took);
            recorded
        };
        match settled {
            Settled::Allow(cleared) => {
                let allowed = cleared.allowed(call.arguments, lease.scratch());
                tell(&told(mcp::Outcome::Allowed(&allowed)))
            }
            Settled::Refuse(barred) => {
                let refusal = barred.refusal(lease.scratch());
                tell(&told(mcp::Outcome::Refused(&refusal)))
            }
        }
    }

    fn refuse<'a>(&'a self, reason: Reason, call: &Call<'_>, mut lease: Lease<'a>) -> Refused<'a> {
        self.tally.refused.fetch_add(1, Ordering::Relaxed);
        let barred = self.guard.refuse(reason, call, &mut lease.desk().scratch);
        Refused { lease, barred }
    }
}
