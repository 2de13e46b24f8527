//! The chain of the audit log: what was done to a log is found.
#![cfg(unix)]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use airlock::audit::verify::{Report, Verifier, What};
use airlock::audit::{AuditKey, AuditLog, Places};
use airlock::core::mcp::{Direction, Event, Outcome};
use airlock::core::policy::{AuditPolicy, Policy};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "this is the key of a test";

/// A directory of one test.
struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), format!("{SECRET}\n")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("audit.jsonl")
    }

    /// `[audit]` with a chain, a key, checkpoints, and what `more` says.
    fn settings(&self, more: Value) -> AuditPolicy {
        let mut audit = json!({
            "chain": true,
            "key_file": self.path("key"),
            "checkpoint": self.path("checkpoints"),
            "checkpoint_every": 3,
        });
        for (name, value) in more.as_object().unwrap() {
            audit[name] = value.clone();
        }
        audit.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let document = json!({ "audit": audit }).to_string();
        Policy::from_json(&document).unwrap().audit().clone()
    }

    fn open(&self, more: Value) -> AuditLog {
        AuditLog::open_with(&self.log(), &self.settings(more), Places::default(), None).unwrap()
    }

    fn verify(&self, files: &[&str]) -> Report {
        let files: Vec<_> = files.iter().map(|name| fs::read(self.path(name)).unwrap()).collect();
        let files: Vec<_> = files.iter().map(Vec::as_slice).collect();
        let checkpoints = fs::read(self.path("checkpoints")).unwrap_or_default();
        verify(&files, &checkpoints, true, false)
    }
}

fn record(log: &AuditLog) {
    let outcome = Outcome::Rejected { code: -32602, why: "unknown tool" };
    let arguments = Some(&br#"{"text":"some text","n":1}"#[..]);
    let event = Event { tool: Some("echo"), arguments, ..Event::new(Direction::ToServer, outcome) };
    log.record(&event, Instant::now()).unwrap();
}

fn verify(files: &[&[u8]], checkpoints: &[u8], keyed: bool, partial: bool) -> Report {
    let key = AuditKey::new(SECRET.as_bytes()).unwrap();
    let mut verifier = Verifier::new(keyed.then_some(&key), partial);
    verifier.checkpoints("checkpoints", checkpoints).unwrap();
    for (number, file) in files.iter().enumerate() {
        verifier.file(&format!("log{number}"), *file).unwrap();
    }
    verifier.finish()
}

/// A log of three runs, two of them at one time, and its checkpoints.
fn sample() -> (Vec<u8>, Vec<u8>) {
    let dir = Dir::new();
    let first = dir.open(json!({}));
    (0..2).for_each(|_| record(&first));
    let second = dir.open(json!({"mode": "async"}));
    record(&second);
    second.flush().unwrap();
    record(&first);
    first.close();
    record(&second);
    second.close();
    let third = dir.open(json!({}));
    record(&third);
    third.close();
    let read = |path| fs::read(path).unwrap();
    (read(dir.log()), read(dir.path("checkpoints")))
}

fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn a_log_as_it_was_written_is_intact() {
    let (log, checkpoints) = sample();
    let report = verify(&[&log], &checkpoints, true, false);
    assert!(report.is_intact(), "{:?}", report.flaws);
    assert_eq!((report.records, report.runs, report.unproved), (12, 3, 0));
    assert!(report.open_runs.is_empty() && report.checkpoints >= 6, "{report:?}");
    // Without the key the order is seen, not what the records say.
    let report = verify(&[&log], b"", false, false);
    assert!(report.is_intact());
    assert_eq!(report.unproved, 12);
}

/// Exhaustive over the bytes, each changed in one way, so that every part of the form is tried.
#[test]
fn every_byte_that_is_changed_is_found() {
    let (log, checkpoints) = sample();
    // Part of the log, so that this takes seconds: the second run begins in it.
    let log: Vec<u8> = lines(&log)[..5].concat();
    assert!(verify(&[&log], b"", true, false).is_intact());
    let _ = checkpoints;
    let mut changed = log.clone();
    for at in 0..log.len() {
        for bit in [1 << (at % 8), 0x20] {
            changed[at] ^= bit;
            let report = verify(&[&changed], b"", true, false);
            assert!(!report.is_intact(), "byte {at} by {bit:#x}");
            changed[at] ^= bit;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Deleted, repeated, swapped or moved records, whichever they are.
    #[test]
    fn every_record_that_is_removed_repeated_or_moved_is_found(
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        count in 1_usize..4,
    ) {
        thread_local! {
            static SAMPLE: (Vec<u8>, Vec<u8>) = sample();
        }
        SAMPLE.with(|(log, checkpoints)| {
            let whole = lines(log);
            let (at, to) = (at.index(whole.len()), to.index(whole.len()));
            let found = |lines: Vec<&[u8]>| {
                let log = lines.concat();
                !verify(&[&log], checkpoints, true, false).is_intact()
            };
            let mut removed = whole.clone();
            removed.drain(at..(at + count).min(whole.len()));
            prop_assert!(found(removed), "removed {at} {count}");
            let mut repeated = whole.clone();
            repeated.insert(to, whole[at]);
            prop_assert!(found(repeated), "repeated {at} at {to}");
            let mut swapped = whole.clone();
            swapped.swap(at, to);
            // Records of two runs that were written at one time have no order among them.
            let run = |line: &[u8]| {
                let line: Value = serde_json::from_slice(line).unwrap();
                line["chain"]["run"].clone()
            };
            if at != to && run(whole[at]) == run(whole[to]) {
                prop_assert!(found(swapped), "swapped {at} and {to}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_text_makes_the_verifier_fail(log in prop::collection::vec(any::<u8>(), 0..2000)) {
        let report = verify(&[&log], &log, true, false);
        prop_assert_eq!(report.is_intact(), log.is_empty());
    }
}

/// Each attack, and what it is called.
#[test]
fn a_flaw_says_what_and_where() {
    let (log, checkpoints) = sample();
    let whole = lines(&log);
    let flaws = |lines: Vec<&[u8]>, checkpoints: &[u8]| {
        let log = lines.concat();
        let report = verify(&[&log], checkpoints, true, false);
        report.flaws.iter().map(|flaw| (flaw.what, flaw.line, flaw.n)).collect::<Vec<_>>()
    };
    let without = |at: usize| {
        let mut lines = whole.clone();
        lines.remove(at);
        lines
    };
    assert_eq!(flaws(without(1), b""), [(What::Missing { count: 1 }, 2, Some(3))]);
    let text = String::from_utf8(whole[1].to_vec()).unwrap().replace("echo", "ECHO");
    let mut changed = whole.clone();
    changed[1] = text.as_bytes();
    assert_eq!(flaws(changed, b""), [(What::Altered, 2, Some(2))]);
    let twice = [&whole[..2], &whole[1..]].concat();
    assert_eq!(flaws(twice, b""), [(What::Repeated, 3, Some(2))]);
    let forged = [b"{\"v\":1,\"kind\":\"decision\"}\n".as_slice(), &log].concat();
    assert_eq!(flaws(lines(&forged), b""), [(What::NoRecord, 1, None)]);
    // The last run gone whole: nothing in the log tells, the checkpoints do.
    let cut = whole[..9].to_vec();
    assert_eq!(flaws(cut.clone(), b""), []);
    assert!(matches!(flaws(cut, &checkpoints)[..], [(What::Cut, _, Some(3))]));
    // The first run gone whole: the next one began after it.
    let run = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap()["chain"]["run"].clone();
    let rest: Vec<_> = whole.iter().copied().filter(|line| run(line) != run(whole[0])).collect();
    assert_eq!(flaws(rest.clone(), b"")[0].0, What::RunMissing);
    // A log that anyone can make is not taken for one under the key.
    let dir = Dir::new();
    let plain = dir.open(json!({"key_file": null, "checkpoint": null, "checkpoint_every": null}));
    record(&plain);
    plain.close();
    let plain = fs::read(dir.log()).unwrap();
    assert_eq!(verify(&[&plain], b"", true, false).flaws[0].what, What::Unkeyed);
    assert!(verify(&[&plain], b"", false, false).is_intact());
    let changed = String::from_utf8(plain).unwrap().replacen("echo", "ECHO", 1);
    assert_eq!(verify(&[changed.as_bytes()], b"", false, false).flaws[0].what, What::Altered);
}

#[test]
fn the_chain_goes_on_over_rotation() {
    let dir = Dir::new();
    let log = dir.open(json!({"max_bytes": 65_536, "keep": 100}));
    (0..700).for_each(|_| record(&log));
    log.close();
    let count = (1..).take_while(|n| dir.path(&format!("audit.jsonl.{n}")).exists()).count();
    assert!(count >= 3, "{count}");
    let mut names: Vec<_> = (1..=count).rev().map(|n| format!("audit.jsonl.{n}")).collect();
    names.push("audit.jsonl".into());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let report = dir.verify(&names);
    assert!(report.is_intact() && report.records == 702, "{report:?}");
    // The oldest was deleted by who rotates: said, unless that is expected.
    assert_eq!(dir.verify(&names[1..]).flaws.len(), 1);
    let files: Vec<_> = names[1..].iter().map(|name| fs::read(dir.path(name)).unwrap()).collect();
    let files: Vec<_> = files.iter().map(Vec::as_slice).collect();
    let checkpoints = fs::read(dir.path("checkpoints")).unwrap();
    assert!(verify(&files, &checkpoints, true, true).is_intact());
    // One in the middle is missed all the same.
    let report = verify(&[files[0], files[2]], &checkpoints, true, true);
    assert!(matches!(report.flaws[0].what, What::Missing { count } if count > 20), "{report:?}");
}

#[test]
fn what_a_kill_tore_is_vouched_for_and_then_fixed() {
    let dir = Dir::new();
    let killed = dir.open(json!({}));
    (0..3).for_each(|_| record(&killed));
    // The process ends without a close, in the middle of a line.
    std::mem::forget(killed);
    let text = fs::read(dir.log()).unwrap();
    fs::write(dir.log(), [&text[..], b"{\"v\":1,\"kind\":\"deci"].concat()).unwrap();
    let report = dir.verify(&["audit.jsonl"]);
    assert_eq!(report.flaws[0].what, What::NoRecord);
    let next = dir.open(json!({}));
    record(&next);
    next.close();
    let report = dir.verify(&["audit.jsonl"]);
    assert!(report.is_intact() && report.torn == 1, "{report:?}");
    assert_eq!(report.open_runs.len(), 1, "its mark is held by this process");
    // What was torn cannot be changed any more.
    let text = fs::read_to_string(dir.log()).unwrap().replace("\"deci\n", "\"dec1\n");
    fs::write(dir.log(), text).unwrap();
    assert_eq!(dir.verify(&["audit.jsonl"]).flaws[0].what, What::NoRecord);
}

#[test]
fn values_have_digests_under_the_key_and_none_without() {
    let shape = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let mut records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let record = records.rfind(|record| record["kind"] == "decision").unwrap();
        record["arguments"]["shape"].clone()
    };
    let guard = airlock::core::Guard::builder()
        .tool(airlock::core::ToolDefinition {
            name: "echo",
            input_schema: br#"{"type":"object","properties":{"text":{"type":"string"},"n":{}}}"#,
            output_schema: None,
        })
        .unwrap()
        .build()
        .unwrap();
    let dir = Dir::new();
    let say = |log: &AuditLog, arguments: &str| {
        let outcome = Outcome::Rejected { code: -32602, why: "unknown tool" };
        let arguments = Some(arguments.as_bytes());
        let declared = guard.declared("echo");
        let event = Event { declared, arguments, ..Event::new(Direction::ToServer, outcome) };
        log.record(&event, Instant::now()).unwrap();
        shape(&dir.log())
    };
    let log = dir.open(json!({}));
    let key = AuditKey::new(SECRET.as_bytes()).unwrap();
    // Escapes are another spelling of the same text.
    let digest = key.digest("Zoë");
    assert_eq!(say(&log, r#"{"text":"Zo\u00eb"}"#)["text"], format!("string(8):{digest}"));
    assert_eq!(say(&log, "{\"text\":\"Zoë\"}")["text"], format!("string(4):{digest}"));
    assert_eq!(say(&log, r#"{"n":1.50}"#)["n"], format!("number(4):{}", key.digest("1.50")));
    let plain = dir.open(json!({"key_file": null}));
    assert_eq!(
        say(&plain, r#"{"text":"ann","n":1}"#),
        json!({"text": "string(3)", "n": "number(1)"})
    );
}
