//! The JSON Schema Test Suite: a schema is honoured or refused, never half of it.
//!
//! Arguments are objects, so each schema of the suite stands below the property `x`. That changes what
//! references from the root mean, so schemas with them are used as they are, and only their objects.
//! A schema that does not compile counts as unsupported; every verdict of the others must be right.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/shared.rs"]
mod shared;

use std::fmt::Write;

use airlock_core::policy::Policy;
use airlock_core::{Call, Caller, Catalog, Guard, Origin, ToolDefinition, Verdict};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Group<'a> {
    description: String,
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    tests: Vec<Test<'a>>,
}

#[derive(Deserialize)]
struct Test<'a> {
    description: String,
    #[serde(borrow)]
    data: &'a RawValue,
    valid: bool,
}

/// The files of one dialect that every implementation must pass.
const DRAFT_2020: &str = "additionalProperties allOf anchor anyOf boolean_schema const contains \
    content default defs dependentRequired dependentSchemas dynamicRef enum exclusiveMaximum \
    exclusiveMinimum format if-then-else infinite-loop-detection items maxContains maxItems \
    maxLength maxProperties maximum minContains minItems minLength minProperties minimum \
    multipleOf not oneOf pattern patternProperties prefixItems properties propertyNames ref \
    refRemote required type unevaluatedItems unevaluatedProperties uniqueItems vocabulary \
    optional/anchor optional/bignum optional/cross-draft optional/dependencies-compatibility \
    optional/dynamicRef optional/ecmascript-regex optional/float-overflow optional/id \
    optional/no-schema optional/non-bmp-regex optional/refOfUnknownKeyword \
    optional/unknownKeyword";
const DRAFT_7: &str = "additionalItems additionalProperties allOf anyOf boolean_schema const contains \
    default definitions dependencies enum exclusiveMaximum exclusiveMinimum format if-then-else \
    infinite-loop-detection items maxItems maxLength maxProperties maximum minItems minLength \
    minProperties minimum multipleOf not oneOf pattern patternProperties properties propertyNames \
    ref refRemote required type uniqueItems optional/bignum optional/cross-draft \
    optional/ecmascript-regex optional/float-overflow optional/id optional/non-bmp-regex \
    optional/unknownKeyword";

#[derive(Default)]
struct Count {
    passed: usize,
    /// Tests of schemas that do not compile.
    unsupported: usize,
    /// Instances that arguments cannot be.
    skipped: usize,
}

#[test]
fn draft_2020_12() {
    run("draft2020-12", DRAFT_2020, "https://json-schema.org/draft/2020-12/schema", (1299, 129));
}

#[test]
fn draft_07() {
    run("draft7", DRAFT_7, "http://json-schema.org/draft-07/schema#", (949, 63));
}

/// At least `passed` tests must pass, and at most `unsupported` may belong to refused schemas.
fn run(folder: &str, files: &str, dialect: &str, (passed, unsupported): (usize, usize)) {
    let policy = Policy::from_json(r#"{"ghosts": "allow"}"#).unwrap();
    let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
    let mut wrong = String::new();
    let mut sum = Count::default();
    for file in files.split_whitespace() {
        let path = format!("json-schema-test-suite/tests/{folder}/{file}.json");
        let Some(text) = shared::text(&path) else { return };
        let mut count = Count::default();
        for group in serde_json::from_str::<Vec<Group<'_>>>(&text).unwrap() {
            let schema = group.schema.get();
            // What refers to the root, or says something about the document, has to stay there.
            let is_rooted = ["\"$ref\"", "\"$id\"", "\"$dynamic", "\"$anchor\"", "\"$vocabulary\""]
                .iter()
                .any(|word| schema.contains(word))
                || schema.contains("\"$schema\"") && !schema.contains(&format!("\"{dialect}\""));
            let plain = schema.replace(&format!("\"$schema\": \"{dialect}\","), "");
            let wrapped = format!(
                r#"{{"$schema":"{dialect}","type":"object","properties":{{"x":{plain}}},"required":["x"],"additionalProperties":true}}"#
            );
            let rooted = if schema.contains("\"$schema\"") || !schema.trim().starts_with('{') {
                schema.to_owned()
            } else {
                schema.replacen('{', &format!("{{\"$schema\":\"{dialect}\","), 1)
            };
            let mut catalog = Catalog::builder(Origin::Trusted);
            let text = if is_rooted { &rooted } else { &wrapped };
            let tool =
                ToolDefinition { name: "t", input_schema: text.as_bytes(), output_schema: None };
            let compiled = catalog.tool(tool);
            let catalog = catalog.build();
            let mut scratch = guard.scratch();
            for test in &group.tests {
                if let Err(error) = &compiled {
                    println!("  {folder}/{file}: {}: unsupported: {error}", group.description);
                    count.unsupported += 1;
                    continue;
                }
                let data = test.data.get();
                if is_rooted && !data.trim_start().starts_with('{') {
                    count.skipped += 1;
                    continue;
                }
                let arguments =
                    if is_rooted { data.to_owned() } else { format!(r#"{{"x":{data}}}"#) };
                let call = Call {
                    tool: "t",
                    arguments: arguments.as_bytes(),
                    caller: Caller::default(),
                    ..Call::default()
                };
                let verdict = guard.check_in(&catalog, &call, &mut scratch);
                if matches!(verdict, Verdict::Allow(_)) == test.valid {
                    count.passed += 1;
                } else {
                    let reason = match verdict {
                        Verdict::Allow(_) => "allowed",
                        Verdict::Refuse(refusal) => refusal.reason().name(),
                    };
                    let _ = writeln!(
                        wrong,
                        "{folder}/{file}: {}: {}: {reason}\n  {schema}\n  {data}",
                        group.description, test.description
                    );
                }
            }
        }
        println!(
            "{folder}/{file}: {} passed, {} unsupported, {} skipped",
            count.passed, count.unsupported, count.skipped
        );
        sum.passed += count.passed;
        sum.unsupported += count.unsupported;
        sum.skipped += count.skipped;
    }
    println!(
        "{folder}: {} passed, {} unsupported, {} skipped",
        sum.passed, sum.unsupported, sum.skipped
    );
    assert!(wrong.is_empty(), "wrong verdicts:\n{wrong}");
    assert!(sum.passed >= passed && sum.unsupported <= unsupported);
}
