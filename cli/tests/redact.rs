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
    for mask in ["default", "type", "full"] {
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
    let cases: [(&[&str], &str, &str); 6] = [
        (&["redact", "--jsonl"], "{\"id\":1,\"text\":\"\"}\n\n{", "-:3:"),
        (&["redact", "--jsonl"], "{\"id\":1}", "-:1: no string member \"text\""),
        (&["redact", "--types", "secret,emails"], "", "--types:"),
        (&["redact", &missing], "", "missing"),
        (&["redact", "--json", "--jsonl"], "", "--jsonl"),
        (&["redact", "--mask", "none"], "", "none"),
    ];
    for (args, input, says) in cases {
        let done = airlock(args, input);
        assert_eq!(done.code, Some(2), "{args:?}");
        assert!(done.stderr.contains(says), "{args:?}: {}", done.stderr);
    }
}
