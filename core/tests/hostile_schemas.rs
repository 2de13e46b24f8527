//! What a hostile server can make the compilation of its schemas cost: never more than the steps of one
//! list, about a second.
//!
//! The assertions are on the answer, "too complex", not on time; without a bound some of these would
//! take minutes.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use airlock_core::{Catalog, CatalogBuilder, CompileError, Origin, ToolDefinition};

fn add(to: &mut CatalogBuilder, name: &str, schema: &str) -> Result<usize, CompileError> {
    assert!(schema.len() <= 256 << 10, "the schema has {} bytes", schema.len());
    let input_schema = schema.as_bytes();
    to.tool(ToolDefinition { name, input_schema, output_schema: None })
        .map(|warnings| warnings.len())
}

fn compile(schema: &str) -> Result<usize, CompileError> {
    add(&mut Catalog::builder(Origin::Live), "t", schema)
}

/// `count` times what `item` writes, between commas.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

fn is_too_complex(outcome: &Result<usize, CompileError>) -> bool {
    outcome.as_ref().is_err_and(|error| error.message.contains("too complex"))
}

#[test]
fn patterns_are_paid_for() {
    let patterns = list(2_500, |i| format!(r#"{{"pattern":"\\p{{L}}{{400}}x{i}"}}"#));
    assert!(is_too_complex(&compile(&format!(r#"{{"anyOf":[{patterns}]}}"#))));
    let small = list(2_000, |i| format!(r#"{{"pattern":"^{i}$"}}"#));
    assert_eq!(compile(&format!(r#"{{"anyOf":[{small}]}}"#)), Ok(0));
}

#[test]
fn all_tools_of_a_live_list_share_one_budget() {
    let bad = |i: usize| format!(r#"{{"pattern":"(?:a?){{{}}}"}}"#, 100_000 + i);
    let outcomes = |origin| {
        let mut builder = Catalog::builder(origin);
        (0..45).map(|i| add(&mut builder, &i.to_string(), &bad(i))).collect::<Vec<_>>()
    };
    let live = outcomes(Origin::Live);
    assert!(!is_too_complex(&live[0]) && live.iter().all(Result::is_err));
    assert!(live.iter().filter(|outcome| is_too_complex(outcome)).count() > 10);
    // Tools that the operator wrote have a budget each.
    assert!(!outcomes(Origin::Trusted).iter().any(is_too_complex));
}

#[test]
fn references_are_paid_for_and_anchors_are_found_once() {
    let defs = list(9_000, |i| format!(r#""{i}":true"#));
    let refs = list(5_500, |i| format!(r##"{{"$ref":"#/$defs/{}"}}"##, 8_999 - i % 10));
    let schema = format!(r#"{{"$defs":{{{defs}}},"prefixItems":[{refs}]}}"#);
    assert!(is_too_complex(&compile(&schema)));
    let defs = list(5_000, |i| format!(r#""d{i}":{{"$anchor":"a{i}"}}"#));
    let refs = list(4_000, |i| format!(r##"{{"$ref":"#a{}"}}"##, i % 10));
    assert_eq!(compile(&format!(r#"{{"$defs":{{{defs}}},"prefixItems":[{refs}]}}"#)), Ok(0));
}

#[test]
fn warnings_are_counted() {
    let unknown = list(15_000, |i| format!(r#""maxItem{i}":1"#));
    assert_eq!(compile(&format!("{{{unknown}}}")), Ok(64));
}

#[test]
fn places_and_formulas_are_paid_for() {
    let parts = list(2_000, |i| format!(r#"{{"minProperties":{i}}}"#));
    let shared = list(4_000, |i| format!(r##""p{i}":{{"$ref":"#/$defs/s","minProperties":1}}"##));
    let twice = |i: usize| {
        let below = format!(r##"{{"$ref":"#/$defs/l{}"}}"##, i + 1);
        format!(
            r#""l{i}":{{"anyOf":[{{"allOf":[{below},{{"minProperties":1}}]}},{{"allOf":[{below},{{"minProperties":2}}]}}]}}"#
        )
    };
    let webbed = list(2_000, |i| {
        let (a, b) = ((i * 7 + 1) % 2_000, (i * 13 + 5) % 2_000);
        format!(
            r##"{{"properties":{{"x{}":{{"anyOf":[{{"$ref":"#/anyOf/{a}"}},{{"$ref":"#/anyOf/{b}"}}]}}}}}}"##,
            i % 7
        )
    });
    let dependent = list(60, |i| {
        format!(
            r##""d{i}":{{"dependentSchemas":{{"n{i}":{{"properties":{{"q{i}":{{"$ref":"#"}}}}}}}}}}"##
        )
    });
    let web = list(2_000, |i| format!(r##""n{i}":{{"$ref":"#/$defs/d{}"}}"##, i % 60));
    let levels = list(20, twice);
    for schema in [
        format!(r#"{{"$defs":{{"s":{{"allOf":[{parts}]}}}},"properties":{{{shared}}}}}"#),
        format!(
            r##"{{"$ref":"#/$defs/l0","$defs":{{{levels},"l20":{{"properties":{{"a":{{}}}}}}}}}}"##
        ),
        format!(r#"{{"anyOf":[{webbed}]}}"#),
        format!(r#"{{"dependentSchemas":{{{web}}},"$defs":{{{dependent}}}}}"#),
    ] {
        let outcome = compile(&schema);
        assert!(is_too_complex(&outcome), "{outcome:?}: {:.80}", schema);
    }
}

#[test]
fn look_aheads_of_patterns_are_counted_together() {
    let pattern = |i: usize| format!(r#""^(?=.*a)(?=.*b)(?=.*c)(?!.*d).*{i}$":{{}}"#);
    let schema = |count| format!(r#"{{"patternProperties":{{{}}}}}"#, list(count, pattern));
    assert_eq!(compile(&schema(6)), Ok(0));
    assert!(compile(&schema(7)).unwrap_err().message.contains("look-aheads"));
}

#[test]
fn loops_in_place_are_refused_wherever_they_stand() {
    for place in [
        r#""properties":{"a":LOOP}"#,
        r#""not":{"items":LOOP}"#,
        r#""contains":LOOP"#,
        r#""propertyNames":LOOP"#,
        r#""if":true,"then":LOOP"#,
        r#""dependentSchemas":{"a":LOOP}"#,
    ] {
        let place = place.replace("LOOP", r##"{"$ref":"#/$defs/l"}"##);
        let schema =
            format!(r##"{{{place},"$defs":{{"l":{{"anyOf":[{{"$ref":"#/$defs/l"}}]}}}}}}"##);
        let error = compile(&schema).unwrap_err();
        assert!(error.message.contains("leads back to itself"), "{error}: {schema}");
    }
    // One level down is no loop, and neither is a subschema that is reached twice.
    let fine = r##"{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"items":{"$ref":"#"}}}}"##;
    assert_eq!(compile(fine), Ok(0));
}
