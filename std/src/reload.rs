//! A policy that is changed while it is in force.
//!
//! Each question is asked of one firewall from beginning to end, so that no call is judged by half a policy:
//! [`Live`] hands out the current one, and a new policy takes its place as a whole. What was counted stays
//! counted. A policy that cannot be honoured changes nothing, and the audit and the metrics say so.

mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use watch::Watch;

use crate::audit::AuditLog;
use crate::firewall::{Firewall, FirewallError};
use crate::observe::Metrics;
use crate::policy::PolicyFile;

/// A firewall whose policy can be changed.
///
/// ```
/// use airlock::{Firewall, core::Call, policy::PolicyFile, reload::Live};
///
/// let policy = |text| PolicyFile::parse("policy.toml", text);
/// let firewall = Firewall::builder().policy(policy("unknown_tool = \"forward\"")?).build()?;
/// let live = Live::new(firewall);
/// let call = Call { tool: "drop_table", arguments: b"{}", ..Call::default() };
/// // A call that has begun ends under the policy it began under.
/// let firewall = live.load();
/// let permit = firewall.call(&call).map_err(|_| "refused")?;
///
/// live.reload(policy("unknown_tool = \"forward\"\ndenied_tools = [\"drop_*\"]")?)?;
/// assert!(live.load().call(&call).is_err());
/// permit.finish(airlock::Outcome::Ok);
///
/// assert!(live.reload(policy("output = { \"*\" = { style = \"hash\" } }")?).is_err());
/// assert!(live.load().call(&call).is_err(), "as before");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Live {
    current: RwLock<Arc<Firewall>>,
    /// Held by whoever changes the policy.
    reloading: Mutex<()>,
}

impl Live {
    /// Begins with `firewall`.
    #[must_use]
    pub fn new(firewall: Firewall) -> Self {
        Self { current: RwLock::new(Arc::new(firewall)), reloading: Mutex::new(()) }
    }

    /// The firewall under the policy that is in force now; to be loaded anew for each call.
    #[must_use]
    pub fn load(&self) -> Arc<Firewall> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the policy in `file` in force: see [`Firewall::succeed`].
    ///
    /// # Errors
    /// As [`Firewall::succeed`]; the policy stays as it was.
    pub fn reload(&self, file: PolicyFile) -> Result<(), FirewallError> {
        self.reload_with(|| Ok::<_, FirewallError>(file))
    }

    /// [`reload`](Self::reload) with the policy that `open` opens: where it cannot, that is said in the same
    /// places.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), and what `open` says.
    pub fn reload_with<E: From<FirewallError> + fmt::Display>(
        &self,
        open: impl FnOnce() -> Result<PolicyFile, E>,
    ) -> Result<(), E> {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.load();
        let next = open().and_then(|file| {
            let digest = file.sources().digest();
            Ok((old.succeed(file)?, digest))
        });
        let outcome = next.as_ref().map(|(_, digest)| &**digest).map_err(|error| error as _);
        tell(old.audit(), old.metrics(), outcome);
        let (next, _) = next?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }
}

/// Says what became of a new policy: its digest, or why the old one stays. That this cannot be recorded does
/// not stop it: it may be the policy that denies more, and calls that cannot be recorded do not run.
fn tell(audit: &AuditLog, metrics: Option<&Metrics>, outcome: Result<&str, &dyn fmt::Display>) {
    if let Some(metrics) = metrics {
        metrics.reloaded(outcome.is_ok());
    }
    let _ = match outcome {
        Ok(digest) => audit.record_reload(Some(digest), Ok(())),
        Err(error) => audit.record_reload(None, Err(&error.to_string())),
    };
}
