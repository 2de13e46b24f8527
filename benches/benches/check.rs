//! `Guard::check` on labelled tool calls, beside the pipeline that people build today: `serde_json`,
//! a strip of undeclared members, the `jsonschema` crate, and the cleaned bytes or the errors as text.

use std::collections::HashMap;
use std::hint::black_box;

use airlock_benches::{CpuTime, Peer, print_ratios, shared};
use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Call, Caller, Catalog, Guard, Origin, ToolDefinition, Verdict};
use criterion::Criterion;
use serde_json::Value;

struct Workload {
    tools: Vec<(String, Value)>,
    /// Class, index of the tool, arguments.
    calls: Vec<(String, usize, Vec<u8>)>,
}

fn main() {
    let Some(workload) = load() else {
        println!("SKIPPED: the labelled calls (shared/data/validation) are not here");
        return;
    };
    let mut builder = Catalog::builder(Origin::Trusted);
    for (name, schema) in &workload.tools {
        let schema = schema.to_string();
        builder
            .tool(ToolDefinition { name, input_schema: schema.as_bytes(), output_schema: None })
            .expect("a labelled tool compiles");
    }
    let catalog = builder.build();
    let guard = guard();
    let validators: Vec<_> = workload
        .tools
        .iter()
        .map(|(_, schema)| jsonschema::validator_for(schema).expect("a labelled tool compiles"))
        .collect();

    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    let classes: [(&str, fn(&str) -> bool); 4] = [
        ("mix", |_| true),
        ("valid", |class| class == "valid"),
        ("wrong_type", |class| class == "wrong_type"),
        ("malformed", |class| class == "malformed"),
    ];
    for (title, wanted) in classes {
        let calls: Vec<_> = workload
            .calls
            .iter()
            .filter(|(class, _, bytes)| wanted(class) && bytes.len() < 4096)
            .map(|(_, tool, bytes)| (*tool, bytes.as_slice()))
            .collect();
        let mut scratch = guard.scratch();
        let mut airlock = || {
            for &(tool, arguments) in &calls {
                let tool = &workload.tools[tool].0;
                let call = Call { tool, arguments, caller: Caller::default(), now: None };
                match guard.check_in(&catalog, &call, &mut scratch) {
                    Verdict::Allow(allowed) => black_box(allowed.arguments().len()),
                    Verdict::Refuse(refusal) => black_box(refusal.json().len()),
                };
            }
        };
        let pipeline = || {
            for &(tool, arguments) in &calls {
                black_box(peer(&workload.tools[tool].1, &validators[tool], arguments));
            }
        };
        criterion.bench_function(&format!("check/{title}/airlock"), |b| b.iter(&mut airlock));
        criterion.bench_function(&format!("check/{title}/serde_json+jsonschema"), |b| {
            b.iter(pipeline);
        });
        let mut peers = [
            Peer { name: "airlock", pass: Box::new(airlock) },
            Peer { name: "serde_json + strip + jsonschema + text", pass: Box::new(pipeline) },
        ];
        print_ratios(title, calls.len(), 31, &mut peers);
    }
}

/// A guard that strips whatever is not declared, as the peer does.
fn guard() -> Guard {
    let policy = Policy::permissive().with_near_miss(NearMiss::Strip);
    Guard::builder().policy(policy).and_then(|builder| builder.build()).expect("a preset")
}

/// The same job with a tree: parse, strip, validate, then the cleaned bytes or every error as text.
fn peer(schema: &Value, validator: &jsonschema::Validator, arguments: &[u8]) -> Vec<u8> {
    let mut document: Value = match serde_json::from_slice(arguments) {
        Ok(document) => document,
        Err(error) => return error.to_string().into_bytes(),
    };
    strip(schema, &mut document);
    let mut errors = validator.iter_errors(&document).peekable();
    if errors.peek().is_none() {
        return serde_json::to_vec(&document).unwrap_or_default();
    }
    let mut text = Vec::new();
    for error in errors {
        text.extend_from_slice(error.instance_path().as_str().as_bytes());
        text.extend_from_slice(error.to_string().as_bytes());
    }
    text
}

/// Removes what `properties` does not list, as hand-written guards do.
fn strip(schema: &Value, document: &mut Value) {
    match document {
        Value::Object(members) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                let open = matches!(schema.get("additionalProperties"), Some(v) if v != false);
                members.retain(|name, _| open || properties.contains_key(name));
                for (name, value) in members {
                    if let Some(schema) = properties.get(name) {
                        strip(schema, value);
                    }
                }
            }
        }
        Value::Array(elements) => {
            if let Some(items) = schema.get("items") {
                elements.iter_mut().for_each(|element| strip(items, element));
            }
        }
        _ => {}
    }
}

fn load() -> Option<Workload> {
    let folder = shared()?.join("data/validation");
    let read = |name: &str| -> Option<Vec<Value>> {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        text.lines().map(|line| serde_json::from_str(line).ok()).collect()
    };
    let tools: Vec<(String, Value)> = read("dev_tools.jsonl")?
        .into_iter()
        .filter_map(|tool| Some((tool["tool"].as_str()?.to_owned(), tool["input_schema"].clone())))
        .collect();
    let index: HashMap<&str, usize> =
        tools.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let calls = read("dev_calls.jsonl")?
        .into_iter()
        // Calls that are not UTF-8 are left to the tests.
        .filter_map(|call| {
            let tool = *index.get(call["tool"].as_str()?)?;
            let arguments = call["arguments_text"].as_str()?.as_bytes().to_vec();
            Some((call["class"].as_str()?.to_owned(), tool, arguments))
        })
        .collect();
    Some(Workload { tools, calls })
}
