//! What in a valid policy is probably not meant.
//!
//! Only what can be told from the document and, when they are known, from the names of the tools; what
//! cannot be told is not remarked on. Worst case: the square of the patterns of a policy, when it
//! compiles in a linter and not while it guards.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::compiled::Policy;
use super::condition::{Expr, Target};
use super::error::nearest;
use super::index::NameIndex;
use super::rule::{Effect, Rule};
use super::tree::Span;
use crate::glob::{self, Case};

/// Something that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remark {
    /// What kind of remark it is, a stable word like `no-such-tool`.
    pub code: &'static str,
    /// Where in the document; `None` for what a preset says.
    pub span: Option<Span>,
    /// What is the matter.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// The policy of a stack that it is about, the first is 0.
    pub layer: usize,
}

impl Remark {
    pub(super) fn new(
        code: &'static str,
        span: Option<Span>,
        message: impl Into<String>,
        hint: Option<&str>,
    ) -> Self {
        Self { code, span, message: message.into(), hint: hint.map(Into::into), layer: 0 }
    }
}

/// The patterns of one rule.
struct Named<'p> {
    rule: &'p Rule,
    id: &'p str,
    tools: Vec<String>,
}

impl Named<'_> {
    /// The rule is about every call to its tools.
    fn is_plain(&self) -> bool {
        let Rule { subject, time, when, session, shadow, .. } = self.rule;
        let always = time.is_none() && when.is_none() && session.is_none();
        !shadow && always && subject.is_everyone()
    }

    /// Whether one of the patterns covers every name that `pattern` covers. May say no when it does.
    fn covers(&self, pattern: &str) -> bool {
        let case = self.rule.effect.case();
        let covers = |own: &String| {
            // Wildcards of the narrower pattern are characters here; only a star covers a star.
            own == pattern
                || !(own.contains('?') && pattern.contains('*'))
                    && glob::matches(own, pattern, case)
        };
        self.tools.iter().any(covers)
    }
}

impl Policy {
    /// What is probably not meant in the document, by place. `tools` are the names of all tools that
    /// there are, when they are known.
    #[must_use]
    pub fn lint(&self, tools: Option<&[&str]>) -> Vec<Remark> {
        let mut all = Vec::new();
        for policy in self.layers() {
            let remarks = policy.lint_alone(tools).into_iter();
            all.extend(remarks.map(|remark| Remark { layer: policy.layer, ..remark }));
        }
        all
    }

    fn lint_alone(&self, tools: Option<&[&str]>) -> Vec<Remark> {
        let mut remarks = self.remarks.clone();
        self.lint_windows(&mut remarks);
        self.lint_kinds(&mut remarks);
        self.lint_labels(&mut remarks);
        let rules = self.named_rules();
        for rule in &rules {
            self.lint_rule(rule, &rules, &mut remarks);
        }
        if let Some(tools) = tools {
            self.lint_tools(&rules, tools, &mut remarks);
        }
        if self.settings.shadow {
            let message = "nothing is refused: the whole policy is in shadow mode";
            remarks.push(Remark::new("shadow-mode", None, message, None));
        }
        remarks.sort_by_key(|remark| remark.span.map(|span| span.start));
        remarks
    }

    /// The rules of the document with their patterns.
    fn named_rules(&self) -> Vec<Named<'_>> {
        let rules = self.rules.iter();
        let named = |rule| Named { rule, id: self.pool.get(rule.id), tools: Vec::new() };
        let mut rules: Vec<Named<'_>> = rules.map(named).collect();
        for index in [&self.deny, &self.allow] {
            for (pattern, rule) in index.patterns(&self.pool) {
                if let Some(rule) = rules.get_mut(rule as usize) {
                    rule.tools.push(pattern);
                }
            }
        }
        rules.iter_mut().for_each(|rule| rule.tools.sort_unstable());
        rules
    }

    fn lint_windows(&self, remarks: &mut Vec<Remark>) {
        let conditions = &self.conditions;
        for (number, window) in (0_u32..).zip(&conditions.windows) {
            let span = (window.span != Span::default()).then_some(window.span);
            if window.assumed {
                let message = format!("this window names no zone: it is {}", window.text);
                let hint = Some("write tz = \"UTC\", or the zone that is meant");
                remarks.push(Remark::new("window-without-zone", span, message, hint));
            }
            let by_rule = |rule: &Rule| rule.time.is_some_and(|time| time.window == number);
            let by_formula = |expr: &Expr| matches!(expr, Expr::Time(at) if *at == number);
            if !self.rules.iter().any(by_rule) && !conditions.exprs.iter().any(by_formula) {
                remarks.push(Remark::new("unused", span, "no rule uses this window", None));
            }
        }
    }

    fn lint_kinds(&self, remarks: &mut Vec<Remark>) {
        let conditions = &self.conditions;
        for (number, kind) in (0_u32..).zip(&conditions.kinds) {
            let by = |target: &Target| matches!(target, Target::Kind(at) if *at == number);
            if !conditions.targets.iter().any(by) {
                let message = format!("no condition is on `@{}`", self.pool.get(kind.name));
                remarks.push(Remark::new("unused", Some(kind.span), message, None));
            }
        }
    }

    /// In a stack a label may be what another policy asks for, so nothing is told of one.
    fn lint_labels(&self, remarks: &mut Vec<Remark>) {
        for name in self.idle_labels() {
            let message = format!("no rule asks for the label `{name}`");
            remarks.push(Remark::new("unused", None, message, None));
        }
    }

    fn lint_rule(&self, named: &Named<'_>, rules: &[Named<'_>], remarks: &mut Vec<Remark>) {
        let Named { rule, id, tools } = named;
        // What a preset says is not the author's to change.
        let Some(span) = rule.span else { return };
        let mut add = |code, message: String, hint| {
            remarks.push(Remark::new(code, Some(span), message, hint));
        };
        if rule.shadow {
            add("shadow-mode", format!("rule `{id}` is in shadow mode: it has no effect"), None);
        }
        if rule.skip {
            let message = format!("rule `{id}` denies nothing to a call that lacks the argument");
            add("deny-skips-missing", message, Some("leave out `missing` unless that is meant"));
        }
        // A rule that denies is about those whom nobody knows.
        if rule.effect != Effect::Deny && rule.subject.is_nobody() {
            let message = format!("rule `{id}` is about nobody: `except_roles` has all of `roles`");
            add("unreachable", message, None);
        }
        if tools.is_empty() {
            add("empty-list", format!("`{id}` names no tool"), None);
            return;
        }
        let remembers = rule.session.is_some();
        if rule.effect == Effect::Allow && self.default == Effect::Allow && !remembers {
            let message = format!("rule `{id}` adds nothing: the default is to allow");
            add(
                "redundant",
                message,
                Some("write default = \"deny\" to allow only what is listed"),
            );
        }
        for other in rules.iter().filter(|other| !core::ptr::eq(other.rule, *rule)) {
            if rule.shadow || !other.is_plain() {
                continue;
            }
            let covered: Vec<&str> =
                tools.iter().filter(|tool| other.covers(tool)).map(String::as_str).collect();
            let all = covered.len() == tools.len();
            let (other_id, verb) = (other.id, other.rule.effect.name());
            if covered.is_empty() {
                continue;
            }
            if other.rule.effect == rule.effect {
                if remembers {
                    continue;
                }
                // Of two that say the same the first stays.
                let first = rules.iter().position(|rule| core::ptr::eq(rule, other))
                    < rules.iter().position(|rule| core::ptr::eq(rule, named));
                let same = named.is_plain() && other.tools.iter().all(|tool| named.covers(tool));
                if all && (first || !same) {
                    let message = format!(
                        "rule `{id}` adds nothing: `{other_id}` has the effect {verb} for all of its tools"
                    );
                    add("redundant", message, None);
                }
            } else if other.rule.effect.rank() > rule.effect.rank() {
                let (code, what) = match all {
                    true => ("unreachable", format!("rule `{id}` never decides")),
                    false => {
                        ("shadowed", format!("rule `{id}` never decides about {}", list(&covered)))
                    }
                };
                let message = format!("{what}: `{other_id}` comes first with the effect {verb}");
                add(code, message, None);
            }
        }
    }

    fn lint_tools(&self, rules: &[Named<'_>], tools: &[&str], remarks: &mut Vec<Remark>) {
        let patterns = rules.iter().filter_map(|named| {
            let kind = format!("rule `{}`", named.id);
            Some((kind, named.rule.span?, named.rule.effect.case(), &named.tools))
        });
        let by_number = |tools: &NameIndex, count: usize| {
            let mut all: Vec<Vec<String>> = Vec::new();
            all.resize_with(count, Vec::new);
            for (pattern, number) in tools.patterns(&self.pool) {
                if let Some(patterns) = all.get_mut(number as usize) {
                    patterns.push(pattern);
                }
            }
            all
        };
        let limited = by_number(&self.limits.tools, self.limits.limits.len());
        let budgeted = by_number(&self.budgets.tools, self.budgets.budgets.len());
        let limits = self.limits.limits.iter().zip(&limited).filter_map(|(limit, patterns)| {
            let kind = format!("limit `{}`", self.pool.get(limit.id));
            Some((kind, limit.span?, Case::Fold, patterns))
        });
        let budgets =
            self.budgets.budgets.iter().zip(&budgeted).filter_map(|(budget, patterns)| {
                let kind = format!("`{}`", self.pool.get(budget.name));
                Some((kind, budget.span?, Case::Fold, patterns))
            });
        let mut look = |kind: &str, span, case, pattern: &str| {
            if tools.iter().any(|tool| glob::matches(pattern, tool, case)) {
                return;
            }
            let message = format!("{kind}: no tool is called `{pattern}`");
            let near = nearest(pattern, tools.iter().copied());
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let remark = Remark::new("no-such-tool", Some(span), message, None);
            remarks.push(Remark { hint, ..remark });
        };
        for (kind, span, case, patterns) in patterns.chain(limits).chain(budgets) {
            patterns.iter().for_each(|pattern| look(&kind, span, case, pattern));
        }
        for kind in &self.conditions.kinds {
            let name = format!("kind `{}`", self.pool.get(kind.name));
            for (pattern, _) in kind.tools.patterns(&self.pool) {
                look(&name, kind.span, Case::Fold, &pattern);
            }
        }
        for entry in &self.mending.entries {
            if let Some(span) = entry.span {
                look("[arguments]", span, Case::Exact, self.pool.get(entry.pattern));
            }
        }
        for entry in &self.outputs.entries {
            look("[output]", entry.span, Case::Exact, self.pool.get(entry.pattern));
        }
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
