//! Limits in process: how many calls pass, which limits are charged, and how long to wait.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use airlock::clock::{Clock, ManualClock, SystemClock};
use airlock::core::policy::Admit;
use airlock::core::{Call, Caller, Guard, Reason, Scratch, ToolDefinition, Verdict};
use airlock::limit::Limiter;
use airlock::policy::Policy;
use proptest::prelude::*;

const TOOLS: [&str; 4] = ["read_file", "write_file", "write_row", "search"];
const SCHEMA: &[u8] = br#"{"type":"object","properties":{"path":{"type":"string"}}}"#;

/// A guard, a limiter, and the clock of both.
struct Setup {
    guard: Guard,
    limiter: Limiter,
    clock: Arc<ManualClock>,
    scratch: Scratch<'static>,
}

impl Setup {
    fn new(document: &str) -> Self {
        Self::with_max_keys(document, airlock::limit::MAX_KEYS)
    }

    fn with_max_keys(document: &str, max_keys: usize) -> Self {
        let clock = Arc::new(ManualClock::new(1_800_000_000_000));
        let guard = guard(Policy::from_json(document).unwrap());
        let limiter = Limiter::with_max_keys(guard.policy(), clock.clone(), max_keys).unwrap();
        let scratch = guard.scratch();
        Self { guard, limiter, clock, scratch }
    }

    /// Whether the call passes, else why not and how long to wait.
    fn call(
        &mut self,
        agent: &str,
        tool: &str,
        arguments: &str,
    ) -> Result<(), (Reason, Option<u64>)> {
        let caller = Caller { agent: Some(agent), ..Caller::default() };
        let arguments = arguments.as_bytes();
        let call = Call { tool, arguments, caller, now: self.clock.now(), ..Call::default() };
        let settled = self.guard.settle(&call, Some(&self.limiter), None, &mut self.scratch);
        match settled.verdict(arguments, &self.scratch) {
            Verdict::Allow(_) => Ok(()),
            Verdict::Refuse(refusal) => {
                let json: serde_json::Value = serde_json::from_slice(refusal.json()).unwrap();
                assert_eq!(json["retry_after_ms"].as_u64(), refusal.retry_after_ms());
                assert_eq!(json["reason"], refusal.reason().name());
                Err((refusal.reason(), refusal.retry_after_ms()))
            }
        }
    }

    fn pass(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }
}

fn guard(policy: Policy) -> Guard {
    let mut builder = Guard::builder().policy(policy).unwrap();
    for name in TOOLS {
        let tool = ToolDefinition { name, input_schema: SCHEMA, output_schema: None };
        builder = builder.tool(tool).unwrap();
    }
    builder.build().unwrap()
}

fn limited(wait: u64) -> Result<(), (Reason, Option<u64>)> {
    Err((Reason::RateLimited, Some(wait)))
}

#[test]
fn the_101st_call_of_an_hour_is_refused_under_strict() {
    let mut setup = Setup::new(r#"{"preset": "strict"}"#);
    for _ in 0..100 {
        assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
    }
    assert_eq!(setup.call("bob", "search", "{}"), limited(36_000));
    // Another agent has calls of its own.
    assert_eq!(setup.call("eve", "search", "{}"), Ok(()));
    setup.pass(35_999);
    assert_eq!(setup.call("bob", "search", "{}"), limited(1));
    setup.pass(1);
    assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
    assert_eq!(setup.call("bob", "search", "{}"), limited(36_000));
}

#[test]
fn all_entries_that_name_a_tool_apply() {
    let document = r#"{"rate_limits": {"*": "1000/hour", "write_*": "100/hour"}}"#;
    let mut setup = Setup::new(document);
    for _ in 0..100 {
        assert_eq!(setup.call("bob", "write_file", "{}"), Ok(()));
    }
    assert_eq!(setup.call("bob", "write_row", "{}"), limited(36_000));
    // The writes count among the thousand, the one that was refused does not.
    for _ in 0..900 {
        assert_eq!(setup.call("bob", "read_file", "{}"), Ok(()));
    }
    assert_eq!(setup.call("bob", "read_file", "{}"), limited(3_600));
    assert_eq!(setup.call("bob", "write_file", "{}"), limited(36_000), "the longer wait");
}

#[test]
fn a_refused_call_takes_nothing_from_any_limit() {
    let document = r#"{"rate_limits": {"*": "3/hour", "write_*": "1/hour"}}"#;
    let mut setup = Setup::new(document);
    assert_eq!(setup.call("bob", "write_file", "{}"), Ok(()));
    for _ in 0..10 {
        assert!(setup.call("bob", "write_file", "{}").is_err(), "by its own limit");
        assert!(setup.call("bob", "read_file", r#"{"path":1}"#).is_err(), "by its arguments");
        assert!(setup.call("bob", "nothing", "{}").is_err(), "by its name");
    }
    assert_eq!(setup.call("bob", "read_file", "{}"), Ok(()));
    assert_eq!(setup.call("bob", "read_file", "{}"), Ok(()));
    assert_eq!(setup.call("bob", "read_file", "{}"), limited(1_200_000));
}

#[test]
fn a_loop_of_refused_calls_is_stopped_and_valid_ones_pass() {
    let document = r#"{"allowed_tools": ["search", "read_file"], "limit": [
        {"id": "loop", "tools": "*", "rate": "60/1m", "burst": 2, "refused": true}]}"#;
    let mut setup = Setup::new(document);
    let refused = |reason| Err((reason, None));
    assert_eq!(setup.call("bob", "search", r#"{"path":1}"#), refused(Reason::ValidationFailed));
    assert_eq!(setup.call("bob", "write_file", "{}"), refused(Reason::ToolNotAllowed));
    for bad in [("search", r#"{"path":1}"#), ("search", "{"), ("write_file", "{}"), ("no", "{}")] {
        assert_eq!(setup.call("bob", bad.0, bad.1), limited(1000), "{bad:?}");
    }
    for _ in 0..100 {
        assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
    }
    setup.pass(1000);
    assert_eq!(setup.call("bob", "search", r#"{"path":1}"#), refused(Reason::ValidationFailed));
    assert_eq!(setup.call("bob", "search", r#"{"path":1}"#), limited(1000));
}

#[test]
fn who_is_told_to_wait_is_not_told_to_wait_longer_for_asking() {
    let document = r#"{"rate_limits": {"*": "1/minute"}, "limit": [
        {"id": "loop", "tools": "*", "rate": "1/1h", "refused": true}]}"#;
    let mut setup = Setup::new(document);
    assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
    for _ in 0..5 {
        assert_eq!(setup.call("bob", "search", "{}"), limited(60_000));
    }
    setup.pass(60_000);
    assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
}

#[test]
fn a_step_of_the_wall_clock_gives_no_budget() {
    let mut setup = Setup::new(r#"{"rate_limits": {"*": "1/hour"}}"#);
    assert_eq!(setup.call("bob", "search", "{}"), Ok(()));
    for step in [-7_200_000, 7_200_000, 86_400_000_i64] {
        setup.clock.set(setup.clock.now().unwrap().saturating_add_signed(step));
        assert_eq!(setup.call("bob", "search", "{}"), limited(3_600_000));
    }
}

#[test]
fn shadow_mode_counts_and_refuses_nothing() {
    let mut setup = Setup::new(r#"{"mode": "shadow", "rate_limits": {"*": "1/hour"}}"#);
    let arguments = b"{}";
    for over in [false, true, true] {
        let call = Call { tool: "search", arguments, ..Call::default() };
        let settled = setup.guard.settle(&call, Some(&setup.limiter), None, &mut setup.scratch);
        let Verdict::Allow(allowed) = settled.verdict(arguments, &setup.scratch) else { panic!() };
        let would = allowed.would().map(|would| (would.reason, would.rule));
        let limit = Some((Some(Reason::RateLimited), Some("rate_limits.\"*\"")));
        assert_eq!(would, limit.filter(|_| over));
    }
}

#[test]
fn eight_threads_get_exactly_what_there_is() {
    let document = r#"{"rate_limits": {"*": "5000/day", "write_*": "3000/day"}}"#;
    let clock = Arc::new(ManualClock::new(0));
    let guard = guard(Policy::from_json(document).unwrap());
    let limiter = Limiter::new(guard.policy(), clock).unwrap();
    let passed = [const { AtomicU32::new(0) }; 4];
    thread::scope(|scope| {
        for thread in 0..8 {
            let (guard, limiter, passed) = (&guard, &limiter, &passed);
            scope.spawn(move || {
                let mut scratch = guard.scratch();
                for round in 0..2000 {
                    let which = (thread + round) % 4;
                    let call = Call { tool: TOOLS[which], arguments: b"{}", ..Call::default() };
                    let settled = guard.settle(&call, Some(limiter), None, &mut scratch);
                    let more = u32::from(settled.reason().is_none());
                    passed[which].fetch_add(more, Ordering::Relaxed);
                }
            });
        }
    });
    let passed = passed.map(AtomicU32::into_inner);
    let writes = passed[1] + passed[2];
    assert_eq!(passed.iter().sum::<u32>(), 5000);
    assert!(writes <= 3000, "{writes} writes");
}

#[test]
fn real_time_gives_no_more_than_the_rate() {
    let clock = Arc::new(SystemClock::new());
    let document = r#"{"limit": [{"id": "l", "tools": "*", "rate": "1000/1s", "burst": 50}]}"#;
    let guard = guard(Policy::from_json(document).unwrap());
    let limiter = Limiter::new(guard.policy(), clock.clone()).unwrap();
    let passed = AtomicU32::new(0);
    let started = clock.elapsed();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut scratch = guard.scratch();
                let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
                for _ in 0..20_000 {
                    let settled = guard.settle(&call, Some(&limiter), None, &mut scratch);
                    passed.fetch_add(u32::from(settled.reason().is_none()), Ordering::Relaxed);
                }
            });
        }
    });
    let most = 50 + (clock.elapsed() - started).as_millis() + 1;
    assert!(u128::from(passed.into_inner()) <= most);
}

#[test]
fn keys_are_bounded_and_a_full_book_fails_closed() {
    let document = r#"{"limit": [
        {"id": "by-path", "tools": "read_file", "key": ["args.path"], "rate": "2/1s"},
        {"id": "all", "tools": "read_file", "rate": "1000/1s"}]}"#;
    let mut setup = Setup::with_max_keys(document, 100);
    let path = |number: u32| format!(r#"{{"path":"/{number}"}}"#);
    for number in 0..100 {
        assert_eq!(setup.call("bob", "read_file", &path(number)), Ok(()));
    }
    for number in 100..10_000 {
        assert_eq!(setup.call("bob", "read_file", &path(number)), limited(500), "{number}");
    }
    assert_eq!(setup.limiter.accounts(), 101);
    // Keys that have an account go on.
    assert_eq!(setup.call("bob", "read_file", &path(7)), Ok(()));
    assert_eq!(setup.call("bob", "read_file", &path(7)), limited(500));
    setup.pass(500);
    for number in 200..299 {
        assert_eq!(setup.call("bob", "read_file", &path(number)), Ok(()), "{number}");
    }
    assert_eq!(setup.call("bob", "read_file", &path(7)), Ok(()), "its account was never closed");
    assert_eq!(setup.limiter.accounts(), 101);
}

#[test]
fn a_call_that_one_limit_refuses_opens_no_account_at_another() {
    let document = r#"{"limit": [
        {"id": "by-path", "tools": "*", "key": ["args.path"], "rate": "1/1h"},
        {"id": "all", "tools": "*", "rate": "1/1h"}]}"#;
    let mut setup = Setup::new(document);
    for number in 0..1000 {
        let _ = setup.call("bob", "search", &format!(r#"{{"path":"/{number}"}}"#));
    }
    assert_eq!(setup.limiter.accounts(), 2);
}

#[test]
fn a_limit_that_nobody_can_keep_is_an_error() {
    for (rate, burst, kept) in [
        ("1/999999d", 1, false),
        ("1/1d", 4_000_000_000_u32, false),
        ("999999999/1s", 4_000_000_000, true),
        ("1/99999d", 1, true),
    ] {
        let document = format!(
            r#"{{"limit": [{{"id": "l", "tools": "*", "rate": "{rate}", "burst": {burst}}}]}}"#
        );
        let Ok(policy) = Policy::from_json(&document) else {
            assert!(!kept, "{document}");
            continue;
        };
        let limiter = Limiter::new(&policy, Arc::new(ManualClock::default()));
        assert_eq!(limiter.is_ok(), kept, "{document}");
    }
}

#[test]
fn charges_of_another_policy_are_refused() {
    let one = guard(Policy::from_json(r#"{"rate_limits": {"*": "9/hour"}}"#).unwrap());
    let other = Policy::permissive();
    let limiter = Limiter::new(&other, Arc::new(ManualClock::default())).unwrap();
    let mut scratch = one.scratch();
    let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
    let Verdict::Allow(allowed) = one.check(&call, &mut scratch) else { panic!() };
    assert_eq!(limiter.admit(allowed.charges()).unwrap_err().retry_after_ms, None);
}

/// The reference: one bucket in exact arithmetic, in thirds of nothing smaller than needed.
struct Bucket {
    /// Tokens times the period, so that refills are whole numbers.
    level: u128,
    at: u64,
}

proptest! {
    /// What passes is what a token bucket lets pass, and who waits as told is admitted, no sooner.
    #[test]
    fn the_limiter_is_a_token_bucket(
        count in 1_u64..8,
        period_s in 1_u64..5,
        burst in 1_u64..6,
        gaps in prop::collection::vec(0_u64..900, 1..80),
    ) {
        // Periods that the count divides, so that both work in whole numbers.
        let period = period_s * count * 1000;
        let document = format!(
            r#"{{"limit": [{{"id": "l", "tools": "*", "rate": "{count}/{}s", "burst": {burst}}}]}}"#,
            period / 1000
        );
        let mut setup = Setup::new(&document);
        let full = u128::from(burst * period);
        let mut bucket = Bucket { level: full, at: 0 };
        let mut now = 0;
        for gap in gaps {
            now += gap;
            setup.pass(gap);
            bucket.level = full.min(bucket.level + u128::from((now - bucket.at) * count));
            bucket.at = now;
            match setup.call("bob", "search", "{}") {
                Ok(()) => {
                    prop_assert!(bucket.level >= u128::from(period));
                    bucket.level -= u128::from(period);
                }
                Err((_, wait)) => {
                    let lacks = u128::from(period).checked_sub(bucket.level).unwrap();
                    prop_assert!(lacks > 0);
                    prop_assert_eq!(u128::from(wait.unwrap()), lacks.div_ceil(u128::from(count)));
                }
            }
        }
    }
}
