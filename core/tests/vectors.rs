//! The golden vectors of `testdata/vectors.jsonl`, through the library.
//!
//! With `AIRLOCK_BLESS=1` the file is rewritten with what the library answers. Every line that then
//! differs must be read against the documentation before it is committed.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/vector.rs"]
mod vector;

use airlock_core::policy::Policy;
use airlock_core::{Call, Caller, Guard, GuardBuilder, Output, ToolDefinition, Verdict};

use vector::{Answer, CallLine, Fix, OutputLine, Shown, Suggestion, Vector, Violation};

#[test]
fn every_vector_is_answered_as_written() {
    let secrets = vector::secrets();
    let bless = std::env::var_os("AIRLOCK_BLESS").is_some_and(|value| value == "1");
    let mut written = String::new();
    let mut misses = Vec::new();
    let lines = vector::lines();
    for line in &lines {
        let vector: Vector = serde_json::from_str(&vector::fill(line, &secrets)).unwrap();
        let got = answer(&vector);
        if bless {
            let expect = serde_json::value::RawValue::from_string(got).unwrap();
            let vector = Vector { expect: Some(expect), ..vector };
            written += &vector::empty(&serde_json::to_string(&vector).unwrap(), &secrets);
            written.push('\n');
        } else if vector.expect.as_ref().is_none_or(|wanted| wanted.get() != got) {
            let wanted = vector.expect.as_ref().map_or("nothing", |wanted| wanted.get());
            misses.push(format!("{}\n  wanted {wanted}\n  got    {got}", vector.name));
        }
    }
    if bless {
        std::fs::write(vector::path("vectors.jsonl"), written).unwrap();
    }
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
    assert!(lines.len() >= 80);
}

#[test]
fn names_are_unique_and_nothing_looks_like_a_secret() {
    let mut names: Vec<String> = vector::read().into_iter().map(|vector| vector.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for value in vector::secrets().values() {
        assert!(vector::lines().iter().all(|line| !line.contains(value)));
    }
}

/// The answer as the file spells it.
fn answer(vector: &Vector) -> String {
    match (&vector.call, &vector.output) {
        (Some(call), None) => serde_json::to_string(&check(vector, call)).unwrap(),
        (None, Some(output)) => serde_json::to_string(&filter(vector, output)).unwrap(),
        _ => panic!("{}: either a call or an output", vector.name),
    }
}

fn builder(vector: &Vector) -> GuardBuilder {
    match &vector.policy {
        None => Guard::builder(),
        Some(policy) => Guard::builder().policy(Policy::from_json(policy.get()).unwrap()).unwrap(),
    }
}

fn check(vector: &Vector, line: &CallLine) -> Answer {
    let guard = builder(vector).build().unwrap();
    let mut catalog = airlock_core::Catalog::builder(airlock_core::Origin::Trusted);
    for tool in vector.tools.iter().flatten() {
        // A tool that does not compile is listed as unsupported.
        let _ = catalog.tool(ToolDefinition {
            name: &tool.name,
            input_schema: tool.input_schema.get().as_bytes(),
            output_schema: None,
        });
    }
    let catalog = catalog.build();
    let arguments = line.arguments();
    let roles: Vec<&str> = line.roles.iter().map(String::as_str).collect();
    let caller =
        Caller { agent: line.agent.as_deref(), roles: &roles, tenant: line.tenant.as_deref() };
    let call = Call { tool: &line.tool, arguments: &arguments, caller, ..Call::default() };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let suggestion =
        |(path, to): (&str, &str)| Suggestion { path: path.to_owned(), to: to.to_owned() };
    let mut scratch = guard.scratch();
    match guard.check_in(&catalog, &call, &mut scratch) {
        Verdict::Allow(allowed) => Answer {
            decision: "allow".to_owned(),
            reason: None,
            arguments_text: Some(text(allowed.arguments())),
            stripped: allowed.stripped().map(str::to_owned).collect(),
            violations: Vec::new(),
            suggest: allowed.suggestions().map(suggestion).collect(),
            refusal: None,
        },
        Verdict::Refuse(refusal) => {
            assert!(refusal.json().len() <= 2048, "{}", vector.name);
            Answer {
                decision: "block".to_owned(),
                reason: Some(refusal.reason().name().to_owned()),
                arguments_text: None,
                stripped: refusal.stripped().map(str::to_owned).collect(),
                violations: refusal.violations().map(violation).collect(),
                suggest: refusal.suggestions().map(suggestion).collect(),
                refusal: Some(text(refusal.json())),
            }
        }
    }
}

fn violation(violation: airlock_core::Violation<'_>) -> Violation {
    Violation {
        path: violation.path.to_owned(),
        keyword: violation.keyword.to_owned(),
        property: violation.property.map(str::to_owned),
        offset: violation.offset,
        fix: violation.fix.map(|fix| Fix {
            op: fix.op.to_owned(),
            path: fix.path.to_owned(),
            to: fix.to.map_or(serde_json::Value::Null, |to| serde_json::from_str(to).unwrap()),
        }),
    }
}

fn filter(vector: &Vector, output: &OutputLine) -> Shown {
    let guard = builder(vector).build().unwrap();
    let mut scratch = guard.scratch();
    let output = match output {
        OutputLine::Text(text) => Output::Text(text.as_bytes()),
        OutputLine::Json(text) => Output::Json(text.as_bytes()),
    };
    let tool = vector.tool.as_deref().unwrap();
    let filtered = guard.filter(tool, output, &mut scratch).unwrap();
    Shown {
        bytes: String::from_utf8(filtered.bytes.to_vec()).unwrap(),
        masked: filtered.masked,
        truncated: filtered.truncated,
    }
}
