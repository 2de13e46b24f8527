//! The contract of `airlock redact`.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs the command over `input`: exit code, standard output, standard error.
fn airlock(args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .arg("redact")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

#[test]
fn text_keeps_everything_else() {
    let (code, out, _) = airlock(&[], "mail ann@example.org,\nssn 123-45-6789\n");
    assert_eq!((code, out.as_str()), (0, "mail [REDACTED],\nssn [REDACTED]\n"));
    let (_, out, _) =
        airlock(&["--mask", "type", "--types", "-pii.core.us_ssn"], "a@b.org 123-45-6789");
    assert_eq!(out, "[EMAIL] 123-45-6789");
}

#[test]
fn json_stays_json() {
    let (code, out, _) = airlock(&["--json"], "{\"name\": \"John\",\n \"ssn\": \"123-45-6789\"}");
    assert_eq!((code, out.as_str()), (0, "{\"name\": \"John\",\n \"ssn\": \"[REDACTED]\"}"));
}

#[test]
fn lines_report_byte_offsets_of_the_decoded_text() {
    let (code, out, _) = airlock(&["--jsonl"], "{\"id\": 7, \"text\": \"\\u00e9 a@b.org\"}\n");
    assert_eq!(code, 0);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let want = serde_json::json!({
        "id": 7,
        "redacted": "é [REDACTED]",
        "spans": [{"start": 3, "end": 10, "type": "pii.core.email"}],
    });
    assert_eq!(answer, want);
}

#[test]
fn bad_input_names_its_line() {
    for (args, input, place) in [
        (["--jsonl"].as_slice(), "{\"id\":1,\"text\":\"a\"}\n{\"id\":2}\n", "-:2:"),
        (&["--json"], "{\"a\":\n\n}", "-:3:"),
        (&["--types", "pii.unknown"], "", "pii.unknown"),
        (&["/nowhere/at/all"], "", "/nowhere/at/all"),
    ] {
        let (code, _, err) = airlock(args, input);
        assert_eq!(code, 2, "{args:?}");
        assert!(err.contains(place), "{err}");
    }
}
