//! The script beside the limiter of one process, under one clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_core::policy::{Admit, Exhausted, OnLoss, Policy};
use airlock_core::{Call, Caller, Guard, Outcome, Settled, ToolDefinition, Verdict};
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
    guard_with(limits, &[])
}

/// Budgets are a largest sum, whether it is of an hour, and whether all agents share it.
fn guard_with(limits: &[(u32, u32, u32, bool)], budgets: &[(&str, bool, bool)]) -> Guard {
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
    let budgets: Vec<_> = budgets
        .iter()
        .enumerate()
        .map(|(number, (max, is_hour, is_shared))| {
            let key = if *is_shared { r#"["tool"]"# } else { r#"["agent"]"# };
            let window = if *is_hour { "hour" } else { "day@UTC" };
            format!(
                r#"{{"id": "b{number}", "tools": "*", "sum": "args.n", "max": "{max}", "window": "{window}", "key": {key}}}"#
            )
        })
        .collect();
    let (limits, budgets) = (limits.join(","), budgets.join(","));
    let document = format!(r#"{{"limit": [{limits}], "budget": [{budgets}]}}"#);
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

/// A number of all three limbs beside small ones.
const AMOUNTS: [&str; 7] = [
    "0",
    "0.1",
    "\"0.70\"",
    "1e-18",
    "3",
    "\"99999999999999999999.999999999999999999\"",
    "0.000999999999999999",
];
const SUMS: [&str; 4] = ["1", "0.8", "100000000000000000000", "7.000000000000000001"];

#[test]
fn the_script_adds_up_like_the_budgets_of_one_process() {
    if !redis_server::is_there() {
        return;
    }
    let server = redis_server::Server::start();
    let options = RedisOptions::new(&server.url())
        .unwrap()
        .timeout(Duration::from_secs(5))
        .on_loss(OnLoss::Refuse);
    let cases = AtomicU32::new(0);
    let limit = (1_u32..40, 1_u32..4, 1_u32..40, any::<bool>());
    let budget = (0..SUMS.len(), any::<bool>(), any::<bool>());
    let minute = prop_oneof![Just(0_i64), -90..200_i64];
    let step = (minute, 0..3_usize, 0..AMOUNTS.len(), 0..4_usize);
    let strategy = (
        prop::option::of(limit),
        prop::collection::vec(budget, 1..4),
        prop::collection::vec(step, 1..60),
    );
    proptest!(ProptestConfig::with_cases(256), |((limit, budgets, steps) in strategy)| {
        let limits: Vec<_> = limit.into_iter().collect();
        let budgets: Vec<_> =
            budgets.iter().map(|(max, hour, shared)| (SUMS[*max], *hour, *shared)).collect();
        let guard = guard_with(&limits, &budgets);
        let namespace = format!("sum-{}", cases.fetch_add(1, Ordering::Relaxed));
        let clock = Arc::new(ManualClock::new(0));
        let own = Limiter::new(guard.policy(), clock.clone()).unwrap();
        let tell = Box::new(|event: &_| panic!("{event:?}"));
        // No account of a limit fills up meanwhile: the time of the server stands still.
        let script = Script::with_source(
            super::script::SOURCE.replace("redis.call('TIME')", "{ '4000000000', '0' }"),
            &namespace,
        );
        let options = options.clone().namespace(&namespace);
        let shared = RedisLimiter::start(script, guard.policy(), &options, clock, tell).unwrap();
        let mut scratch = guard.scratch();
        let mut now = 1_700_000_000_000_i64;
        let mut running = Vec::new();
        for (minutes, agent, amount, end) in steps {
            now += minutes * 60_000;
            let caller = Caller { agent: Some(["ann", "bob", "eve"][agent]), ..Caller::default() };
            let arguments = format!(r#"{{"n":{}}}"#, AMOUNTS[amount]);
            let now = u64::try_from(now).ok();
            let call =
                Call { tool: TOOLS[0], arguments: arguments.as_bytes(), caller, now, ..Call::default() };
            let mut ask = |keeper: &dyn Admit| {
                let settled = guard.settle(&call, Some(keeper), None, &mut scratch);
                let reason = settled.reason();
                match settled {
                    Settled::Allow(cleared) => (reason, cleared.hold(), None),
                    Settled::Refuse(barred) => {
                        let refusal = barred.refusal(&scratch);
                        let told = (refusal.rule().map(String::from), refusal.retry_after_ms());
                        (reason, None, Some(told))
                    }
                }
            };
            let (expected, decided) = (ask(&own), ask(&shared));
            prop_assert_eq!((decided.0, decided.2), (expected.0, expected.2));
            running.extend(expected.1.zip(decided.1));
            let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Failed].get(end);
            if let (Some(outcome), false) = (outcome, running.is_empty()) {
                let (one, other) = running.remove(end % running.len());
                own.settle(one, *outcome);
                shared.settle(other, *outcome);
            }
        }
    });
}
