//! What a record says, and what none may say.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/secrets.rs"]
mod secrets;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use airlock::audit::{AuditLog, Places};
use airlock::core::mcp::{Action, Bounds, Event, Relay};
use airlock::core::{Caller, Guard};
use airlock::policy::PolicyFile;
use serde_json::{Value, json};

/// A connection with an audit log.
struct Link {
    relay: Relay,
    log: AuditLog,
    folder: tempfile::TempDir,
    id: u32,
}

/// The log in its folder.
const LOG: &str = "audit.jsonl";

impl Link {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOG);
        let file = PolicyFile::parse("dir/policy.toml", policy).unwrap();
        let places = Places::of(&file);
        let log = AuditLog::open_with(&path, file.policy().audit(), places, Some("bot")).unwrap();
        let guard = Guard::builder().policy(file.into_policy()).unwrap().build().unwrap();
        let relay = Relay::new(Arc::new(guard), Bounds::default(), "nonce");
        let mut link = Self { relay, log, folder, id: 0 };
        link.send(&json!({"jsonrpc": "2.0", "id": "list", "method": "tools/list"}), true);
        let tools = json!([
            {"name": "mail", "inputSchema": {"type": "object", "properties": {
                "to": {"type": "string"},
                "cc": {"type": "array", "items": {"type": "string"}},
                "options": {"type": "object", "additionalProperties": {"type": "integer"}},
            }}},
            {"name": "rm_all", "inputSchema": {"type": "object", "properties": {}}},
        ]);
        link.send(&json!({"jsonrpc": "2.0", "id": "list", "result": {"tools": tools}}), false);
        link
    }

    fn send(&mut self, message: &Value, client: bool) {
        let message = message.to_string();
        let message = message.as_bytes();
        let mut out = Vec::new();
        let log = &self.log;
        let mut audit = |event: &Event<'_>| log.record(event, Instant::now());
        let (relay, caller) = (&mut self.relay, Caller::default());
        if !client {
            relay.server(message, caller, &mut out, &mut audit);
            return;
        }
        if relay.client(message, caller, None, &mut out, &mut audit) == Action::Hold {
            // A name that the list does not have: it is asked for once more.
            relay.list_request().unwrap();
            relay.abandon_list();
            relay.client(message, caller, None, &mut out, &mut audit);
        }
    }

    /// A call and, if it ran, its result.
    fn call(&mut self, tool: &str, arguments: &Value, content: Option<&Value>) {
        self.id += 1;
        let (id, method) = (self.id, "tools/call");
        let params = json!({"name": tool, "arguments": arguments});
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}), true);
        if let Some(content) = content {
            let result = json!({"content": content});
            self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}), false);
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap()
    }

    /// The decisions so far.
    fn decisions(&self) -> Vec<Value> {
        let text = self.text();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["kind"] == "decision").collect()
    }

    fn last(&self) -> Value {
        self.decisions().pop().unwrap()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.log.close();
    }
}

#[test]
fn arguments_are_told_as_shape() {
    let mut link = Link::new("");
    let arguments = json!({
        "to": "ann", "cc": ["a", "bcd"], "options": {"retries": 10, "deep": 100}, "ghost": {"to": 1},
    });
    link.call("mail", &arguments, None);
    let record = link.last();
    assert_eq!(record["arguments"]["bytes"], arguments.to_string().len());
    // The names of `options` are the model's own.
    let shape =
        json!({"to": "string(3)", "cc": ["string(1)", "string(3)"], "options": {"+": 2}, "+": 1});
    assert_eq!(record["arguments"]["shape"], shape);
    assert_eq!(record["arguments"].get("preview"), None);
    assert_eq!(record["stripped"], json!(["/ghost"]));

    link.call("mail", &json!({"cc": vec!["x"; 100]}), None);
    let told = link.last()["arguments"]["shape"]["cc"].clone();
    assert_eq!(told.as_array().unwrap().len(), 63);
    assert_eq!(told[62], "+38");
    link.call("mail", &json!({"to": "x".repeat(70_000)}), None);
    assert_eq!(link.last()["arguments"]["shape"], Value::Null);
}

#[test]
fn results_are_told_as_findings_by_type() {
    let mut link = Link::new("");
    let token = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5");
    let text = format!("{token} and password=Zz9{}q", "x7Kf");
    let content = json!([{"type": "text", "text": "plain"}, {"type": "text", "text": text}]);
    link.call("mail", &json!({}), Some(&content));
    let record = link.last();
    assert_eq!((&record["decision"], &record["tool"]), (&json!("filter"), &json!("mail")));
    assert_eq!(record["direction"], "to_client");
    let masked = record["output"]["masked"].as_object().unwrap();
    assert_eq!(masked.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 2, "{masked:?}");
    assert_eq!(masked["secret.assigned.password"], 1);
    assert_eq!(record["output"]["bytes"], json!({"content": content}).to_string().len());
    assert_eq!(record["output"]["truncated"], false);

    link.call("mail", &json!({}), Some(&json!([{"type": "text", "text": "nothing"}])));
    let record = link.last();
    assert_eq!((&record["decision"], &record["output"]["masked"]), (&json!("pass"), &json!({})));
}

#[test]
fn the_operator_reads_the_rule_and_its_place() {
    let policy = "disclose = \"opaque\"\ndefault = \"allow\"\n\n[[rule]]\nid = \"no-rm\"\neffect = \"deny\"\n\
                  tools = \"rm_*\"\n\n[[rule]]\nid = \"watch\"\neffect = \"deny\"\ntools = \"mail\"\nmode = \"shadow\"\n";
    let mut link = Link::new(policy);
    link.call("rm_all", &json!({}), None);
    let record = link.last();
    assert_eq!((&record["decision"], &record["rule"]), (&json!("block"), &json!("no-rm")));
    assert_eq!(record["place"], "dir/policy.toml:4");
    assert_eq!(
        (&record["reason"], &record["told"]),
        (&json!("tool_denied"), &json!("tool_not_allowed"))
    );
    assert_eq!(record["agent"], "bot");
    link.call("mail", &json!({}), None);
    let record = link.last();
    assert_eq!(record["decision"], "allow");
    let would = json!({"decision": "block", "reason": "tool_denied", "rule": "watch",
        "place": "dir/policy.toml:9"});
    assert_eq!(record["would"], would);
}

#[test]
fn repairs_are_told() {
    let mut link = Link::new("repair = [\"json-string\"]\n");
    link.call("mail", &json!({"cc": "[\"a\"]"}), None);
    let record = link.last();
    assert_eq!((&record["decision"], &record["repaired"]), (&json!("allow"), &json!(["/cc"])));
    assert_eq!(record.get("stripped"), None);
}

#[test]
fn names_of_others_are_cut_and_bounded() {
    let mut link = Link::new("unknown_tool = \"refuse\"\n");
    link.call("weird_tool", &json!({}), None);
    assert_eq!(link.last()["tool"], "weird_tool");
    link.call(&"x".repeat(1000), &json!({}), None);
    assert_eq!(link.last()["tool"], "[1000 bytes]");
    link.call("4111111111", &json!({}), None);
    assert_eq!(link.last()["tool"], "[10 bytes]");
    let mut ghosts = serde_json::Map::new();
    for number in 0..100 {
        ghosts.insert(format!("ghost_{number}"), json!(1));
    }
    ghosts.insert("a/b~c".into(), json!(1));
    ghosts.insert("say \"hi\"\n".into(), json!(1));
    ghosts.insert("z".repeat(3000), json!(1));
    link.call("mail", &Value::Object(ghosts), None);
    let record = link.last();
    let stripped = record["stripped"].as_array().unwrap();
    assert_eq!((stripped.len(), &record["stripped_more"]), (64, &json!(39)));
    assert!(record.to_string().len() < 3000);
    link.call("mail", &json!({"a/b~c": 1, "say \"hi\"\n": 1, "z".repeat(90): 1, "4111": 1}), None);
    let stripped = link.last()["stripped"].clone();
    let stripped: BTreeSet<&str> =
        stripped.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let expected = ["/4111", "/[5 bytes]", "/[9 bytes]", "/[90 bytes]"];
    assert_eq!(stripped, BTreeSet::from(expected));
}

/// The test that matters: secrets of every type, wherever a model or a server can write, with previews
/// on, under a policy that masks nothing.
#[test]
fn no_secret_reaches_the_log() {
    let planted = secrets::planted();
    let ids: BTreeSet<&str> = planted.iter().map(|planted| planted.id).collect();
    assert!(ids.len() > 100, "{} types", ids.len());
    for policy in [
        "[audit]\npreview = 4096\n",
        "unknown_tool = \"forward\"\n[audit]\npreview = 4096\n[output]\n\"*\" = { mask = [] }\n",
        "ghosts = \"reject\"\nmask_pii = false\n",
    ] {
        let mut link = Link::new(policy);
        for secret in &planted {
            let text = &secret.text;
            link.call("mail", &json!({"to": text, "cc": [text, format!("x {text} y")]}), None);
            // Where it is a ghost, a name of a map, a wrong value, or the name of the tool.
            link.call("mail", &json!({"note": text, text.clone(): {"a": text}}), None);
            link.call("mail", &json!({"options": {text.clone(): "wrong"}}), None);
            if !policy.contains("preview") {
                // Without the word beside it, nothing but its place makes it a secret.
                link.call("mail", &json!({"options": {secret.value.clone(): "wrong"}}), None);
                link.call("mail", &json!({secret.value.clone(): 1}), None);
            }
            link.call("mail", &json!({"to": {text.clone(): text}}), None);
            link.call(text, &json!({"to": text}), None);
            link.call(&secret.value, &json!({"to": text}), None);
            // In results: as text, across blocks, and as JSON in text.
            let (head, tail) = text.split_at(text.len() / 2);
            let content = json!([
                {"type": "text", "text": text},
                {"type": "text", "text": head}, {"type": "text", "text": tail},
                {"type": "text", "text": json!({"a": text, text.clone(): 1}).to_string()},
                {"type": "text", "text": text, text.clone(): text},
            ]);
            link.call("mail", &json!({}), Some(&content));
            link.send(
                &json!({"jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "info", "data": text}}),
                false,
            );
            // In what we say about tools: a schema that does not compile quotes itself.
            link.send(&json!({"jsonrpc": "2.0", "id": "l", "method": "tools/list"}), true);
            let tools = json!([{"name": secret.value, "inputSchema": {"type": text}}]);
            link.send(&json!({"jsonrpc": "2.0", "id": "l", "result": {"tools": tools}}), false);
            let tools = json!([{"name": "mail", "inputSchema": {"type": "object", "properties": {
                "to": {"type": "string"}, "cc": {"type": "array"},
                "options": {"type": "object", "additionalProperties": {"type": "integer"}}}}}]);
            link.send(&json!({"jsonrpc": "2.0", "id": "m", "method": "tools/list"}), true);
            link.send(&json!({"jsonrpc": "2.0", "id": "m", "result": {"tools": tools}}), false);
        }
        let text = link.text();
        let all: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(all.len() > 9 * planted.len());
        for decision in ["allow", "block", "pass", "withhold"] {
            assert!(all.iter().any(|record| record["decision"] == decision), "{decision}");
        }
        let mut leaked = Vec::new();
        for secret in &planted {
            // As a human and as a program would write it.
            let compact: String =
                secret.value.chars().filter(char::is_ascii_alphanumeric).collect();
            for needle in [&secret.value, &compact] {
                if let Some(line) = text.lines().find(|line| line.contains(needle.as_str())) {
                    leaked.push(format!("{} {needle}: {line:.600}", secret.id));
                    break;
                }
            }
        }
        assert!(leaked.is_empty(), "{} of {}:\n{}", leaked.len(), planted.len(), leaked.join("\n"));
    }
}
