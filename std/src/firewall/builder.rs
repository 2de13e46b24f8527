//! From a policy and tools to a firewall.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlock_core::policy::KillSwitch;
use airlock_core::{Budget, CompileError, Guard, GuardBuilder, ToolDefinition};

use super::Firewall;
use super::pool::Pool;
use crate::audit::AuditLog;
use crate::clock::{Clock, SystemClock};
use crate::kill::KillFile;
use crate::limit::{LimitError, Limiter};
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
    kill_switch: KillSwitch,
    kill_file: Option<KillFile>,
}

impl FirewallBuilder {
    pub(super) fn new() -> Self {
        Self {
            guard: Guard::builder(),
            policy: None,
            audit_path: None,
            audit: None,
            clock: None,
            kill_switch: KillSwitch::new(),
            kill_file: None,
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
    pub fn kill_switch(mut self, switch: KillSwitch) -> Self {
        self.kill_switch = switch;
        self.kill_file = None;
        self
    }

    /// Halts every call while the file at `path` exists; it is looked for at each call.
    #[must_use]
    pub fn kill_file(mut self, path: &Path) -> Self {
        let file = KillFile::new(path.to_owned());
        self.kill_switch = file.switch().clone();
        self.kill_file = Some(file);
        self
    }

    /// The finished firewall.
    ///
    /// # Errors
    /// [`FirewallError`].
    pub fn build(self) -> Result<Firewall, FirewallError> {
        let Self { guard, policy, audit_path, audit, clock, kill_switch, kill_file } = self;
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
        let limiter =
            Limiter::new(file.policy(), Arc::clone(&clock)).map_err(FirewallError::Limit)?;
        let (policy, sources) = file.into_parts();
        let guard = guard
            .kill_switch(kill_switch.clone())
            .policy(policy)
            .and_then(GuardBuilder::build)
            .map_err(|error| FirewallError::Guard(sources.explain(&error)))?;
        let (pool, tally, sessions) = (Pool::new(), Arc::default(), Sessions::new());
        Ok(Firewall { guard, limiter, clock, audit, kill_switch, kill_file, sessions, pool, tally })
    }
}

/// Why there is no firewall.
#[derive(Debug)]
#[non_exhaustive]
pub enum FirewallError {
    /// The audit log cannot be opened.
    Audit(io::Error),
    /// The policy asks for what the guard does not have, or has rules that its tools do not fit.
    Guard(Error),
    /// A limit of the policy cannot be kept.
    Limit(LimitError),
    /// The policy wants decisions recorded, and nobody says where.
    NoAudit,
    /// The policy cannot be opened.
    Policy(Error),
}

impl fmt::Display for FirewallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audit(error) => error.fmt(f),
            Self::Guard(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::NoAudit => f.write_str(
                "the policy needs an audit log: name one in [audit] or with \
                 FirewallBuilder::audit_file",
            ),
            Self::Policy(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FirewallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Audit(error) => Some(error),
            Self::Guard(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::NoAudit => None,
            Self::Policy(error) => Some(error),
        }
    }
}
