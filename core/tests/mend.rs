//! The repairs that a policy can ask for: `json-string`, arrays and objects that were sent as strings of
//! JSON, and `scalar`, values that are of the type but for their spelling.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use airlock_core::policy::{Policy, Repair};
use airlock_core::{Call, Guard, Reason, ToolDefinition, Verdict};
use proptest::prelude::*;

const SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "tags": {"type": "array", "items": {"type": "string"}},
        "maybe": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        "shared": {"$ref": "#/$defs/options"},
        "either": {"type": ["string", "array"]},
        "text": {"type": "string"},
        "deep": {"type": "object", "properties": {"list": {"type": "array"}}},
        "count": {"type": "integer", "minimum": 1},
        "rate": {"type": ["number", "null"]},
        "flag": {"type": "boolean"},
        "bare": {"type": ["integer", "boolean"]},
        "one": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        "choice": {"anyOf": [{"type": "array"}, {"type": "integer"}]},
        "variant": {"anyOf": [{"type": "object", "properties": {"n": {"type": "integer"}}}, {"type": "null"}]},
        "level": {"type": "integer", "enum": [1, 2]},
        "ids": {"type": "array", "items": {"type": "integer"}}
    },
    "$defs": {"options": {"type": "object", "properties": {"size": {"type": "integer"}}}}
}"##;

/// The arguments that are passed on and where they were repaired, or the reason and the first path.
type Answer = Result<(String, Vec<String>), (Reason, String)>;

fn check(policy: &str, arguments: &str) -> Answer {
    check_with(Policy::from_json(policy).unwrap(), SCHEMA, arguments)
}

fn check_with(policy: Policy, schema: &str, arguments: &str) -> Answer {
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
    let cleaned = match guard.check(&call, &mut scratch) {
        Verdict::Allow(allowed) => {
            let text = String::from_utf8(allowed.arguments().to_vec()).unwrap();
            (text, allowed.repaired().map(str::to_owned).collect::<Vec<_>>())
        }
        Verdict::Refuse(refusal) => {
            let first = refusal.violations().next().map(|violation| violation.path.to_owned());
            return Err((refusal.reason(), first.unwrap_or_default()));
        }
    };
    // What was cleaned is clean.
    let call = Call { arguments: cleaned.0.as_bytes(), ..call };
    let Verdict::Allow(again) = guard.check(&call, &mut scratch) else { panic!("{}", cleaned.0) };
    assert!(!again.is_changed(), "{}", cleaned.0);
    Ok(cleaned)
}

fn repaired(arguments: &str) -> Answer {
    check(r#"{"repair": ["json-string"]}"#, arguments)
}

#[test]
fn strings_become_what_they_hold() {
    for (arguments, after, at) in [
        (r#"{"tags":"[\"a\", \"b\"]"}"#, r#"{"tags":["a", "b"]}"#, &["/tags"][..]),
        (r#"{"maybe": "[1.0,2e0]" }"#, r#"{"maybe": [1.0,2e0] }"#, &["/maybe"]),
        (r#"{"shared":" {\"size\":1}\n"}"#, "{\"shared\": {\"size\":1}\n}", &["/shared"]),
        (
            r#"{"tags":"[]","text":"[]","maybe":"[]"}"#,
            r#"{"tags":[],"text":"[]","maybe":[]}"#,
            &["/tags", "/maybe"],
        ),
        (r#"{"deep":{"list":"[1]"}}"#, r#"{"deep":{"list":[1]}}"#, &["/deep/list"]),
        (r#""{\"text\":\"a\"}""#, r#"{"text":"a"}"#, &[""]),
        // A ghost inside is stripped as anywhere.
        (
            r#"{"zzz":1,"shared":"{\"zzz\":[2],\"size\":3}"}"#,
            r#"{"shared":{"size":3}}"#,
            &["/shared"],
        ),
    ] {
        let at = at.iter().map(ToString::to_string).collect();
        assert_eq!(repaired(arguments), Ok((after.to_owned(), at)), "{arguments}");
    }
}

#[test]
fn what_a_string_may_be_stays_a_string() {
    for arguments in [r#"{"either":"[1]"}"#, r#"{"text":"{\"a\":1}"}"#] {
        assert_eq!(repaired(arguments), Ok((arguments.to_owned(), Vec::new())));
    }
}

/// Nothing is repaired in a refused call, and what is wrong is told of the call as it came.
#[test]
fn every_rule_holds_inside() {
    let deep = format!(r#"{{"tags":"{}{}"}}"#, "[".repeat(127), "]".repeat(127));
    let deepest = format!(r#"{{"tags":"{}{}"}}"#, "[".repeat(128), "]".repeat(128));
    for arguments in [
        r#"{"tags":"[1]"}"#,
        r#"{"tags":"[\"a\",]"}"#,
        r#"{"tags":"{}"}"#,
        r#"{"tags":"[\"a\"] [\"b\"]"}"#,
        r#"{"tags":"\"[]\""}"#,
        r#"{"tags":"['a']"}"#,
        &deep,
        &deepest,
    ] {
        let refused = Err((Reason::ValidationFailed, "/tags".to_owned()));
        assert_eq!(repaired(arguments), refused, "{arguments}");
    }
    for (arguments, path) in [
        (r#"{"shared":"{\"size\":1,\"size\":2}"}"#, "/shared"),
        (r#"{"shared":"{\"sise\":1}"}"#, "/shared"),
        // One level and no more.
        (r#"{"deep":"{\"list\":\"[1]\"}"}"#, "/deep"),
        (r#"{"tags":"[]","text":1}"#, "/tags"),
    ] {
        let refused = Err((Reason::ValidationFailed, path.to_owned()));
        assert_eq!(repaired(arguments), refused, "{arguments}");
    }
    assert_eq!(repaired(r#""[1]""#), Err((Reason::MalformedArguments, String::new())));
}

#[test]
fn never_unless_asked_for() {
    for policy in ["{}", r#"{"repair": []}"#, r#"{"preset": "permissive"}"#] {
        assert!(check(policy, r#"{"tags":"[]"}"#).is_err(), "{policy}");
    }
    let error = Policy::from_json(r#"{"repair": ["json-strings"]}"#).unwrap_err();
    assert!(error.to_string().contains("json-string"), "{error}");
}

fn respelt(arguments: &str) -> Answer {
    check(r#"{"repair": ["scalar"]}"#, arguments)
}

#[test]
fn another_spelling_becomes_the_value() {
    for (arguments, after, at) in [
        (r#"{"count":"100"}"#, r#"{"count":100}"#, &["/count"][..]),
        (
            r#"{"rate": "-0.25" , "flag":"true"}"#,
            r#"{"rate": -0.25 , "flag":true}"#,
            &["/rate", "/flag"],
        ),
        (r#"{"flag":"False"}"#, r#"{"flag":false}"#, &["/flag"]),
        (r#"{"rate":"null"}"#, r#"{"rate":null}"#, &["/rate"]),
        // The spelling decides between the types of one union.
        (r#"{"bare":"TRUE"}"#, r#"{"bare":true}"#, &["/bare"]),
        (r#"{"bare":"7"}"#, r#"{"bare":7}"#, &["/bare"]),
        (r#"{"one":"7"}"#, r#"{"one":7}"#, &["/one"]),
        (r#"{"text":1.50}"#, r#"{"text":"1.50"}"#, &["/text"]),
        (r#"{"text":true}"#, r#"{"text":"true"}"#, &["/text"]),
        (r#"{"tags":"a \" b"}"#, r#"{"tags":["a \" b"]}"#, &["/tags"]),
        (
            r#"{"ids":3,"deep":{"list":false}}"#,
            r#"{"ids":[3],"deep":{"list":[false]}}"#,
            &["/ids", "/deep/list"],
        ),
        (r#"{"ids":["1",2,"3"]}"#, r#"{"ids":[1,2,3]}"#, &["/ids/0", "/ids/2"]),
        (r#"{"level":"2","zzz":1}"#, r#"{"level":2}"#, &["/level"]),
        (r#"{"count":"999999999999999"}"#, r#"{"count":999999999999999}"#, &["/count"]),
    ] {
        let at = at.iter().map(ToString::to_string).collect();
        assert_eq!(respelt(arguments), Ok((after.to_owned(), at)), "{arguments}");
    }
}

/// What would change a meaning, or choose one, is refused as it came.
#[test]
fn what_leaves_a_choice_is_not_respelt() {
    for (arguments, path) in [
        // More digits than every reader keeps, and no plain number.
        (r#"{"count":"9007199254740993"}"#, "/count"),
        (r#"{"count":"007"}"#, "/count"),
        (r#"{"count":"1e3"}"#, "/count"),
        (r#"{"count":"+1"}"#, "/count"),
        (r#"{"count":" 1"}"#, "/count"),
        (r#"{"count":"1,000"}"#, "/count"),
        (r#"{"count":"5."}"#, "/count"),
        (r#"{"count":".5"}"#, "/count"),
        (r#"{"count":"5.5"}"#, "/count"),
        (r#"{"count":"-"}"#, "/count"),
        (r#"{"count":""}"#, "/count"),
        (r#"{"count":null}"#, "/count"),
        (r#"{"count":true}"#, "/count"),
        // Respelt it would break another rule.
        (r#"{"count":"0"}"#, "/count"),
        (r#"{"level":"3"}"#, "/level"),
        (r#"{"flag":1}"#, "/flag"),
        (r#"{"flag":"1"}"#, "/flag"),
        (r#"{"flag":"yes"}"#, "/flag"),
        (r#"{"flag":"null"}"#, "/flag"),
        (r#"{"text":null}"#, "/text"),
        (r#"{"text":["a"]}"#, "/text"),
        // One or several, or none.
        (r#"{"tags":"a,b"}"#, "/tags"),
        (r#"{"tags":"a; b"}"#, "/tags"),
        (r#"{"tags":"a\nb"}"#, "/tags"),
        (r#"{"tags":"a\u002cb"}"#, "/tags"),
        (r#"{"tags":"[\"a\"]"}"#, "/tags"),
        (r#"{"tags":""}"#, "/tags"),
        (r#"{"tags":"none"}"#, "/tags"),
        (r#"{"tags":null}"#, "/tags"),
        (r#"{"tags":{"a":1}}"#, "/tags"),
        (r#"{"tags":5}"#, "/tags"),
        (r#"{"ids":"5"}"#, "/ids"),
        // A list of it, or it itself.
        (r#"{"choice":"5"}"#, "/choice"),
        (r#"{"either":5}"#, "/either"),
        // Inside of a variant of a union.
        (r#"{"variant":{"n":"5"}}"#, "/variant"),
        // One repair alone does not do.
        (r#"{"count":"1","flag":"maybe"}"#, "/count"),
    ] {
        let refused = Err((Reason::ValidationFailed, path.to_owned()));
        assert_eq!(respelt(arguments), refused, "{arguments}");
    }
    for arguments in [r#""5""#, "5"] {
        assert_eq!(respelt(arguments), Err((Reason::MalformedArguments, String::new())));
    }
}

#[test]
fn repairs_add_up_and_are_made_once() {
    let both = r#"{"repair": ["json-string", "scalar"]}"#;
    let arguments = r#"{"tags":"[\"a\"]","ids":4,"count":"1"}"#;
    let after = r#"{"tags":["a"],"ids":[4],"count":1}"#;
    let at = ["/tags", "/ids", "/count"].map(String::from).to_vec();
    assert_eq!(check(both, arguments), Ok((after.to_owned(), at)));
    // What is in the string is not respelt.
    let refused = Err((Reason::ValidationFailed, "/ids".to_owned()));
    assert_eq!(check(both, r#"{"ids":"[\"1\"]"}"#), refused);
}

/// The entry that names the tool most exactly decides.
#[test]
fn a_tool_has_repairs_of_its_own() {
    let arguments = r#"{"count":"1"}"#;
    for (policy, allowed) in [
        (r#"{"arguments": {"t": {"repair": ["scalar"]}}}"#, true),
        (r#"{"arguments": {"?": {"repair": "scalar"}}}"#, true),
        (r#"{"arguments": {"x": {"repair": ["scalar"]}}}"#, false),
        (r#"{"arguments": {"T": {"repair": ["scalar"]}}}"#, false),
        (r#"{"repair": ["scalar"], "arguments": {"t": {"repair": []}}}"#, false),
        (r#"{"repair": ["scalar"], "arguments": {"t": {}}}"#, true),
        (r#"{"repair": ["scalar"], "arguments": {"t": {"repair": ["json-string"]}}}"#, false),
        (r#"{"arguments": {"*": {"repair": ["scalar"]}, "t": {"repair": []}}}"#, false),
        (r#"{"arguments": {"t": {"repair": ["scalar"]}, "*": {"repair": []}}}"#, true),
    ] {
        assert_eq!(check(policy, arguments).is_ok(), allowed, "{policy}");
    }
    for (policy, word) in [
        (r#"{"arguments": {"t": {"repair": ["scaler"]}}}"#, "scalar"),
        (r#"{"arguments": {"t": {"repairs": []}}}"#, "repair"),
        (r#"{"arguments": {"[t]": {"repair": []}}}"#, "["),
    ] {
        let error = Policy::from_json(policy).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    // A host can add to what the policy says.
    let policy = |json: &str| Policy::from_json(json).unwrap();
    let added = policy(r#"{"arguments": {"t": {"repair": ["json-string"]}}}"#)
        .with_repair("t*", Repair::SCALAR)
        .unwrap();
    assert_eq!(added.repair("t"), Repair::SCALAR.or(Repair::JSON_STRING));
    assert_eq!(added.repair("x"), Repair::default());
    assert!(check_with(added, SCHEMA, arguments).is_ok());
    assert!(policy("{}").with_repair("[t]", Repair::SCALAR).is_err());
    // In a stack every policy must want it.
    let stack = |lower: &str| {
        let upper = policy(r#"{"arguments": {"t": {"repair": ["scalar"]}}}"#);
        upper.narrowed_by(policy(lower)).unwrap().repair("t").scalar
    };
    assert!(stack(r#"{"repair": ["scalar"]}"#) && !stack("{}"));
}

/// Conditions and limits are about what the tool gets.
#[test]
fn rules_see_what_was_repaired() {
    let rule = |test: &str| {
        format!(
            r#"{{"repair": ["scalar"], "rule": [{{"id": "a", "effect": "allow", "tools": ["t"],
                "when": {{"args.text": {test}}}}}]}}"#
        )
    };
    assert!(check(&rule(r#"{"eq": "5"}"#), r#"{"text":5}"#).is_ok());
    assert_eq!(
        check(&rule(r#"{"eq": "6"}"#), r#"{"text":5}"#),
        Err((Reason::ConditionFailed, "/text".to_owned()))
    );
}

proptest! {
    /// What was repaired is valid, checks clean and unchanged (`check_with` asks again), holds the same
    /// characters but for quotes, brackets and the case of a truth value, and a valid call is never touched.
    #[test]
    fn a_repair_changes_nothing_but_the_spelling(
        value in prop::sample::select(vec![
            "1", "-0", "2.50", "1e2", "true", "null", r#""1""#, r#""-2.5""#, r#""TRUE""#, r#""null""#,
            r#""a""#, r#""""#, r#""a,b""#, r#""123456789012345""#, r#""1234567890123456""#, "[1]", "{}",
            r#"["1",true]"#, r#""[1]""#, r#""\u0031""#,
        ]),
        types in prop::collection::vec(
            prop::sample::select(vec!["string", "integer", "number", "boolean", "array", "null", "object"]),
            1..4,
        ),
        as_union in any::<bool>(),
    ) {
        let list: Vec<String> = types.iter().map(|name| format!("\"{name}\"")).collect();
        let schema = if as_union {
            let branches: Vec<_> = list.iter().map(|name| format!(r#"{{"type":{name}}}"#)).collect();
            format!(r#"{{"anyOf":[{}]}}"#, branches.join(","))
        } else {
            let mut list = list;
            list.sort();
            list.dedup();
            format!(r#"{{"type":[{}]}}"#, list.join(","))
        };
        let schema = format!(r#"{{"type":"object","properties":{{"v":{schema}}}}}"#);
        let arguments = format!(r#"{{"v":{value}}}"#);
        let plain = check_with(Policy::permissive(), &schema, &arguments);
        let policy = Policy::permissive().with_repair("t", Repair::SCALAR).unwrap();
        let repaired = check_with(policy, &schema, &arguments);
        match (&plain, &repaired) {
            (Ok(plain), repaired) => prop_assert_eq!(Ok(plain), repaired.as_ref()),
            (Err(refused), Err(still)) => prop_assert_eq!(refused, still),
            (Err(_), Ok((after, at))) => {
                prop_assert_eq!(at, &vec!["/v".to_owned()]);
                let said = |text: &str| text.replace(['"', '[', ']'], "").to_ascii_lowercase();
                prop_assert_eq!(said(after), said(&arguments));
                let own = types.iter().filter(|name| **name != "null");
                let numbers = |name: &&str| matches!(*name, "integer" | "number" | "boolean");
                let mut kinds: Vec<_> = own.map(|name| if numbers(name) { "bare" } else { name }).collect();
                kinds.dedup();
                prop_assert!(kinds.iter().all(|kind| *kind == kinds[0]), "a choice: {types:?}");
            }
        }
    }
}
