//! Verdicts against the `jsonschema` crate, on random schemas of both dialects and documents built to hit
//! them. Ghosts stay, so that the schema alone decides.
//!
//! Differences that are allowed, each for a reason:
//! - we refuse to compile references that apply to their own place without end, which the peer would follow
//!   until its stack ends, and schemas beyond our bounds;
//! - we refuse a call that is beyond our budget;
//! - `multipleOf` is exact here, while the peer divides numbers with a fraction in binary64:
//!   9007199254740993 is a multiple of 1.5.
//!
//! `cargo +nightly fuzz run schema`, or without a sanitizer `cargo fuzz run -s none schema`.
#![no_main]

#[path = "../../core/tests/support/random_schema.rs"]
mod random_schema;

use std::sync::LazyLock;

use airlock_core::policy::Policy;
use airlock_core::{Call, Catalog, Guard, Origin, Reason, ToolDefinition, Verdict};
use random_schema::Source;

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let policy = Policy::from_json(r#"{"ghosts": "allow"}"#).expect("a policy");
    Guard::builder().policy(policy).and_then(|guard| guard.build()).expect("a policy")
});

/// Reasons for which a schema of the grammar may not compile.
const REFUSALS: [&str; 6] = [
    "leads back to itself",
    "nested more than 64 deep",
    "too many different places",
    "more than 16 patterns",
    "combinations of variants are too many",
    "too complex to compile",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut source = Source::new(bytes);
    let (schema, _) = random_schema::schema(&mut source);
    let text = schema.to_string();
    let mut builder = Catalog::builder(Origin::Trusted);
    let tool = ToolDefinition { name: "t", input_schema: text.as_bytes(), output_schema: None };
    if let Err(error) = builder.tool(tool) {
        let known = REFUSALS.iter().any(|refusal| error.message.contains(refusal));
        assert!(known, "{error}: {schema}");
        return;
    }
    let catalog = builder.build();
    let validator = jsonschema::validator_for(&schema).expect("a schema of the grammar");
    let mut scratch = GUARD.scratch();
    for arguments in random_schema::arguments(source, &schema) {
        let document = serde_json::from_str(&arguments).expect("JSON");
        let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
        let ours = match GUARD.check_in(&catalog, &call, &mut scratch) {
            Verdict::Allow(_) => true,
            Verdict::Refuse(refusal) if refusal.reason() == Reason::TooComplex => continue,
            Verdict::Refuse(refusal) => {
                assert_eq!(refusal.reason(), Reason::ValidationFailed, "{schema} {arguments}");
                false
            }
        };
        if ours != validator.is_valid(&document) {
            let divided =
                ["0.5", "1.5"].iter().any(|by| text.contains(&format!("\"multipleOf\":{by}")));
            let rounded =
                divided && [&arguments, &text].iter().any(|t| t.contains("900719925474099"));
            assert!(rounded, "ours is {ours}: {schema} {arguments}");
        }
    }
});
