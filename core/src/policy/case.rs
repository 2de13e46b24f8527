//! Tests that a document carries: calls, and what must become of them.
//!
//! They compile with the document, so that one which could never hold, like one that expects a rule
//! that does not exist, is an error with its place. Nothing here runs them: that takes a guard.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::compile::Compiler;
use super::document::{EFFECTS, MAX_NAME};
use super::error::PolicyError;
use super::fields::{Item, Table};
use super::keys::{CALL, EXPECT, STEP, TEST};
use super::rule::Effect;
use super::time::read_moment;
use super::tree::{Span, Value};
use crate::json;

/// Names of decisions that no rule of a document makes.
const DECIDERS: [&str; 4] = ["allowed_roles", "default", "require_agent_id", "session.max_calls"];

/// A test of a document, its `[[test]]`: one call, or several in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// What it is called.
    pub name: Option<Box<str>>,
    /// Where it stands in the document.
    pub span: Span,
    /// The names of the arguments that the tool declares: all others are ghosts. Without it every
    /// argument is declared, unless the tools are given.
    pub params: Option<Box<[Box<str>]>>,
    /// Its calls, in order.
    pub steps: Box<[Step]>,
}

/// One call of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Where it stands in the document.
    pub span: Span,
    /// Name of the tool.
    pub tool: Box<str>,
    /// The arguments, as JSON.
    pub arguments: Box<str>,
    /// Name of the agent.
    pub agent: Option<Box<str>>,
    /// Roles of the agent.
    pub roles: Box<[Box<str>]>,
    /// Tenant of the agent.
    pub tenant: Option<Box<str>>,
    /// Name of the server that has the tool.
    pub server: Option<Box<str>>,
    /// The session.
    pub session: Option<Box<str>>,
    /// The moment, in Unix milliseconds.
    pub now: Option<u64>,
    /// What must become of it.
    pub expect: Expect,
}

/// What must become of a call; what is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expect {
    /// `allow`, `ask` or `deny`.
    pub effect: &'static str,
    /// The rule that decides, `default` for none.
    pub rule: Option<Box<str>>,
    /// The reason of a refusal, by name.
    pub reason: Option<Box<str>>,
    /// The argument that decides, as a pointer.
    pub at: Option<Box<str>>,
    /// Pointers of the arguments that are stripped, in order.
    pub stripped: Option<Box<[Box<str>]>>,
}

impl Compiler<'_> {
    /// Reads `test`; `ids` has the ids of the rules.
    pub fn declare_tests(
        &mut self,
        item: &Item<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        for element in item.elements()? {
            let case = self.case(element, ids)?;
            self.cases.push(case);
        }
        Ok(())
    }

    fn case(&self, item: Item<'_>, ids: &BTreeSet<String>) -> Result<Case, PolicyError> {
        let table = item.clone().table(&TEST)?;
        let name = table.read("name", |item| item.text().map(Into::into))?;
        let params = table.read("params", texts)?;
        let steps = match (table.get("call"), table.get("steps")) {
            (Some(call), None) => {
                let expect = self.expect(table.require("expect")?, ids)?;
                Vec::from([step(&call.clone().table(&CALL)?, expect)?])
            }
            (None, Some(steps)) => {
                if let Some(expect) = table.get("expect") {
                    return Err(expect.error("each of the steps has its own `expect`"));
                }
                let elements = steps.elements()?.into_iter();
                let read = |element: Item<'_>| {
                    let table = element.table(&STEP)?;
                    step(&table, self.expect(table.require("expect")?, ids)?)
                };
                let read: Result<Vec<Step>, PolicyError> = elements.map(read).collect();
                read?
            }
            _ => return Err(item.error("a test has either a `call` or `steps`")),
        };
        if steps.is_empty() {
            return Err(item.error("a test without a call"));
        }
        Ok(Case { name, span: table.span(), params, steps: steps.into() })
    }

    fn expect(&self, item: Item<'_>, ids: &BTreeSet<String>) -> Result<Expect, PolicyError> {
        let table = item.table(&EXPECT)?;
        let effect = table.require("effect")?.word(&EFFECTS)?.name();
        let rule = table.read("rule", |item| {
            let name = item.text()?;
            self.check_decider(name, item, ids).map(|()| name.into())
        })?;
        let reason = table.read("reason", |item| {
            let name = item.text()?;
            if effect == Effect::Allow.name() {
                return Err(item.error("what is allowed has no reason"));
            }
            crate::reason::Reason::named(name)
                .map(|_| name.into())
                .ok_or_else(|| item.error(format!("`{name}` is no reason of a refusal")))
        })?;
        let at = table.read("at", |item| match item.text()? {
            at if at.is_empty() || at.starts_with('/') => Ok(at.into()),
            _ => Err(item.error("a place is a pointer like /path or /paths/1")),
        })?;
        let stripped = table.read("stripped", |item| {
            let pointer = |item: &Item<'_>| {
                let text = item.text()?;
                Ok(if text.starts_with('/') { text.into() } else { format!("/{text}").into() })
            };
            item.texts()?.iter().map(pointer).collect()
        })?;
        Ok(Expect { effect, rule, reason, at, stripped })
    }

    /// A test that waits for a rule which does not exist would fail for ever, or pass for the wrong
    /// reason.
    fn check_decider(
        &self,
        name: &str,
        item: &Item<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        let rules = || self.rules.iter().map(|rule| self.pool.get(rule.id));
        let limit = name.strip_prefix("limit:");
        let mut limits = self.limits.iter().map(|limit| self.pool.get(limit.id));
        let mut budgets = self.budgets.iter().map(|budget| self.pool.get(budget.name));
        let known = DECIDERS.contains(&name)
            || budgets.any(|known| known == name)
            || ids.contains(name)
            || rules().any(|id| id == name)
            || limit.is_some_and(|name| limits.any(|id| id == name));
        if known {
            return Ok(());
        }
        let error = item.error(format!("no rule is called `{name}`"));
        Err(error.with_nearest(name, rules().chain(DECIDERS)))
    }
}

fn step(table: &Table<'_>, expect: Expect) -> Result<Step, PolicyError> {
    let text = |name| {
        table.read(name, |item: &Item<'_>| {
            let text = item.text()?;
            if text.len() > MAX_NAME {
                return Err(item.error(format!("a name has at most {MAX_NAME} bytes")));
            }
            Ok(text.into())
        })
    };
    Ok(Step {
        span: table.span(),
        tool: table.require("tool")?.text()?.into(),
        arguments: table.read("args", arguments)?.unwrap_or_else(|| "{}".into()),
        agent: text("agent")?,
        roles: table.read("role", texts)?.unwrap_or_default(),
        tenant: text("tenant")?,
        server: text("server")?,
        session: text("session")?,
        now: table.read("now", |item| {
            read_moment(item.text()?)
                .ok_or_else(|| item.error("a moment is written like \"2026-11-25T23:30:00Z\""))
        })?,
        expect,
    })
}

fn texts(item: &Item<'_>) -> Result<Box<[Box<str>]>, PolicyError> {
    item.texts()?.iter().map(|item| item.text().map(Into::into)).collect()
}

/// A table of arguments as JSON, or a text that is what a model would have written.
fn arguments(item: &Item<'_>) -> Result<Box<str>, PolicyError> {
    match item.value() {
        Value::Text(text) => Ok(text.as_str().into()),
        Value::Table(_) => {
            let mut out = String::new();
            write_json(item.value(), &mut out).map_err(|what| {
                item.error(format!("{what} cannot be written here"))
                    .with_hint("give the arguments as a text of JSON")
            })?;
            Ok(out.into())
        }
        _ => Err(item.mismatch("a table or a text of JSON")),
    }
}

/// Writes a value as JSON; the error is what JSON has no word for. Depth is bounded by the tree.
fn write_json(value: &Value, out: &mut String) -> Result<(), &'static str> {
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(&element.value, out)?;
            }
            out.push(']');
        }
        Value::Table(members) => {
            out.push('{');
            for (at, member) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                // Writing to a string does not fail.
                let _ = json::write_string(&member.name, out);
                out.push(':');
                write_json(&member.value.value, out)?;
            }
            out.push('}');
        }
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Decimal(text) => out.push_str(text),
        Value::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Other("null") => out.push_str("null"),
        Value::Other(what) => return Err(what),
        Value::Text(text) => {
            let _ = json::write_string(text, out);
        }
    }
    Ok(())
}
