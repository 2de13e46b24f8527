use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;

fn tool() -> Json {
    json!({
        "name": "send",
        "title": "Send",
        "description": "Sends a \u{1f4e8} to someone.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "to": {"type": "string", "description": "Who gets it", "enum": ["a", "b"]},
                "n": {"type": "integer", "maximum": 1.50},
                "\u{1f600}": {}, "\u{ff61}": {}
            },
            "required": ["to", "n"],
            "additionalProperties": false
        },
        "outputSchema": {"type": "object", "properties": {"id": {"type": "string"}}},
        "annotations": {"title": "Send", "readOnlyHint": false, "destructiveHint": true}
    })
}

fn definition(tool: &Json) -> Definition {
    Definition::read(tool.to_string().as_bytes()).unwrap()
}

fn change(edit: impl FnOnce(&mut Json)) -> Change {
    let mut other = tool();
    edit(&mut other);
    let change = definition(&tool()).diff(&definition(&other));
    assert!(!change.differences.is_empty());
    change
}

fn severity(edit: impl FnOnce(&mut Json)) -> Severity {
    change(edit).severity
}

#[test]
fn the_canonical_form_is_that_of_rfc_8785() {
    let definition = definition(&json!({
        "name": "t", "inputSchema": {"\u{1f600}": 1.0, "\u{ff61}": [], "a": "\u{1}\n\u{e9}\"/"}
    }));
    assert_eq!(
        core::str::from_utf8(definition.text()).unwrap(),
        "{\"inputSchema\":{\"a\":\"\\u0001\\n\u{e9}\\\"/\",\"\u{1f600}\":1,\"\u{ff61}\":[]},\"name\":\"t\"}",
    );
    // Of `sha256sum`.
    let empty = Definition::read(br#"{"name":"t"}"#).unwrap();
    assert_eq!(
        empty.digest().to_string(),
        "sha256:3647a67649228b62fe3d139c47f7a3c673c31ce57da824082b6654fc0b15751f"
    );
}

#[test]
fn members_beside_the_six_are_not_pinned() {
    let mut tool = tool();
    let bare = definition(&tool);
    tool["_meta"] = json!({"version": 7});
    tool["icons"] = json!([]);
    let text = tool.to_string();
    assert_eq!(Definition::read(text.as_bytes()), Err(Unpinned::NoDefinition));
    let mut tape = Tape::growable();
    let listed = parse(text.as_bytes(), Limits::MESSAGE, &mut tape).unwrap();
    assert_eq!(Definition::of(listed.root()).unwrap().digest(), bare.digest());
}

#[test]
fn severities_are_those_of_the_table() {
    use Severity::{High, Low, Medium};
    assert_eq!(severity(|tool| tool["title"] = json!("Sent")), Low);
    assert_eq!(severity(|tool| tool["annotations"]["title"] = json!("Sent")), Low);
    assert_eq!(severity(|tool| tool["description"] = json!("Also reads ~/.ssh.")), Medium);
    let of_to = |value| move |tool: &mut Json| tool["inputSchema"]["properties"]["to"] = value;
    let described = json!({"type": "string", "description": "Everyone", "enum": ["a", "b"]});
    assert_eq!(severity(of_to(described)), Medium);
    let narrowed = json!({"type": "string", "description": "Who gets it", "enum": ["a"]});
    assert_eq!(severity(of_to(narrowed)), Medium);
    let widened = json!({"type": "string", "description": "Who gets it", "enum": ["a", "b", "c"]});
    assert_eq!(severity(of_to(widened)), High);
    let free = json!({"type": "string", "description": "Who gets it"});
    assert_eq!(severity(of_to(free)), High);
    let of_schema =
        |key: &'static str, value| move |tool: &mut Json| tool["inputSchema"][key] = value;
    assert_eq!(severity(of_schema("required", json!(["n", "to"]))), Low);
    assert_eq!(severity(of_schema("required", json!(["n"]))), High);
    assert_eq!(severity(of_schema("additionalProperties", json!(true))), High);
    assert_eq!(
        severity(|tool| tool["inputSchema"]["properties"]["context"] = json!({"type": "string"})),
        High
    );
    assert_eq!(
        severity(|tool| {
            let properties = tool["inputSchema"]["properties"].as_object_mut().unwrap();
            properties.remove("n").unwrap();
        }),
        Medium
    );
    for hint in ["readOnlyHint", "destructiveHint", "openWorldHint"] {
        assert_eq!(severity(|tool| tool["annotations"][hint] = json!("x")), High, "{hint}");
    }
    let gone = |tool: &mut Json| drop(tool.as_object_mut().unwrap().remove("annotations"));
    assert_eq!(severity(gone), High);
}

#[test]
fn a_diff_names_places_fields_and_both_texts() {
    let change = change(|tool| {
        tool["description"] = json!("Other");
        tool["inputSchema"]["properties"]["a/b~"] = json!({});
    });
    assert_eq!(change.to_string(), "description (medium), inputSchema (high)");
    let [first, second] = &*change.differences else { panic!("{change:?}") };
    assert_eq!((&*first.path, first.new.as_deref()), ("/description", Some("\"Other\"")));
    assert!(first.old.as_deref().unwrap().starts_with("\"Sends a"));
    assert_eq!(second.path, "/inputSchema/properties/a~1b~0");
    assert_eq!((second.old.as_deref(), second.new.as_deref()), (None, Some("{}")));
    assert_eq!(change.more, 0);
}

#[test]
fn many_differences_are_counted_and_their_severity_is_not_lost() {
    let mut other = tool();
    let mut first = tool();
    for index in 0..100 {
        first["inputSchema"]["properties"][format!("p{index:03}")] = json!({"description": "a"});
        other["inputSchema"]["properties"][format!("p{index:03}")] = json!({"description": "b"});
    }
    other["outputSchema"] = json!({"type": "string"});
    let change = definition(&first).diff(&definition(&other));
    assert_eq!((change.differences.len(), change.more), (64, 38));
    assert_eq!(change.severity, Severity::High);
}

#[test]
fn a_pin_is_recorded_once_and_changed_by_approval_alone() {
    let mut changed = tool();
    changed["description"] = json!("Other");
    let (first, second) = (definition(&tool()), definition(&changed));
    let mut pins = Pins::default();
    assert_eq!(pins.compare(&first), Standing::New);
    assert!(pins.meet(&first, true));
    assert!(!pins.meet(&first, true), "no news");
    assert_eq!(pins.compare(&first), Standing::Known);
    assert!(matches!(pins.compare(&second), Standing::Changed(_)));
    assert!(pins.meet(&second, true));
    assert!(!pins.meet(&second, true), "no news");
    assert!(matches!(pins.compare(&second), Standing::Changed(_)), "seen is not approved");
    let mut third = tool();
    third["title"] = json!("X");
    let third = definition(&third);
    assert!(!pins.approve("send", third.digest()), "only what was seen");
    assert!(pins.approve("send", second.digest()));
    assert_eq!(pins.compare(&second), Standing::Known);
    assert!(matches!(pins.compare(&first), Standing::Changed(_)));
    assert!(pins.meet(&third, false));
    assert!(pins.approve("send", second.digest()), "to stay with what there is");
    assert_eq!(pins.get("send").unwrap().pending, None);
    assert!(pins.forget("send"));
    assert_eq!(pins.compare(&second), Standing::New);
    assert!(pins.meet(&second, false));
    assert_eq!(pins.compare(&second), Standing::New, "required, and not approved");
    assert!(pins.approve("send", second.digest()));
    assert_eq!(pins.compare(&second), Standing::Known);
}

/// JSON text of `value` with its members in an order and its strings, numbers and gaps in a spelling that
/// `dice` choose.
fn respell(value: &Json, dice: &mut impl FnMut() -> u32, out: &mut String) {
    let gap = [" ", "", "\n\t", ""][dice() as usize % 4];
    out.push_str(gap);
    match value {
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for index in (1..members.len()).rev() {
                members.swap(index, dice() as usize % (index + 1));
            }
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                respell(&Json::from(&**key), dice, out);
                out.push(':');
                respell(value, dice, out);
            }
            out.push('}');
        }
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                respell(element, dice, out);
            }
            out.push(']');
        }
        Json::String(text) => {
            out.push('"');
            for c in text.chars() {
                if dice().is_multiple_of(3) || c < ' ' || c == '"' || c == '\\' {
                    c.encode_utf16(&mut [0; 2])
                        .iter()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        }
        Json::Number(number) if dice().is_multiple_of(2) && number.is_i64() => {
            out.push_str(&format!("{number}.0e0"));
        }
        other => out.push_str(&other.to_string()),
    }
    out.push_str(gap);
}

fn some_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        "[a-z\u{e9}\u{1f600}\"\\\\\n]{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z\u{ff61}\u{1f600}]{1,3}", inner, 0..4)
                .prop_map(|members| Json::from(Map::from_iter(members))),
        ]
    })
}

proptest! {
    #[test]
    fn spelling_order_and_white_space_are_no_change(schema in some_json(), seed in any::<u64>()) {
        let mut tool = tool();
        tool["inputSchema"] = schema;
        let mut state = seed | 1;
        let mut dice = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u32
        };
        let mut text = String::new();
        respell(&tool, &mut dice, &mut text);
        let other = Definition::read(text.as_bytes()).unwrap();
        let first = definition(&tool);
        prop_assert_eq!(&first, &other, "{}", text);
        prop_assert_eq!(Definition::read(first.text()).unwrap(), first, "canonical stays");
    }

    #[test]
    fn each_field_changed_by_one_character_is_found(at in any::<prop::sample::Index>(), c in any::<char>()) {
        // Every character of every field, names of members included.
        let text = tool().to_string();
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let place = places[at.index(places.len())];
        let old = text[place..].chars().next().unwrap();
        let changed = format!("{}{c}{}", &text[..place], &text[place + old.len_utf8()..]);
        prop_assume!(serde_json::from_str::<Json>(&changed).is_ok_and(|new| new != tool()));
        if let Ok(changed) = Definition::read(changed.as_bytes()) {
            let change = definition(&tool()).diff(&changed);
            prop_assert_ne!(changed.digest(), definition(&tool()).digest());
            prop_assert_eq!(change.differences.len() + change.more > 0, true);
        }
    }
}

#[test]
fn each_field_changed_by_one_character_is_told_at_its_place() {
    for (pointer, value, field) in [
        ("/title", json!("Send."), "title"),
        ("/description", json!("Sends a \u{1f4e8} to someone!"), "description"),
        ("/inputSchema/properties/n/maximum", json!(1.51), "inputSchema"),
        ("/inputSchema/properties/to/description", json!("Who gets It"), "inputSchema"),
        ("/outputSchema/properties/id/type", json!("strinG"), "outputSchema"),
        ("/annotations/readOnlyHint", json!(true), "annotations"),
    ] {
        let change = change(|tool| *tool.pointer_mut(pointer).unwrap() = value);
        assert_eq!(change.differences.len(), 1);
        assert_eq!(change.differences[0].path, pointer);
        assert_eq!(change.fields().next().unwrap().0, field);
    }
    let mut renamed = tool();
    renamed["name"] = json!("sends");
    let mut pins = Pins::default();
    pins.meet(&definition(&tool()), true);
    assert_eq!(pins.compare(&definition(&renamed)), Standing::New, "a name is another tool");
}

#[test]
fn what_is_too_long_or_nameless_is_not_pinned() {
    let long = json!({"name": "t", "description": "x".repeat(MAX_DEFINITION)});
    assert_eq!(Definition::read(long.to_string().as_bytes()), Err(Unpinned::TooLong));
    assert_eq!(Definition::read(br#"{"name":1}"#), Err(Unpinned::Nameless));
    assert_eq!(Definition::read(br#"{"name":"t","name":"u"}"#), Err(Unpinned::NoDefinition));
    let digest = definition(&tool()).digest();
    let spelt = digest.to_string();
    assert!(
        digest.is(&spelt) && digest.starts_with(&spelt[..16]) && digest.starts_with(&spelt[7..20])
    );
    assert!(!digest.is(&spelt[..70]) && !digest.starts_with("sha256:zz"));
}
