//! Details of decisions as JSON text, rendered when they are asked for.
//!
//! The members are those of the lines of `airlock check`, and some that only a program wants.

use std::fmt::Write;

use airlock::core::json::write_string;
use airlock::core::mcp::{Direction, Event, Outcome};
use airlock::core::{Allowed, Fix, Refusal, Verdict, Violation, Would};

/// A JSON object being written. A `String` takes whatever is written, so results are ignored.
pub struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Object<'o> {
    pub fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_empty: true }
    }

    pub fn end(self) {
        self.out.push('}');
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        string(key, self.out);
        self.out.push(':');
        self.out
    }

    pub fn text(&mut self, key: &str, value: &str) {
        string(value, self.key(key));
    }

    /// JSON text as it is.
    pub fn raw(&mut self, key: &str, json: impl std::fmt::Display) {
        let _ = write!(self.key(key), "{json}");
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    fn texts<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a str>) {
        self.array(key, values, string);
    }

    fn array<T>(
        &mut self,
        key: &str,
        values: impl Iterator<Item = T>,
        mut write: impl FnMut(T, &mut String),
    ) {
        let out = self.key(key);
        out.push('[');
        for (at, value) in values.enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(value, out);
        }
        out.push(']');
    }
}

/// Everything about a verdict.
pub fn verdict(verdict: &Verdict<'_>) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    match verdict {
        Verdict::Allow(allowed) => {
            object.text("decision", "allow");
            object.raw("reason", "null");
            object.optional("rule", allowed.rule());
            object.text("arguments_text", &String::from_utf8_lossy(allowed.arguments()));
            object.texts("stripped", allowed.stripped());
            object.texts("repaired", allowed.repaired());
            object.raw("violations", "[]");
            object.array("suggest", allowed.suggestions(), suggestion);
            would(&mut object, allowed.would());
        }
        Verdict::Refuse(refused) => {
            object.text("decision", "block");
            object.text("reason", refused.reason().name());
            object.optional("rule", refused.rule());
            object.raw("arguments_text", "null");
            object.texts("stripped", refused.stripped());
            object.raw("repaired", "[]");
            object.array("violations", refused.violations(), |it, out| violation(&it, out));
            object.array("suggest", refused.suggestions(), suggestion);
            would(&mut object, refused.would());
            refusal(&mut object, refused);
        }
    }
    object.end();
    out
}

fn refusal(object: &mut Object<'_>, refused: &Refusal<'_>) {
    object.text("cause", refused.cause().name());
    object.optional("hint", refused.hint());
    if let Some(ms) = refused.approval_ms() {
        object.raw("approval_ms", ms);
    }
    object.text("refusal", &String::from_utf8_lossy(refused.json()));
}

fn would(object: &mut Object<'_>, would: Option<Would<'_>>) {
    if let Some(would) = would {
        object.optional("would", Some(would.reason.map_or("allow", |reason| reason.name())));
        object.optional("would_rule", would.rule);
    }
}

fn violation(violation: &Violation<'_>, out: &mut String) {
    let mut object = Object::begin(out);
    object.text("path", violation.path);
    object.text("keyword", violation.keyword);
    object.text("expected", violation.expected);
    object.text("received", violation.received);
    object.text("message", violation.message);
    object.text("fix_hint", violation.fix_hint);
    match violation.fix {
        None => object.raw("fix", "null"),
        Some(Fix { op, path, to }) => {
            let mut fix = Object::begin(object.key("fix"));
            fix.text("op", op);
            fix.text("path", path);
            fix.raw("to", to.unwrap_or("null"));
            fix.end();
        }
    }
    if let Some(property) = violation.property {
        object.text("property", property);
    }
    if let Some(offset) = violation.offset {
        object.raw("offset", offset);
    }
    if let Some(variants) = violation.variants {
        object.raw("variants", variants);
    }
    object.end();
}

fn suggestion((path, to): (&str, &str), out: &mut String) {
    let mut object = Object::begin(out);
    object.text("path", path);
    object.text("to", to);
    object.end();
}

/// One line about a decision on a message, with its line feed.
pub fn event(event: &Event<'_>, out: &mut String) {
    let mut object = Object::begin(out);
    let to_server = event.direction == Direction::ToServer;
    object.text("direction", if to_server { "to_server" } else { "to_client" });
    object.optional("tool", event.tool);
    object.optional("agent", event.caller.agent);
    match &event.outcome {
        Outcome::Allowed(allowed) => allowed_event(&mut object, allowed),
        Outcome::Changed { shown, why } => {
            explained(&mut object, if *shown { "shown" } else { "withheld" }, why);
        }
        Outcome::Dropped(why) => explained(&mut object, "dropped", why),
        Outcome::Filtered { masked, truncated, .. } => {
            object.text("outcome", "filtered");
            object.raw("masked", masked.total());
            object.raw("truncated", truncated);
        }
        Outcome::Refused(refused) => {
            object.text("outcome", "refused");
            object.text("reason", refused.reason().name());
            object.optional("rule", refused.rule());
            object.texts("stripped", refused.stripped());
            object.raw("refusal", String::from_utf8_lossy(refused.json()));
        }
        Outcome::Rejected { code, why } => {
            explained(&mut object, "rejected", why);
            object.raw("code", code);
        }
        Outcome::Unchecked => object.text("outcome", "unchecked"),
        Outcome::Warned(why) => explained(&mut object, "warned", why),
        Outcome::Withheld(why) => explained(&mut object, "withheld", why),
        _ => object.text("outcome", "other"),
    }
    object.end();
    out.push('\n');
}

fn allowed_event(object: &mut Object<'_>, allowed: &Allowed<'_>) {
    object.text("outcome", "allowed");
    object.optional("rule", allowed.rule());
    object.texts("stripped", allowed.stripped());
    object.texts("repaired", allowed.repaired());
    would(object, allowed.would());
}

fn explained(object: &mut Object<'_>, outcome: &str, why: &str) {
    object.text("outcome", outcome);
    object.text("why", why);
}

fn string(text: &str, out: &mut String) {
    let _ = write_string(text, out);
}
