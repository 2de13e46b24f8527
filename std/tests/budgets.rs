//! Budgets: what they add up, when they begin anew, what they give back, and what refuses.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use airlock::clock::ManualClock;
use airlock::core::policy::Policy;
use airlock::core::{Call, Caller, Guard, Reason, Settled, ToolDefinition};
use airlock::limit::Limiter;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};
use proptest::prelude::*;

const HOUR: u64 = 3_600_000;
/// 2026-03-29T00:30:00Z, a Sunday: in Berlin the clocks go forward half an hour later.
const SPRING: u64 = 1_774_744_200_000;

fn document(budget: &str) -> String {
    format!(
        "default = \"allow\"\n[[budget]]\nid = \"spend\"\ntools = [\"pay*\"]\nsum = \"args.amount\"\n{budget}\n"
    )
}

fn firewall(budget: &str, clock: Arc<ManualClock>) -> Firewall {
    let policy = PolicyFile::parse("p.toml", &document(budget));
    let mut builder =
        Firewall::builder().policy(policy.unwrap_or_else(|error| panic!("{error}"))).clock(clock);
    for name in ["pay", "pay_out", "read"] {
        let input_schema = br#"{"type":"object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    builder.build().unwrap()
}

fn call<'a>(tenant: &'a str, tool: &'a str, arguments: &'a str) -> Call<'a> {
    let caller = Caller { tenant: Some(tenant), ..Caller::default() };
    Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() }
}

/// Whether `amount`, as it stands in the arguments, is let through.
fn pay(firewall: &Firewall, amount: &str, outcome: Outcome) -> bool {
    let arguments = format!(r#"{{"amount":{amount}}}"#);
    match firewall.call(&call("acme", "pay", &arguments)) {
        Ok(permit) => {
            permit.finish(outcome);
            true
        }
        Err(refused) => {
            assert_eq!(refused.reason(), Reason::BudgetExceeded, "{amount}");
            assert_eq!(refused.refusal().rule(), Some("budget:spend"));
            false
        }
    }
}

#[test]
fn amounts_are_added_up_exactly_however_they_are_spelt() {
    let firewall = firewall("max = \"0.3\"\nwindow = \"hour\"", Arc::default());
    for amount in ["0.1", "\"0.10\"", "1e-1"] {
        assert!(pay(&firewall, amount, Outcome::Ok), "{amount}");
    }
    assert!(
        !pay(&firewall, "0.000000000000000001", Outcome::Ok),
        "not a float's 0.30000000000000004"
    );
    assert!(pay(&firewall, "0", Outcome::Ok) && pay(&firewall, "-0.0", Outcome::Ok));
}

#[test]
fn what_cannot_be_added_up_is_refused() {
    let firewall = firewall("max = 100\nwindow = \"hour\"", Arc::default());
    for amount in [
        "-1",
        "\"-0.01\"",
        "null",
        "true",
        "[1]",
        "{}",
        "\"1e1\"",
        "\"1_000\"",
        "\"\"",
        "\" 1\"",
        "\"NaN\"",
        "1e-19",
        "\"0.0000000000000000001\"",
        "1e300",
        "\"+1\"",
        "\"1.\"",
        "\"\\u0031\"",
        "340282366920938463463374607431768211456",
    ] {
        assert!(!pay(&firewall, amount, Outcome::Ok), "{amount}");
    }
    let refused = firewall.call(&call("acme", "pay", "{}")).err().unwrap();
    assert_eq!(refused.reason(), Reason::BudgetExceeded);
    assert!(firewall.call(&call("acme", "read", "{}")).is_ok(), "another tool");
    assert!(pay(&firewall, "100", Outcome::Ok), "nothing was taken");
}

#[test]
fn only_a_call_that_failed_gives_back() {
    for (outcome, again) in
        [(Outcome::Ok, false), (Outcome::Failed, true), (Outcome::Unknown, false)]
    {
        let firewall = firewall("max = \"10\"\nwindow = \"hour\"", Arc::default());
        assert!(pay(&firewall, "10", outcome));
        assert_eq!(pay(&firewall, "10", Outcome::Ok), again, "{outcome:?}");
    }
    let firewall = firewall("max = \"10\"\nwindow = \"hour\"", Arc::default());
    drop(firewall.call(&call("acme", "pay", r#"{"amount":10}"#)).unwrap());
    assert!(!pay(&firewall, "10", Outcome::Ok), "a permit that is dropped");
}

#[test]
fn keys_count_apart_and_tools_together() {
    let firewall = firewall("max = 10\nwindow = \"hour\"\nkey = [\"tenant\"]", Arc::default());
    let ten = |tenant, tool| firewall.call(&call(tenant, tool, r#"{"amount":10}"#)).is_ok();
    assert!(ten("acme", "pay") && !ten("acme", "pay_out") && ten("other", "pay_out"));
}

#[test]
fn a_call_that_one_budget_refuses_tells_the_others_the_hour() {
    let more = "max = 1\nwindow = \"day@UTC\"\n[[budget]]\nid = \"hourly\"\ntools = [\"pay\"]\n\
                sum = \"args.amount\"\nmax = \"0.5\"\nwindow = \"hour\"";
    let clock = Arc::new(ManualClock::new(SPRING));
    let firewall = firewall(more, clock.clone());
    assert!(pay(&firewall, "0.5", Outcome::Ok));
    clock.set(SPRING + HOUR);
    assert!(!pay(&firewall, "0.6", Outcome::Ok), "by the day");
    clock.set(SPRING);
    assert!(pay(&firewall, "0.5", Outcome::Ok), "in the hour that was seen last");
    assert!(!pay(&firewall, "0.1", Outcome::Ok));
}

#[test]
fn a_window_begins_by_the_clock_of_its_zone() {
    let max = |window: &str| format!("max = 10\nwindow = \"{window}\"");
    // Half past one in Berlin; midnight comes 21.5 hours later, for one hour is left out.
    for (window, hours) in [
        ("hour", 1),
        ("day@UTC", 24),
        ("day@Europe/Berlin", 22),
        ("week@Europe/Berlin", 22),
        ("month@Europe/Berlin", 2 * 24 + 22),
    ] {
        let clock = Arc::new(ManualClock::new(SPRING));
        let firewall = firewall(&max(window), clock.clone());
        assert!(pay(&firewall, "10", Outcome::Ok));
        clock.set(SPRING + (hours - 1) * HOUR);
        assert!(!pay(&firewall, "1", Outcome::Ok), "{window}: not yet");
        clock.set(SPRING + hours * HOUR);
        assert!(pay(&firewall, "10", Outcome::Ok), "{window}");
        clock.set(SPRING);
        assert!(
            !pay(&firewall, "1", Outcome::Ok),
            "{window}: a clock that is set back gives nothing"
        );
    }
}

#[test]
fn what_failed_in_a_window_that_is_over_is_not_given_back_in_the_next() {
    let clock = Arc::new(ManualClock::new(SPRING));
    let firewall = firewall("max = 10\nwindow = \"hour\"", clock.clone());
    let permit = firewall.call(&call("acme", "pay", r#"{"amount":10}"#)).unwrap();
    clock.advance(Duration::from_millis(HOUR));
    assert!(pay(&firewall, "10", Outcome::Ok));
    permit.finish(Outcome::Failed);
    assert!(!pay(&firewall, "1", Outcome::Ok));
}

#[test]
fn without_a_moment_the_window_never_ends() {
    let policy = Policy::from_json(
        r#"{"default": "allow", "budget": [{"id": "b", "tools": "*", "sum": "args.n", "max": 3, "window": "hour"}]}"#,
    );
    let input_schema = br#"{"type":"object"}"#;
    let tool = ToolDefinition { name: "t", input_schema, output_schema: None };
    let guard =
        Guard::builder().policy(policy.unwrap()).unwrap().tool(tool).unwrap().build().unwrap();
    let limiter = Limiter::new(guard.policy(), Arc::<ManualClock>::default()).unwrap();
    let mut passes = |now| {
        let call = Call { tool: "t", arguments: br#"{"n":1}"#, now, ..Call::default() };
        let settled = guard.settle(&call, Some(&limiter), None, &mut guard.scratch());
        matches!(settled, Settled::Allow(_))
    };
    assert_eq!(
        [None, Some(HOUR), None, None, None].map(&mut passes),
        [true, true, true, true, false]
    );
    assert!(passes(Some(2 * HOUR)));
}

#[test]
fn a_call_that_a_limit_refuses_takes_nothing() {
    let more =
        "max = 10\nwindow = \"hour\"\n[[limit]]\nid = \"l\"\ntools = [\"pay\"]\nrate = \"1/hour\"";
    let firewall = firewall(more, Arc::default());
    assert!(pay(&firewall, "4", Outcome::Ok));
    let refused = firewall.call(&call("acme", "pay", r#"{"amount":6}"#)).err().unwrap();
    assert_eq!(refused.reason(), Reason::RateLimited);
    assert!(firewall.call(&call("acme", "pay_out", r#"{"amount":6}"#)).is_ok());
}

#[test]
fn a_full_book_refuses_keys_that_it_does_not_know() {
    let policy = Policy::from_json(
        r#"{"default": "allow", "budget": [{"id": "b", "tools": "*", "sum": "args.n", "max": 3, "window": "hour",
            "key": ["agent"]}]}"#,
    );
    let input_schema = br#"{"type":"object"}"#;
    let tool = ToolDefinition { name: "t", input_schema, output_schema: None };
    let guard =
        Guard::builder().policy(policy.unwrap()).unwrap().tool(tool).unwrap().build().unwrap();
    let limiter = Limiter::with_max_keys(guard.policy(), Arc::<ManualClock>::default(), 2).unwrap();
    let passes = |agent, now| {
        let caller = Caller { agent: Some(agent), ..Caller::default() };
        let call =
            Call { tool: "t", arguments: br#"{"n":1}"#, caller, now: Some(now), ..Call::default() };
        let settled = guard.settle(&call, Some(&limiter), None, &mut guard.scratch());
        matches!(settled, Settled::Allow(_))
    };
    assert!(passes("a", 0) && passes("b", 0) && !passes("c", 0) && passes("a", 0));
    assert!(passes("c", HOUR), "the next window has room");
    assert_eq!(limiter.accounts(), 1);
}

#[test]
fn a_budget_counts_on_under_the_next_policy() {
    let first = firewall("max = 10\nwindow = \"hour\"", Arc::default());
    let running = first.call(&call("acme", "pay", r#"{"amount":4}"#)).unwrap();
    assert!(pay(&first, "5", Outcome::Ok));
    let next = PolicyFile::parse("p.toml", &document("max = 9\nwindow = \"hour\"")).unwrap();
    let next = first.succeed(next).unwrap();
    assert!(!pay(&next, "1", Outcome::Ok));
    running.finish(Outcome::Failed);
    assert!(pay(&next, "4", Outcome::Ok) && !pay(&next, "1", Outcome::Ok));
}

#[test]
fn documents_that_cannot_be_honoured() {
    for (budget, wanted) in [
        ("max = \"1e3\"\nwindow = \"hour\"", "decimal"),
        ("max = 0\nwindow = \"hour\"", "above 0"),
        ("max = \"-5\"\nwindow = \"hour\"", "above 0"),
        ("max = 1\nwindow = \"day\"", "in which zone"),
        ("max = 1\nwindow = \"day@Mars/Base\"", "Mars/Base"),
        ("max = 1\nwindow = \"fortnight\"", "hour, day@ZONE"),
        ("max = 1\nwindow = \"hour@UTC\"", "hour, day@ZONE"),
        ("max = 1", "window"),
        ("max = 1\nwindow = \"hour\"\nburst = 3", "burst"),
        ("max = 1\nwindow = \"hour\"\n[store]\nredis = \"redis://localhost\"", "share a budget"),
    ] {
        let error = PolicyFile::parse("p.toml", &document(budget)).err();
        let error = error.unwrap_or_else(|| panic!("{budget}")).to_string();
        assert!(error.contains(wanted), "{budget}: {error}");
    }
}

#[test]
fn threads_never_take_more_than_there_is() {
    const THREADS: u64 = 8;
    let firewall = firewall("max = \"100.00\"\nwindow = \"hour\"", Arc::default());
    let (taken, start) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (firewall, taken, start) = (&firewall, &taken, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..200 {
                    // Every other call fails and gives back what it took.
                    let outcome =
                        if (round + thread) % 2 == 0 { Outcome::Ok } else { Outcome::Failed };
                    if pay(firewall, "\"0.75\"", outcome) && outcome == Outcome::Ok {
                        taken.fetch_add(75, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let taken = taken.into_inner();
    assert!(taken <= 10_000, "{taken}");
    // What is left is left to the cent.
    let left = 10_000 - taken;
    assert!(pay(&firewall, &format!("\"{}.{:02}\"", left / 100, left % 100), Outcome::Ok));
    assert!(!pay(&firewall, "0.01", Outcome::Ok));
}

proptest! {
    /// Any interleaving of calls and ends: the sum of what runs or ran is never above the bound, nothing is
    /// refused that fits, and what failed is given back to the last digit.
    #[test]
    fn the_sum_is_exact_whatever_the_interleaving(
        steps in proptest::collection::vec((0_u32..4_000, 0_usize..6, 0_u8..4), 1..60),
    ) {
        let firewall = firewall("max = \"10.000\"\nwindow = \"hour\"", Arc::default());
        let mut running = Vec::new();
        let mut sum = 0;
        for (amount, which, end) in steps {
            let arguments = format!(r#"{{"amount":"{}.{:03}"}}"#, amount / 1000, amount % 1000);
            let fits = sum + amount <= 10_000;
            match firewall.call(&call("acme", "pay", &arguments)) {
                Ok(permit) => {
                    prop_assert!(fits);
                    sum += amount;
                    running.push((permit.into_running(), amount));
                }
                Err(_) => prop_assert!(!fits),
            }
            if end > 0 && which < running.len() {
                let (call, amount) = running.swap_remove(which);
                match end {
                    1 => call.finish(Outcome::Ok),
                    2 => call.finish(Outcome::Unknown),
                    _ => {
                        call.finish(Outcome::Failed);
                        sum -= amount;
                    }
                }
            }
        }
    }
}

#[test]
fn every_policy_of_a_stack_has_its_budgets() {
    let policy = |max: u32| {
        let text = format!(
            r#"{{"default": "allow", "budget": [{{"id": "b", "tools": "pay", "sum": "args.n{max}", "max": {max},
                "window": "hour", "key": ["args.to"]}}]}}"#
        );
        Policy::from_json(&text).unwrap()
    };
    let stack = policy(5).narrowed_by(policy(3)).unwrap();
    let names: Vec<_> = stack.budgets().map(|budget| budget.name).collect();
    assert_eq!(names, ["budget:b", "budget:b@2"]);
    let input_schema = br#"{"type":"object"}"#;
    let tool = ToolDefinition { name: "pay", input_schema, output_schema: None };
    let guard = Guard::builder().policy(stack).unwrap().tool(tool).unwrap().build().unwrap();
    let limiter = Limiter::new(guard.policy(), Arc::<ManualClock>::default()).unwrap();
    let decide = |arguments: &str| {
        let call = Call { tool: "pay", arguments: arguments.as_bytes(), ..Call::default() };
        let scratch = &mut guard.scratch();
        match guard.settle(&call, Some(&limiter), None, scratch) {
            Settled::Allow(_) => None,
            Settled::Refuse(barred) => barred.refusal(scratch).rule().map(String::from),
        }
    };
    assert_eq!(decide(r#"{"n5":5,"n3":3,"to":"a"}"#), None);
    assert_eq!(decide(r#"{"n5":5,"n3":4,"to":"b"}"#).as_deref(), Some("budget:b@2"));
    assert_eq!(decide(r#"{"n5":5,"n3":3,"to":"b"}"#), None, "a refused call took nothing");
    assert_eq!(decide(r#"{"n5":1,"n3":1,"to":"a"}"#).as_deref(), Some("budget:b"));
}

#[test]
fn in_shadow_mode_a_budget_refuses_nothing() {
    let policy = format!("mode = \"shadow\"\n{}", document("max = 5\nwindow = \"hour\""));
    let input_schema = br#"{"type":"object"}"#;
    let tool = ToolDefinition { name: "pay", input_schema, output_schema: None };
    let file = PolicyFile::parse("p.toml", &policy).unwrap();
    let firewall = Firewall::builder().policy(file).clock(Arc::<ManualClock>::default());
    let firewall = firewall.tool(tool).unwrap().build().unwrap();
    for (amount, would) in [("4", None), ("4", Some(Reason::BudgetExceeded)), ("1", None)] {
        let arguments = format!(r#"{{"amount":{amount}}}"#);
        let call = call("acme", "pay", &arguments);
        let permit = firewall.call(&call).unwrap();
        assert_eq!(permit.allowed().would().and_then(|would| would.reason), would, "{amount}");
        permit.finish(Outcome::Ok);
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_store_that_nobody_reaches_takes_nothing_from_a_budget() {
    let file = PolicyFile::parse("p.toml", &document("max = 5\nwindow = \"hour\"")).unwrap();
    let options = airlock::limit::RedisOptions::new("redis://127.0.0.1:1").unwrap();
    let tool = ToolDefinition { name: "pay", input_schema: b"{}", output_schema: None };
    let firewall = Firewall::builder().policy(file).redis(options).tool(tool).unwrap();
    assert!(!pay(&firewall.build().unwrap(), "1", Outcome::Ok));
}
