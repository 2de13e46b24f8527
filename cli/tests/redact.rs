//! `airlock redact` as programs and people use it.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};

use support::{Folder, airlock};

/// A token, put together here so that no file holds one.
fn token() -> String {
    ["gh", "p_", "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3"].concat()
}

#[test]
fn text_from_a_file_or_standard_input() {
    let text = format!("é token {} and ann@example.org\r\n", token());
    let masked = "é token ghp_...XXXX and [REDACTED]\r\n";
    let folder = Folder::new("redact-text");
    let file = folder.file("text", &text);
    for (args, input) in
        [(vec!["redact", &file], ""), (vec!["redact"], &text), (vec!["redact", "-"], &text)]
    {
        let done = airlock(&args, input);
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), masked), "{}", done.stderr);
    }
    let done = airlock(&["redact"], b"\xff ann@example.org");
    assert_eq!(done.stdout, "\u{fffd} [REDACTED]");
}

#[test]
fn masks_and_types_are_chosen() {
    let text = format!("{} ann@example.org", token());
    let redact = |args: &[&str]| {
        let args: Vec<_> = ["redact"].iter().chain(args).copied().collect();
        let done = airlock(&args, &text);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    assert_eq!(redact(&["--mask", "type"]), "[GITHUB] [EMAIL]");
    assert_eq!(redact(&["--mask", "full"]), "[REDACTED] [REDACTED]");
    assert_eq!(redact(&["--types", "secret"]), "ghp_...XXXX ann@example.org");
    assert_eq!(
        redact(&["--types", "secret,pii.core,-secret.prefixed"]),
        format!("{} [REDACTED]", token())
    );
}

#[test]
fn json_stays_json() {
    let text = format!("{{\n  \"key\": \"{}\", \"n\": 1.50, \"é\": \"\\u0041\"\n}}", token());
    let done = airlock(&["redact", "--json"], &text);
    assert_eq!(done.stdout, text.replace(&token(), "ghp_...XXXX"));
    let done = airlock(&["redact", "--json"], "{\n\"a\": 1,\n}");
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""));
    assert!(done.stderr.starts_with("airlock redact: -:3:"), "{}", done.stderr);
}

/// The text with each span cut out and the masks that stand there in the redacted text put in: what is
/// between the spans is the same in both.
#[test]
fn redacted_is_the_text_with_its_spans_replaced() {
    let texts = [
        String::new(),
        "nothing here".to_owned(),
        format!("é😀 {} 漢字 ann@example.org\n{}", token(), token()),
        format!("{{\"password\": \"hunter2-Zq9xW\", \"key\": \"{}\"}}", token()),
        "Authorization: Bearer abcDEF123456ghiJKL789\nDB_PASSWORD=hunter2-Zq9xW".to_owned(),
        "card 4111 1111 1111 1111".to_owned(),
    ];
    let input: String = texts
        .iter()
        .enumerate()
        .map(|(id, text)| json!({"id": id, "text": text, "more": 1}).to_string() + "\n")
        .collect();
    for mask in ["default", "type", "full", "pseudonym", "shape"] {
        let done = airlock(&["redact", "--jsonl", "--mask", mask], &input);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(done.stdout.lines().count(), texts.len());
        let mut spans = 0;
        for ((id, text), line) in texts.iter().enumerate().zip(done.stdout.lines()) {
            let answer: Value = serde_json::from_str(line).unwrap();
            assert_eq!(answer["id"], id);
            spans += between(text, &answer);
        }
        assert_eq!(spans, 8);
    }
}

/// Walks both texts side by side; returns the number of spans.
fn between(text: &str, answer: &Value) -> usize {
    let spans = answer["spans"].as_array().unwrap();
    let mut rest = answer["redacted"].as_str().unwrap();
    let mut kept = 0;
    for (nth, span) in spans.iter().enumerate() {
        let at = |name: &str| usize::try_from(span[name].as_u64().unwrap()).unwrap();
        let (start, end) = (at("start"), at("end"));
        assert!(kept <= start && start < end && span["type"].is_string(), "{span}");
        rest = rest.strip_prefix(&text[kept..start]).expect("what is kept is the same");
        // The mask ends where the next kept text begins.
        let next =
            spans.get(nth + 1).map_or(text.len(), |next| next["start"].as_u64().unwrap() as usize);
        let follows = &text[end..next];
        let mask = if nth + 1 == spans.len() {
            rest.len() - follows.len()
        } else {
            assert!(!follows.is_empty());
            rest.find(follows).expect("what is kept follows the mask")
        };
        let shown = &rest[..mask];
        assert!(shown != &text[start..end] && mask > 0, "{shown}");
        rest = &rest[mask..];
        kept = end;
    }
    assert_eq!(rest, &text[kept..]);
    spans.len()
}

#[test]
fn bad_input_names_the_line_and_ends_with_2() {
    let folder = Folder::new("redact-bad");
    let missing = folder.missing();
    let key = folder.file("key", "short");
    let cases: &[(&[&str], &str, &str)] = &[
        (&["redact", "--jsonl"], "{\"id\":1,\"text\":\"\"}\n\n{", "-:3:"),
        (&["redact", "--jsonl"], "{\"id\":1}", "-:1: no string member \"text\""),
        (&["redact", "--types", "secret,emails"], "", "--types:"),
        (&["redact", &missing], "", "missing"),
        (&["redact", "--json", "--jsonl"], "", "--jsonl"),
        (&["redact", "--mask", "none"], "", "no style is called `none`; there are default, full"),
        (&["redact", "--mask", "pii.core.mail=full"], "", "pii.core.mail"),
        (&["redact", "--mask", "hash"], "", "needs --mask-key-file"),
        (&["redact", "--mask", "hash", "--mask-key-file", &key], "", "at least 16 bytes"),
        (&["redact", "--allow", "acme.io"], "", "`acme.io`"),
        (&["redact", "--fail-on", "secrets"], "", "--fail-on"),
        (&["redact", "--jsonl", "--max-chars", "5"], "", "--max-chars"),
        (&["redact", env!("CARGO_MANIFEST_DIR")], "", "directory"),
    ];
    for &(args, input, says) in cases {
        let done = airlock(args, input);
        assert_eq!(done.code, Some(2), "{args:?}");
        assert!(done.stderr.contains(says), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn masks_of_one_type_and_values_left_alone() {
    let folder = Folder::new("redact-styles");
    let key = folder.file("key", "a key of sixteen bytes or more");
    let text = format!("ann@acme.io bo@acme.io ann@acme.io {} 123-45-6789", token());
    let redact = |args: &[&str]| {
        let args: Vec<_> = ["redact"].iter().chain(args).copied().collect();
        let done = airlock(&args, &text);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    assert_eq!(
        redact(&["--mask", "full", "--mask", "pii.core.email=pseudonym", "--mask", "pii=type"]),
        "[EMAIL_1] [EMAIL_2] [EMAIL_1] [REDACTED] [US_SSN]"
    );
    let hashed = redact(&["--mask", "hash", "--mask-key-file", &key]);
    let words: Vec<_> = hashed.split(' ').collect();
    assert!(words[0] == words[2] && words[0] != words[1] && !hashed.contains("acme"), "{hashed}");
    let other = folder.file("other", "another key of sixteen bytes");
    assert_ne!(hashed, redact(&["--mask", "hash", "--mask-key-file", &other]));
    assert_eq!(
        redact(&["--allow", "domain:acme.io", "--allow", "value:123-45-6789"]),
        "ann@acme.io bo@acme.io ann@acme.io ghp_...XXXX 123-45-6789"
    );
    let json = r#"{"a":{"mail":"ann@acme.io"},"b":"ann@acme.io"}"#;
    let done = airlock(&["redact", "--json", "--allow", "path:/*/mail"], json);
    assert_eq!(done.stdout, r#"{"a":{"mail":"ann@acme.io"},"b":"[REDACTED]"}"#);
}

#[test]
fn a_report_counts_and_shows_no_value() {
    let text = format!("ann@acme.io bo@acme.io {}\n", token());
    let done = airlock(&["redact", "--report"], &text);
    assert_eq!(done.stdout, "[REDACTED] [REDACTED] ghp_...XXXX\n");
    assert_eq!(
        done.stderr,
        "       2  pii.core.email\n       1  secret.prefixed.github\n       3  in all\n"
    );
    let json = json!({"mail": "ann@acme.io"}).to_string();
    let done = airlock(&["redact", "--json", "-q", "--report"], &json);
    assert_eq!((done.stdout.as_str(), done.stderr.contains("1  pii.core.email")), ("", true));
    let line = json!({"id": 1, "text": text}).to_string();
    let done = airlock(&["redact", "--jsonl", "-q", "--report"], &line);
    assert_eq!((done.stdout.as_str(), done.stderr.contains("3  in all")), ("", true));
}

#[test]
fn what_fails_a_build_is_chosen() {
    let text = "mail ann@acme.io";
    for (args, code) in [
        (&["--fail-on", "any"][..], 1),
        (&["--fail-on", "pii.core"], 1),
        (&["--fail-on", "pii.core.email,secret"], 1),
        (&["--fail-on", "secret"], 0),
        (&["--fail-on", "any", "--types", "secret"], 0),
        (&["--fail-on", "any", "--allow", "domain:acme.io"], 0),
    ] {
        let args: Vec<_> = ["redact", "-q"].iter().chain(args).copied().collect();
        let done = airlock(&args, text);
        assert_eq!((done.code, done.stdout.as_str()), (Some(code), ""), "{args:?}");
    }
}

#[test]
fn limits_cut_text_and_documents() {
    let text: String = (1..=40).map(|n| format!("line {n} of ann@acme.io\n")).collect();
    let done = airlock(&["redact", "--max-lines", "3", "--keep", "tail"], &text);
    assert!(
        done.stdout.ends_with("line 39 of [REDACTED]\nline 40 of [REDACTED]\n"),
        "{}",
        done.stdout
    );
    assert_eq!(done.stdout.lines().count(), 3);
    let done = airlock(&["redact", "--max-chars", "100"], &text);
    assert!(done.stdout.len() <= 100 && done.stdout.starts_with("line 1 of [REDACTED]\n"));
    // The notice counts bytes of what was read, and all that was read is reported.
    let (long, args) = (text.repeat(40), ["redact", "--max-chars", "100", "--report"]);
    let done = airlock(&args, &long);
    let kept = done.stdout.split("[...").next().unwrap().replace("[REDACTED]", "ann@acme.io");
    let removed = format!("[... {} bytes removed]", long.len() - kept.len());
    assert!(done.stdout.ends_with(&removed), "{removed}: {}", done.stdout);
    assert!(done.stderr.contains("1600  pii.core.email"), "{}", done.stderr);
    let rows: Vec<_> = (0..200).collect();
    let done =
        airlock(&["redact", "--json", "--max-bytes", "120"], json!({"rows": rows}).to_string());
    let shown: Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(done.stdout.len() <= 120 && shown["rows"].as_array().unwrap().len() > 5, "{shown}");
}

/// What is larger than any window, and begins before one, is masked as in the whole; memory is not
/// measured here, but the text is larger than what would be kept of it.
#[test]
fn a_long_pipe_is_masked_as_it_comes() {
    let line = format!("2026-01-01 request by ann@acme.io with {} é\n", token());
    let text = line.repeat(20_000);
    let done = airlock(&["redact"], &text);
    assert_eq!(done.code, Some(0));
    let masked = line.replace("ann@acme.io", "[REDACTED]").replace(&token(), "ghp_...XXXX");
    assert!(done.stdout == masked.repeat(20_000), "every line is masked alike");
}

#[test]
fn help_has_examples_and_types_are_listed() {
    let help = airlock(&["redact", "--help"], "").stdout;
    assert!(help.contains("--fail-on secret dump.sql") && help.contains("Exit codes"), "{help}");
    let list = airlock(&["redact", "--list"], "").stdout;
    assert!(
        list.lines().any(|line| line == "pii.core.email") && list.lines().count() > 60,
        "{list}"
    );
}

/// Progress is for people: on a terminal only, for a large file only.
#[test]
#[cfg(target_os = "linux")]
fn progress_is_shown_on_a_terminal_only() {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let folder = Folder::new("redact-progress");
    let (large, small) = (folder.file("large", vec![b'a'; 33 << 20]), folder.file("small", "a"));
    // Nothing is looked for, so that a large file takes no time.
    let run = |file: &str, stderr: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
        command.args(["redact", "--types", "secret,-secret", "-q", file]).stderr(stderr);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let shown = |file: &str| {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let side = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
        let mut child = run(file, side.into());
        let mut text = Vec::new();
        // Linux answers EIO once nobody holds the other side.
        let mut terminal = std::fs::File::from(terminal);
        let _ = terminal.read_to_end(&mut text);
        assert!(child.wait().unwrap().success());
        String::from_utf8(text).unwrap()
    };
    let notes = shown(&large);
    assert!(notes.contains(" % of 34 MB") && notes.ends_with("\r\x1b[K"), "{notes:?}");
    assert_eq!(shown(&small), "");
    let piped = run(&large, Stdio::piped()).wait_with_output().unwrap();
    assert!(piped.status.success() && piped.stderr.is_empty());
}
