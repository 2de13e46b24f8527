//! The JSON reader against `serde_json` and against recorded calls.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[cfg(test)]
#[path = "support/oracle.rs"]
mod oracle;
#[cfg(test)]
#[path = "support/shared.rs"]
mod shared;

use airlock_core::json::{Limits, Node, ParseError, ParseErrorKind, Tape, parse};
use oracle::{check, error, pointer_at, tree, with};
use proptest::prelude::*;

#[test]
fn the_stricter_rules() {
    use ParseErrorKind::*;
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes();
    assert_eq!(error(&deep(128)), None);
    let long = [b"{\"n\": ".as_slice(), "9".repeat(309).as_bytes(), b"}"].concat();
    for (bytes, kind, offset) in [
        (br#"{"a":1,"a":2}"#.as_slice(), DuplicateKey, 7),
        (br#"{"a":1,"\u0061":2}"#, DuplicateKey, 7),
        (br#"{"a":{"b":1,"b":2},"a":1}"#, DuplicateKey, 12),
        (br#"{"a":{},"a":{"b":1,"b":2}}"#, DuplicateKey, 8),
        (br#"{"a":1,"a":!"#, DuplicateKey, 7),
        (br#"[{"a":1,"a":[{"b":1,"b":[!"#, DuplicateKey, 8),
        (br#"{"a":[{"b":1,"b":2},!]}"#, DuplicateKey, 13),
        (&deep(129), Depth, 128),
        (b"\xef\xbb\xbf{}", Bom, 0),
        (br#""\ud83d""#, LoneSurrogate, 1),
        (br#""\ude00""#, LoneSurrogate, 1),
        (br#""x\ud83d\u0041""#, LoneSurrogate, 2),
        (b"[1e400]", NumberRange, 1),
        (&long, NumberRange, 6),
        (b"{}\0", TrailingData, 2),
        (b"\"\xed\xa0\xbd\"", InvalidUtf8, 1),
        (b"\"\xc0\xaf\"", InvalidUtf8, 1),
        (b"\"\x1f\"", ControlCharacter, 1),
    ] {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(error(bytes), Some(ParseError { kind, offset }), "{text}");
    }
}

#[test]
fn what_stays_allowed() {
    for text in [
        r#"{"\u0000": "\u0000"}"#,
        "\"\u{7f}\u{202e}\u{200b}\u{ffff}\"",
        "[-0, 1.0, 1e2, 9007199254740993, 123456789012345678901234567890, 1e-400, 0e999999999999]",
        "\t\r\n 1 \n",
        r#"{"": {"__proto__": 1, "toString": 2}}"#,
        "1.7976931348623157e308",
    ] {
        assert_eq!(error(text.as_bytes()), None, "{text}");
        check(text.as_bytes());
    }
}

#[test]
fn large_objects() {
    let members: Vec<String> =
        (0..5000).map(|i| format!("\"k{}\": {i}", i * 7919 % 5000)).collect();
    check(format!("{{{}}}", members.join(",")).as_bytes());
    let text = format!("{{{}, \"k\\u0034\\u0032\": 0, !", members.join(","));
    let found = error(text.as_bytes()).unwrap();
    assert_eq!(found.kind, ParseErrorKind::DuplicateKey);
    assert_eq!(found.offset as usize, text.rfind("\"k\\u0034").unwrap());
}

#[test]
fn recorded_calls() {
    let Some(calls) = shared::lines("validation/dev_calls.jsonl") else {
        return;
    };
    let (mut refused, mut accepted) = (0, 0);
    for call in &calls {
        let bytes = match call["arguments_text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => base64(call["arguments_b64"].as_str().unwrap()),
        };
        let errors = call["expect"]["errors"].as_array().unwrap();
        let expected =
            errors.iter().find(|e| e["keyword"] == "parse" || e["keyword"] == "duplicateKey");
        match (error(&bytes), expected) {
            (Some(found), Some(want)) => {
                refused += 1;
                assert_eq!(want["offset"], found.offset, "{}: {found}", call["id"]);
                let duplicate = found.kind == ParseErrorKind::DuplicateKey;
                assert_eq!(want["keyword"] == "duplicateKey", duplicate, "{}", call["id"]);
                if duplicate {
                    assert_eq!(want["path"], pointer_at(&bytes, found.offset as usize));
                }
            }
            (None, None) => accepted += 1,
            (found, want) => panic!("{}: {found:?}, not {want:?}", call["id"]),
        }
        // The other reader would need a stack as deep as the document.
        if error(&bytes).is_none_or(|error| error.kind != ParseErrorKind::Depth) {
            check(&bytes);
        }
    }
    println!("{accepted} calls accepted, {refused} refused");
    assert!(accepted > 0 && refused > 0);
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes().map_while(|b| ALPHABET.iter().position(|&a| a == b)) {
        bits = bits << 6 | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// Documents with every spelling: escapes, white space, exponents, equal names.
fn document() -> impl Strategy<Value = String> {
    let space = || "[ \t\r\n]{0,2}";
    let text = || {
        let piece = prop_oneof![
            4 => "[ -!#-\\[\\]-~]{0,6}".prop_map(String::from),
            1 => r#"\\(["\\/bfnrt]|u00[4-6][0-9a-fA-F]|ud83d\\ude0[0-9])"#,
            1 => "[\u{80}-\u{d7ff}\u{e000}-\u{10ffff}]",
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    };
    // Few names, so that some come twice.
    let name = prop_oneof![
        3 => "\"[a-d~/]{1,2}\"",
        1 => r#""\\u006[1-4]""#,
        1 => text(),
    ];
    let scalar = prop_oneof![
        Just(String::from("null")),
        Just(String::from("true")),
        Just(String::from("false")),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?",
        text(),
    ];
    let value = scalar.prop_recursive(5, 60, 8, move |inner| {
        let items = prop::collection::vec((space(), inner.clone(), space()), 0..8);
        let members = prop::collection::vec((space(), name.clone(), space(), space(), inner), 0..8);
        prop_oneof![
            (space(), items).prop_map(|(inside, items)| {
                let items: Vec<String> =
                    items.into_iter().map(|(a, item, b)| [a, item, b].concat()).collect();
                format!("[{inside}{}]", items.join(","))
            }),
            (space(), members).prop_map(|(inside, members)| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(a, name, b, c, value)| format!("{a}{name}{b}:{c}{value}"))
                    .collect();
                format!("{{{inside}{}}}", members.join(","))
            }),
        ]
    });
    (space(), value, space()).prop_map(|(before, value, after)| [before, value, after].concat())
}

#[derive(Clone, Debug)]
enum Edit {
    Replace(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
    Copy(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let byte = || {
        prop_oneof![
            4 => prop::sample::select(br#"{}[]",:\/ubtfnrae0123456789.+-' "#.to_vec()),
            1 => any::<u8>(),
        ]
    };
    let at = any::<usize>;
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (at(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::Cut),
        (at(), at()).prop_map(|(from, to)| Edit::Copy(from, to)),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let place = |at: usize| at % bytes.len().max(1);
        match *edit {
            _ if bytes.is_empty() => break,
            Edit::Replace(at, byte) => {
                let at = place(at);
                bytes[at] = byte;
            }
            Edit::Insert(at, byte) => bytes.insert(place(at), byte),
            Edit::Remove(at) => {
                bytes.remove(place(at));
            }
            Edit::Cut(at) => bytes.truncate(place(at)),
            Edit::Copy(from, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..bytes.len().min(from + 9)].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn documents_read_alike(text in document()) {
        check(text.as_bytes());
    }

    #[test]
    fn damaged_documents_read_alike(text in document(), edits in prop::collection::vec(edit(), 1..5)) {
        check(&edited(text.into_bytes(), &edits));
    }

    #[test]
    fn any_bytes_read_alike(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        check(&bytes);
    }

    #[test]
    fn storage_that_is_lent_bounds_the_document(text in document(), room in 0_usize..40) {
        let mut nodes = vec![Node::default(); room];
        let mut order = vec![0; room];
        let lent = parse(text.as_bytes(), Limits::ARGUMENTS, &mut Tape::lent(&mut nodes, &mut order))
            .map(|document| tree(document.root()));
        with(text.as_bytes(), |grown| match (lent, grown) {
            (Ok(lent), grown) => assert_eq!(lent, tree(grown.unwrap().root())),
            (Err(error), Err(grown)) => {
                assert!(error == grown || error.kind == ParseErrorKind::Storage || error.offset <= grown.offset);
            }
            (Err(error), Ok(_)) => {
                // Too little room to compare names counts as a name that comes twice.
                let full = [ParseErrorKind::Storage, ParseErrorKind::DuplicateKey];
                assert!(full.contains(&error.kind), "{error}");
            }
        });
    }
}
