//! Hidden text on its way to the model: in outputs, and in what servers say about their tools.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use airlock_core::hidden::{Found, Hidden};
use airlock_core::mcp::{Action, Bounds, Event, Outcome, Relay};
use airlock_core::policy::Policy;
use airlock_core::{Caller, Guard, Output};
use proptest::prelude::*;
use serde_json::{Value, json};

fn guard(policy: &Value) -> Guard {
    let policy = Policy::from_json(&policy.to_string()).unwrap();
    Guard::builder().policy(policy).unwrap().build().unwrap()
}

fn strips(kinds: &[&str]) -> Guard {
    guard(&json!({"output": {"*": {"strip": kinds}}}))
}

const ALL: [&str; 4] = ["ansi", "bidi", "control", "invisible"];

fn shown(guard: &Guard, output: Output<'_>) -> (String, Found) {
    let mut scratch = guard.scratch();
    let shown = guard.filter("t", output, &mut scratch).unwrap();
    (String::from_utf8(shown.bytes.to_vec()).unwrap(), shown.hidden)
}

fn text(guard: &Guard, text: &str) -> String {
    shown(guard, Output::Text(text.as_bytes())).0
}

/// A value that is masked, put together here so that no file holds one.
fn token() -> String {
    ["gh", "p_", "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3"].concat()
}

const WORST: &str = "\u{1b}[31mr\u{200b}ed\u{1b}[0m \u{202e}x\u{202c} \u{0}\u{8}y\u{e0041}";

#[test]
fn outputs_stay_as_they_are_and_are_counted_without_a_word_in_the_policy() {
    let guard = guard(&json!({}));
    let (same, found) = shown(&guard, Output::Text(WORST.as_bytes()));
    assert_eq!(same, WORST);
    assert_eq!(Hidden::ALL.map(|kind| found.of(kind)), [2, 2, 2, 2]);
    let spelt = json!({"a": WORST}).to_string().replace('\u{200b}', "\\u200b");
    let (same, found) = shown(&guard, Output::Json(spelt.as_bytes()));
    assert_eq!(same, spelt);
    assert_eq!(Hidden::ALL.map(|kind| found.of(kind)), [2, 2, 2, 2]);
    let long = format!("{WORST}{}", "x ".repeat(20_000));
    let cut = self::guard(&json!({"max_output_chars": 100}));
    let found = shown(&cut, Output::Text(long.as_bytes())).1;
    assert_eq!(
        Hidden::ALL.map(|kind| found.of(kind)),
        [2, 2, 2, 2],
        "what is shown of a long text"
    );
    assert!(shown(&guard, Output::Text("caf\u{e9} \u{1f600}".as_bytes())).1.is_empty());
}

#[test]
fn kinds_are_stripped_by_tool_in_text_and_in_json_however_it_is_spelt() {
    assert_eq!(text(&strips(&ALL), WORST), "red x y");
    assert_eq!(text(&strips(&["ansi", "invisible", "bidi"]), WORST), "red x \u{0}\u{8}y");
    let spelt = r#"{"a":["\u001b[31mr\u200bed","\uDB40\uDC41",1.0],"k\u200b":"\u00e9\n"}"#;
    let want = r#"{"a":["red","",1.0],"k<U+200B>":"\u00e9\n"}"#;
    assert_eq!(shown(&strips(&ALL), Output::Json(spelt.as_bytes())).0, want);
    assert_eq!(text(&strips(&ALL), spelt), want, "a text that is JSON");
    let one = guard(&json!({"output": {"*": {"strip": ["ansi"]}, "t": {"strip": []}}}));
    assert_eq!(text(&one, WORST), WORST, "the more specific entry");
    assert_eq!(text(&strips(&ALL), "{\"broken\u{200b}"), "{\"broken", "no JSON, so text");
    let bytes = Output::Text(b"a\xff\xe2\x80\x8bb");
    assert_eq!(shown(&strips(&ALL), bytes).0, "a\u{fffd}b");
}

#[test]
fn a_kind_that_is_refused_refuses_the_output() {
    let guard = guard(&json!({"output": {"*": {"refuse": ["bidi"], "strip": ["ansi"]}}}));
    let mut scratch = guard.scratch();
    for output in ["a\u{202e}b", "{\"a\":\"\\u202e\"}"] {
        let refusal = guard.filter("t", Output::Text(output.as_bytes()), &mut scratch).unwrap_err();
        assert_eq!(refusal.reason().name(), "output_invalid");
    }
    assert_eq!(text(&guard, "\u{1b}[1mx"), "x");
    for policy in [
        json!({"output": {"*": {"strip": ["unseen"]}}}),
        json!({"output": {"*": {"refuse": ["bidi"], "strip": ["bidi"]}}}),
        json!({"definitions": {"hide": []}}),
    ] {
        assert!(Policy::from_json(&policy.to_string()).is_err(), "{policy}");
    }
}

#[test]
fn names_that_stripping_would_make_alike_stay_apart() {
    let guard = strips(&ALL);
    let alike = "{\"a\":1,\"a\u{200b}\":2,\"a\u{200b}\u{200b}\":3}";
    let out = shown(&guard, Output::Json(alike.as_bytes())).0;
    assert_eq!(out, "{\"a\":1,\"a<U+200B>\":2,\"a<U+200B><U+200B>\":3}");
    let taken = "{\"a<U+200B>\":1,\"a\u{200b}\":2}";
    let mut scratch = guard.scratch();
    assert!(guard.filter("t", Output::Json(taken.as_bytes()), &mut scratch).is_err());
}

#[test]
fn a_secret_that_is_split_by_what_hides_is_masked_and_its_pieces_are_gone() {
    let guard = strips(&ALL);
    let token = token();
    for hidden in ["\u{200b}", "\u{1b}[1m", "\u{e0041}", "\u{202d}", "\u{0}", "\u{1b}]8;;x\u{7}"] {
        let split = format!("key {}{hidden}{} end", &token[..12], &token[12..]);
        let whole = format!("key {token} end");
        assert_eq!(text(&guard, &split), text(&guard, &whole), "{}", hidden.escape_unicode());
        assert!(!text(&guard, &split).contains(&token[12..]));
        let inside = json!({"k": split}).to_string();
        let out = shown(&guard, Output::Json(inside.as_bytes())).0;
        assert_eq!(out, shown(&guard, Output::Json(json!({"k": whole}).to_string().as_bytes())).0);
    }
}

fn some_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z {}\"\\\\:,]{0,6}",
        prop::sample::select(vec![
            "\u{200b}",
            "\u{1b}[1m",
            "\u{202e}",
            "\u{0}",
            "\u{e0041}",
            "\u{1f469}\u{200d}\u{1f680}",
            "\u{645}\u{200c}\u{646}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\n",
            "\u{5d0}\u{200f}",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn filtering_twice_strips_no_more_and_json_stays_json(first in some_text(), second in some_text()) {
        let guard = strips(&ALL);
        let once = text(&guard, &first);
        prop_assert_eq!(text(&guard, &once), once.clone());
        let document = json!({"a": [first, {"b": second}], "c": 1.5}).to_string();
        let out = shown(&guard, Output::Json(document.as_bytes())).0;
        let read: Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(read["c"].clone(), json!(1.5));
        let (again, found) = shown(&guard, Output::Json(out.as_bytes()));
        prop_assert_eq!(again, out);
        prop_assert!(found.is_empty());
    }
}

/// What the client gets of a list and of a result, and what the audit hears.
fn relayed(policy: &Value, tools: &str, result: &str) -> (Value, Value, Vec<String>) {
    let mut relay = Relay::new(Arc::new(guard(policy)), Bounds::default(), "n");
    let mut events = Vec::new();
    let mut audit = |event: &Event<'_>| {
        events.push(match &event.outcome {
            Outcome::Cleaned { hidden, stripped } => {
                format!("cleaned {} {stripped}", hidden.iter().count())
            }
            Outcome::Filtered { hidden, stripped, .. } => {
                format!("filtered {} {stripped}", hidden.iter().map(|(_, n)| n).sum::<u32>())
            }
            Outcome::Withheld(why) => format!("withheld: {why}"),
            other => format!("{other:?}").chars().take(7).collect(),
        });
        Ok(())
    };
    let mut out = Vec::new();
    let mut say = |message: &str, client: bool| -> Value {
        let (bytes, caller) = (message.as_bytes(), Caller::default());
        let action = match client {
            true => relay.client(bytes, caller, None, &mut out, &mut audit),
            false => relay.server(bytes, caller, &mut out, &mut audit),
        };
        match action {
            Action::Forward(bytes) | Action::Answer(bytes) => {
                serde_json::from_slice(bytes).unwrap()
            }
            other => panic!("{other:?}"),
        }
    };
    let mut listed = Value::Null;
    for id in [1, 2] {
        say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#), true);
        listed =
            say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tools}]}}}}"#), false);
    }
    say(
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{}}}"#,
        true,
    );
    let answer = say(&format!(r#"{{"jsonrpc":"2.0","id":3,"result":{result}}}"#), false);
    (listed["result"]["tools"].clone(), answer["result"].clone(), events)
}

#[test]
fn definitions_are_stripped_and_told_once_and_results_as_the_policy_says() {
    let good = r#"{"name":"t","description":"Says\u200b \udb40\udc68\udb40\udc69hello.","inputSchema":{"type":"object"}}"#;
    let bad = r#"{"name":"u","inputSchema":{"type":"object","properties":{"a\u200b":{}}}}"#;
    let tools = format!("{good},{bad}");
    let result = r#"{"content":[{"type":"text","text":"\u001b[1mone\u001b"},{"type":"text","text":"[0mtwo\u200b"}],"structuredContent":{"a":"\u202eb"},"n":1.0}"#;
    let (listed, answer, events) = relayed(&json!({}), &tools, result);
    assert_eq!(
        listed,
        json!([{"name": "t", "description": "Says hello.", "inputSchema": {"type": "object"}}])
    );
    assert_eq!(answer["structuredContent"]["a"], "\u{202e}b", "outputs stay");
    let cleaned = events.iter().filter(|event| *event == "cleaned 1 true").count();
    assert_eq!(cleaned, 1, "{events:?}");
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("withheld: invisible text in one of its names"))
    );
    assert!(events.last().unwrap().ends_with("4 false"), "{events:?}");

    let policy = json!({"output": {"t": {"strip": ALL}}, "definitions": {"strip": []}});
    let (listed, answer, events) = relayed(&policy, good, result);
    assert_eq!(listed[0]["description"], "Says\u{200b} \u{e0068}\u{e0069}hello.");
    assert!(events.iter().any(|event| event == "cleaned 1 false"));
    let texts: Vec<_> = answer["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["one", "[0mtwo"]);
    assert_eq!(answer["structuredContent"]["a"], "b");
    assert!(events.last().unwrap().ends_with("true"), "{events:?}");

    let policy = json!({"definitions": {"refuse": ["invisible"]}, "unknown_tool": "forward"});
    let named = bad.replace("\"u\"", "\"t\"");
    let (listed, ..) = relayed(&json!({"definitions": {"strip": []}}), &named, "{}");
    assert_eq!(listed.as_array().unwrap().len(), 1, "nothing is stripped, so nothing is withheld");
    let mut relay = Relay::new(Arc::new(guard(&policy)), Bounds::default(), "n");
    let (mut out, mut audit) = (Vec::new(), |_: &Event<'_>| Ok(()));
    let ask = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    relay.client(ask, Caller::default(), None, &mut out, &mut audit);
    let list = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{good}]}}}}"#);
    let action = relay.server(list.as_bytes(), Caller::default(), &mut out, &mut audit);
    assert_eq!(action, Action::Forward(br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#));
    let call = br#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}"#;
    let Action::Answer(refused) = relay.client(call, Caller::default(), None, &mut out, &mut audit)
    else {
        panic!("it must be refused");
    };
    assert!(String::from_utf8_lossy(refused).contains("tool_unsupported"));
}
