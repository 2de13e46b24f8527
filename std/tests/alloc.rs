//! A warm firewall does not allocate: neither for calls, allowed or refused, nor for outputs.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../core/tests/support/counting.rs"]
mod counting;

use airlock::core::{Call, Caller, Output, ToolDefinition};
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};

const POLICY: &str = r#"
rate_limits = { "*" = "100000/hour", "read_*" = "3/hour" }

[agents]
clerk = { roles = ["viewer", "editor"], tenant = "acme" }

[[rule]]
id = "view"
effect = "allow"
tools = ["read_*", "write_*"]
roles = ["viewer"]

[[limit]]
id = "loop"
tools = ["*"]
key = ["agent"]
rate = "5/1h"
refused = true
"#;

#[test]
fn a_warm_firewall_does_not_allocate() {
    let mut builder = Firewall::builder().policy(PolicyFile::parse("p.toml", POLICY).unwrap());
    for name in ["read_file", "write_file"] {
        let input_schema = br#"{"type":"object","properties":{"path":{"type":"string"}}}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    let firewall = builder.build().unwrap();
    let caller = Caller { agent: Some("clerk"), ..Caller::default() };
    let pass = || {
        for (tool, arguments) in [
            ("write_file", r#"{"path":"/a"}"#),
            ("write_file", r#"{"path":"/a","ghost":[1,2]}"#),
            ("write_file", r#"{"path":1}"#),
            ("read_file", "{}"),
            ("drop_table", "{}"),
        ] {
            let call = Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() };
            if let Ok(permit) = firewall.call(&call) {
                permit.finish(Outcome::Ok);
            }
        }
        let output = Output::Json(br#"{"password":"Tr0ub4dor&3","n":[1,2,3]}"#);
        assert_eq!(firewall.filter("read_file", output).unwrap().masked(), 1);
    };
    (0..10).for_each(|_| pass());
    let calls = firewall.calls();
    let allocated = counting::allocations(|| (0..10).for_each(|_| pass()));
    assert_eq!(allocated, 0);
    assert_eq!(
        (firewall.calls().ok - calls.ok, firewall.calls().refused - calls.refused),
        (20, 30)
    );
}
