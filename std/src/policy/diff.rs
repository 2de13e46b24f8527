//! What two policy documents say differently.
//!
//! Documents are compared key by key: rules and limits by their ids, entries of tables by their names.
//! The order of rules and of keys says nothing, and tests are no part of what a policy does. What a
//! change does to calls is another question; a guard for each document answers it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Sources;
use super::tree::{Member, Span, Tree, Value};

/// Longest spelling of a value, in characters.
const MAX_SHOWN: usize = 200;

/// A difference between two documents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where in the tree, like `rule.write.roles`.
    pub path: String,
    /// What the first document says; `None` when it says nothing.
    pub old: Option<Said>,
    /// What the second document says; `None` when it says nothing.
    pub new: Option<Said>,
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// How it is spelt, as JSON; cut when it is long.
    pub value: String,
    /// Where it stands, as `file:line`; `None` for a preset.
    pub place: Option<String>,
}

/// What `old` and `new`, or the first of each where they are stacks, say differently, by path.
#[must_use]
pub fn diff(old: &Sources, new: &Sources) -> Vec<Change> {
    let (mut before, mut after) = (flatten(old), flatten(new));
    before.retain(|path, (value, _)| match after.get(path) {
        Some((same, _)) if same == value => {
            after.remove(path);
            false
        }
        _ => true,
    });
    let mut changes = Vec::new();
    for (path, found) in before {
        let new = after.remove(&path).map(|found| said(new, found));
        changes.push(Change { path, old: Some(said(old, found)), new });
    }
    let added = after.into_iter();
    changes.extend(added.map(|(path, found)| Change {
        path,
        old: None,
        new: Some(said(new, found)),
    }));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

fn said(file: &Sources, (value, span): (String, Option<Span>)) -> Said {
    let place = span.and_then(|span| file.place(0, span));
    let cut = value.chars().count() > MAX_SHOWN;
    let mut value: String = value.chars().take(MAX_SHOWN).collect();
    if cut {
        value.push('\u{2026}');
    }
    Said { value, place }
}

/// Every value that is compared, by its path.
fn flatten(file: &Sources) -> BTreeMap<String, (String, Option<Span>)> {
    let mut found = BTreeMap::new();
    let Some(layer) = file.layers.first() else { return found };
    let Some((_, tree)) = &layer.text else {
        found.insert("preset".to_owned(), (format!("{:?}", layer.name), None));
        return found;
    };
    let Value::Table(members) = &tree.value else { return found };
    for member in members.iter().filter(|member| member.name != "test") {
        let Member { name, value, .. } = member;
        match &value.value {
            Value::Array(elements) if matches!(&**name, "budget" | "limit" | "rule") => {
                elements.iter().for_each(|element| by_id(name, element, &mut found));
            }
            Value::Table(entries) => {
                for entry in entries {
                    add(&mut found, format!("{name}.{}", entry.name), &entry.value);
                }
            }
            _ => add(&mut found, name.clone(), value),
        }
    }
    found
}

/// The keys of a rule, a limit or a budget.
fn by_id(kind: &str, element: &Tree, found: &mut BTreeMap<String, (String, Option<Span>)>) {
    let Value::Table(members) = &element.value else { return };
    let id = members.iter().find(|member| member.name == "id").map(|member| &member.value.value);
    let Some(Value::Text(id)) = id else { return };
    for member in members.iter().filter(|member| member.name != "id") {
        add(found, format!("{kind}.{id}.{}", member.name), &member.value);
    }
}

fn add(found: &mut BTreeMap<String, (String, Option<Span>)>, path: String, tree: &Tree) {
    let mut text = String::new();
    spell(&tree.value, &mut text);
    found.insert(path, (text, Some(tree.span)));
}

/// One spelling for each value: keys in order, one string as a list of one stays a string.
fn spell(value: &Value, out: &mut String) {
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                spell(&element.value, out);
            }
            out.push(']');
        }
        Value::Table(members) => {
            let mut members: Vec<&Member> = members.iter().collect();
            members.sort_by(|one, other| one.name.cmp(&other.name));
            out.push('{');
            for (at, member) in members.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                // Writing to a string does not fail.
                let _ = write!(out, "{:?}: ", member.name);
                spell(&member.value.value, out);
            }
            out.push('}');
        }
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Decimal(text) => out.push_str(text),
        Value::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Other(what) => out.push_str(what),
        Value::Text(text) => {
            let _ = airlock_core::json::write_string(text, out);
        }
    }
}
