//! What refusals say: the order of violations, unions, parse errors, bounds.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use airlock_core::{Call, Guard, ToolDefinition, Verdict};
use serde_json::{Map, Value, json};

/// The refusal of `arguments`, as the model reads it.
fn refusal(schema: &Value, arguments: &str) -> Value {
    let schema = schema.to_string();
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
    let Verdict::Refuse(refusal) = guard.check(&call, &mut scratch) else {
        panic!("allowed: {arguments}")
    };
    let json: Value = serde_json::from_slice(refusal.json()).unwrap();
    assert!(refusal.json().len() <= 2048);
    // A program reads what the model reads.
    for (read, told) in refusal.violations().zip(json["violations"].as_array().unwrap()) {
        let same = [
            ("path", read.path),
            ("keyword", read.keyword),
            ("expected", read.expected),
            ("received", read.received),
            ("message", read.message),
            ("fix_hint", read.fix_hint),
        ];
        for (field, text) in same {
            assert_eq!(told[field], text, "{field} {arguments}");
        }
        assert_eq!(told["fix"].is_null(), read.fix.is_none());
        if let Some(fix) = read.fix {
            let to = fix.to.map(|to| serde_json::from_str::<Value>(to).unwrap());
            assert_eq!(told["fix"], json!({"op": fix.op, "path": fix.path, "to": to}));
        }
        let variants = read.variants.map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(told.get("variants"), variants.as_ref());
    }
    json
}

/// Path, keyword, message and hint of the only violation.
fn only(schema: &Value, arguments: &str) -> [String; 4] {
    let refusal = refusal(schema, arguments);
    let all = refusal["violations"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{refusal}");
    ["path", "keyword", "message", "fix_hint"].map(|key| all[0][key].as_str().unwrap().to_owned())
}

#[test]
fn violations_stand_in_document_order() {
    let schema = json!({
        "type": "object",
        "properties": {
            "limit": {"type": "integer"},
            "o": {"type": "object", "properties": {"k": {"type": "integer"}}, "required": ["k", "m"]},
            "e": {"enum": ["a"], "type": "string"},
        },
        "required": ["o", "z"],
    });
    let refusal = refusal(&schema, r#"{"limti":1,"e":2,"o":{"x":1,"mm":2},"limit":"x"}"#);
    let told: Vec<_> = refusal["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            [&v["path"], &v["keyword"], v.get("property").unwrap_or(&Value::Null)]
                .map(|x| x.as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(
        told,
        [
            ["", "required", "z"],
            // A wrong type says what an enum would say again.
            ["/e", "type", ""],
            ["/o", "required", "k"],
            ["/o", "required", "m"],
            ["/limit", "type", ""],
        ]
    );
}

#[test]
fn a_misspelt_name_is_told_once() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "country": {"type": "string"}}, "required": ["country"]});
    let [path, keyword, message, hint] = only(&schema, r#"{"coutnry":"x"}"#);
    assert_eq!((path.as_str(), keyword.as_str()), ("/coutnry", "ghost"));
    assert_eq!(message, "coutnry is not a parameter here; country is, and it is required.");
    assert_eq!(hint, "Rename coutnry to country.");
    // Two spellings of one name: one is renamed, the other must go.
    let refusal = refusal(&schema, r#"{"coutnry":"x","country_":"y"}"#);
    let ops: Vec<_> =
        refusal["violations"].as_array().unwrap().iter().map(|v| v["fix"]["op"].clone()).collect();
    assert_eq!(ops, ["rename", "remove"]);
}

fn shapes() -> Value {
    json!({
        "type": "object",
        "oneOf": [
            {"properties": {"kind": {"const": "square"}, "side": {"type": "number"}, "color": {"type": "string"}}, "required": ["kind", "side"]},
            {"$ref": "#/$defs/circle"},
            {"allOf": [{"properties": {"kind": {"enum": ["text"]}}, "required": ["kind"]}, {"properties": {"body": {"type": "string"}}, "required": ["body"]}]},
        ],
        "$defs": {"circle": {"properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "minimum": 0}}, "required": ["kind", "radius"]}},
    })
}

#[test]
fn the_variant_that_was_meant_comes_first() {
    let refusal = refusal(&shapes(), r#"{"kind":"circle","radius":"2","side":1,"color":"red"}"#);
    let violation = &refusal["violations"][0];
    assert_eq!(violation["keyword"], "oneOf");
    assert_eq!(
        violation["message"],
        r#"the arguments must fit one of 3 variants; the nearest is kind = "circle": radius must be a number, not a string."#
    );
    assert_eq!(violation["fix_hint"], "Send radius as a number, without quotes.");
    assert_eq!(violation["fix"], json!({"op": "unquote", "path": "/radius", "to": null}));
    assert_eq!(
        violation["variants"],
        json!([
            {"tag": {"kind": "circle"}, "required": ["kind", "radius"], "optional": []},
            {"tag": {"kind": "square"}, "required": ["kind", "side"], "optional": ["color"]},
            {"tag": {"kind": "text"}, "required": ["kind", "body"], "optional": []},
        ])
    );
    for (arguments, hint) in [
        (r#"{"kind":"text"}"#, "Add body, a string."),
        (r#"{"kind":"square","side":null}"#, "Send side as a number."),
        (r#"{"kind":"circle","radius":-1}"#, "Send 0 or more."),
        // No tag fits: what has the fewest faults.
        (r#"{"kind":"circel","radius":1}"#, r#"Send "circle"."#),
    ] {
        assert_eq!(only(&shapes(), arguments)[3], hint, "{arguments}");
    }
}

#[test]
fn unions_of_types_and_of_constants_are_told_as_such() {
    let schema = json!({
        "type": "object",
        "properties": {
            "when": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "ids": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
            "level": {"anyOf": [{"const": "low"}, {"const": "high"}]},
        },
    });
    let [_, keyword, message, hint] = only(&schema, r#"{"when":["x"]}"#);
    assert_eq!(
        (keyword.as_str(), message.as_str()),
        ("anyOf", "when must be a string or null, not an array.")
    );
    assert_eq!(hint, "Send when as a string or null itself, with nothing around it.");
    assert_eq!(
        only(&schema, r#"{"ids":"3"}"#)[3],
        "Send ids as an integer or an array, without quotes."
    );
    let [_, keyword, _, hint] = only(&schema, r#"{"level":"hihg"}"#);
    assert_eq!((keyword.as_str(), hint.as_str()), ("anyOf", r#"Send "high"."#));
    let both = json!({"type": "object", "properties": {"a": {"oneOf": [{"type": "integer"}, {"minimum": 2}]}}});
    assert_eq!(only(&both, r#"{"a":3}"#)[2], "a must fit one of 2 variants and no other.");
}

#[test]
fn members_that_must_not_be_there_are_named() {
    let closed = |keyword: &str| {
        let mut schema = json!({"type": "object", "allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}, "c": {}, "d": {}, "e": {}}}]});
        schema["allOf"][0][keyword] = json!(false);
        schema
    };
    for keyword in ["additionalProperties", "unevaluatedProperties"] {
        let [_, found, message, hint] = only(&closed(keyword), r#"{"a":1,"b":2}"#);
        assert_eq!(found, keyword);
        assert_eq!(message, "the arguments must not have b.");
        assert_eq!(hint, "Remove b.");
        let [.., hint] = only(&closed(keyword), r#"{"e":1,"d":2,"c":3,"b":4}"#);
        assert_eq!(hint, "Remove e, d, c and 1 more.");
    }
    let names =
        json!({"type": "object", "additionalProperties": true, "propertyNames": {"maxLength": 2}});
    assert_eq!(only(&names, r#"{"a":1,"long\u0000":2}"#)[3], "Rename long\u{fffd}.");
}

#[test]
fn bounds_patterns_and_formats_say_what_is_wanted() {
    let schema = json!({
        "type": "object",
        "properties": {
            "n": {"type": "integer", "maximum": 10},
            "p": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]},
            "d": {"type": "string", "pattern": "^x", "default": "xy"},
            "l": {"type": "array", "maxItems": 1},
        },
    });
    assert_eq!(only(&schema, r#"{"n":11}"#)[2], "n must be a number of at most 10.");
    assert_eq!(
        only(&schema, r#"{"p":"eur"}"#)[3],
        r#"Send text that matches "^[A-Z]{3}$". For example: "EUR"."#
    );
    assert_eq!(
        only(&schema, r#"{"d":"y"}"#)[3],
        r#"Send text that matches "^x". For example: "xy"."#
    );
    assert_eq!(only(&schema, r#"{"l":[1,2]}"#)[3], "Send 1 or fewer elements.");
}

/// Each with what a model writes and the words that must come back.
#[test]
fn parse_errors_say_where_and_why() {
    let schema = json!({"type": "object"});
    for (arguments, offset, place, words) in [
        (r#"{"a":1,}"#, 7, "Line 1, column 8", "comma"),
        ("{'a':1}", 1, "Line 1, column 2", "Single quotes"),
        ("{a:1}", 1, "Line 1, column 2", "without quotes"),
        ("```json\n{}\n```", 0, "Line 1, column 1", "code fence"),
        ("{\n  \"a\": 1 // one\n}", 11, "Line 2, column 10", "no comments"),
        (r#"{"a":True}"#, 5, "Line 1, column 6", "lower case"),
        (r#"{"a":None}"#, 5, "Line 1, column 6", "stands for no value"),
        (r#"{"a":NaN}"#, 5, "Line 1, column 6", "NaN"),
        (
            r#"{"files":[{"content":"abc"#,
            25,
            "Line 1, column 26",
            "The JSON ends inside /files/0/content.",
        ),
        ("{} {}", 3, "Line 1, column 4", "second JSON document"),
        ("{\"a\":\"x\ny\"}", 7, "Line 1, column 8", "line break"),
        ("{\"a\":\"x\u{1}\"}", 7, "Line 1, column 8", "control character"),
        (r#"'{"a":1}'"#, 0, "Line 1, column 1", "Quotes stand around"),
    ] {
        let refusal = refusal(&schema, arguments);
        let violation = &refusal["violations"][0];
        assert_eq!(violation["keyword"], "parse", "{arguments}");
        assert_eq!(violation["offset"], offset, "{arguments}");
        let message = violation["message"].as_str().unwrap();
        assert!(message.starts_with(place) && message.contains(words), "{arguments}: {message}");
        assert!(violation["fix_hint"].as_str().unwrap().ends_with('.'), "{arguments}");
        assert_eq!(refusal["reason"], "malformed_arguments");
    }
    let truncated = refusal(&schema, r#"{"a":["#);
    let hint = truncated["violations"][0]["fix_hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("shorten or split"), "{hint}");
    let duplicate = refusal(&schema, r#"{"o":{"a":1,"\u0061":2}}"#);
    assert_eq!(duplicate["violations"][0]["path"], "/o/a");
    let encoded = refusal(&schema, r#""{\"a\":1}""#);
    assert_eq!(encoded["violations"][0]["fix"], json!({"op": "parse", "path": "", "to": null}));
}

/// Behind a name that does not end stands a value; it must not pass for a part of the name.
#[test]
fn a_broken_name_is_not_told() {
    let schema = json!({"type": "object"});
    for arguments in [
        r#"{"o":{"a\":"zqmarker"}"#,
        r#"{"o":{"a\" :[1,"zqmarker"#,
        "{\"o\":{\"a\n:zqmarker\":1}}",
        r#"{"o":{"a\q:zqmarker":1}}"#,
    ] {
        let refusal = refusal(&schema, arguments).to_string();
        assert!(!refusal.contains("zqmarker"), "{arguments}: {refusal}");
        assert!(!refusal.contains("/o/a"), "{arguments}: {refusal}");
    }
}

/// Sixteen at most, and the rest is counted.
#[test]
fn the_rest_is_counted() {
    let names: Map<String, Value> =
        (0..40).map(|n| (format!("{n}"), json!({"minimum": 9}))).collect();
    let arguments = Value::Object(names.keys().map(|name| (name.clone(), json!(1))).collect());
    let schema = json!({"type": "object", "properties": names});
    let refusal = refusal(&schema, &arguments.to_string());
    let told = refusal["violations"].as_array().unwrap().len() as u64;
    assert!((8..=16).contains(&told), "{told}");
    assert_eq!(told + refusal["more"].as_u64().unwrap(), 40);
}
