//! The golden vectors and the labelled calls, answered through the C ABI as Rust answers them: the same bytes.
//!
//! The questions go to the exported functions here, and with `AIRLOCK_C_ANSWER` (`cargo xtask test c-abi` sets it)
//! also to a program written in C, `c/answer.c`.
#![cfg(feature = "hosted")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../core/tests/support/shared.rs"]
mod shared;
#[path = "../../core/tests/support/vector.rs"]
mod vector;

use std::ffi::c_char;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::ptr;

use airlock_core::policy::Policy;
use airlock_core::{Call, Caller, Catalog, Guard, Origin, Output, ToolDefinition, Verdict};
use airlock_ffi::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// What is asked, in the order of `c/answer.c`.
#[derive(Clone, Default)]
struct Question {
    policy: String,
    /// A JSON array.
    tools: String,
    tool: String,
    input: Vec<u8>,
    agent: String,
    tenant: String,
    roles: Vec<String>,
    what: &'static str,
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u32,
    decision: u32,
    reason: u32,
    flags: u32,
    count: u32,
    bytes: Vec<u8>,
    details: Value,
}

#[test]
fn golden_vectors_are_answered_as_written() {
    let mut questions = Vec::new();
    let vectors = vector::read();
    for vector in &vectors {
        let policy = vector.policy.as_ref().map_or("", |policy| policy.get()).to_owned();
        let tools = vector.tools.iter().flatten();
        let tools = list(tools.map(|tool| (&*tool.name, tool.input_schema.get())));
        let base = Question { policy, tools, ..Question::default() };
        questions.push(match (&vector.call, &vector.output) {
            (Some(call), None) => Question {
                tool: call.tool.clone(),
                input: call.arguments(),
                agent: call.agent.clone().unwrap_or_default(),
                tenant: call.tenant.clone().unwrap_or_default(),
                roles: call.roles.clone(),
                what: "check",
                ..base
            },
            (None, Some(output)) => {
                let (what, text) = match output {
                    vector::OutputLine::Text(text) => ("text", text),
                    vector::OutputLine::Json(text) => ("json", text),
                };
                let tool = vector.tool.clone().unwrap();
                Question { tool, input: text.clone().into_bytes(), what, ..base }
            }
            _ => panic!("{}: either a call or an output", vector.name),
        });
    }
    let answers = compare(&questions);
    for (vector, answer) in vectors.iter().zip(answers) {
        let expect: Value = serde_json::from_str(vector.expect.as_ref().unwrap().get()).unwrap();
        let text = String::from_utf8(answer.bytes.clone()).unwrap();
        if vector.output.is_some() {
            assert_eq!(expect["bytes"], text, "{}", vector.name);
            assert_eq!(expect["masked"], answer.count, "{}", vector.name);
            let truncated = answer.flags & AIRLOCK_TRUNCATED != 0;
            assert_eq!(expect["truncated"], truncated, "{}", vector.name);
            continue;
        }
        let member = if answer.decision == AIRLOCK_ALLOW { "arguments_text" } else { "refusal" };
        assert_eq!(expect[member], text, "{}", vector.name);
        for member in ["decision", "reason", "stripped", "suggest"] {
            assert_eq!(expect[member], answer.details[member], "{}: {member}", vector.name);
        }
        let told = |violations: &Value| {
            let mut told = violations.clone();
            for violation in told.as_array_mut().into_iter().flatten() {
                let members = violation.as_object_mut().unwrap();
                let named = ["path", "keyword", "property", "offset", "fix"];
                members.retain(|name, _| named.contains(&name.as_str()));
            }
            told
        };
        let (want, got) = (told(&expect["violations"]), told(&answer.details["violations"]));
        assert_eq!(want, got, "{}", vector.name);
    }
}

#[test]
fn labelled_calls_are_answered_as_rust_answers_them() {
    let (Some(tools), Some(calls)) =
        (shared::text("validation/dev_tools.jsonl"), shared::lines("validation/dev_calls.jsonl"))
    else {
        return;
    };
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        tool: &'a str,
        #[serde(borrow)]
        input_schema: &'a serde_json::value::RawValue,
    }
    let tools: Vec<Line<'_>> =
        tools.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tools = list(tools.iter().map(|line| (line.tool, line.input_schema.get())));
    let question = |call: &Value| Question {
        tools: tools.clone(),
        tool: call["tool"].as_str().unwrap().to_owned(),
        input: match call["arguments_text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => BASE64.decode(call["arguments_b64"].as_str().unwrap()).unwrap(),
        },
        what: "check",
        ..Question::default()
    };
    let questions: Vec<Question> = calls.iter().map(question).collect();
    assert!(questions.len() > 1000);
    compare(&questions);
}

/// The tools as the JSON array that `airlock_guard_new` takes, schemas as they are spelt.
fn list<'a>(tools: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let tools: Vec<String> = tools
        .map(|(name, schema)| format!("{{\"name\":{},\"inputSchema\":{schema}}}", json!(name)))
        .collect();
    format!("[{}]", tools.join(","))
}

/// Asks Rust, the exported functions and the C program, and returns the one answer that they all give.
fn compare(questions: &[Question]) -> Vec<Answer> {
    let ours = rust(questions);
    let mut exported = Exported::default();
    for (question, want) in questions.iter().zip(&ours) {
        let got = exported.ask(question);
        assert_eq!(*want, got, "{}: {}", question.tool, String::from_utf8_lossy(&question.input));
    }
    if let Some(program) = std::env::var_os("AIRLOCK_C_ANSWER") {
        let theirs = c(program.as_ref(), questions);
        assert_eq!(theirs.len(), ours.len());
        for ((question, want), got) in questions.iter().zip(&ours).zip(theirs) {
            assert_eq!(*want, got, "{}", question.tool);
        }
    }
    ours
}

/// What the engine says, by way of its Rust API alone.
fn rust(questions: &[Question]) -> Vec<Answer> {
    let mut known: Option<(String, String, Guard, Catalog)> = None;
    let mut answers = Vec::new();
    for question in questions {
        let Question { policy, tools, tool, input, agent, tenant, roles, what } = question;
        if known.as_ref().is_none_or(|known| (&known.0, &known.1) != (policy, tools)) {
            let builder = Guard::builder();
            let builder = match policy.as_str() {
                "" => builder,
                text => builder.policy(Policy::from_json(text).unwrap()).unwrap(),
            };
            let mut catalog = Catalog::builder(Origin::Trusted);
            let list: Vec<&serde_json::value::RawValue> = match tools.as_str() {
                "" => Vec::new(),
                text => serde_json::from_str(text).unwrap(),
            };
            for tool in list {
                #[derive(serde::Deserialize)]
                struct Tool<'a> {
                    name: String,
                    #[serde(borrow, rename = "inputSchema")]
                    input_schema: &'a serde_json::value::RawValue,
                }
                let tool: Tool<'_> = serde_json::from_str(tool.get()).unwrap();
                let input_schema = tool.input_schema.get().as_bytes();
                // A tool that does not compile is listed as unsupported.
                let _ = catalog.tool(ToolDefinition {
                    name: &tool.name,
                    input_schema,
                    output_schema: None,
                });
            }
            let guard = builder.build().unwrap();
            known = Some((policy.clone(), tools.clone(), guard, catalog.build()));
        }
        let (_, _, guard, catalog) = known.as_ref().unwrap();
        let mut scratch = guard.scratch();
        if *what != "check" {
            let output = if *what == "json" { Output::Json(input) } else { Output::Text(input) };
            let shown = guard.filter(tool, output, &mut scratch).unwrap();
            let changed = if shown.bytes == &**input { 0 } else { AIRLOCK_CHANGED };
            answers.push(Answer {
                status: 0,
                decision: AIRLOCK_ALLOW,
                reason: 0,
                flags: changed | if shown.truncated { AIRLOCK_TRUNCATED } else { 0 },
                count: shown.masked as u32,
                bytes: shown.bytes.to_vec(),
                details: Value::Null,
            });
            continue;
        }
        let text = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        let (agent, tenant) = (text(agent), text(tenant));
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let caller = Caller { agent: agent.as_deref(), roles: &roles, tenant: tenant.as_deref() };
        let call = Call { tool, arguments: input, caller, ..Call::default() };
        answers.push(answer(&guard.check_in(catalog, &call, &mut scratch)));
    }
    answers
}

fn answer(verdict: &Verdict<'_>) -> Answer {
    let suggest = |(path, to): (&str, &str)| json!({"path": path, "to": to});
    let shadow = |would: Option<airlock_core::Would<'_>>| match would {
        Some(would) => json!({"reason": would.reason.map(|r| r.name()), "rule": would.rule}),
        None => Value::Null,
    };
    match verdict {
        Verdict::Allow(allowed) => Answer {
            status: 0,
            decision: AIRLOCK_ALLOW,
            reason: 0,
            flags: if allowed.is_changed() { AIRLOCK_CHANGED } else { 0 }
                | if allowed.would().is_some() { AIRLOCK_SHADOWED } else { 0 },
            count: 0,
            bytes: allowed.arguments().to_vec(),
            details: json!({
                "v": 1, "decision": "allow", "reason": null, "rule": null, "violations": [],
                "stripped": allowed.stripped().collect::<Vec<_>>(),
                "repaired": allowed.repaired().collect::<Vec<_>>(),
                "suggest": allowed.suggestions().map(suggest).collect::<Vec<_>>(),
                "charges": allowed.charges().map(|charge| json!({
                    "limit": charge.limit.id,
                    "key": charge.key.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
                    "cost": charge.cost,
                })).collect::<Vec<_>>(),
                "would": shadow(allowed.would()), "approval_ms": null,
            }),
        },
        Verdict::Refuse(refusal) => Answer {
            status: 0,
            decision: AIRLOCK_REFUSE,
            reason: refusal.reason() as u32,
            flags: if refusal.reason().is_retryable() { AIRLOCK_RETRYABLE } else { 0 }
                | if refusal.would().is_some() { AIRLOCK_SHADOWED } else { 0 },
            count: refusal.violations().count() as u32,
            bytes: refusal.json().to_vec(),
            details: json!({
                "v": 1, "decision": "block", "reason": refusal.reason().name(),
                "rule": refusal.rule(), "repaired": [], "charges": [],
                "stripped": refusal.stripped().collect::<Vec<_>>(),
                "violations": refusal.violations().map(|v| violation(&v)).collect::<Vec<_>>(),
                "suggest": refusal.suggestions().map(suggest).collect::<Vec<_>>(),
                "would": shadow(refusal.would()), "approval_ms": refusal.approval_ms(),
            }),
        },
    }
}

fn violation(violation: &airlock_core::Violation<'_>) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut line = json!({
        "path": violation.path, "keyword": violation.keyword, "expected": violation.expected,
        "received": violation.received, "message": violation.message,
        "fix_hint": violation.fix_hint,
        "fix": violation.fix.map(|fix| json!({
            "op": fix.op, "path": fix.path, "to": fix.to.map(parsed),
        })),
    });
    if let Some(property) = violation.property {
        line["property"] = property.into();
    }
    if let Some(offset) = violation.offset {
        line["offset"] = offset.into();
    }
    if let Some(variants) = violation.variants {
        line["variants"] = parsed(variants);
    }
    line
}

/// The exported functions, as a program in C calls them.
struct Exported {
    known: Option<(String, String)>,
    guard: *mut airlock_guard,
    scratch: *mut airlock_scratch,
}

impl Default for Exported {
    fn default() -> Self {
        let mut scratch = ptr::null_mut();
        // SAFETY: there is room for a pointer.
        assert_eq!(unsafe { airlock_scratch_new(&raw mut scratch) }, 0);
        Self { known: None, guard: ptr::null_mut(), scratch }
    }
}

impl Drop for Exported {
    fn drop(&mut self) {
        // SAFETY: both were made by the library, and nothing uses them any more.
        unsafe {
            airlock_guard_free(self.guard);
            airlock_scratch_free(self.scratch);
        }
    }
}

fn text(text: &[u8]) -> airlock_str {
    airlock_str { data: text.as_ptr().cast(), len: text.len() }
}

impl Exported {
    fn ask(&mut self, question: &Question) -> Answer {
        let Question { policy, tools, tool, input, agent, tenant, roles, what } = question;
        if self.known.as_ref() != Some(&(policy.clone(), tools.clone())) {
            // SAFETY: all zero is a value of it, and a good one.
            let mut options: airlock_guard_options = unsafe { std::mem::zeroed() };
            options.struct_size = size_of::<airlock_guard_options>() as u32;
            options.flags = AIRLOCK_WITHHOLD_TOOLS | AIRLOCK_HOST_LIMITS;
            options.tools = text(tools.as_bytes());
            options.policy_format = AIRLOCK_POLICY_JSON;
            if !policy.is_empty() {
                options.policy = text(policy.as_bytes());
            }
            // SAFETY: the old guard is not used any more; the options live through the call.
            unsafe {
                airlock_guard_free(self.guard);
                let made =
                    airlock_guard_new(&raw const options, &raw mut self.guard, ptr::null_mut());
                assert_eq!(made, 0);
            }
            self.known = Some((policy.clone(), tools.clone()));
        }
        let optional = |name: &str| match name {
            "" => airlock_str::NONE,
            name => text(name.as_bytes()),
        };
        let roles: Vec<airlock_str> = roles.iter().map(|role| text(role.as_bytes())).collect();
        let mut caller = ptr::null_mut();
        // SAFETY: the array has this length, and there is room for a pointer.
        let made = unsafe {
            let (agent, tenant) = (optional(agent), optional(tenant));
            airlock_caller_new(agent, tenant, roles.as_ptr(), roles.len(), &raw mut caller)
        };
        assert_eq!(made, 0);
        // SAFETY: all zero is a value of both.
        let (mut call, mut verdict): (airlock_call, airlock_verdict) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        call.struct_size = size_of::<airlock_call>() as u32;
        call.flags = AIRLOCK_KEEP_DETAILS;
        call.caller = caller;
        call.tool_name = text(tool.as_bytes());
        verdict.struct_size = size_of::<airlock_verdict>() as u32;
        let is_check = *what == "check";
        let format = if *what == "json" { AIRLOCK_JSON } else { AIRLOCK_TEXT };
        let bound = if is_check {
            airlock_check_bound(input.len())
        } else {
            airlock_filter_bound(input.len())
        };
        let mut out = vec![0_u8; bound];
        let to: *mut c_char = out.as_mut_ptr().cast();
        let (guard, scratch, call, verdict_at) =
            (self.guard, self.scratch, &raw const call, &raw mut verdict);
        // SAFETY: handles of the library, a buffer of this size, structs that say their sizes.
        let status = unsafe {
            if is_check {
                airlock_check(guard, scratch, 0, text(input), call, to, bound, verdict_at)
            } else {
                airlock_filter(guard, scratch, 0, format, text(input), call, to, bound, verdict_at)
            }
        };
        // SAFETY: made above, used no more.
        unsafe { airlock_caller_free(caller) };
        let unchanged = verdict.decision == AIRLOCK_ALLOW && verdict.flags & AIRLOCK_CHANGED == 0;
        let bytes = if unchanged { input.clone() } else { out[..verdict.out_len].to_vec() };
        Answer {
            status,
            decision: verdict.decision,
            reason: verdict.reason,
            flags: verdict.flags,
            count: verdict.count,
            bytes,
            details: if is_check { self.details() } else { Value::Null },
        }
    }

    fn details(&self) -> Value {
        let mut len = 0;
        // SAFETY: a scratch of the library, no buffer, room for a number.
        unsafe { airlock_details(self.scratch, ptr::null_mut(), 0, &raw mut len) };
        let mut out = vec![0_u8; len];
        // SAFETY: a scratch of the library, a buffer of this size, room for a number.
        let status = unsafe {
            airlock_details(self.scratch, out.as_mut_ptr().cast(), out.len(), &raw mut len)
        };
        assert_eq!(status, 0);
        serde_json::from_slice(&out[..len]).unwrap()
    }
}

/// What the program in C says.
fn c(program: &std::path::Path, questions: &[Question]) -> Vec<Answer> {
    let mut asked = Vec::new();
    for question in questions {
        let roles = question.roles.join("\n");
        let Question { policy, tools, tool, input, agent, tenant, what, .. } = question;
        let fields: [&[u8]; 8] = [
            policy.as_bytes(),
            tools.as_bytes(),
            tool.as_bytes(),
            input,
            agent.as_bytes(),
            tenant.as_bytes(),
            roles.as_bytes(),
            what.as_bytes(),
        ];
        for field in fields {
            asked.extend_from_slice(&(field.len() as u32).to_ne_bytes());
            asked.extend_from_slice(field);
        }
    }
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&asked).unwrap());
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    let mut rest = &said[..];
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let mut number = || {
            let (head, tail) = rest.split_first_chunk::<4>().expect("a whole answer");
            rest = tail;
            u32::from_ne_bytes(*head)
        };
        let [status, decision, reason, flags, count] = std::array::from_fn(|_| number());
        let mut text = || {
            let (head, tail) = rest.split_first_chunk::<4>().expect("a whole answer");
            let (text, tail) = tail.split_at(u32::from_ne_bytes(*head) as usize);
            rest = tail;
            text.to_vec()
        };
        let (bytes, details) = (text(), text());
        let details = match details.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&details).unwrap(),
        };
        answers.push(Answer { status, decision, reason, flags, count, bytes, details });
    }
    answers
}
