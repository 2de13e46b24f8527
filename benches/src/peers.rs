//! Everybody's way to do the job, or a part of it, over the same calls.
//!
//! Each constructor compiles what its peer compiles once; a pass is what is left to do for each call, the copy
//! that the peer's interface needs included.

use std::hint::black_box;

use airlock_core::json::Limits;
use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Budget, Call, Caller, Catalog, Guard, Origin, ToolDefinition, Verdict};
use jiter::{JsonValueScratch, PartialMode};
use serde_json::Value;

use crate::Peer;
use crate::workload::Workload;

/// The calls of a row: index of the tool, arguments.
pub type Calls<'a> = &'a [(usize, &'a [u8])];

/// Our engine with everything compiled.
pub struct Ours {
    guard: Guard,
    catalog: Catalog,
}

impl Ours {
    /// Compiles the tools of `workload`. Ghosts are stripped, near misses too, as the peers do; bounds are
    /// as large as the largest document here needs.
    #[must_use]
    pub fn new(workload: &Workload) -> Self {
        let mut builder = Catalog::builder(Origin::Trusted);
        for (name, schema) in &workload.tools {
            let schema = schema.to_string();
            builder
                .tool(ToolDefinition { name, input_schema: schema.as_bytes(), output_schema: None })
                .expect("a tool of the workload compiles");
        }
        let mut budget = Budget::default();
        if workload.calls.iter().any(|call| call.arguments.len() > budget.arguments.bytes) {
            budget.arguments = Limits { bytes: 64 << 20, ..Limits::ARGUMENTS };
            budget.steps = u32::MAX;
        }
        let policy = Policy::permissive().with_near_miss(NearMiss::Strip);
        let guard = Guard::builder().policy(policy).and_then(|guard| guard.budget(budget).build());
        Self { guard: guard.expect("a preset"), catalog: builder.build() }
    }

    /// The whole job: parse, every check, strip, validate, and the cleaned bytes or the finished error.
    pub fn check<'a>(&'a self, workload: &'a Workload, calls: Calls<'a>) -> impl FnMut() + 'a {
        let mut scratch = self.guard.scratch();
        move || {
            for &(tool, arguments) in calls {
                let tool = &workload.tools[tool].0;
                let call = Call { tool, arguments, caller: Caller::default(), ..Call::default() };
                match self.guard.check_in(&self.catalog, &call, &mut scratch) {
                    Verdict::Allow(allowed) => black_box(allowed.arguments().len()),
                    Verdict::Refuse(refusal) => black_box(refusal.json().len()),
                };
            }
        }
    }

    /// Whether every call is allowed.
    #[must_use]
    pub fn allows(&self, workload: &Workload, calls: Calls<'_>) -> bool {
        let mut scratch = self.guard.scratch();
        calls.iter().all(|&(tool, arguments)| {
            let tool = &workload.tools[tool].0;
            let call = Call { tool, arguments, caller: Caller::default(), ..Call::default() };
            matches!(self.guard.check_in(&self.catalog, &call, &mut scratch), Verdict::Allow(_))
        })
    }
}

/// The yardstick: `simd-json`'s tape into reused memory, and nothing else.
#[must_use]
pub fn simd_json_tape<'a>(calls: Calls<'a>) -> Peer<'a> {
    let mut input = Vec::new();
    let mut buffers = simd_json::Buffers::new(4096);
    let mut reused = Some(simd_json::Tape::null().reset());
    Peer::new("simd-json tape, reused", move || {
        for (_, arguments) in calls {
            input.clear();
            input.extend_from_slice(arguments);
            input.resize(arguments.len() + simd_json::INPUT_PADDING, 0);
            let mut tape = reused.take().map_or_else(simd_json::Tape::null, simd_json::Tape::reset);
            let len = arguments.len();
            let parsed = simd_json::fill_tape_padded(&mut input, len, &mut buffers, &mut tape);
            black_box((parsed.is_ok(), tape.0.len()));
            reused = Some(tape.reset());
        }
    })
}

/// `serde_json` into a tree.
#[must_use]
pub fn serde_json_value<'a>(calls: Calls<'a>) -> Peer<'a> {
    Peer::new("serde_json Value", move || {
        for (_, arguments) in calls {
            let _ = black_box(serde_json::from_slice::<Value>(arguments));
        }
    })
}

/// `sonic-rs` into its tree.
#[must_use]
pub fn sonic_value<'a>(calls: Calls<'a>) -> Peer<'a> {
    Peer::new("sonic-rs Value", move || {
        for (_, arguments) in calls {
            let _ = black_box(sonic_rs::from_slice::<sonic_rs::Value>(arguments));
        }
    })
}

/// `jiter` into its tree, on reused buffers.
#[must_use]
pub fn jiter_value<'a>(calls: Calls<'a>) -> Peer<'a> {
    let mut scratch = JsonValueScratch::new();
    Peer::new("jiter JsonValue", move || {
        for (_, arguments) in calls {
            let _ = black_box(scratch.parse(arguments, false, PartialMode::Off));
        }
    })
}

/// The schemas compiled by the `jsonschema` crate.
#[must_use]
pub fn jsonschema_validators(workload: &Workload) -> Vec<jsonschema::Validator> {
    let compile =
        |schema| jsonschema::validator_for(schema).expect("a tool of the workload compiles");
    workload.tools.iter().map(|(_, schema)| compile(schema)).collect()
}

/// The verdict alone: `serde_json` and `jsonschema`.
#[must_use]
pub fn jsonschema_verdict<'a>(
    validators: &'a [jsonschema::Validator],
    calls: Calls<'a>,
) -> Peer<'a> {
    Peer::new("serde_json + jsonschema, verdict alone", move || {
        for &(tool, arguments) in calls {
            let document = serde_json::from_slice::<Value>(arguments);
            black_box(document.is_ok_and(|document| validators[tool].is_valid(&document)));
        }
    })
}

/// The schemas compiled by `boon`.
#[must_use]
pub fn boon_schemas(workload: &Workload) -> (boon::Schemas, Vec<boon::SchemaIndex>) {
    let mut schemas = boon::Schemas::new();
    let indexes = workload.tools.iter().enumerate();
    let indexes =
        indexes.map(|(nth, (_, schema))| boon_compile(&mut schemas, nth, schema)).collect();
    (schemas, indexes)
}

/// Compiles one schema with `boon`.
pub fn boon_compile(schemas: &mut boon::Schemas, nth: usize, schema: &Value) -> boon::SchemaIndex {
    let mut compiler = boon::Compiler::new();
    let url = format!("mem:///{nth}.json");
    compiler.add_resource(&url, schema.clone()).expect("a schema");
    compiler.compile(&url, schemas).expect("a tool of the workload compiles")
}

/// The verdict alone: `serde_json` and `boon`.
#[must_use]
pub fn boon_verdict<'a>(
    (schemas, indexes): &'a (boon::Schemas, Vec<boon::SchemaIndex>),
    calls: Calls<'a>,
) -> Peer<'a> {
    Peer::new("serde_json + boon, verdict alone", move || {
        for &(tool, arguments) in calls {
            let document = serde_json::from_slice::<Value>(arguments);
            let valid =
                document.is_ok_and(|document| schemas.validate(&document, indexes[tool]).is_ok());
            black_box(valid);
        }
    })
}

/// The whole job as people build it today: `serde_json`, a strip of undeclared members, `jsonschema`, and
/// the cleaned bytes or the errors as text.
#[must_use]
pub fn pipeline<'a>(
    workload: &'a Workload,
    validators: &'a [jsonschema::Validator],
    calls: Calls<'a>,
) -> Peer<'a> {
    Peer::new("serde_json + strip + jsonschema + text", move || {
        for &(tool, arguments) in calls {
            black_box(strip_and_validate(&workload.tools[tool].1, &validators[tool], arguments));
        }
    })
}

fn strip_and_validate(
    schema: &Value,
    validator: &jsonschema::Validator,
    arguments: &[u8],
) -> Vec<u8> {
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
