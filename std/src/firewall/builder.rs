//! From a policy and tools to a firewall.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use airlock_core::policy::KillSwitch;
use airlock_core::{Budget, CompileError, Guard, GuardBuilder, ToolDefinition};

use super::pool::Pool;
use super::{Firewall, Tally};
use crate::audit::AuditLog;
use crate::clock::{Clock, SystemClock};
#[cfg(feature = "redis")]
use crate::kill::{Cause, KillKey};
use crate::kill::{Causes, KillFile};
use crate::limit::{Keeper, LimitError, Limiter};
#[cfg(feature = "redis")]
use crate::limit::{RedisLimiter, RedisOptions, StoreError, StoreEvent};
#[cfg(feature = "redis")]
use crate::observe::Incidents;
use crate::observe::{Metrics, Traces};
use crate::policy::{Error, PolicyFile};
use crate::session::Sessions;

/// Builds a [`Firewall`].
#[derive(Debug)]
pub struct FirewallBuilder {
    guard: GuardBuilder,
    policy: Option<PolicyFile>,
    audit_path: Option<PathBuf>,
    audit: Option<AuditLog>,
    clock: Option<Arc<dyn Clock>>,
    causes: Causes,
    kill_file: Option<PathBuf>,
    pin_file: Option<PathBuf>,
    limiter: Option<Arc<dyn Keeper>>,
    #[cfg(feature = "redis")]
    redis: Option<RedisOptions>,
    metrics: Option<Metrics>,
    traces: Option<Traces>,
}

impl FirewallBuilder {
    pub(super) fn new() -> Self {
        Self {
            guard: Guard::builder(),
            policy: None,
            audit_path: None,
            audit: None,
            clock: None,
            causes: Causes::default(),
            kill_file: None,
            pin_file: None,
            limiter: None,
            #[cfg(feature = "redis")]
            redis: None,
            metrics: None,
            traces: None,
        }
    }

    /// Sets the policy: the preset or file that `policy` names.
    ///
    /// # Errors
    /// What cannot be read or honoured.
    pub fn open(self, policy: &str) -> Result<Self, FirewallError> {
        Ok(self.policy(PolicyFile::open(policy).map_err(FirewallError::Policy)?))
    }

    /// Sets the policy.
    #[must_use]
    pub fn policy(mut self, policy: PolicyFile) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Compiles and adds a tool.
    ///
    /// # Errors
    /// When its schema cannot be honoured.
    pub fn tool(mut self, tool: ToolDefinition<'_>) -> Result<Self, CompileError> {
        self.guard = self.guard.tool(tool)?;
        Ok(self)
    }

    /// Begins with a guard that is half built, in place of what was said of tools and bounds so far: its
    /// policy and its kill switch will be those of the firewall.
    #[must_use]
    pub fn guard(mut self, guard: GuardBuilder) -> Self {
        self.guard = guard;
        self
    }

    /// Sets the bounds on the work for one call or one output.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.guard = self.guard.budget(budget);
        self
    }

    /// Records decisions in the file at `path`, in place of the one that the policy names.
    #[must_use]
    pub fn audit_file(mut self, path: &Path) -> Self {
        self.audit_path = Some(path.to_owned());
        self
    }

    /// Records decisions in a log that is open, in place of any file.
    #[must_use]
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.audit = Some(log);
        self
    }

    /// Sets the clock, in place of that of the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Halts every call while `switch` is on.
    #[must_use]
    pub fn kill_switch(self, switch: KillSwitch) -> Self {
        self.causes(Causes::of(switch))
    }

    /// Halts every call while one of `causes` holds.
    #[must_use]
    pub fn causes(mut self, causes: Causes) -> Self {
        self.causes = causes;
        self
    }

    /// Halts every call while the file at `path` exists; it is looked for at each call.
    #[must_use]
    pub fn kill_file(mut self, path: &Path) -> Self {
        self.kill_file = Some(path.to_owned());
        self
    }

    /// Keeps the definitions of the tools of live servers in the file at `path`, and refuses tools whose
    /// definition changes, as `[pins]` of the policy says: see [`Live::connect`](crate::reload::Live::connect).
    #[must_use]
    pub fn pin_file(mut self, path: &Path) -> Self {
        self.pin_file = Some(path.to_owned());
        self
    }

    /// Sets who counts the calls, in place of the limiter of this process and of what `[store]` of the policy
    /// says.
    #[must_use]
    pub fn limiter(mut self, limiter: Arc<dyn Keeper>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Counts the calls together with other processes, and halts them with those, in place of what `[store]`
    /// of the policy says.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(mut self, options: RedisOptions) -> Self {
        self.redis = Some(options);
        self
    }

    /// Counts decisions in `metrics`.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Sends a span of each call to `traces`.
    #[must_use]
    pub fn traces(mut self, traces: Traces) -> Self {
        self.traces = Some(traces);
        self
    }

    /// The finished firewall.
    ///
    /// # Errors
    /// [`FirewallError`].
    pub fn build(self) -> Result<Firewall, FirewallError> {
        let Self { guard, policy, audit_path, audit, clock, .. } = self;
        let Self { causes, kill_file, pin_file, limiter, metrics, traces, .. } = self;
        let file = match policy {
            Some(file) => file,
            None => PolicyFile::open("permissive").map_err(FirewallError::Policy)?,
        };
        let audit = match audit {
            Some(log) => log,
            None => {
                AuditLog::of(&file, audit_path.as_deref(), None).map_err(FirewallError::Audit)?
            }
        };
        if file.policy().settings().needs_audit && !audit.is_kept() {
            return Err(FirewallError::NoAudit);
        }
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let kill_file = kill_file.map(|path| KillFile::among(path, &causes));
        #[cfg(feature = "redis")]
        let options = match self.redis {
            None if limiter.is_none() => {
                RedisOptions::of(file.policy(), None).map_err(FirewallError::Store)?
            }
            options => options,
        };
        #[cfg(feature = "redis")]
        let incidents = Incidents::new(&audit, metrics.clone());
        #[cfg(feature = "redis")]
        let _kill_key = match &options {
            None => None,
            Some(options) => {
                let (incidents, switch) = (incidents.clone(), causes.switch().clone());
                let turned = move |came| incidents.halt(Cause::Key, came, switch.is_on());
                let key = KillKey::watch(options, &causes, turned);
                key.map_err(FirewallError::Store)?.map(Arc::new)
            }
        };
        #[cfg(feature = "redis")]
        let limiter = match &options {
            Some(options) if limiter.is_none() => {
                let tell = move |event: &StoreEvent| {
                    eprintln!("airlock: {event}");
                    incidents.store(event);
                };
                let clock = Arc::clone(&clock);
                let shared = RedisLimiter::telling(file.policy(), options, clock, tell);
                Some(Arc::new(shared.map_err(FirewallError::Store)?) as _)
            }
            _ => limiter,
        };
        let limiter: Arc<dyn Keeper> = match limiter {
            Some(limiter) => limiter,
            None if file.policy().store().is_some() => return Err(FirewallError::NoStore),
            None => Arc::new(
                Limiter::new(file.policy(), Arc::clone(&clock)).map_err(FirewallError::Limit)?,
            ),
        };
        let (policy, sources) = file.into_parts();
        let kill_switch = causes.switch().clone();
        let guard = guard
            .kill_switch(kill_switch.clone())
            .policy(policy)
            .and_then(GuardBuilder::build)
            .map_err(|error| FirewallError::Guard(sources.explain(&error)))?;
        let (pool, tally) = (Arc::new(Pool::new()), Arc::<Tally>::default());
        if let Some(metrics) = &metrics {
            metrics.watch_audit(audit.totals());
            metrics.watch_calls(Arc::clone(&tally) as _);
        }
        let sessions = Arc::new(Sessions::new());
        Ok(Firewall {
            guard: Arc::new(guard),
            limiter,
            clock,
            audit,
            kill_switch,
            kill_file,
            pin_file,
            #[cfg(feature = "redis")]
            _kill_key,
            sessions,
            learned: Mutex::default(),
            pool,
            tally,
            metrics,
            traces,
        })
    }
}

/// Why there is no firewall.
#[derive(Debug)]
#[non_exhaustive]
pub enum FirewallError {
    /// The audit log cannot be opened.
    Audit(io::Error),
    /// A policy that is to be in force next wants another audit than the one that is open.
    AuditChanged,
    /// The policy asks for what the guard does not have, or has rules that its tools do not fit.
    Guard(Error),
    /// A limit of the policy cannot be kept.
    Limit(LimitError),
    /// The policy wants decisions recorded, and nobody says where.
    NoAudit,
    /// The policy keeps its limits in a store, which this build cannot.
    NoStore,
    /// The policy cannot be opened.
    Policy(Error),
    /// A policy that is to be in force next keeps its limits elsewhere than the one that is.
    StoreChanged,
    /// Limits cannot be kept in the store.
    #[cfg(feature = "redis")]
    Store(StoreError),
}

impl fmt::Display for FirewallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audit(error) => error.fmt(f),
            Self::AuditChanged => {
                f.write_str("[audit] is another one, which takes a new start to be in force")
            }
            Self::Guard(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::NoAudit => f.write_str(
                "the policy needs an audit log: name one in [audit] or with \
                 FirewallBuilder::audit_file",
            ),
            Self::NoStore => f.write_str(
                "the policy keeps its limits in a store ([store]): this needs the feature `redis` or \
                 FirewallBuilder::limiter",
            ),
            Self::Policy(error) => error.fmt(f),
            Self::StoreChanged => {
                f.write_str("[store] is another one, which takes a new start to be in force")
            }
            #[cfg(feature = "redis")]
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FirewallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Audit(error) => Some(error),
            Self::Guard(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::AuditChanged | Self::NoAudit | Self::NoStore | Self::StoreChanged => None,
            Self::Policy(error) => Some(error),
            #[cfg(feature = "redis")]
            Self::Store(error) => Some(error),
        }
    }
}
