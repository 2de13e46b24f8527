//! The firewall as programs and bindings hold it.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use airlock::clock::ManualClock;
use airlock::core::policy::KillSwitch;
use airlock::core::{Call, Caller, Output, Reason, ToolDefinition};
use airlock::firewall::{Calls, FirewallBuilder, FirewallError, Permit, Refused, Shown};
use airlock::observe::Metrics;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};
use serde_json::{Value, json};

fn builder(policy: &str) -> FirewallBuilder {
    let schema = br#"{"type":"object","properties":{"path":{"type":"string"}}}"#;
    let mut builder = Firewall::builder().policy(PolicyFile::parse("policy.toml", policy).unwrap());
    for name in ["read_file", "write_file"] {
        let tool = ToolDefinition { name, input_schema: schema, output_schema: None };
        builder = builder.tool(tool).unwrap();
    }
    builder
}

fn call<'a>(tool: &'a str, arguments: &'a str) -> Call<'a> {
    Call { tool, arguments: arguments.as_bytes(), ..Call::default() }
}

fn by<'a>(agent: &'a str, call: Call<'a>) -> Call<'a> {
    Call { caller: Caller { agent: Some(agent), ..call.caller }, ..call }
}

/// A file of one test's own, in a folder that is removed with it.
struct Scrap(tempfile::TempDir);

impl Scrap {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("scrap")
    }
}

#[test]
fn it_is_shared_by_threads_and_its_answers_move_between_them() {
    const fn shared<T: Send + Sync>() {}
    const fn moves<T: Send>() {}
    shared::<Firewall>();
    moves::<Permit<'_>>();
    moves::<Refused<'_>>();
    moves::<Shown<'_>>();
}

#[test]
fn a_permit_has_the_arguments_to_run_with() {
    let firewall = builder("").build().unwrap();
    let same = call("read_file", r#"{"path":"/a"}"#);
    let permit = firewall.call(&same).unwrap();
    assert_eq!(permit.arguments().as_ptr(), same.arguments.as_ptr(), "nothing was copied");
    // Another call does not disturb the first, whose permit is still held.
    let cleaned = firewall.call(&call("read_file", r#"{"path":"/b","made_up":1}"#)).unwrap();
    let refused = firewall.call(&call("read_file", r#"{"path":7}"#)).unwrap_err();
    assert_eq!(cleaned.arguments(), br#"{"path":"/b"}"#);
    assert_eq!(cleaned.allowed().stripped().collect::<Vec<_>>(), ["/made_up"]);
    assert_eq!(permit.arguments(), same.arguments);
    let json: Value = serde_json::from_slice(refused.json()).unwrap();
    assert_eq!(json["reason"], "validation_failed");
    assert!(!format!("{permit:?} {refused:?}").contains("/a"), "no value of a call is shown");
}

#[test]
fn calls_are_counted_by_how_they_ended() {
    let firewall = builder("").build().unwrap();
    let read = call("read_file", "{}");
    firewall.call(&read).unwrap().finish(Outcome::Ok);
    firewall.call(&read).unwrap().finish(Outcome::Failed);
    firewall.call(&read).unwrap().finish(Outcome::Unknown);
    drop(firewall.call(&read).unwrap());
    let held = firewall.call(&read).unwrap();
    assert!(firewall.call(&call("read_file", "[]")).is_err());
    let calls = Calls { running: 1, ok: 1, failed: 1, unknown: 2, refused: 1 };
    assert_eq!(firewall.calls(), calls);
    drop(held);
    assert_eq!(firewall.calls(), Calls { running: 0, unknown: 3, ..calls });
    // Whoever ends the call needs nothing of it.
    let running = firewall.call(&read).unwrap().into_running();
    assert_eq!(firewall.calls().running, 1);
    running.finish(Outcome::Ok);
    assert_eq!(firewall.calls(), Calls { running: 0, ok: 2, unknown: 3, ..calls });
    drop(firewall.call(&read).unwrap().into_running());
    assert_eq!(firewall.calls(), Calls { running: 0, ok: 2, unknown: 4, ..calls });
}

#[test]
fn what_was_charged_stays_charged_however_the_call_ends() {
    let clock = Arc::new(ManualClock::new(1_800_000_000_000));
    let limited = builder("rate_limits = { \"*\" = \"3/hour\" }\n");
    let firewall = limited.clock(clock.clone()).build().unwrap();
    let read = call("read_file", "{}");
    for outcome in [Outcome::Ok, Outcome::Failed, Outcome::Unknown] {
        firewall.call(&read).unwrap().finish(outcome);
    }
    let refused = firewall.call(&read).unwrap_err();
    assert_eq!(refused.reason(), Reason::RateLimited);
    assert_eq!(refused.refusal().retry_after_ms(), Some(1_200_000));
    assert_eq!(refused.refusal().rule(), Some("rate_limits.\"*\""));
    clock.advance(Duration::from_millis(1_200_000));
    assert!(firewall.call(&read).is_ok());
}

#[test]
fn the_policy_says_who_an_agent_is_where_the_call_does_not() {
    let mut policy =
        String::from("[agents]\nclerk = { roles = [\"viewer\"], tenant = \"acme\" }\n");
    // More roles than are handed over without allocating.
    let many: Vec<String> = (0..40).map(|n| format!("\"r{n}\"")).collect();
    policy += &format!("boss = {{ roles = [{}, \"viewer\"] }}\n", many.join(", "));
    policy +=
        "[[rule]]\nid = \"r\"\neffect = \"allow\"\ntools = [\"read_file\"]\nroles = [\"viewer\"]\n";
    policy += "[[rule]]\nid = \"w\"\neffect = \"allow\"\ntools = [\"write_file\"]\ntenants = [\"acme\"]\n";
    let firewall = builder(&policy).build().unwrap();
    let passes = |call: Call<'_>| firewall.call(&call).is_ok();
    let (read, write) = (call("read_file", "{}"), call("write_file", "{}"));
    assert!(passes(by("clerk", read)) && passes(by("clerk", write)));
    assert!(passes(by("boss", read)) && !passes(by("boss", write)));
    assert!(!passes(by("stranger", read)) && !passes(read));
    let caller = Caller { agent: Some("clerk"), roles: &["other"], tenant: Some("evil") };
    assert!(!passes(Call { caller, ..read }) && !passes(Call { caller, ..write }));
}

#[test]
fn the_moment_is_that_of_the_clock() {
    // 2026-11-23 is a Monday.
    let clock = Arc::new(ManualClock::new(1_795_424_340_000));
    let hours = builder("tz = \"UTC\"\ntime_restrictions = { \"read_*\" = \"09:00-17:00\" }\n");
    let firewall = hours.clock(clock.clone()).build().unwrap();
    let read = call("read_file", "{}");
    assert_eq!(firewall.call(&read).unwrap_err().reason(), Reason::TimeRestricted);
    clock.advance(Duration::from_secs(60));
    assert!(firewall.call(&read).is_ok());
}

#[test]
fn a_switch_or_a_file_halts_every_call() {
    let switch = KillSwitch::new();
    let firewall = builder("").kill_switch(switch.clone()).build().unwrap();
    let read = call("read_file", "{}");
    assert!(firewall.call(&read).is_ok());
    switch.set(true);
    assert_eq!(firewall.call(&read).unwrap_err().reason(), Reason::Halted);
    let file = Scrap::new();
    let firewall = builder("").kill_file(&file.path()).build().unwrap();
    assert!(firewall.call(&read).is_ok());
    fs::write(file.path(), "").unwrap();
    assert_eq!(firewall.call(&read).unwrap_err().reason(), Reason::Halted);
}

#[test]
fn a_kill_file_that_turns_is_recorded_and_counted() {
    let (file, log, metrics) = (Scrap::new(), Scrap::new(), Metrics::new());
    let builder =
        builder("").kill_file(&file.path()).audit_file(&log.path()).metrics(metrics.clone());
    let firewall = builder.build().unwrap();
    let counted = |line: &str| metrics.render().lines().any(|found| found == line);
    let ask = || firewall.call(&call("read_file", "{}")).is_ok();
    assert!(ask() && counted("airlock_halted 0"));
    fs::write(file.path(), "").unwrap();
    assert!(!ask() && !ask() && counted("airlock_halted 1"));
    fs::remove_file(file.path()).unwrap();
    assert!(ask() && counted("airlock_halted 0"));
    assert!(counted("airlock_halts_total{cause=\"kill_file\"} 1"));
    firewall.audit().close();
    let text = fs::read_to_string(log.path()).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let halts = records.filter(|record| record["kind"] == "halt");
    let told: Vec<_> = halts.map(|halt| (halt["cause"].clone(), halt["halted"].clone())).collect();
    assert_eq!(told, [true, false].map(|halted| (json!("kill_file"), json!(halted))));
}

#[test]
fn strict_does_not_start_without_an_audit_and_wants_the_agent() {
    let error = Firewall::open("strict").unwrap_err();
    assert!(matches!(error, FirewallError::NoAudit), "{error}");
    let log = Scrap::new();
    let firewall = builder("preset = \"strict\"\n").audit_file(&log.path()).build().unwrap();
    let read = call("read_file", r#"{"path":"/planted-value"}"#);
    assert_eq!(firewall.call(&read).unwrap_err().reason(), Reason::IdentityRequired);
    for _ in 0..100 {
        assert!(firewall.call(&by("bob", read)).is_ok());
    }
    assert_eq!(firewall.call(&by("bob", read)).unwrap_err().reason(), Reason::RateLimited);
    let shown = firewall.filter("read_file", Output::Text(b"password=Tr0ub4dor&3")).unwrap();
    assert_eq!((shown.bytes(), shown.masked()), (&b"password=[REDACTED]"[..], 1));
    firewall.audit().close();
    let text = fs::read_to_string(log.path()).unwrap();
    assert!(!text.contains("planted-value") && !text.contains("Tr0ub4dor"), "{text}");
    let records: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |key: &str, value: &str| records.iter().filter(|record| record[key] == value).count();
    assert_eq!((of("decision", "allow"), of("reason", "rate_limited")), (100, 1));
    assert_eq!(of("reason", "identity_required"), 1);
    assert_eq!((of("decision", "filter"), of("agent", "bob")), (1, 101));
    // What cannot be recorded does not pass.
    assert_eq!(firewall.call(&by("eve", read)).unwrap_err().reason(), Reason::InternalError);
    assert!(firewall.filter("read_file", Output::Text(b"x")).is_err());
}

#[test]
fn calls_of_unknown_tools_pass_by_rules_and_limits_where_the_policy_says_so() {
    let policy = r#"
        unknown_tool = "forward"
        default = "allow"
        rate_limits = { "*" = "2/hour" }
        [[rule]]
        id = "no-etc"
        effect = "deny"
        tools = ["*"]
        when = { "args.path" = { prefix = "/etc" } }
        missing = "skip"
    "#;
    let firewall = builder(policy).build().unwrap();
    let reason =
        |arguments| firewall.call(&call("not_listed", arguments)).map_err(|r| r.reason()).err();
    assert_eq!(reason(r#"{"path":"/etc/passwd"}"#), Some(Reason::ConditionFailed));
    assert_eq!(reason("{"), Some(Reason::MalformedArguments));
    assert_eq!(reason(r#"{"path":"/a","b":[1]}"#), None);
    assert_eq!(reason("{}"), None);
    assert_eq!(reason("{}"), Some(Reason::RateLimited));
    let firewall = builder("").build().unwrap();
    let refused = firewall.call(&call("not_listed", "{}")).unwrap_err();
    assert_eq!(refused.reason(), Reason::UnknownTool);
}

#[test]
fn outputs_are_shown_as_they_are_or_masked() {
    let firewall = builder("max_output_chars = 60\n").build().unwrap();
    let plain = b"nothing to hide";
    let shown = firewall.filter("read_file", Output::Text(plain)).unwrap();
    assert!(shown.is_unchanged() && !shown.is_truncated());
    assert_eq!(shown.bytes().as_ptr(), plain.as_ptr());
    let json = br#"{"name": "John", "password": "Tr0ub4dor&3"}"#;
    let shown = firewall.filter("read_file", Output::Json(json)).unwrap();
    assert_eq!(shown.bytes(), br#"{"name": "John", "password": "[REDACTED]"}"#);
    let long = firewall.filter("read_file", Output::Text(&[b'x'; 500])).unwrap();
    assert!(long.is_truncated() && long.bytes().len() <= 60, "{}", long.bytes().len());
}

#[test]
fn many_threads_get_their_own_answers() {
    let firewall = builder("rate_limits = { \"read_*\" = \"1000/day\" }\n").build().unwrap();
    let passed: usize = thread::scope(|scope| {
        let ask = |thread: usize| {
            let firewall = &firewall;
            scope.spawn(move || {
                let mut passed = 0;
                for n in 0..500 {
                    let text = format!("{{\"path\":\"/{thread}/{n}\",\"ghost\":1}}");
                    let Ok(permit) = firewall.call(&call("read_file", &text)) else { continue };
                    let arguments: Value = serde_json::from_slice(permit.arguments()).unwrap();
                    assert_eq!(arguments, json!({"path": format!("/{thread}/{n}")}));
                    permit.finish(Outcome::Ok);
                    passed += 1;
                }
                passed
            })
        };
        let threads: Vec<_> = (0..8).map(ask).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 1000);
    assert_eq!(firewall.calls(), Calls { ok: 1000, refused: 3000, ..Calls::default() });
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_policy_with_a_store_needs_a_build_that_has_one() {
    let error = builder("[store]\n").build().unwrap_err();
    assert!(matches!(error, airlock::firewall::FirewallError::NoStore), "{error}");
}
