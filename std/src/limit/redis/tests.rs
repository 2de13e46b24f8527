//! The script beside the limiter of one process, under one clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_core::policy::{Admit, Exhausted, OnLoss, Policy};
use airlock_core::{Call, Caller, Guard, ToolDefinition, Verdict};
use proptest::prelude::*;

use super::script::Script;
use super::{RedisLimiter, RedisOptions};
use crate::clock::{Clock, ManualClock};
use crate::limit::Limiter;

#[path = "../../../tests/support/redis_server.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod redis_server;

/// In seconds: after the real one, which says when the server started.
const START: u64 = 4_000_000_000;
const TOOLS: [&str; 2] = ["read", "write"];

/// The script with a clock that is set from outside.
fn stepped(namespace: &str) -> Script {
    let clock = "{ redis.call('GET', 'seconds'), redis.call('GET', 'micros') }";
    let source = super::script::SOURCE.replace("redis.call('TIME')", clock);
    assert!(source.contains(clock));
    Script::with_source(source, namespace)
}

fn guard(limits: &[(u32, u32, u32, bool)]) -> Guard {
    let limits: Vec<_> = limits
        .iter()
        .enumerate()
        .map(|(number, (count, period, burst, is_shared))| {
            let key = if *is_shared { r#"["tool"]"# } else { r#"["agent"]"# };
            format!(
                r#"{{"id": "l{number}", "tools": "*", "rate": "{count}/{period}s", "burst": {burst}, "key": {key}}}"#
            )
        })
        .collect();
    let document = format!(r#"{{"limit": [{}]}}"#, limits.join(","));
    let mut builder = Guard::builder().policy(Policy::from_json(&document).unwrap()).unwrap();
    for name in TOOLS {
        let tool = ToolDefinition { name, input_schema: b"{}", output_schema: None };
        builder = builder.tool(tool).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn the_script_decides_like_the_limiter_of_one_process() {
    if !redis_server::is_there() {
        return;
    }
    let server = redis_server::Server::start();
    let options = RedisOptions::new(&server.url())
        .unwrap()
        .timeout(Duration::from_secs(60))
        .on_loss(OnLoss::Refuse);
    let client = Mutex::new(server.client());
    let cases = AtomicU32::new(0);
    let limit = (1_u32..9, 1_u32..4, 1_u32..6, any::<bool>());
    let step = (prop_oneof![Just(0_u64), 0..2000_u64, 0..1_500_000_u64], 0..3_usize, 0..2_usize);
    let strategy = (prop::collection::vec(limit, 1..4), prop::collection::vec(step, 1..60));
    proptest!(ProptestConfig::with_cases(64), |((limits, steps) in strategy)| {
        let guard = guard(&limits);
        let namespace = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
        let clock = Arc::new(ManualClock::new(0));
        let own = Limiter::new(guard.policy(), clock.clone()).unwrap();
        let script = stepped(&namespace);
        let tell = Box::new(|event: &_| panic!("{event:?}"));
        let set = |micros: u64| {
            redis::cmd("MSET")
                .arg("seconds").arg(START + micros / 1_000_000)
                .arg("micros").arg(micros % 1_000_000)
                .exec(&mut *client.lock().unwrap()).unwrap();
        };
        set(0);
        let options = options.clone().namespace(&namespace);
        let shared =
            RedisLimiter::start(script, guard.policy(), &options, clock.clone(), tell).unwrap();
        let mut scratch = guard.scratch();
        for (micros, agent, tool) in steps {
            clock.advance(Duration::from_micros(micros));
            set(u64::try_from(clock.elapsed().as_micros()).unwrap());
            let caller = Caller { agent: Some(["ann", "bob", "eve"][agent]), ..Caller::default() };
            let call = Call { tool: TOOLS[tool], arguments: b"{}", caller, ..Call::default() };
            let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else { panic!() };
            let expected: Result<(), Exhausted> = own.admit(allowed.charges());
            prop_assert_eq!(shared.admit(allowed.charges()), expected);
        }
    });
}
