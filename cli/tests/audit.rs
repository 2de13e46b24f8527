//! `airlock audit`, by its output and exit codes.
#![cfg(unix)]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use airlock::audit::{AuditKey, AuditLog};
use airlock::core::mcp::{Direction, Event, Outcome};
use airlock::policy::PolicyFile;
use serde_json::{Value, json};
use support::{Folder, airlock};

const KEY: &str = "this is the key of a test\n";

/// A log with a chain, a key and checkpoints: its path, and those of the key and the checkpoints.
fn log(folder: &Folder, more: &str, count: usize) -> [String; 3] {
    let key = folder.file("audit.key", KEY);
    let policy = format!(
        "[audit]\npath = \"audit.jsonl\"\nchain = true\nkey_file = \"audit.key\"\n\
         checkpoint = \"checkpoints.jsonl\"\n{more}"
    );
    let policy = PolicyFile::open(&folder.file("policy.toml", policy)).unwrap();
    let log = AuditLog::of(&policy, None, Some("bot")).unwrap();
    for _ in 0..count {
        let outcome = Outcome::Rejected { code: -32602, why: "unknown tool" };
        let event = Event { tool: Some("echo"), ..Event::new(Direction::ToServer, outcome) };
        log.record(&event, Instant::now()).unwrap();
    }
    log.close();
    let beside = |name| Path::new(&key).with_file_name(name).to_str().unwrap().to_owned();
    [beside("audit.jsonl"), key.clone(), beside("checkpoints.jsonl")]
}

#[test]
fn verify_tells_intact_from_tampered() {
    let folder = Folder::new("audit-verify");
    let [path, key, checkpoints] = log(&folder, "", 3);
    let with_key = ["audit", "verify", &path, "--key-file", &key];
    let done = airlock(&with_key, "");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.starts_with("intact: 5 records of 1 runs"), "{}", done.stdout);
    assert!(done.stdout.contains("without --checkpoints"), "{}", done.stdout);
    let all = ["audit", "verify", &path, "--key-file", &key, "--checkpoints", &checkpoints];
    assert!(!airlock(&all, "").stdout.contains("note"));
    // Without the key nothing is proved, and no script may take it for that.
    let done = airlock(&["audit", "verify", &path], "");
    assert_eq!(done.code, Some(2));
    assert!(done.stdout.starts_with("not verified: 5 records"), "{}", done.stdout);
    assert!(done.stdout.contains("give --key-file"), "{}", done.stdout);
    let other = folder.file("other.key", "this is another key of a test");
    assert_eq!(airlock(&["audit", "verify", &path, "--key-file", &other], "").code, Some(1));

    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    fs::write(&path, text.replacen("\"seq\":2", "\"seq\":7", 1)).unwrap();
    let done = airlock(&with_key, "");
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("audit.jsonl:3: the record was changed"), "{}", done.stdout);
    fs::write(&path, lines[..3].concat()).unwrap();
    assert_eq!(airlock(&with_key, "").code, Some(0), "nothing in the log tells of its end");
    let done = airlock(&[&with_key[..], &["--closed"]].concat(), "");
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    let done = airlock(&[&all[..], &["--json"]].concat(), "");
    assert_eq!(done.code, Some(1));
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&report["intact"], &report["flaws"][0]["what"]), (&json!(false), &json!("cut")));
    assert_eq!((&report["records"], &report["flaws"][0]["n"]), (&json!(3), &json!(5)));
}

#[test]
fn verify_reads_rotated_files_first() {
    let folder = Folder::new("audit-rotated");
    let [path, key, _] = log(&folder, "max_bytes = 65536\n", 400);
    assert!(fs::exists(format!("{path}.1")).unwrap());
    let done = airlock(&["audit", "verify", &path, "--key-file", &key, "--json"], "");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((done.code, &report["records"]), (Some(0), &json!(402)), "{report}");
    let only = ["audit", "verify", &path, "--key-file", &key, "--only"];
    assert_eq!(airlock(&only, "").code, Some(1));
    assert_eq!(airlock(&[&only[..], &["--partial"]].concat(), "").code, Some(0));
}

#[test]
fn trouble_is_neither_intact_nor_tampered() {
    let folder = Folder::new("audit-trouble");
    let [path, key, _] = log(&folder, "", 1);
    let short = folder.file("short.key", "too short");
    for arguments in [
        vec!["audit", "verify", &folder.missing(), "--key-file", &key],
        vec!["audit", "verify", &path, "--key-file", &folder.missing()],
        vec!["audit", "verify", &path, "--key-file", &short],
        vec!["audit", "verify"],
        vec!["audit", "digest"],
    ] {
        assert_eq!(airlock(&arguments, "").code, Some(2), "{arguments:?}");
    }
}

#[test]
fn digest_finds_a_value() {
    let folder = Folder::new("audit-digest");
    let key = folder.file("audit.key", KEY);
    let done = airlock(&["audit", "digest", "--key-file", &key], "ann\n");
    let expected = AuditKey::new(KEY.trim().as_bytes()).unwrap().digest("ann");
    assert_eq!((done.code, done.stdout), (Some(0), format!("{expected}\n")));
}

#[test]
fn the_server_does_not_see_the_key() {
    let folder = Folder::new("audit-env");
    let policy = folder.file("policy.toml", "[audit]\nchain = true\n");
    let path = folder.missing();
    let script = "printf 'key=%s\\n' \"${AIRLOCK_AUDIT_KEY-none}\" >&2; read -r line; \
                  printf '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\\n'; read -r line";
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["run", "--policy", &policy, "--audit", &path, "--", "sh", "-c", script])
        .env("AIRLOCK_AUDIT_KEY", KEY.trim())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A tool call without an id is dropped, and recorded.
    let call = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    std::io::Write::write_all(&mut stdin, format!("{call}\n{ping}\n").as_bytes()).unwrap();
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr).trim(), "key=none");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"mac\":") && !text.contains("\"hash\":"), "{text}");
}
