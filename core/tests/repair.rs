//! A refused call becomes valid when a program applies the `fix` members of its violations and nothing
//! else: no prose is read, no model is asked.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/dev.rs"]
mod dev;
#[path = "support/shared.rs"]
mod shared;

use std::collections::BTreeMap;

use airlock_core::policy::NearMiss;
use airlock_core::{Call, Catalog, Guard, Origin, Scratch, ToolDefinition, Verdict};
use serde_json::{Value, json};

fn call<'a>(tool: &'a str, arguments: &'a [u8]) -> Call<'a> {
    Call { tool, arguments, ..Call::default() }
}

/// A repair as a refusal states it.
#[derive(Debug, PartialEq)]
struct Fix {
    op: String,
    path: String,
    to: Option<Value>,
}

/// What the guard says of a call: the fix of each violation, or nothing when it is allowed.
fn fixes(
    guard: &Guard,
    catalog: &Catalog,
    scratch: &mut Scratch<'_>,
    call: &Call<'_>,
) -> Option<Vec<Option<Fix>>> {
    let Verdict::Refuse(refusal) = guard.check_in(catalog, call, scratch) else { return None };
    let owned = refusal.violations().map(|violation| {
        violation.fix.map(|fix| Fix {
            op: fix.op.to_owned(),
            path: fix.path.to_owned(),
            to: fix.to.map(|to| serde_json::from_str(to).unwrap()),
        })
    });
    Some(owned.collect())
}

/// Does what a host can do without reading prose; none when something does not apply.
fn apply(document: &mut Value, fix: &Fix) -> Option<()> {
    let Fix { op, path, to } = fix;
    if !matches!(op.as_str(), "add" | "remove" | "rename") {
        let value = document.pointer_mut(path)?;
        *value = match op.as_str() {
            "list" => {
                let members = value.as_object()?;
                (0..members.len())
                    .map(|at| members.get(&at.to_string()).cloned())
                    .collect::<Option<_>>()?
            }
            "number" => number(value.as_str()?)?,
            "parse" | "unquote" => serde_json::from_str(value.as_str()?.trim()).ok()?,
            "quote" => Value::String(value.to_string()),
            "replace" => to.clone()?,
            "unwrap" => match value.take() {
                Value::Array(elements) => elements.into_iter().next()?,
                Value::Object(members) => members.into_iter().next()?.1,
                _ => return None,
            },
            "wrap" => json!([value.take()]),
            _ => return None,
        };
        return Some(());
    }
    let (parent, name) = path.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    match (op.as_str(), document.pointer_mut(parent)?) {
        ("remove", Value::Object(members)) => members.remove(&name).map(drop),
        ("remove", Value::Array(elements)) => {
            elements.remove(name.parse().ok()?);
            Some(())
        }
        ("add", Value::Object(members)) => {
            members.insert(name, to.clone()?).map_or(Some(()), |_| None)
        }
        ("rename", Value::Object(members)) => {
            let value = members.remove(&name)?;
            members.insert(to.as_ref()?.as_str()?.to_owned(), value);
            Some(())
        }
        _ => None,
    }
}

/// The number that `text` begins with, commas between its digits dropped.
fn number(text: &str) -> Option<Value> {
    let text = text.trim().replace(',', "");
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
    serde_json::from_str(&text[..end]).ok()
}

/// At least nine in ten calls with one fault are valid after one round of fixes. What is left has no
/// repair that keeps what was meant: `null` for a required argument, 3.7 for an integer, a percentage, a
/// word that is near to no member of an `enum` of a required argument.
#[test]
fn fixes_make_calls_valid() {
    let (Some(catalog), Some(calls)) = (dev::catalog(), dev::calls()) else { return };
    let guard = dev::guard(NearMiss::Refuse);
    let (mut scratch, mut other) = (guard.scratch(), guard.scratch());
    let mut counts = BTreeMap::<&str, (u32, u32)>::new();
    let mut wrong = Vec::new();
    for dev in &calls {
        let fault = ["wrong_type", "misspelt_name", "bad_enum"].contains(&dev.class.as_str());
        if !fault || dev.expect.errors.len() > 1 {
            continue;
        }
        let (all, valid) = counts.entry(&dev.class).or_default();
        *all += 1;
        let first = call(&dev.tool, &dev.arguments);
        let Some(stated) = fixes(&guard, &catalog, &mut scratch, &first) else { continue };
        // Memory of another size and history changes nothing.
        assert_eq!(
            fixes(&guard, &catalog, &mut other, &first).as_ref(),
            Some(&stated),
            "{}",
            dev.id
        );
        let Some(stated) = stated.into_iter().collect::<Option<Vec<_>>>() else { continue };
        let mut document: Value = serde_json::from_slice(&dev.arguments).unwrap();
        let applied = stated.iter().all(|fix| apply(&mut document, fix).is_some());
        let text = document.to_string();
        let verdict = guard.check_in(&catalog, &call(&dev.tool, text.as_bytes()), &mut scratch);
        if applied && matches!(verdict, Verdict::Allow(_)) {
            *valid += 1;
        } else {
            wrong.push(&dev.id);
        }
    }
    for (class, (all, valid)) in &counts {
        println!("{class}: {valid} of {all} valid after their fixes");
    }
    let (all, valid) = counts.values().fold((0, 0), |(a, v), &(all, valid)| (a + all, v + valid));
    println!("all: {:.1} % valid after their fixes", 100.0 * f64::from(valid) / f64::from(all));
    assert_eq!(wrong, Vec::<&String>::new(), "fixes that do not make their call valid");
    assert!(valid * 10 >= all * 9, "{valid} of {all}");
}

/// Every value that a fix brings along stands in the schema of the tool, or is `true`, `false`, `null` or
/// empty.
#[test]
fn values_of_fixes_come_from_the_schema() {
    let (Some(tools), Some(calls)) = (shared::lines("validation/dev_tools.jsonl"), dev::calls())
    else {
        return;
    };
    let schemas: BTreeMap<_, _> =
        tools.iter().map(|tool| (tool["tool"].as_str().unwrap(), &tool["input_schema"])).collect();
    let catalog = dev::catalog().unwrap();
    let guard = dev::guard(NearMiss::Refuse);
    let mut scratch = guard.scratch();
    let mut brought = 0;
    for dev in &calls {
        let stated = fixes(&guard, &catalog, &mut scratch, &call(&dev.tool, &dev.arguments));
        for fix in stated.into_iter().flatten().flatten() {
            let moves = !matches!(fix.op.as_str(), "add" | "rename" | "replace");
            assert!(!moves || fix.to.is_none(), "{}: {fix:?}", dev.id);
            let Some(to) = fix.to else { continue };
            brought += 1;
            let word =
                matches!(to, Value::Bool(_) | Value::Null) || to == json!([]) || to == json!({});
            assert!(word || holds(schemas[dev.tool.as_str()], &to), "{}: {to}", dev.id);
        }
    }
    assert!(brought > 100, "{brought}");
}

/// Whether `value` stands anywhere in `schema`, as a value or as the name of a property.
fn holds(schema: &Value, value: &Value) -> bool {
    schema == value
        || match schema {
            Value::Array(elements) => elements.iter().any(|element| holds(element, value)),
            Value::Object(members) => members
                .iter()
                .any(|(name, member)| value.as_str() == Some(name) || holds(member, value)),
            _ => false,
        }
}

/// The properties that the examples below are checked against.
fn properties() -> Value {
    json!({
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "s": {"type": "string"},
        "b": {"type": "boolean"},
        "m": {"type": ["string", "null"]},
        "i": {"type": ["integer", "null"]},
        "ns": {"type": "array", "items": {"type": "integer"}},
        "ss": {"type": "array", "items": {"type": "string"}},
        "o": {"type": "object", "properties": {"k": {"type": "integer"}}},
        "e": {"enum": ["New York", "Chicago", "desc", "MEDIUM", "in_progress", "active", "=", ">="]},
        "d": {"enum": ["a", "b"], "default": "b"},
        "r": {"enum": [1, 5, 10]},
        "c": {"const": "fixed"},
    })
}

/// The fix of the only violation of `arguments`, and the arguments after it; none when there is no fix.
fn fixed(arguments: &str) -> Option<(String, String)> {
    let schema = json!({"type": "object", "properties": properties()}).to_string();
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let mut builder = Catalog::builder(Origin::Trusted);
    builder.tool(tool).unwrap();
    let (catalog, guard) = (builder.build(), dev::guard(NearMiss::Refuse));
    let mut scratch = guard.scratch();
    let stated = fixes(&guard, &catalog, &mut scratch, &call("t", arguments.as_bytes()));
    let stated = stated.unwrap_or_else(|| panic!("allowed: {arguments}"));
    let [fix] =
        <[Option<Fix>; 1]>::try_from(stated).unwrap_or_else(|all| panic!("{arguments}: {all:?}"));
    let fix = fix?;
    let mut document = serde_json::from_str(arguments).unwrap();
    apply(&mut document, &fix).unwrap_or_else(|| panic!("{arguments}: {fix:?}"));
    let text = document.to_string();
    let verdict = guard.check_in(&catalog, &call("t", text.as_bytes()), &mut scratch);
    assert!(matches!(verdict, Verdict::Allow(_)), "{arguments}: {fix:?} gives {text}");
    Some((fix.op, text))
}

/// Every op, with what a model wrote and what it becomes.
#[test]
fn ops() {
    for (arguments, op, after) in [
        (r#"{"n":"12"}"#, "unquote", r#"{"n":12}"#),
        (r#"{"n":" 1e2 "}"#, "unquote", r#"{"n":100.0}"#),
        (r#"{"b":"true"}"#, "unquote", r#"{"b":true}"#),
        (r#"{"i":"null"}"#, "unquote", r#"{"i":null}"#),
        (r#"{"b":"True"}"#, "replace", r#"{"b":true}"#),
        (r#"{"b":"No"}"#, "replace", r#"{"b":false}"#),
        (r#"{"b":1}"#, "replace", r#"{"b":true}"#),
        (r#"{"i":"None"}"#, "replace", r#"{"i":null}"#),
        (r#"{"s":3.50}"#, "quote", r#"{"s":"3.5"}"#),
        (r#"{"s":true}"#, "quote", r#"{"s":"true"}"#),
        (r#"{"n":"12,446"}"#, "number", r#"{"n":12446}"#),
        (r#"{"n":"-3 units"}"#, "number", r#"{"n":-3}"#),
        (r#"{"x":"1,234,567"}"#, "number", r#"{"x":1234567}"#),
        (r#"{"x":"1,234.5"}"#, "number", r#"{"x":1234.5}"#),
        (r#"{"s":["a"]}"#, "unwrap", r#"{"s":"a"}"#),
        (r#"{"n":{"value":4}}"#, "unwrap", r#"{"n":4}"#),
        (r#"{"n":{"n":4}}"#, "unwrap", r#"{"n":4}"#),
        (r#"{"o":[{"k":1}]}"#, "unwrap", r#"{"o":{"k":1}}"#),
        (r#"{"ns":4}"#, "wrap", r#"{"ns":[4]}"#),
        (r#"{"ss":"a, b"}"#, "wrap", r#"{"ss":["a, b"]}"#),
        (r#"{"ns":{"0":4,"1":5}}"#, "list", r#"{"ns":[4,5]}"#),
        (r#"{"ns":"[4, 5]"}"#, "parse", r#"{"ns":[4,5]}"#),
        (r#"{"o":"{\"k\":1}"}"#, "parse", r#"{"o":{"k":1}}"#),
        (r#"{"s":null}"#, "remove", "{}"),
        (r#"{"n":"n/a"}"#, "remove", "{}"),
        (r#"{"n":""}"#, "remove", "{}"),
        (r#"{"e":"auto-detect"}"#, "remove", "{}"),
        (r#"{"e":null}"#, "remove", "{}"),
        (r#"{"d":"default"}"#, "replace", r#"{"d":"b"}"#),
        (r#"{"e":"new york"}"#, "replace", r#"{"e":"New York"}"#),
        (r#"{"e":"New York, NY"}"#, "replace", r#"{"e":"New York"}"#),
        (r#"{"e":"Chicgao"}"#, "replace", r#"{"e":"Chicago"}"#),
        (r#"{"e":"descending"}"#, "replace", r#"{"e":"desc"}"#),
        (r#"{"e":"med"}"#, "replace", r#"{"e":"MEDIUM"}"#),
        (r#"{"e":"in progress"}"#, "replace", r#"{"e":"in_progress"}"#),
        (r#"{"e":" ="}"#, "replace", r#"{"e":"="}"#),
        (r#"{"r":"5"}"#, "replace", r#"{"r":5}"#),
        (r#"{"c":"other"}"#, "replace", r#"{"c":"fixed"}"#),
    ] {
        let (got, text) = fixed(arguments).unwrap_or_else(|| panic!("no fix: {arguments}"));
        assert_eq!((got.as_str(), text.as_str()), (op, after), "{arguments}");
    }
}

/// A place that a refusal cuts or cleans has no fix: a program would miss it.
#[test]
fn places_are_exact() {
    let schema = json!({"type": "object", "additionalProperties": {"type": "integer"}}).to_string();
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    for (name, whole) in [
        ("a\"b\\c/d~e", true),
        ("\u{e9}\u{1f600}", true),
        ("a\u{202e}b", false),
        ("a\nb", false),
        (&*"n".repeat(119), true),
        (&*"n".repeat(120), false),
    ] {
        let mut document = json!({name: "1"});
        let arguments = document.to_string();
        let Verdict::Refuse(refusal) = guard.check(&call("t", arguments.as_bytes()), &mut scratch)
        else {
            panic!("allowed: {arguments}")
        };
        let json: Value = serde_json::from_slice(refusal.json()).unwrap();
        let fix = &json["violations"][0]["fix"];
        assert_eq!(fix.is_object(), whole, "{arguments}");
        if whole {
            let path = fix["path"].as_str().unwrap().to_owned();
            let fix = Fix { op: "unquote".to_owned(), path, to: None };
            assert!(apply(&mut document, &fix).is_some(), "{fix:?}");
        }
    }
}

/// `docs/refusals.md` has every op that a violation can have.
#[test]
fn every_op_is_documented() {
    let page = include_str!("../../docs/refusals.md");
    let source = include_str!("../src/report.rs");
    let list = source.split("/// `add`,").nth(1).unwrap().split(';').next().unwrap();
    let ops: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(ops.len(), 10);
    for op in ops.into_iter().chain(["add"]) {
        assert!(page.contains(&format!("| `{op}` |")), "{op}");
    }
}

/// What could only be repaired by changing what was meant is not.
#[test]
fn meaning_is_never_changed() {
    for arguments in [
        r#"{"n":3.7}"#,
        r#"{"n":"3.7"}"#,
        r#"{"n":"5 kg"}"#,
        r#"{"x":"97.5%"}"#,
        r#"{"x":"12,446"}"#,
        r#"{"n":"1,2"}"#,
        r#"{"n":"012,446"}"#,
        r#"{"n":"$5"}"#,
        r#"{"b":2}"#,
        r#"{"b":-1}"#,
        r#"{"b":"maybe"}"#,
        r#"{"s":["a","b"]}"#,
        r#"{"s":[]}"#,
        r#"{"n":{"$gt":4}}"#,
        r#"{"n":{"value":4,"unit":"m"}}"#,
        r#"{"ns":{"1":4,"2":5}}"#,
        r#"{"ns":"4, 5"}"#,
        r#"{"e":"not active"}"#,
        r#"{"e":"inactive"}"#,
        r#"{"e":"no_progress"}"#,
        r#"{"e":"active or desc"}"#,
        r#"{"e":"purple"}"#,
        r#"{"r":7}"#,
    ] {
        assert_eq!(fixed(arguments), None, "{arguments}");
    }
}

/// `null` and words for nothing are only left out where nothing asks for the argument.
#[test]
fn required_arguments_are_never_removed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "s": {"type": "string"},
            "e": {"enum": ["a"]},
            "p": {"type": "string"},
            "q": {"type": "string"},
            "l": {"type": "array", "minItems": 1},
            "o": {"type": "object", "required": ["k"]},
            "m": {"type": "array"},
        },
        "required": ["s", "e", "l", "o", "m"],
        "dependentRequired": {"p": ["q"]},
    })
    .to_string();
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let arguments = br#"{"s":null,"e":"n/a","p":"x","q":null,"l":null,"o":null,"m":null}"#;
    let Verdict::Refuse(refusal) = guard.check(&call("t", arguments), &mut scratch) else {
        panic!("allowed")
    };
    let fixes: Vec<_> = refusal.violations().map(|v| v.fix.map(|fix| (fix.op, fix.to))).collect();
    // A list that must be there and may be empty.
    assert_eq!(fixes, [None, None, None, None, None, Some(("replace", Some("[]")))]);
}
