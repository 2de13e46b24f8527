//! Cuts of text and of documents: samples and properties.

use proptest::prelude::*;
use std::string::{String, ToString};

use super::*;
use crate::json::{Limits, Tape, parse};
use crate::redact::{Redactor, Style, Types};

fn text(input: &str, limit: usize) -> (String, bool) {
    let mut out = Buf::growable();
    let cut = truncate_text(input, &Limit::chars(limit), &mut out).unwrap();
    (String::from_utf8(out.to_vec()).unwrap(), cut)
}

fn json(input: &str, limit: usize) -> (String, bool) {
    let (mut tape, mut out) = (Tape::growable(), Buf::growable());
    let doc = parse(input.as_bytes(), Limits::OUTPUT, &mut tape).unwrap();
    let cut = truncate_json(doc, &Limit::chars(limit), &mut out).unwrap();
    (String::from_utf8(out.to_vec()).unwrap(), cut)
}

#[test]
fn text_says_how_many_bytes_are_missing() {
    assert_eq!(text("short", 5), ("short".into(), false));
    let long = "a".repeat(100);
    let want = std::format!("{}\n[... 76 bytes removed]", "a".repeat(24));
    assert_eq!(text(&long, 48), (want, true));
    assert_eq!(text(&"é".repeat(40), 30).0, "ééééééé\n[... 66 bytes removed]");
    assert_eq!(text(&long, 3), ("aaa".into(), true), "no room for a notice");
    assert_eq!(text(&long, 0), (String::new(), true));
}

#[test]
fn text_ends_with_a_line_where_one_is_near() {
    let lines = std::format!("{}\n{}", "a".repeat(70), "b".repeat(100));
    assert_eq!(text(&lines, 100).0, std::format!("{}\n[... 100 bytes removed]", "a".repeat(70)));
}

#[test]
fn masks_are_not_split() {
    let input = std::format!("{} [REDACTED] {}", "a".repeat(20), "b".repeat(80));
    for limit in 24..60 {
        let (out, _) = text(&input, limit);
        assert_eq!(out.contains("[RED"), out.contains("[REDACTED]"), "{out}");
    }
    let input = std::format!("{} ghp_...XXXX {}", "a".repeat(20), "b".repeat(80));
    for limit in 24..60 {
        let (out, _) = text(&input, limit);
        assert_eq!(out.contains("ghp"), out.contains("ghp_...XXXX"), "{out}");
    }
}

#[test]
fn json_says_what_is_missing_where_it_is_missing() {
    let input = r#"{ "a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], "b": true }"#;
    assert!(!json(input, 70).1, "without white space it fits");
    assert_eq!(json(input, 50).0, r#"{"a":[1,2,3,4,5,6,"[... 47 bytes removed]"]}"#);
    let input = r#"{"log":"a long line that goes on and on and on and on","b":1}"#;
    assert_eq!(json(input, 50).0, r#"{"log":"a long line that g[... 35 bytes removed]"}"#);
    let input = r#"{"k":1,"another":[[[[]]]],"more":1234567890123456789012345678901234567890}"#;
    let (out, cut) = json(input, 60);
    assert!(cut && out.contains(r#""...":"[..."#), "{out}");
}

#[test]
fn tiny_limits_come_before_validity_and_notice() {
    assert_eq!(json("[1,2,3]", 1), (String::new(), true));
    assert_eq!(json("[1,2,3]", 2), ("[]".into(), true));
    assert_eq!(json("1234567", 2), ("\"\"".into(), true));
    assert_eq!(json("\"abcdef\"", 4), ("\"ab\"".into(), true));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}|[\\n\"\\\\\u{1}😀a]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z\"é]{0,6}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn text_never_exceeds_the_limit(input in "(\\PC|\n){0,200}", limit in 0..220_usize) {
        let (out, cut) = text(&input, limit);
        prop_assert!(out.chars().count() <= limit);
        prop_assert_eq!(cut, input.chars().count() > limit);
    }

    #[test]
    fn json_never_exceeds_the_limit_and_parses(value in any_json(), limit in 0..200_usize, pretty: bool) {
        let input = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let (out, cut) = json(&input, limit);
        prop_assert!(out.chars().count() <= limit, "{out}");
        if limit >= 2 {
            let mut tape = Tape::growable();
            prop_assert!(parse(out.as_bytes(), Limits::OUTPUT, &mut tape).is_ok(), "{out}");
        }
        if !cut {
            let read: serde_json::Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn masked_then_cut_shows_only_whole_masks(words in "([a-z]{1,9} ){1,30}", limit in 10..200_usize) {
        let input = words.replace("a ", "123-45-6789 ");
        let redactor = Redactor::new(Types::ALL, Style::Default);
        let (mut found, mut masked) = (Buf::growable(), Buf::growable());
        redactor.scan(&input, &mut found).unwrap();
        redactor.mask(&input, &found, &mut masked).unwrap();
        let (out, _) = text(core::str::from_utf8(&masked).unwrap(), limit);
        prop_assert_eq!(out.matches("[RE").count(), out.matches("[REDACTED]").count());
    }
}

const KEEPS: [Keep; 3] = [Keep::Head, Keep::Tail, Keep::Ends];

fn cut(input: &str, limit: &Limit<'_>) -> (String, bool) {
    let mut out = Buf::growable();
    let cut = truncate_text(input, limit, &mut out).unwrap();
    (String::from_utf8(out.to_vec()).unwrap(), cut)
}

fn cut_json(input: &str, limit: &Limit<'_>) -> (String, bool) {
    let (mut tape, mut out) = (Tape::growable(), Buf::growable());
    let doc = parse(input.as_bytes(), Limits::OUTPUT, &mut tape).unwrap();
    let cut = truncate_json(doc, limit, &mut out).unwrap();
    (String::from_utf8(out.to_vec()).unwrap(), cut)
}

#[test]
fn either_end_or_both_are_kept() {
    let text: String = (1..=30).map(|n| std::format!("line {n}\n")).collect();
    let by = |keep| cut(&text, &Limit { keep, ..Limit::chars(80) }).0;
    assert_eq!(
        by(Keep::Head),
        std::format!(
            "{}[... 175 bytes removed]",
            "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n"
        )
    );
    assert_eq!(
        by(Keep::Tail),
        "[... 175 bytes removed]\nline 24\nline 25\nline 26\nline 27\nline 28\nline 29\nline 30\n"
    );
    assert_eq!(
        by(Keep::Ends),
        "line 1\nline 2\nline 3\nline 4\n[... 179 bytes removed]\nline 28\nline 29\nline 30\n"
    );
}

#[test]
fn bytes_lines_and_tokens_are_limits_too() {
    let text: String = (1..=9).map(|n| std::format!("line {n}\n")).collect();
    let lines = |most, keep| cut(&text, &Limit { lines: most, keep, ..Limit::NONE });
    assert_eq!(lines(9, Keep::Head), (text.clone(), false));
    assert_eq!(lines(3, Keep::Head).0, "line 1\nline 2\n[... 49 bytes removed]");
    assert_eq!(lines(3, Keep::Tail).0, "[... 49 bytes removed]\nline 8\nline 9\n");
    assert_eq!(lines(3, Keep::Ends).0, "line 1\n[... 49 bytes removed]\nline 9\n");
    assert_eq!(lines(1, Keep::Head).0, "line 1");
    assert_eq!(lines(0, Keep::Head).0, "");
    let bytes = |most| cut("ééééééé", &Limit { bytes: most, ..Limit::NONE });
    assert_eq!(bytes(14), ("ééééééé".into(), false));
    assert_eq!(bytes(5), ("éé".into(), true));
    let tokens = |most| cut(&text, &Limit { tokens: most, ..Limit::NONE }).0;
    for most in 0..40 {
        assert!(Estimate.count(&tokens(most)) <= most, "{most}");
    }
    assert_eq!(tokens(30), "line 1\nline 2\nline 3\nline 4\n[... 35 bytes removed]");
}

#[test]
fn a_tail_begins_with_a_whole_word() {
    let text = "alpha bravo charlie delta echo foxtrot golf hotel";
    let tail = cut(text, &Limit { keep: Keep::Tail, ..Limit::chars(38) }).0;
    assert_eq!(tail, "[... 39 bytes removed]\ngolf hotel");
}

#[test]
fn documents_are_thinned_where_they_are_thick() {
    let list: std::vec::Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let input = std::format!(r#"{{"v":1,"rows":[{}],"end":true}}"#, list.join(","));
    let by = |keep, most| cut_json(&input, &Limit { keep, ..Limit::chars(most) }).0;
    assert_eq!(
        by(Keep::Ends, 100),
        r#"{"v":1,"rows":[0,1,2,3,4,5,6,7,8,9,"[... 252 bytes removed]",94,95,96,97,98,99],"end":true}"#
    );
    assert_eq!(
        by(Keep::Tail, 100),
        r#"{"v":1,"rows":["[... 251 bytes removed]",87,88,89,90,91,92,93,94,95,96,97,98,99],"end":true}"#
    );
    let long = std::format!(r#"{{"a":"{}"}}"#, "0123456789".repeat(20));
    assert_eq!(
        cut_json(&long, &Limit { keep: Keep::Ends, ..Limit::chars(60) }).0,
        r#"{"a":"01234567890123[... 171 bytes removed]567890123456789"}"#
    );
    // A name may occur once.
    let named = r#"{"...":1,"a":"0123456789012345678901234567890123456789","b":[1,2,3]}"#;
    for keep in KEEPS {
        let (out, _) = cut_json(named, &Limit { keep, ..Limit::chars(50) });
        assert!(out.matches("\"...\"").count() <= 1, "{out}");
    }
}

fn limits() -> impl Strategy<Value = Limit<'static>> {
    let most = || prop_oneof![2 => Just(usize::MAX), 3 => 0..300_usize, 1 => 0..40_usize];
    let lines = prop_oneof![2 => Just(usize::MAX), 1 => 0..9_usize];
    (most(), most(), lines, most(), prop::sample::select(&KEEPS[..])).prop_map(
        |(chars, bytes, lines, tokens, keep)| Limit {
            chars,
            bytes,
            lines,
            tokens,
            keep,
            ..Limit::NONE
        },
    )
}

proptest! {
    #[test]
    fn no_limit_is_exceeded(input in "(\\PC|\n|e\u{301}|[a-z]{1,9} ){0,200}", limit in limits()) {
        let (out, was_cut) = cut(&input, &limit);
        prop_assert!(limit.fits(&out), "{limit:?} {out:?}");
        prop_assert_eq!(was_cut, !limit.fits(&input));
        // What is kept is the text's own, and what is missing is counted.
        if was_cut && let Some((head, rest)) = out.split_once("[... ")
            && let Some((count, tail)) = rest.split_once(" bytes removed]")
            && !input.contains("[... ")
        {
            let count: usize = count.parse().unwrap();
            let head = if input.starts_with(head) { head } else { head.strip_suffix('\n').unwrap() };
            prop_assert!(input.starts_with(head));
            let tail = tail.strip_prefix('\n').unwrap_or(tail);
            prop_assert!(input.ends_with(tail));
            prop_assert_eq!(head.len() + count + tail.len(), input.len());
        }
    }

    #[test]
    fn no_limit_is_exceeded_by_a_document(value in any_json(), limit in limits(), pretty: bool) {
        let input = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let (out, was_cut) = cut_json(&input, &limit);
        prop_assert!(limit.fits(&out), "{limit:?} {out}");
        prop_assert!(was_cut || serde_json::from_str::<serde_json::Value>(&out).unwrap() == value);
        if !out.is_empty() {
            let mut tape = Tape::growable();
            prop_assert!(parse(out.as_bytes(), Limits::OUTPUT, &mut tape).is_ok(), "{limit:?} {out}");
        } else {
            let least = limit.chars.min(limit.bytes).min(limit.tokens);
            prop_assert!(least < 8 || limit.lines == 0, "{limit:?} {input}");
        }
    }
}
