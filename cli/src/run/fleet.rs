//! What this process shares with others: limits and a kill switch, where the policy or the operator says so.

use std::sync::Arc;

use airlock::core::policy::Policy;
use airlock::kill::Causes;
use airlock::limit::Keeper;
use airlock::observe::Incidents;

use super::Args;

/// This process as one of a fleet; alone without a limiter.
#[derive(Default)]
pub struct Fleet {
    pub limiter: Option<Arc<dyn Keeper>>,
    /// Watched as long as it is kept.
    #[cfg(feature = "redis")]
    _kill_key: Option<airlock::kill::KillKey>,
}

/// Joins the fleet that the command line, the environment and `[store]` of the policy name, in this order.
#[cfg(feature = "redis")]
pub fn join(
    args: &Args,
    policy: &Policy,
    causes: &Causes,
    incidents: Incidents,
) -> Result<Fleet, String> {
    use airlock::clock::SystemClock;
    use airlock::kill::{Cause, KillKey};
    use airlock::limit::{RedisLimiter, RedisOptions, StoreError, StoreEvent};

    let from_environment = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty());
    // Without [store] the variable alone must not change where limits are kept: others share the machine.
    let asked = policy.store().is_some() || args.kill_key.is_some();
    let url = args.redis.clone().or_else(|| from_environment.filter(|_| asked));
    let describe = |error: StoreError| error.to_string();
    let Some(mut options) = RedisOptions::of(policy, url.as_deref()).map_err(describe)? else {
        return match args.kill_key {
            None => Ok(Fleet::default()),
            Some(_) => Err(format!("--kill-key needs --redis URL or {VARIABLE}")),
        };
    };
    if let Some(key) = &args.kill_key {
        options = options.kill_key(key);
    }
    let (told, switch) = (incidents.clone(), causes.switch().clone());
    let turned = move |came: bool| {
        let halted = if came { "are halted" } else { "go on" };
        eprintln!("airlock: all tool calls {halted}, as the kill key says");
        told.halt(Cause::Key, came, switch.is_on());
    };
    let kill_key = KillKey::watch(&options, causes, turned).map_err(describe)?;
    let tell = move |event: &StoreEvent| {
        eprintln!("airlock: {event}");
        incidents.store(event);
    };
    let limiter = RedisLimiter::telling(policy, &options, Arc::new(SystemClock::new()), tell);
    Ok(Fleet { limiter: Some(Arc::new(limiter.map_err(describe)?)), _kill_key: kill_key })
}

/// Refuses a policy that wants what this build cannot.
#[cfg(not(feature = "redis"))]
pub fn join(_: &Args, policy: &Policy, _: &Causes, _: Incidents) -> Result<Fleet, String> {
    match policy.store() {
        None => Ok(Fleet::default()),
        Some(_) => Err("the policy has [store]: this build has no `redis`".to_owned()),
    }
}

/// Where the URL may stand with its password.
#[cfg(feature = "redis")]
const VARIABLE: &str = "AIRLOCK_REDIS_URL";
