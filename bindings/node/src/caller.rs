//! Who calls, kept between calls: most hosts have one caller for a long time.

use airlock::core::Caller;
use airlock::policy::Policy;

/// A caller, as the operator vouches for it.
#[derive(Debug, Default)]
pub struct Identity {
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
    session: Option<String>,
}

impl Identity {
    /// What the host says, and for what it leaves out the policy's entry for the agent.
    pub fn new(
        agent: Option<String>,
        mut roles: Vec<String>,
        tenant: Option<String>,
        session: Option<String>,
        policy: &Policy,
    ) -> Self {
        let known = agent.as_deref().and_then(|name| policy.agent(name));
        if roles.is_empty() {
            roles.extend(known.into_iter().flat_map(|agent| agent.roles()).map(String::from));
        }
        let tenant = tenant.or_else(|| known.and_then(|agent| agent.tenant()).map(String::from));
        Self { agent, roles, tenant, session }
    }

    /// The session that the calls belong to.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Calls `with` on the caller as the engine wants it; without roles nothing is allocated.
    pub fn with<R>(&self, with: impl FnOnce(Caller<'_>) -> R) -> R {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        with(Caller { agent: self.agent.as_deref(), roles: &roles, tenant: self.tenant.as_deref() })
    }
}

/// A moment of JavaScript: Unix milliseconds, or none for what is no moment.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
pub fn moment(now: f64) -> Option<u64> {
    // 2^53: beyond, a number of JavaScript is no exact integer.
    (0.0..=9_007_199_254_740_992.0).contains(&now).then_some(now as u64)
}
