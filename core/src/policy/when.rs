//! Reading conditions: `when`, `sets`, `kinds`, `calendar` and the windows of time.

mod test;
mod window;

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::Cell;

use super::claim::Claim;
use super::compile::{Compiler, Set};
use super::condition::{Condition, Expr, KindEntry, KindOf, Origin, Segment, Target};
use super::error::PolicyError;
use super::fields::Item;
use super::index::{NameIndex, Pattern};
use super::keys::CONDITION;
use super::rule::{During, List};
use super::tree::Member;
use super::truth::{Side, Truth};
use crate::glob::{self, Case};

/// Most conditions of one rule.
const MAX_CONDITIONS: usize = 32;
/// Deepest nesting of `any` and `not`.
const MAX_NESTING: usize = 4;
/// Most segments of a path to an argument.
const MAX_SEGMENTS: usize = 16;

/// What the conditions of one rule have in common.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub side: Side,
    /// The rule does not apply to calls that lack an argument.
    pub skip: bool,
    /// The rule denies: a missing argument must never help a call.
    pub denies: bool,
}

impl Compiler<'_> {
    pub fn declare_sets(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            let mut scalars = Vec::new();
            for element in value.elements()? {
                scalars.push(self.scalar(&element)?);
            }
            if scalars.is_empty() {
                return Err(value.error("an empty set"));
            }
            let used = Cell::new(false);
            self.sets.push(Set { name: member.name.clone(), span: member.span, scalars, used });
        }
        Ok(())
    }

    pub fn declare_kinds(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        // By kind: its entries and their patterns.
        let mut kinds: Vec<(&Member, Vec<KindEntry>, Vec<Pattern>)> = Vec::new();
        for (tools, table) in item.entries()? {
            glob::check(&tools.name).map_err(|error| table.error(error.to_string()))?;
            for (kind, paths) in table.entries()? {
                let first = self.conditions.targets.len() as u32;
                for path in paths.some_texts()? {
                    let target = self.path(path.text()?, &path)?;
                    self.conditions.targets.push(target);
                }
                let targets = List { first, end: self.conditions.targets.len() as u32 };
                let entry = KindEntry { targets, wildcard: tools.name.contains(['*', '?']) };
                let at = match kinds.iter().position(|(known, ..)| known.name == kind.name) {
                    Some(at) => at,
                    None => {
                        kinds.push((kind, Vec::new(), Vec::new()));
                        kinds.len().saturating_sub(1)
                    }
                };
                if let Some((_, entries, patterns)) = kinds.get_mut(at) {
                    let rule = entries.len() as u32;
                    patterns.push(Pattern { text: self.pool.add(&tools.name), rule });
                    entries.push(entry);
                }
            }
        }
        for (Member { name, span, .. }, entries, patterns) in kinds {
            let tools = NameIndex::new(Case::Fold, &patterns, &self.pool);
            let name = self.pool.add(name);
            self.conditions.kinds.push(KindOf { name, span: *span, tools, entries });
        }
        Ok(())
    }

    /// Reads a `when` into its window and its formula.
    pub fn when(
        &mut self,
        item: &Item<'_>,
        frame: Frame,
    ) -> Result<(Option<During>, Option<u32>), PolicyError> {
        let before = self.conditions.conditions.len();
        let mut time = None;
        let mut parts = Vec::new();
        let entries = item.entries()?;
        if entries.is_empty() {
            return Err(item.error("an empty condition").with_hint("leave the key out for none"));
        }
        for (member, value) in entries {
            if member.name == "time" {
                time = Some(During { window: self.window(&value)?, outside: false });
            } else {
                self.part(&member.name, &value, frame, 1, &mut parts)?;
            }
        }
        if self.conditions.conditions.len().saturating_sub(before) > MAX_CONDITIONS {
            return Err(item.error(format!("a rule has at most {MAX_CONDITIONS} conditions")));
        }
        let formula = if parts.is_empty() { None } else { Some(self.all(parts)) };
        Ok((time, formula))
    }

    /// Notes which arguments the next rule, whose conditions begin at `before`, expects its tools to
    /// declare.
    pub fn claim(&mut self, tools: &[Item<'_>], before: usize) {
        let names = || tools.iter().filter_map(|tool| tool.text().ok());
        if names().any(|name| name.contains(['*', '?'])) {
            return;
        }
        let new = self.conditions.conditions.get(before..).unwrap_or(&[]);
        for condition in new {
            let target = self.conditions.targets.get(condition.target as usize);
            let Some(Target::Path(list)) = target else { continue };
            let first = list.of(&self.conditions.segments).first();
            if let Some(Segment::Name(name)) = first {
                let tools = names().map(|name| self.pool.add(name)).collect();
                let rule = self.rules.len() as u32;
                self.claims.push(Claim { rule, name: *name, tools });
            }
        }
    }

    /// Reads one key of a table of conditions.
    fn part(
        &mut self,
        name: &str,
        item: &Item<'_>,
        frame: Frame,
        depth: usize,
        parts: &mut Vec<u32>,
    ) -> Result<(), PolicyError> {
        if matches!(name, "any" | "not") && depth > MAX_NESTING {
            return Err(item.error(format!("conditions are nested at most {MAX_NESTING} deep")));
        }
        let deeper = depth.saturating_add(1);
        let expr = match name {
            "time" => Expr::Time(self.window(item)?),
            "any" => {
                let mut branches = Vec::new();
                for branch in item.elements()? {
                    branches.push(self.table_of_conditions(&branch, frame, deeper)?);
                }
                if branches.is_empty() {
                    return Err(item.error("an empty list of alternatives never holds"));
                }
                Expr::Any(self.list(branches))
            }
            "not" => {
                let turned = Frame { side: frame.side.turned(), ..frame };
                Expr::Not(self.table_of_conditions(item, turned, deeper)?)
            }
            _ => {
                let target = self.target(name, item)?;
                return self.condition(name, target, item, frame, parts);
            }
        };
        parts.push(self.expr(expr));
        Ok(())
    }

    pub fn table_of_conditions(
        &mut self,
        item: &Item<'_>,
        frame: Frame,
        depth: usize,
    ) -> Result<u32, PolicyError> {
        let mut parts = Vec::new();
        for (member, value) in item.entries()? {
            self.part(&member.name, &value, frame, depth, &mut parts)?;
        }
        if parts.is_empty() {
            return Err(item.error("an empty condition"));
        }
        Ok(self.all(parts))
    }

    fn all(&mut self, parts: Vec<u32>) -> u32 {
        if let [only] = *parts {
            return only;
        }
        let list = self.list(parts);
        self.expr(Expr::All(list))
    }

    fn expr(&mut self, expr: Expr) -> u32 {
        self.conditions.exprs.push(expr);
        self.conditions.exprs.len().saturating_sub(1) as u32
    }

    fn list(&mut self, exprs: Vec<u32>) -> List {
        let first = self.conditions.lists.len() as u32;
        self.conditions.lists.extend(exprs);
        List { first, end: self.conditions.lists.len() as u32 }
    }

    /// What `args.…` or `@kind` names.
    fn target(&mut self, name: &str, item: &Item<'_>) -> Result<u32, PolicyError> {
        let target = if let Some(kind) = name.strip_prefix('@') {
            let kinds = || self.conditions.kinds.iter().map(|kind| self.pool.get(kind.name));
            let Some(at) = kinds().position(|known| known == kind) else {
                let error = item.error(format!("no kind of arguments `{kind}` in [kinds]"));
                return Err(error.with_nearest(kind, kinds()));
            };
            Target::Kind(at as u32)
        } else if name == "args" {
            Target::Path(List::default())
        } else if let Some(path) = name.strip_prefix("args.") {
            self.path(path, item)?
        } else {
            const KNOWN: [&str; 3] = ["any", "not", "time"];
            return Err(item
                .error(format!("`{name}` is no condition"))
                .with_hint("conditions are args.NAME, @KIND, any, not and time")
                .with_near(name, KNOWN));
        };
        self.conditions.targets.push(target);
        Ok(self.conditions.targets.len().saturating_sub(1) as u32)
    }

    /// Reads `a.b[]."c.d"`.
    fn path(&mut self, text: &str, item: &Item<'_>) -> Result<Target, PolicyError> {
        let wrong = || {
            item.error(format!("`{text}` is no path to an argument"))
                .with_hint("write a.b, a[] for each element, \"a.b\" for a name with a dot, or **")
        };
        let first = self.conditions.segments.len() as u32;
        let mut rest = text;
        let mut count = 0_usize;
        while !rest.is_empty() {
            count = count.saturating_add(1);
            if count > MAX_SEGMENTS {
                return Err(wrong());
            }
            if rest == "**" {
                self.conditions.segments.push(Segment::Deep);
                break;
            }
            let name = if let Some(quoted) = rest.strip_prefix('"') {
                let (name, after) = quoted.split_once('"').ok_or_else(wrong)?;
                rest = after;
                name
            } else {
                let end = rest.find(['.', '[', '"', '*', ']']).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                rest = after;
                name
            };
            if name.is_empty() {
                return Err(wrong());
            }
            let name = self.pool.add(name);
            self.conditions.segments.push(Segment::Name(name));
            while let Some(after) = rest.strip_prefix("[]") {
                self.conditions.segments.push(Segment::Each);
                rest = after;
            }
            rest = match rest.strip_prefix('.') {
                Some("") => return Err(wrong()),
                Some(after) => after,
                None if rest.is_empty() => rest,
                None => return Err(wrong()),
            };
        }
        if count == 0 {
            return Err(wrong());
        }
        Ok(Target::Path(List { first, end: self.conditions.segments.len() as u32 }))
    }

    /// Reads the path of an argument.
    pub fn plain_path(&mut self, text: &str, item: &Item<'_>) -> Result<List, PolicyError> {
        match self.path(text, item)? {
            Target::Path(list) => Ok(list),
            Target::Kind(_) => Err(item.error("a kind is no path")),
        }
    }

    /// Reads the tests of one target.
    fn condition(
        &mut self,
        name: &str,
        target: u32,
        item: &Item<'_>,
        frame: Frame,
        parts: &mut Vec<u32>,
    ) -> Result<(), PolicyError> {
        let table = item.clone().table(&CONDITION)?;
        let side = frame.side;
        let optional = table.read("optional", Item::boolean)?.unwrap_or(false);
        if optional && frame.denies {
            let error = item.error("`optional` would let calls pass that lack the argument");
            return Err(error.with_hint("write missing = \"skip\" in the rule to mean that"));
        }
        let missing = if optional {
            Truth::True
        } else if frame.skip {
            // Whatever stands around it, the rule lets go.
            side.turned().start().not()
        } else {
            Truth::Unknown
        };
        let each = table.read("each", |item| item.word(&[("all", false), ("any", true)]))?;
        let any = each.unwrap_or(side == Side::Refuse);
        let tests = self.tests(&table, side)?;
        if tests.is_empty() {
            return Err(item.error("a condition that tests nothing"));
        }
        let name = self.pool.add(name);
        for (key, test) in tests {
            let span = table.get(key).map_or_else(|| item.span(), |item| item.span());
            self.conditions.origins.push(Origin { target: name, key, span });
            let number = self.conditions.conditions.len() as u32;
            let denies = frame.denies;
            let condition = Condition { target, test, side, denies, any, missing };
            self.conditions.conditions.push(condition);
            parts.push(self.expr(Expr::Condition(number)));
        }
        Ok(())
    }
}
