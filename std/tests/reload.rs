//! Policies that are changed while calls are made: nothing is judged by half a policy, nothing is counted
//! anew, and what is wrong changes nothing.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use airlock::core::{Call, Reason, ToolDefinition};
use airlock::firewall::FirewallError;
use airlock::observe::Metrics;
use airlock::policy::PolicyFile;
use airlock::reload::Live;
use airlock::{Firewall, Outcome};
use serde_json::Value;

const ADMITTED: u64 = 500;

/// A policy that allows one tool; the same limit stands at another place in each.
fn one_of_two(name: &str, allowed: &str) -> PolicyFile {
    let first = if allowed == "left" {
        "[[limit]]\nid = \"first\"\ntools = \"*\"\nrate = \"1000000/1s\"\n"
    } else {
        ""
    };
    let text = format!(
        "{first}[[limit]]\nid = \"all\"\ntools = \"*\"\nrate = \"{ADMITTED}/300d\"\n\
         burst = {ADMITTED}\n\
         [[rule]]\nid = \"{allowed}-only\"\neffect = \"allow\"\ntools = \"{allowed}\"\n\
         [[rule]]\nid = \"{allowed}-denies\"\neffect = \"deny\"\ntools = \"{}\"\n",
        if allowed == "left" { "right" } else { "left" }
    );
    PolicyFile::parse(name, &text).unwrap()
}

fn firewall(policy: PolicyFile, metrics: &Metrics, log: &Path) -> Firewall {
    let tool = |name| ToolDefinition {
        name,
        input_schema: br#"{"type":"object","properties":{"n":{"type":"integer"}}}"#,
        output_schema: None,
    };
    let builder = Firewall::builder().policy(policy).metrics(metrics.clone()).audit_file(log);
    builder.tool(tool("left")).unwrap().tool(tool("right")).unwrap().build().unwrap()
}

/// An audit log, removed with its folder.
struct Log(tempfile::TempDir);

impl Log {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("audit.jsonl")
    }

    fn records(&self, kind: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path()).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["kind"] == kind).collect()
    }
}

#[test]
fn a_thousand_reloads_under_load_lose_and_mix_nothing() {
    let (metrics, log) = (Metrics::new(), Log::new());
    let live = Live::new(firewall(one_of_two("left.toml", "left"), &metrics, &log.path()));
    let (done, admitted, asked) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let ask = |tool: &'static str| {
        asked.fetch_add(1, Ordering::Relaxed);
        let firewall = live.load();
        let call = Call { tool, arguments: br#"{"n":1}"#, ..Call::default() };
        match firewall.call(&call) {
            Ok(permit) => {
                assert_eq!(permit.allowed().rule(), Some(&*format!("{tool}-only")));
                admitted.fetch_add(1, Ordering::Relaxed);
                permit.finish(Outcome::Ok);
            }
            Err(refused) => {
                let refusal = refused.refusal();
                let other = if tool == "left" { "right" } else { "left" };
                match refusal.cause() {
                    Reason::ToolDenied => {
                        assert_eq!(refusal.rule(), Some(&*format!("{other}-denies")));
                    }
                    Reason::RateLimited => assert_eq!(refusal.rule(), Some("all")),
                    reason => panic!("{}", reason.name()),
                }
            }
        }
    };
    thread::scope(|scope| {
        for tool in ["left", "right", "left", "right"] {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    ask(tool);
                    // Locks are not fair: without a breath who reloads hardly ever gets one.
                    thread::sleep(Duration::from_micros(50));
                }
            });
        }
        for round in 0..1000 {
            let policy = match round % 2 {
                0 => one_of_two("right.toml", "right"),
                _ => one_of_two("left.toml", "left"),
            };
            live.reload(policy).unwrap();
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    (0..ADMITTED).for_each(|_| ask("left"));
    assert_eq!(admitted.load(Ordering::Relaxed), ADMITTED, "as many as one policy admits");
    let firewall = live.load();
    let calls = firewall.calls();
    assert_eq!((calls.running, calls.ok), (0, ADMITTED));
    assert_eq!(calls.ok + calls.refused, asked.load(Ordering::Relaxed));
    firewall.audit().close();
    // The place of each rule is that in its own file.
    let decisions = log.records("decision");
    assert_eq!(decisions.len() as u64, asked.load(Ordering::Relaxed));
    for record in &decisions {
        let rule = record["rule"].as_str().unwrap();
        let place = record["place"].as_str().map(|place| place.split(':').next().unwrap());
        match rule {
            "left-only" | "left-denies" => assert_eq!(place, Some("left.toml")),
            "right-only" | "right-denies" => assert_eq!(place, Some("right.toml")),
            _ => assert_eq!(rule, "all"),
        }
    }
    let reloads = log.records("reload");
    assert_eq!(reloads.len(), 1000);
    assert!(reloads.windows(2).all(|two| two[0]["policy"] != two[1]["policy"]));
    assert!(metrics.render().contains("airlock_policy_reloads_total{outcome=\"ok\"} 1000\n"));
}

#[test]
fn a_bad_reload_changes_nothing_and_says_so() {
    let (metrics, log) = (Metrics::new(), Log::new());
    let live = Live::new(firewall(one_of_two("left.toml", "left"), &metrics, &log.path()));
    let before = live.load();
    let bad = |text: &str| PolicyFile::parse("bad.toml", text);
    for text in [
        // Not readable, not honoured by this guard, not fit for its tools, not keepable, another audit.
        "allowed_tools = [",
        "output = { \"*\" = { style = \"hash\" } }",
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\ntools = \"left\"\nwhen = { \"args.m\" = { eq = 1 } }\n",
        "[[limit]]\nid = \"all\"\ntools = \"*\"\nrate = \"1/900000d\"\nburst = 1000000\n",
        "[audit]\nmode = \"async\"\n",
    ] {
        live.reload_with(|| bad(text).map_err(FirewallError::Policy)).unwrap_err();
        assert!(std::sync::Arc::ptr_eq(&before, &live.load()), "{text}");
    }
    let call = |tool| Call { tool, arguments: b"{}", ..Call::default() };
    assert!(live.load().call(&call("left")).is_ok());
    assert!(live.load().call(&call("right")).is_err());
    assert!(metrics.render().contains("airlock_policy_reloads_total{outcome=\"failed\"} 5\n"));
    before.audit().close();
    let records = log.records("reload");
    assert_eq!(records.len(), 5);
    for record in records {
        assert_eq!((&record["outcome"], &record["policy"]), (&"failed".into(), &Value::Null));
        assert!(record["detail"].as_str().unwrap().len() > 10, "{record}");
    }
}

#[test]
fn a_changed_rate_keeps_the_calls_that_were_made() {
    let (metrics, log) = (Metrics::new(), Log::new());
    let policy = |rate: &str| {
        let text = format!("[[limit]]\nid = \"all\"\ntools = \"*\"\nrate = \"{rate}\"\n");
        PolicyFile::parse("policy.toml", &text).unwrap()
    };
    let live = Live::new(firewall(policy("10/300d"), &metrics, &log.path()));
    let admitted = |most: usize| {
        let firewall = live.load();
        let call = Call { tool: "left", arguments: b"{}", ..Call::default() };
        (0..most).filter(|_| firewall.call(&call).is_ok()).count()
    };
    assert_eq!(admitted(4), 4);
    live.reload(policy("20/300d")).unwrap();
    assert_eq!(admitted(100), 16, "four of twenty were made");
    live.reload(policy("30/300d")).unwrap();
    assert_eq!(admitted(100), 10);
    live.reload(policy("3/300d")).unwrap();
    assert_eq!(admitted(100), 0);
    // More than the burst is not owed: it is used up, and no more.
    live.reload(policy("5/300d")).unwrap();
    assert_eq!(admitted(100), 2);
    // A limit that is gone is forgotten.
    live.reload(PolicyFile::parse("policy.toml", "ghosts = \"strip\"").unwrap()).unwrap();
    assert_eq!(admitted(100), 100);
    live.reload(policy("5/300d")).unwrap();
    assert_eq!(admitted(100), 5);
}

#[test]
fn a_session_remembers_what_it_did_under_the_old_policy() {
    let (metrics, log) = (Metrics::new(), Log::new());
    let policy = |first: &str| {
        let text = format!(
            "{first}[[rule]]\nid = \"read\"\neffect = \"allow\"\ntools = \"left\"\n\
             adds = [\"secret\"]\nmax_calls = 2\n\
             [[rule]]\nid = \"no-leak\"\neffect = \"deny\"\ntools = \"right\"\n\
             labels = [\"secret\"]\n\
             [[rule]]\nid = \"send\"\neffect = \"allow\"\ntools = \"right\"\n"
        );
        PolicyFile::parse("policy.toml", &text).unwrap()
    };
    let live = Live::new(firewall(policy(""), &metrics, &log.path()));
    let passes = |tool, session| {
        let firewall = live.load();
        let session = Some(session);
        let call = Call { tool, arguments: b"{}", session, ..Call::default() };
        firewall.call(&call).map(|permit| permit.finish(Outcome::Ok)).is_ok()
    };
    assert!(passes("left", "one"));
    // The label has another place among those of the new policy.
    let other =
        "[[rule]]\nid = \"x\"\neffect = \"allow\"\ntools = \"other\"\nadds = [\"a\", \"b\"]\n";
    live.reload(policy(other)).unwrap();
    assert!(!passes("right", "one") && passes("right", "two"));
    assert!(passes("left", "one") && !passes("left", "one"), "one call before and one now");
}
