//! What a record costs the thread that decides, beside the bare write of as many bytes; and what metrics cost a
//! call of a firewall.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use airlock::Firewall;
use airlock::audit::{AuditLog, Places};
use airlock::core::mcp::{Direction, Event, Outcome};
use airlock::core::policy::Policy;
use airlock::core::{Call, Guard, ToolDefinition, Verdict};
use airlock::observe::Metrics;
use airlock_benches::{Peer, measure};

const CALLS: usize = 20_000;
const SCHEMA: &[u8] = br#"{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"},
    "mode":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}}},"required":["path"]}"#;
const ARGUMENTS: &[u8] =
    br#"{"path":"/workspace/src/main.rs","content":"fn main() {}","mode":420,"tags":["a","b"]}"#;

fn main() {
    let directory = std::env::temp_dir().join(format!("airlock-bench-{}", std::process::id()));
    fs::create_dir(&directory).expect("a directory for the logs");
    let log = |name: &str, audit: &str| {
        let policy = format!(r#"{{"audit": {audit}}}"#);
        let policy = Policy::from_json(&policy).expect("a policy");
        AuditLog::open_with(&directory.join(name), policy.audit(), Places::default(), Some("bot"))
            .expect("a log")
    };
    let tool = ToolDefinition { name: "write_file", input_schema: SCHEMA, output_schema: None };
    let guard = Guard::builder().tool(tool).expect("a tool").build().expect("a guard");
    let mut scratch = guard.scratch();
    let call = Call { tool: "write_file", arguments: ARGUMENTS, ..Call::default() };
    let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else {
        panic!("the call is allowed");
    };
    let event = Event {
        tool: Some(call.tool),
        arguments: Some(call.arguments),
        declared: guard.declared(call.tool),
        ..Event::new(Direction::ToServer, Outcome::Allowed(&allowed))
    };
    let records = |log: AuditLog| {
        let event = &event;
        move || {
            (0..CALLS).for_each(|_| log.record(black_box(event), Instant::now()).expect("recorded"))
        }
    };

    let sample = log("sample", "{}");
    sample.record(&event, Instant::now()).expect("recorded");
    let text = fs::read_to_string(directory.join("sample")).expect("a log");
    let line = text.lines().last().expect("a record").to_owned() + "\n";
    println!("a record has {} bytes: {line}", line.len());
    // It writes once more when it is closed.
    drop(sample);

    let key = directory.join("key");
    fs::write(&key, [7; 32]).expect("a key");
    let keyed = format!(r#"{{"chain": true, "key_file": {:?}}}"#, key.display().to_string());
    let append = |name| -> File {
        let path = directory.join(name);
        OpenOptions::new().append(true).create(true).open(path).expect("a file")
    };
    let mut bare = append("bare");
    let mut peers = [
        Peer::new("bare write of the line", move || {
            (0..CALLS).for_each(|_| bare.write_all(black_box(line.as_bytes())).expect("written"));
        }),
        Peer::new("sync", records(log("sync", "{}"))),
        Peer::new("sync, rotated", records(log("rotated", r#"{"max_bytes": 8388608, "keep": 1}"#))),
        Peer::new(
            "sync, preview of 200 characters",
            records(log("preview", r#"{"preview": 200}"#)),
        ),
        Peer::new("sync, chain", records(log("chain", r#"{"chain": true}"#))),
        Peer::new("sync, chain with a key", records(log("keyed", &keyed))),
        Peer::new(
            "async, queue of 16,384",
            records(log("async", r#"{"mode": "async", "queue": 16384}"#)),
        ),
        Peer::new("no log", records(AuditLog::none())),
    ];
    measure(CALLS, 7, 1, &mut peers).print("a record of an allowed call", &peers);
    drop(peers);

    let firewall = |metrics: Option<Metrics>| {
        let builder = Firewall::builder().tool(tool).expect("a tool");
        match metrics {
            Some(metrics) => builder.metrics(metrics).build(),
            None => builder.build(),
        }
        .expect("a firewall")
    };
    let calls = |firewall: Firewall| {
        let call = &call;
        move || {
            for _ in 0..CALLS {
                firewall.call(black_box(call)).expect("allowed").finish(airlock::Outcome::Ok);
            }
        }
    };
    let mut peers = [
        Peer::new("nobody is told", calls(firewall(None))),
        Peer::new("metrics", calls(firewall(Some(Metrics::new())))),
    ];
    measure(CALLS, 7, 1, &mut peers).print("a call of a firewall", &peers);
    drop(peers);
    let _ = fs::remove_dir_all(&directory);
}
