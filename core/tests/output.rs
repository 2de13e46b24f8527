//! Outputs on their way to the model: what is shown of long ones, and what that costs.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use airlock_core::policy::Policy;
use airlock_core::{Guard, Output};

fn guard(entry: &str) -> Guard {
    let text = format!(r#"{{"output": {{"*": {entry}}}}}"#);
    Guard::builder().policy(Policy::from_json(&text).unwrap()).unwrap().build().unwrap()
}

fn filtered(guard: &Guard, text: &[u8]) -> (String, bool) {
    let mut scratch = guard.scratch();
    let shown = guard.filter("t", Output::Text(text), &mut scratch).unwrap();
    (String::from_utf8(shown.bytes.to_vec()).unwrap(), shown.truncated)
}

/// A value that is masked, put together here so that no file holds one.
fn token() -> String {
    ["gh", "p_", "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3"].concat()
}

/// So many bytes of a log with something to mask in each line.
fn log(bytes: usize) -> String {
    let line = |n: usize| {
        format!(
            "2026-01-02T03:04:{:02}Z INFO request {n} by user{n}@mail.example.org with {}\n",
            n % 60,
            token()
        )
    };
    let mut text = String::new();
    (0..)
        .take_while(|&n| {
            text.push_str(&line(n));
            text.len() < bytes
        })
        .count();
    text
}

/// The removed bytes that the notice tells.
fn removed(text: &str) -> usize {
    let (_, rest) = text.split_once("[... ").unwrap();
    rest.split_once(" bytes removed]").unwrap().0.parse().unwrap()
}

#[test]
fn the_head_of_a_long_text_is_that_of_the_whole() {
    let text = log(300_000);
    let whole = filtered(&guard(r#"{"mask": ["secret", "pii"]}"#), text.as_bytes()).0;
    for most in [100, 5000, 60_000] {
        let guard = guard(&format!(r#"{{"mask": ["secret", "pii"], "max_chars": {most}}}"#));
        let (shown, cut) = filtered(&guard, text.as_bytes());
        assert!(cut && shown.len() <= most);
        let (head, _) = shown.split_once("[... ").unwrap();
        assert!(whole.starts_with(head) && head.len() > most / 2, "{most}");
        if most < 1000 {
            continue;
        }
        // Lines are whole here, so that those of the original can be counted.
        let lines = head.lines().count();
        let kept: usize = text.lines().take(lines).map(|line| line.len() + 1).sum();
        assert!(text.len() - removed(&shown) - kept <= 1, "{most}");
    }
    let guard = guard(r#"{"mask": ["secret", "pii"], "max_chars": 400000}"#);
    assert_eq!(filtered(&guard, text.as_bytes()), (whole, false), "nothing to cut");
}

#[test]
fn the_tail_of_a_long_text_is_that_of_the_whole() {
    let text = log(300_000);
    let whole = filtered(&guard(r#"{"mask": ["secret", "pii"]}"#), text.as_bytes()).0;
    for keep in ["tail", "middle"] {
        for most in [200, 5000, 60_000] {
            let entry =
                format!(r#"{{"mask": ["secret", "pii"], "max_chars": {most}, "keep": "{keep}"}}"#);
            let (shown, cut) = filtered(&guard(&entry), text.as_bytes());
            assert!(cut && shown.chars().count() <= most);
            let (head, rest) = shown.split_once("[... ").unwrap();
            let tail = rest.split_once("removed]\n").unwrap().1;
            assert!(whole.starts_with(head.trim_end()) && whole.ends_with(tail), "{keep} {most}");
            assert!(head.len() + tail.len() > most / 4, "{keep} {most}");
        }
    }
}

#[test]
fn the_rest_of_a_key_whose_beginning_is_cut_off_is_masked() {
    let body: String = (0..4000)
        .map(|_| "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\n")
        .collect();
    let name = "RSA PRIVATE KEY";
    let rest = "the rest of it is shown\n".repeat(50);
    let text = format!("-----BEGIN {name}-----\n{body}-----END {name}-----\n{rest}");
    let guard = guard(r#"{"max_chars": 1000, "keep": "tail"}"#);
    let (shown, cut) = filtered(&guard, text.as_bytes());
    assert!(cut && !shown.contains("QUJD"), "{shown}");
    assert!(shown.ends_with("the rest of it is shown\n"), "{shown}");
}

#[test]
fn a_limit_in_bytes_lines_or_tokens_holds() {
    let text = log(100_000);
    for keep in ["head", "tail", "middle"] {
        let shown = |limit: &str| {
            filtered(&guard(&format!(r#"{{{limit}, "keep": "{keep}"}}"#)), text.as_bytes()).0
        };
        assert!(shown(r#""max_lines": 7"#).lines().count() <= 7);
        assert!(shown(r#""max_bytes": 999"#).len() <= 999);
        let tokens = shown(r#""max_tokens": 300"#);
        assert!((300..1400).contains(&tokens.len()), "{}", tokens.len());
    }
}

#[test]
fn what_is_no_utf_8_is_replaced_in_long_texts_too() {
    let mut text = log(40_000).into_bytes();
    text[20] = 0xff;
    let end = text.len() - 30;
    text[end] = 0xff;
    for keep in ["head", "tail", "middle"] {
        let (shown, _) =
            filtered(&guard(&format!(r#"{{"max_chars": 500, "keep": "{keep}"}}"#)), &text);
        assert!(shown.contains('\u{fffd}'), "{keep}");
    }
}

/// The limit is one on the work: what is not shown is not looked at. Instructions would be the better
/// measure; a factor of twenty hides in no noise.
#[test]
fn ten_megabytes_cost_what_five_thousand_characters_cost() {
    let text = log(10 << 20);
    let (limited, free) = (guard(r#"{"max_chars": 5000}"#), guard("{}"));
    let mut scratch = free.scratch();
    let mut time = |guard: &Guard, runs: u32| {
        let run = |scratch: &mut _| {
            let start = std::time::Instant::now();
            guard.filter("t", Output::Text(text.as_bytes()), scratch).unwrap();
            start.elapsed()
        };
        (0..runs).map(|_| run(&mut scratch)).min().unwrap()
    };
    // The short one is the one that a busy machine makes long: of thirty one is left alone.
    let (limited, free) = (time(&limited, 30), time(&free, 3));
    assert!(limited * 20 < free, "{limited:?} of {free:?}");
}

/// In whole texts, in JSON, and in long texts of which the head, the tail or both are looked at, some
/// parts more than once.
#[test]
fn what_was_masked_is_counted_by_type() {
    let (short, long) = (log(2000), log(300_000));
    let json =
        format!(r#"{{"a": "{}", "password": "{}", "mail": "ann@example.org"}}"#, token(), "x7Kf9q");
    for keep in ["head", "tail", "middle"] {
        let entry =
            format!(r#"{{"mask": ["secret", "pii"], "max_chars": 60000, "keep": "{keep}"}}"#);
        let guard = guard(&entry);
        let mut scratch = guard.scratch();
        for text in [&short, &long, &json, &short] {
            let shown = guard.filter("t", Output::Text(text.as_bytes()), &mut scratch).unwrap();
            assert_eq!(shown.counts.total(), shown.masked, "{keep} {}", text.len());
            let ids: Vec<_> = shown.counts.iter().map(|(id, count)| (id.id(), count)).collect();
            let count = |name: &str| ids.iter().find(|(id, _)| *id == name).map_or(0, |row| row.1);
            // A limit may fall between the two of one line.
            let apart = count("pii.core.email").abs_diff(count("secret.prefixed.github"));
            assert!(
                apart <= 2 && count("pii.core.email") + 9 * u32::from(*text == json) > 8,
                "{ids:?}"
            );
            assert_eq!(count("secret.assigned.password"), u32::from(*text == json));
        }
    }
}
