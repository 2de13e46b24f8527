//! Registered documents, dialects and dynamic references as users and servers meet them; what a hostile
//! schema can make them cost.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use airlock_core::{
    Call, CompileError, Documents, Guard, Reason, Scratch, ToolDefinition, Validator, Verdict,
};

fn documents(list: &[(&str, &str)]) -> Documents {
    let mut documents = Documents::new();
    for (uri, text) in list {
        documents.add(uri, text.as_bytes()).unwrap();
    }
    documents
}

fn build(documents: Documents, schema: &str) -> Result<Validator, CompileError> {
    Validator::builder().documents(documents).build(schema.as_bytes())
}

/// The error of a schema that does not compile.
fn error(documents: Documents, schema: &str) -> CompileError {
    build(documents, schema).expect_err(schema)
}

#[track_caller]
fn accepts(validator: &Validator, valid: &[&str], invalid: &[&str]) {
    let mut scratch = Scratch::new();
    for json in valid {
        assert!(validator.check(json.as_bytes(), &mut scratch).is_ok(), "{json} must be valid");
    }
    for json in invalid {
        let why = validator.check(json.as_bytes(), &mut scratch).expect_err(json);
        assert_eq!(why.reason(), Reason::ValidationFailed, "{json}");
        assert!(why.violations().count() > 0, "{json}");
    }
}

/// `count` times what `item` writes, between commas.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

#[test]
fn a_document_is_known_by_its_uri_and_by_every_id_in_it() {
    let shared = r#"{"$id": "https://example.org/own", "$defs": {
        "a": {"$id": "inner", "type": "integer"}, "b": {"$anchor": "text", "type": "string"}}}"#;
    let schema = |uri: &str| format!(r#"{{"$ref": "{uri}"}}"#);
    for (uri, valid, invalid) in [
        ("https://example.org/registered#/$defs/b", "\"x\"", "1"),
        ("https://example.org/own#text", "\"x\"", "1"),
        ("https://example.org/inner", "1", "\"x\""),
    ] {
        let documents = documents(&[("https://example.org/registered", shared)]);
        accepts(&build(documents, &schema(uri)).unwrap(), &[valid], &[invalid]);
    }
    let documents = documents(&[("https://example.org/registered", shared)]);
    let missing = error(documents.clone(), &schema("https://example.org/other"));
    assert_eq!(missing.path, "/$ref");
    assert!(missing.message.contains("https://example.org/other"), "{missing}");
    let nothing = error(documents, &schema("https://example.org/own#nope"));
    assert!(nothing.message.contains("points to nothing"), "{nothing}");
}

#[test]
fn an_error_in_a_registered_document_says_where() {
    let broken = r#"{"properties": {"a": {"type": "text"}}}"#;
    let documents = documents(&[("https://example.org/broken", broken)]);
    let error = error(documents, r#"{"items": {"$ref": "https://example.org/broken"}}"#);
    assert_eq!(error.path, "https://example.org/broken#/properties/a/type");
    assert!(Documents::new().add("https://example.org/", b"{").is_err());
}

#[test]
fn documents_refer_to_each_other_and_to_the_schema() {
    let tree = r##"{"properties": {"left": {"$ref": "#"}, "leaf": {"$ref": "leaf"}}}"##;
    let leaf = r#"{"properties": {"root": {"$ref": "https://example.org/root"}}}"#;
    let documents =
        documents(&[("https://example.org/tree", tree), ("https://example.org/leaf", leaf)]);
    let schema = r#"{"$id": "https://example.org/root", "type": "object", "maxProperties": 1,
        "properties": {"tree": {"$ref": "tree"}}}"#;
    accepts(
        &build(documents, schema).unwrap(),
        &[r#"{"tree": {"left": {"leaf": {"root": {}}}}}"#],
        &[r#"{"tree": {"left": {"leaf": {"root": 1}}}}"#],
    );
}

#[test]
fn the_meta_schemas_are_built_in() {
    for (uri, name) in [
        ("https://json-schema.org/draft/2020-12/schema", "prefixItems"),
        ("http://json-schema.org/draft-07/schema#", "additionalItems"),
    ] {
        let schema = format!(r#"{{"$ref": "{uri}"}}"#);
        let validator = build(Documents::new(), &schema).unwrap();
        accepts(
            &validator,
            &["true", r#"{"properties": {"a": {"items": {"not": {"minLength": 2}}}}}"#],
            &[
                "1",
                r#"{"properties": {"a": {"items": {"not": {"minLength": "2"}}}}}"#,
                &format!(r#"{{"{name}": 1}}"#),
            ],
        );
    }
}

#[test]
fn a_dialect_must_be_known() {
    for schema in [
        r#"{"$schema": "http://json-schema.org/draft-04/schema#"}"#,
        r#"{"$schema": "https://example.org/unregistered"}"#,
        r#"{"$schema": 7}"#,
    ] {
        assert_eq!(error(Documents::new(), schema).path, "/$schema", "{schema}");
    }
    // The dialect that a part repeats is in order, another one is not.
    let part = |uri: &str| format!(r#"{{"properties": {{"a": {{"$schema": "{uri}"}}}}}}"#);
    assert!(build(Documents::new(), &part("https://json-schema.org/draft/2020-12/schema")).is_ok());
    let other = error(Documents::new(), &part("http://json-schema.org/draft-07/schema#"));
    assert_eq!(other.path, "/properties/a/$schema");
}

#[test]
fn a_resource_may_be_of_another_dialect() {
    let schema = r#"{"items": {"$id": "old", "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "integer"}], "additionalItems": false}}"#;
    accepts(&build(Documents::new(), schema).unwrap(), &["[[1]]"], &["[[1, 2]]", "[[\"x\"]]"]);
    let unknown = r#"{"items": {"$id": "new", "$schema": "https://example.org/unknown"}}"#;
    assert_eq!(error(Documents::new(), unknown).path, "/items/$schema");
}

#[test]
fn vocabularies_decide_what_counts() {
    let meta = |vocabularies: &str| {
        format!(
            r#"{{"$schema": "https://json-schema.org/draft/2020-12/schema", "$vocabulary": {{
                "https://json-schema.org/draft/2020-12/vocab/core": true, {vocabularies}}}}}"#
        )
    };
    let with = |vocabularies: &str, schema: &str| {
        let documents = documents(&[("https://example.org/meta", &meta(vocabularies))]);
        build(documents, &schema.replacen('{', r#"{"$schema": "https://example.org/meta","#, 1))
    };
    let validation = r#""https://json-schema.org/draft/2020-12/vocab/validation": true"#;
    let applicator = r#""https://json-schema.org/draft/2020-12/vocab/applicator": true"#;
    let schema = r#"{"minimum": 3, "properties": {"a": false}}"#;
    accepts(&with(validation, schema).unwrap(), &[r#"{"a": 1}"#, "3"], &["2"]);
    accepts(&with(applicator, schema).unwrap(), &["2", "{}"], &[r#"{"a": 1}"#]);
    let custom = |required: bool| format!(r#"{validation}, "https://example.org/own": {required}"#);
    assert!(with(&custom(false), schema).is_ok());
    let error = with(&custom(true), schema).unwrap_err();
    assert_eq!(error.path, "/$schema");
    assert!(error.message.contains("https://example.org/own"), "{error}");
    let asserted = r#""https://json-schema.org/draft/2020-12/vocab/format-assertion": true"#;
    accepts(&with(asserted, r#"{"format": "ipv4"}"#).unwrap(), &["\"1.2.3.4\""], &["\"1\""]);
}

#[test]
fn an_unknown_keyword_is_a_warning_that_names_the_nearest() {
    let warnings = |schema: &str| build(Documents::new(), schema).unwrap().warnings().join("\n");
    let said = warnings(r#"{"properties": {"a": {"maxLenght": 3, "x-mine": 1, "title": "t"}}}"#);
    assert_eq!(said, "/properties/a/maxLenght: unknown keyword; did you mean maxLength?");
    // Draft-07 knows no prefixItems, so none is meant.
    let draft7 = "http://json-schema.org/draft-07/schema#";
    let said = warnings(&format!(r#"{{"$schema": "{draft7}", "prefixItem": [], "$anchor": "a"}}"#));
    assert_eq!(said, "/prefixItem: unknown keyword\n/$anchor: unknown keyword");
}

#[test]
fn beside_a_reference_draft_07_ignores_everything() {
    let schema = |dialect: &str| {
        format!(
            r##"{{"$schema": "{dialect}", "properties": {{"a": {{"$ref": "#/definitions/t", "maxLength": 1}}}},
                "definitions": {{"t": {{"type": "string"}}}}}}"##
        )
    };
    let old = build(Documents::new(), &schema("http://json-schema.org/draft-07/schema#")).unwrap();
    accepts(&old, &[r#"{"a": "long"}"#], &[r#"{"a": 1}"#]);
    let new = schema("https://json-schema.org/draft/2020-12/schema");
    accepts(&build(Documents::new(), &new).unwrap(), &[], &[r#"{"a": "long"}"#]);
}

#[test]
fn keywords_are_read_with_their_escapes_undone() {
    let schema = r##"{"pr\u006fperties": {"a": {"\u0024id": "http://h/x", "$ref": "#/$defs/t",
        "$defs": {"t": {"t\u0079pe": "string"}}}, "b": {"\u0024ref": "http://h/x"}}}"##;
    let (valid, invalid) = ([r#"{"a": "x", "b": "x"}"#], [r#"{"a": 1}"#, r#"{"b": 1}"#]);
    accepts(&build(Documents::new(), schema).unwrap(), &valid, &invalid);
}

#[test]
fn two_schemas_with_one_name_cannot_be_referred_to() {
    let twice = |name: &str, reference: &str| {
        format!(
            r#"{{"$defs": {{"a": {{"{name}": "x"}}, "b": {{"{name}": "x"}}}}, "items": {reference}}}"#
        )
    };
    for (name, reference) in [("$id", "x"), ("$anchor", "#x"), ("$dynamicAnchor", "#x")] {
        assert!(build(Documents::new(), &twice(name, "true")).is_ok());
        let reference = format!(r#"{{"$ref": "{reference}"}}"#);
        let error = error(Documents::new(), &twice(name, &reference));
        assert!(error.message.contains("two schemas"), "{error}");
    }
}

/// A guard keeps every name where a `$dynamicRef` applies, and strips as ever where none does.
#[test]
fn a_place_under_a_dynamic_reference_is_open() {
    let base = r##"{"$id": "https://example.org/base", "type": "object",
        "properties": {"item": {"$dynamicRef": "#item"}, "plain": {"properties": {"a": true}}},
        "$defs": {"any": {"$dynamicAnchor": "item"}}}"##;
    let schema = r#"{"$id": "https://example.org/tool", "$ref": "base", "$defs": {
        "mine": {"$dynamicAnchor": "item", "properties": {"n": {"type": "integer"}}}}}"#;
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder()
        .documents(documents(&[("https://example.org/base", base)]))
        .tool(tool)
        .unwrap()
        .build()
        .unwrap();
    let mut scratch = guard.scratch();
    let arguments = br#"{"item": {"n": 1, "other": 2}, "plain": {"a": 1, "ghost": 2}}"#;
    let call = Call { tool: "t", arguments, ..Call::default() };
    let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else { panic!("refused") };
    assert_eq!(allowed.stripped().collect::<Vec<_>>(), ["/plain/ghost"]);
    let arguments = br#"{"item": {"n": "1"}}"#;
    let call = Call { tool: "t", arguments, ..Call::default() };
    assert!(matches!(guard.check(&call, &mut scratch), Verdict::Refuse(_)));
}

/// Every subset of `n` names is a scope of its own: what is bound first stays.
#[test]
fn scopes_are_paid_for() {
    let levels = 24;
    let resources = list(levels, |i| {
        format!(
            r##""r{i}":{{"$id":"r{i}","anyOf":[{{"$ref":"n{i}"}},{{"$ref":"s{i}"}}]}},
                "s{i}":{{"$id":"s{i}","$ref":"r{}","$defs":{{"d":{{"$dynamicAnchor":"a{i}"}}}}}},
                "n{i}":{{"$id":"n{i}","$ref":"r{}"}}"##,
            i + 1,
            i + 1
        )
    });
    let used = list(levels, |i| format!(r#"{{"$dynamicRef":"d{i}#a{i}"}}"#));
    let defaults = list(levels, |i| format!(r#""d{i}":{{"$id":"d{i}","$dynamicAnchor":"a{i}"}}"#));
    let schema = format!(
        r#"{{"$id":"https://example.org/","$ref":"r0","$defs":{{{resources},{defaults},
            "r{levels}":{{"$id":"r{levels}","items":{{"allOf":[{used}]}}}}}}}}"#
    );
    let error = error(Documents::new(), &schema);
    assert!(error.message.contains("too many subschemas") || error.message.contains("too complex"));
}

#[test]
fn long_uris_and_many_identifiers_are_paid_for() {
    let base = "x".repeat(100_000);
    let refs = list(5_000, |i| format!(r#"{{"$ref":"r{i}"}}"#));
    let schema = format!(r#"{{"$id":"http://h/{base}/","allOf":[{refs}]}}"#);
    assert!(error(Documents::new(), &schema).message.contains("too complex"));
    let ids = list(4_000, |i| format!(r#""d{i}":{{"$id":"a{i}","$anchor":"n"}}"#));
    let refs = list(2_000, |i| format!(r#"{{"$ref":"a{i}#n"}}"#));
    assert!(build(Documents::new(), &format!(r#"{{"$defs":{{{ids}}},"allOf":[{refs}]}}"#)).is_ok());
}

#[test]
fn what_a_schema_refers_to_is_bounded() {
    let text = |i: usize| {
        let next = i + 1;
        format!(r#"{{"description":"{}","$ref":"http://h/{next}"}}"#, "x".repeat(200_000))
    };
    let mut documents = Documents::new();
    for i in 0..10 {
        documents.add(&format!("http://h/{i}"), text(i).as_bytes()).unwrap();
    }
    let error = error(documents, r#"{"$ref": "http://h/0"}"#);
    assert!(error.message.contains("too large together"), "{error}");
}

#[test]
fn subschemas_are_counted() {
    let many = list(66_000, |_| "{}".into());
    let error = error(Documents::new(), &format!(r#"{{"prefixItems":[{many}]}}"#));
    assert!(error.message.contains("too many subschemas"), "{error}");
}

/// A long text is read by every format in a pass or two, and many formats over it are too complex.
#[test]
fn formats_are_linear_and_paid_for() {
    let formats = [
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "idn-email",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "iri",
        "iri-reference",
        "json-pointer",
        "regex",
        "relative-json-pointer",
        "time",
        "uri",
        "uri-reference",
        "uri-template",
        "uuid",
    ];
    let asserted = |schema: String| {
        Validator::builder().assert_formats(true).build(schema.as_bytes()).unwrap()
    };
    let mut scratch = Scratch::new();
    for format in formats {
        let one = asserted(format!(r#"{{"format": "{format}"}}"#));
        let units = ["a", "a.", "{a}", "(", "[a]", "\\\\", "a:", "%41", "/", "\u{5d0}.", "xn--a."];
        for unit in units {
            let text = format!("\"{}\"", unit.repeat(100_000 / unit.len()));
            let why = one.check(text.as_bytes(), &mut scratch).err().map(|why| why.reason());
            assert_ne!(why, Some(Reason::TooComplex), "{format}: {unit}");
        }
        let not = list(1_000, |_| format!(r#"{{"not": {{"not": {{"format": "{format}"}}}}}}"#));
        let all = asserted(format!(r#"{{"anyOf": [{{"allOf": [{not}]}}, true]}}"#));
        for text in ["a".repeat(100_000), "/a".repeat(50_000)] {
            let why = all.check(format!("\"{text}\"").as_bytes(), &mut scratch);
            let why = why.err().map(|why| why.reason());
            // The first that fails decides, so that what is left is the format that the text has.
            assert!(matches!(why, None | Some(Reason::TooComplex)), "{format}: {why:?}");
            if format == "uri-reference" {
                assert_eq!(why, Some(Reason::TooComplex));
            }
        }
    }
}
