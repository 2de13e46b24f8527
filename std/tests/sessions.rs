//! The sessions of a firewall: kept apart, kept in bounds, and taken from by one call at a time.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use airlock::clock::ManualClock;
use airlock::core::{Call, Caller, Reason, ToolDefinition};
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};

fn firewall(policy: &str, clock: Arc<ManualClock>) -> Firewall {
    let mut builder =
        Firewall::builder().policy(PolicyFile::parse("p.toml", policy).unwrap()).clock(clock);
    for name in ["read", "send", "pay"] {
        let input_schema = br#"{"type":"object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    builder.build().unwrap()
}

fn call<'a>(session: &'a str, tool: &'a str, arguments: &'a str) -> Call<'a> {
    let caller = Caller { agent: Some("bob"), ..Caller::default() };
    let arguments = arguments.as_bytes();
    Call { tool, arguments, caller, session: Some(session), ..Call::default() }
}

fn run(firewall: &Firewall, call: &Call<'_>, outcome: Outcome) -> Result<(), Reason> {
    firewall.call(call).map(|permit| permit.finish(outcome)).map_err(|refused| refused.reason())
}

const REFUSED: Result<(), Reason> = Err(Reason::SessionRule);

const FLOW: &str = r#"
    default = "allow"
    [[rule]]
    id = "read"
    effect = "allow"
    tools = ["read"]
    adds = ["private"]
    [[rule]]
    id = "no-exfil"
    effect = "deny"
    tools = ["send"]
    labels = ["private"]
"#;

#[test]
fn sessions_are_those_of_a_tenant_an_agent_and_an_id() {
    let firewall = firewall(FLOW, Arc::default());
    run(&firewall, &call("s", "read", "{}"), Outcome::Ok).unwrap();
    let send = call("s", "send", "{}");
    assert_eq!(run(&firewall, &send, Outcome::Ok), REFUSED);
    let others = [
        call("t", "send", "{}"),
        Call { caller: Caller { agent: Some("ann"), ..send.caller }, ..send },
        Call { caller: Caller { tenant: Some("acme"), ..send.caller }, ..send },
    ];
    for other in &others {
        assert_eq!(run(&firewall, other, Outcome::Ok), Ok(()), "{other:?}");
    }
    let nobodys = Call { session: None, ..send };
    assert_eq!(run(&firewall, &nobodys, Outcome::Ok), REFUSED, "what came before is not known");
    assert_eq!(firewall.sessions(), 4);
    firewall.end_session(&send.caller, "s");
    assert_eq!(run(&firewall, &send, Outcome::Ok), Ok(()));
}

#[test]
fn a_new_session_is_refused_while_all_are_in_use_and_none_is_forgotten() {
    let clock = Arc::new(ManualClock::default());
    let policy = format!("session = {{ max_sessions = 2, idle = \"1h\" }}\n{FLOW}");
    let firewall = firewall(&policy, Arc::clone(&clock));
    run(&firewall, &call("a", "read", "{}"), Outcome::Ok).unwrap();
    run(&firewall, &call("b", "read", "{}"), Outcome::Ok).unwrap();
    clock.advance(Duration::from_secs(3600));
    let refused = firewall.call(&call("c", "read", "{}")).unwrap_err();
    assert_eq!(refused.reason(), Reason::SessionRule);
    assert_eq!(run(&firewall, &call("a", "send", "{}"), Outcome::Ok), REFUSED, "still labelled");
    clock.advance(Duration::from_secs(1));
    // Only `b` was idle for too long.
    assert_eq!(run(&firewall, &call("c", "read", "{}"), Outcome::Ok), Ok(()));
    assert_eq!(run(&firewall, &call("a", "send", "{}"), Outcome::Ok), REFUSED);
    assert_eq!(firewall.sessions(), 2);
    assert_eq!(firewall.calls().refused, 3);
}

#[test]
fn a_policy_without_session_rules_keeps_no_session() {
    let firewall = firewall("", Arc::default());
    run(&firewall, &call("s", "read", "{}"), Outcome::Ok).unwrap();
    assert_eq!(firewall.sessions(), 0);
}

const PAY: &str = r#"
    [[rule]]
    id = "pay"
    effect = "allow"
    tools = ["pay"]
    once = ["args.key"]
    after = { tool = "read", same = ["id"], within = "30m" }
    [[rule]]
    id = "read"
    effect = "allow"
    tools = ["read"]
"#;

#[test]
fn permits_settle_what_they_reserved() {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let firewall = firewall(PAY, Arc::clone(&clock));
    let (read, pay) = (call("s", "read", r#"{"id":1}"#), call("s", "pay", r#"{"id":1,"key":"k"}"#));
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        run(&firewall, &read, outcome).unwrap();
        assert_eq!(run(&firewall, &pay, Outcome::Ok), REFUSED, "{outcome:?}");
    }
    drop(firewall.call(&read).unwrap());
    assert_eq!(run(&firewall, &pay, Outcome::Ok), REFUSED, "a dropped permit is unknown");
    firewall.call(&read).unwrap().into_running().finish(Outcome::Ok);
    // The time of day does not say how long ago that was.
    clock.set(0);
    assert_eq!(run(&firewall, &pay, Outcome::Failed), Ok(()));
    clock.advance(Duration::from_secs(1800));
    let permit = firewall.call(&pay).unwrap();
    assert_eq!(run(&firewall, &pay, Outcome::Ok), REFUSED, "taken by the permit");
    drop(permit);
    assert_eq!(run(&firewall, &pay, Outcome::Ok), REFUSED, "nobody said that it failed");
    clock.advance(Duration::from_millis(1));
    let other = call("s", "pay", r#"{"id":1,"key":"other"}"#);
    assert_eq!(run(&firewall, &other, Outcome::Ok), REFUSED, "too long ago");
}

#[test]
fn an_exhausted_limit_takes_nothing_from_a_session() {
    let limit = "[[limit]]\nid = \"one\"\ntools = [\"pay\"]\nrate = \"1/1m\"\n";
    let clock = Arc::new(ManualClock::default());
    let firewall = firewall(&format!("{PAY}{limit}"), Arc::clone(&clock));
    run(&firewall, &call("s", "read", r#"{"id":1}"#), Outcome::Ok).unwrap();
    run(&firewall, &call("s", "pay", r#"{"id":1,"key":1}"#), Outcome::Ok).unwrap();
    let second = call("s", "pay", r#"{"id":1,"key":2}"#);
    assert_eq!(run(&firewall, &second, Outcome::Ok), Err(Reason::RateLimited));
    clock.advance(Duration::from_secs(60));
    assert_eq!(run(&firewall, &second, Outcome::Ok), Ok(()));
}

/// Runs `each` on many threads at once; how many calls were let through.
fn race(firewall: &Firewall, each: impl Fn(u64) -> u64 + Sync) -> u64 {
    const THREADS: u64 = 8;
    let (barrier, passed) = (Barrier::new(THREADS as usize), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, passed, each) = (&barrier, &passed, &each);
            scope.spawn(move || {
                barrier.wait();
                passed.fetch_add(each(thread), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(firewall.calls().running, 0);
    passed.load(Ordering::Relaxed)
}

#[test]
fn of_many_threads_one_gets_each_value_once() {
    let firewall = firewall(
        "[[rule]]\nid = \"p\"\neffect = \"allow\"\ntools = [\"pay\"]\nonce = \"args.key\"\n",
        Arc::default(),
    );
    let passed = race(&firewall, |thread| {
        let mut passed = 0;
        for key in 0..200 {
            let arguments = format!(r#"{{"key":{key}}}"#);
            // Half of the threads hold the permit for a while.
            if let Ok(permit) = firewall.call(&call("s", "pay", &arguments)) {
                if thread % 2 == 0 {
                    thread::yield_now();
                }
                permit.finish(if thread % 3 == 0 { Outcome::Unknown } else { Outcome::Ok });
                passed += 1;
            }
        }
        passed
    });
    assert_eq!(passed, 200);
}

#[test]
fn many_threads_share_the_bounds_of_a_session_and_of_a_rule() {
    for (policy, most) in [
        ("default = \"allow\"\nsession = { max_calls = 47 }\n", 47),
        ("[[rule]]\nid = \"p\"\neffect = \"allow\"\ntools = [\"pay\"]\nmax_calls = 31\n", 31),
    ] {
        let firewall = firewall(policy, Arc::default());
        let passed = race(&firewall, |thread| {
            let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Unknown][thread as usize % 3];
            let pay = call("s", "pay", "{}");
            (0..40).filter(|_| run(&firewall, &pay, outcome).is_ok()).count() as u64
        });
        assert_eq!(passed, most);
        // Another session has bounds of its own.
        assert_eq!(run(&firewall, &call("t", "pay", "{}"), Outcome::Ok), Ok(()));
    }
}
