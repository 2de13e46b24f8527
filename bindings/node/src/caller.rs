//! Who calls, kept between calls: most hosts have one caller for a long time.

use airlock::core::Caller;
use airlock::policy::Policy;

/// A caller, as the operator vouches for it.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
    session: Option<String>,
}

impl Identity {
    /// What the host says.
    pub fn new(
        agent: Option<String>,
        roles: Vec<String>,
        tenant: Option<String>,
        session: Option<String>,
    ) -> Self {
        Self { agent, roles, tenant, session }
    }

    /// And for what the host leaves out the policy's entry for the agent. A firewall does so itself, by the policy
    /// that is in force at the time of the call.
    pub fn known_to(mut self, policy: &Policy) -> Self {
        let Some(known) = self.agent.as_deref().and_then(|name| policy.agent(name)) else {
            return self;
        };
        if self.roles.is_empty() {
            self.roles.extend(known.roles().map(String::from));
        }
        self.tenant = self.tenant.or_else(|| known.tenant().map(String::from));
        self
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
