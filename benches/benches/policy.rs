//! A decision by policy, from raw JSON to the answer, beside Cedar and Rego.
//!
//! The same policy in three languages: reading is allowed, writing is allowed to an editor below
//! `/workspace/`, deleting is denied, and more rules each name another tool, a role and a folder.
//! Peers are set up as their authors recommend for speed: policies compiled once, Cedar with `like`
//! over one action, Rego on the virtual machine of regorus with one entry point. Each pass reads the
//! arguments from text. Tools have no schema, so that what is timed is the policy.

use std::collections::HashMap;
use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;

use airlock_benches::{Peer, measure};
use airlock_core::policy::Policy;
use airlock_core::{Call, Caller, Guard, ToolDefinition, Verdict};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

/// A tool, its arguments, and whether it is allowed.
const ROWS: [(&str, &str, &str, bool); 4] = [
    (
        "write_ok",
        "write_file",
        r#"{"path":"/workspace/src/main.rs","content":"fn main() {}","mode":"overwrite"}"#,
        true,
    ),
    ("read", "read_file", r#"{"path":"/workspace/src/main.rs"}"#, true),
    ("deny", "delete_file", r#"{"path":"/workspace/src/main.rs"}"#, false),
    ("default-deny", "launch_rocket", r#"{"target":"moon"}"#, false),
];

const ROLES: [&str; 1] = ["editor"];

fn main() {
    for rules in [3, 100, 1000] {
        let guard = airlock(rules);
        let cedar = Cedar::new(rules);
        let mut rego = Rego::new(rules);
        for (name, tool, arguments, allowed) in ROWS {
            let mut scratch = guard.scratch();
            let mut ours = || {
                let call = Call {
                    tool: black_box(tool),
                    arguments: black_box(arguments).as_bytes(),
                    caller: Caller { agent: Some("bob"), roles: &ROLES, tenant: None },
                    ..Call::default()
                };
                matches!(guard.check(&call, &mut scratch), Verdict::Allow(_))
            };
            assert_eq!(ours(), allowed, "{name}");
            assert_eq!(cedar.decide(tool, arguments), allowed, "{name}");
            assert_eq!(rego.decide(tool, arguments), allowed, "{name}");
            let mut peers = [
                Peer::new("airlock", || {
                    black_box(ours());
                }),
                Peer::new("regorus 0.14, RVM", || {
                    black_box(rego.decide(black_box(tool), black_box(arguments)));
                }),
                Peer::new("cedar-policy 4.14, like", || {
                    black_box(cedar.decide(black_box(tool), black_box(arguments)));
                }),
            ];
            // As many for every size, so that a peer's turn warms the caches alike.
            let times = measure(1, 41, 200, &mut peers);
            times.print(&format!("{name}, {rules} rules"), &peers);
        }
    }
}

/// The name, role and folder of one more rule.
fn extra(number: usize) -> (String, String, String) {
    (format!("tool_{number}"), format!("role_{}", number % 50), format!("/data/{number}/"))
}

fn airlock(rules: usize) -> Guard {
    let mut text = String::from(
        r#"{"rule": [
        {"id": "read", "effect": "allow", "tools": ["read_*", "query_*", "search_*"]},
        {"id": "write", "effect": "allow", "tools": "write_file", "roles": ["editor"],
         "when": {"args.path": {"under": "/workspace"}}},
        {"id": "delete", "effect": "deny", "tools": ["delete_*", "drop_*", "rm_*"]}"#,
    );
    for number in 3..rules {
        let (tool, role, folder) = extra(number);
        text += &format!(
            r#",{{"id": "r{number}", "effect": "allow", "tools": "{tool}", "roles": ["{role}"],
                "when": {{"args.path": {{"prefix": "{folder}"}}}}}}"#
        );
    }
    let policy = Policy::from_json(&(text + "]}")).unwrap();
    let mut builder = Guard::builder().policy(policy).unwrap();
    for (_, name, ..) in ROWS {
        let input_schema = br#"{"type":"object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    builder.build().unwrap()
}

struct Cedar {
    policies: PolicySet,
    entities: Entities,
    authorizer: Authorizer,
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
}

impl Cedar {
    fn new(rules: usize) -> Self {
        let mut text = String::from(
            r#"
            permit(principal, action, resource) when {
                context.tool like "read_*" || context.tool like "query_*" || context.tool like "search_*" };
            permit(principal in Role::"editor", action, resource) when {
                context.tool == "write_file" && context.args.path like "/workspace/*"
                && !(context.args.path like "*..*") };
            forbid(principal, action, resource) when {
                context.tool like "delete_*" || context.tool like "drop_*" || context.tool like "rm_*" };
            "#,
        );
        for number in 3..rules {
            let (tool, role, folder) = extra(number);
            text += &format!(
                r#"permit(principal in Role::"{role}", action, resource) when {{
                    context.tool == "{tool}" && context.args.path like "{folder}*" }};"#
            );
        }
        let uid = |text: &str| EntityUid::from_str(text).unwrap();
        let role = uid(r#"Role::"editor""#);
        let principal = uid(r#"Agent::"bob""#);
        let no: HashMap<String, RestrictedExpression> = HashMap::new();
        let bob = Entity::new(principal.clone(), no, [role.clone()].into()).unwrap();
        let entities = Entities::from_entities([bob, Entity::with_uid(role)], None).unwrap();
        Self {
            policies: text.parse().unwrap(),
            entities,
            authorizer: Authorizer::new(),
            principal,
            action: uid(r#"Action::"call""#),
            resource: uid(r#"Server::"s""#),
        }
    }

    fn decide(&self, tool: &str, arguments: &str) -> bool {
        let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
        let context = serde_json::json!({ "tool": tool, "args": arguments });
        let context = Context::from_json_value(context, None).unwrap();
        let (principal, action) = (self.principal.clone(), self.action.clone());
        let request = Request::new(principal, action, self.resource.clone(), context, None);
        let answer =
            self.authorizer.is_authorized(&request.unwrap(), &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}

struct Rego {
    vm: RegoVM,
    role: Value,
}

impl Rego {
    fn new(rules: usize) -> Self {
        let mut text = String::from(
            r#"package airlock
            import rego.v1
            default allow := false
            allow if { permitted; not denied }
            permitted if startswith(input.tool, "read_")
            permitted if startswith(input.tool, "query_")
            permitted if startswith(input.tool, "search_")
            permitted if {
                input.tool == "write_file"
                "editor" in input.roles
                startswith(input.args.path, "/workspace/")
                not contains(input.args.path, "..")
            }
            denied if startswith(input.tool, "delete_")
            denied if startswith(input.tool, "drop_")
            denied if startswith(input.tool, "rm_")
            "#,
        );
        for number in 3..rules {
            let (tool, role, folder) = extra(number);
            text += &format!(
                r#"permitted if {{
                    input.tool == "{tool}"
                    "{role}" in input.roles
                    startswith(input.args.path, "{folder}")
                }}
                "#
            );
        }
        let mut engine = Engine::new();
        engine.add_policy("airlock.rego".to_owned(), text).unwrap();
        let entry = "data.airlock.allow";
        let policy = engine.compile_with_entrypoint(&entry.into()).unwrap();
        let program = Compiler::compile_from_policy(&policy, &[entry]).unwrap();
        let mut vm = RegoVM::new();
        vm.load_program(Arc::clone(&program));
        vm.set_max_instructions(usize::MAX);
        Self { vm, role: Value::from_json_str(r#"["editor"]"#).unwrap() }
    }

    fn decide(&mut self, tool: &str, arguments: &str) -> bool {
        let mut input = Value::new_object();
        let members = input.as_object_mut().unwrap();
        members.insert("tool".into(), tool.into());
        members.insert("roles".into(), self.role.clone());
        members.insert("args".into(), Value::from_json_str(arguments).unwrap());
        self.vm.set_input(input);
        self.vm.execute().unwrap() == Value::from(true)
    }
}
