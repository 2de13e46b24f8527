//! Reading conditions: `when`, `sets`, `kinds`, `calendar` and the windows of time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;

use super::address::Classes;
use super::argv::ArgvTest;
use super::claim::Claim;
use super::compile::{Compiler, Set};
use super::condition::{
    Condition, Expr, KindEntry, KindOf, Order, Origin, Scalar, Segment, Target, Test, Types,
};
use super::error::PolicyError;
use super::fields::{Item, Table};
use super::index::{NameIndex, Pattern};
use super::keys::{ARGV, CONDITION, URL, WINDOW};
use super::path;
use super::rule::{During, List};
use super::sql::{SqlTest, VERBS};
use super::text::Text;
use super::time::{self, EVERY_DAY, Window, Zone};
use super::tree::{Member, Value};
use super::truth::{Side, Truth};
use super::url::UrlTest;
use crate::glob::{self, Case};
use crate::schema::pattern::Pattern as Regex;

/// Most conditions of one rule.
const MAX_CONDITIONS: usize = 32;
/// Deepest nesting of `any` and `not`.
const MAX_NESTING: usize = 4;
/// Longest text that arguments are compared with, in bytes.
const MAX_TEXT: usize = 1024;
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

    pub fn declare_calendar(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            let window = self.window(&value)?;
            self.calendar.push((member.name.clone(), window));
        }
        Ok(())
    }

    /// Reads a window: `"09:00-17:00"`, `"@name"` of the calendar, or a table.
    pub fn window(&mut self, item: &Item<'_>) -> Result<u32, PolicyError> {
        if !item.is_table() {
            let text = item.text()?;
            if let Some(name) = text.strip_prefix('@') {
                let found = self.calendar.iter().find(|(known, _)| known == name);
                return found.map(|(_, window)| *window).ok_or_else(|| {
                    let names = self.calendar.iter().map(|(name, _)| name.as_str());
                    let error = item.error(format!("no window `{name}` in [calendar]"));
                    error.with_nearest(name, names)
                });
            }
            let (from, to) = time::read_hours(text).ok_or_else(|| {
                item.error("hours are written like 09:00-17:00")
                    .with_hint("the end is not part of the window; the whole day is 00:00-24:00")
            })?;
            return self.add_window(None, EVERY_DAY, (from, to), Vec::new(), item);
        }
        let table = item.clone().table(&WINDOW)?;
        let clock = |item: &Item<'_>| {
            let read = time::read_time(item.text()?);
            read.ok_or_else(|| item.error("a time of day is written like 09:00"))
        };
        let from = table.read("from", clock)?.unwrap_or(0);
        let to = table.read("to", clock)?.unwrap_or(86_400);
        if from == to || from == 86_400 {
            return Err(item.error("this window is never open"));
        }
        let mut days = 0;
        let listed = table.read("days", Item::some_texts)?;
        for day in listed.iter().flatten() {
            days |= time::read_days(day.text()?).ok_or_else(|| {
                day.error("days are written like mon, tue or mon-fri, in lower case")
            })?;
        }
        let days = if listed.is_some() { days } else { EVERY_DAY };
        let mut except = Vec::new();
        for date in table.read("except_dates", Item::texts)?.iter().flatten() {
            let day = time::read_date(date.text()?);
            except.push(day.ok_or_else(|| date.error("a date is written like \"2026-12-25\""))?);
        }
        let zone = table.get("tz");
        self.add_window(zone.as_ref(), days, (from, to), except, item)
    }

    /// A window of these hours every day, in the zone of the document.
    pub fn hours(&mut self, hours: (i64, i64), item: &Item<'_>) -> Result<u32, PolicyError> {
        self.add_window(None, EVERY_DAY, hours, Vec::new(), item)
    }

    fn add_window(
        &mut self,
        zone: Option<&Item<'_>>,
        days: u8,
        (from, to): (i64, i64),
        mut except: Vec<i64>,
        item: &Item<'_>,
    ) -> Result<u32, PolicyError> {
        let name = match zone {
            Some(zone) => Some(zone.text()?.to_string()),
            None => self.zone.clone(),
        };
        let assumed = name.is_none();
        let name = name.unwrap_or_else(|| "UTC".to_string());
        let place = zone.unwrap_or(item);
        let zone = self.find_zone(&name, place)?;
        except.sort_unstable();
        let text = time::describe(days, from, to, &name);
        let span = item.span();
        self.conditions.windows.push(Window { zone, days, from, to, except, text, assumed, span });
        Ok(self.conditions.windows.len().saturating_sub(1) as u32)
    }

    /// The zone called `name`.
    pub fn find_zone(&self, name: &str, place: &Item<'_>) -> Result<Zone, PolicyError> {
        if name == "UTC" {
            return Ok(Zone::utc());
        }
        self.zones.zone(name).ok_or_else(|| {
            place
                .error(format!("no time zone is called `{name}` here"))
                .with_hint("zones have names like UTC and Europe/Berlin")
        })
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

    fn table_of_conditions(
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

    fn tests(
        &mut self,
        table: &Table<'_>,
        side: Side,
    ) -> Result<Vec<(&'static str, Test)>, PolicyError> {
        let mut tests = Vec::new();
        for (key, negated) in [("eq", false), ("ne", true)] {
            if let Some(item) = table.get(key) {
                let scalar = self.scalar(&item)?;
                let scalars = self.scalars(&[scalar]);
                tests.push((key, Test::OneOf { scalars, negated }));
            }
        }
        for (key, negated) in [("in", false), ("not_in", true)] {
            if let Some(item) = table.get(key) {
                let scalars = self.scalar_list(&item)?;
                tests.push((key, Test::OneOf { scalars, negated }));
            }
        }
        if let Some(item) = table.get("subset") {
            tests.push(("subset", Test::Subset(self.scalar_list(&item)?)));
        }
        let orders = [
            ("gt", Order::Above),
            ("ge", Order::AtLeast),
            ("lt", Order::Below),
            ("le", Order::AtMost),
        ];
        for (key, order) in orders {
            if let Some(item) = table.get(key) {
                tests.push((key, Test::Order { order, bound: self.number(&item)? }));
            }
        }
        let length = |item: &Item<'_>| item.whole();
        let (least, most) = (table.read("min_len", length)?, table.read("max_len", length)?);
        if least.is_some() || most.is_some() {
            let key = if least.is_some() { "min_len" } else { "max_len" };
            let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
            tests.push((key, Test::Length { least, most }));
        }
        type Make = fn(List) -> Test;
        let lists: [(&'static str, Make); 3] =
            [("prefix", Test::Prefix), ("suffix", Test::Suffix), ("contains", Test::Contains)];
        for (key, test) in lists {
            if let Some(item) = table.get(key) {
                tests.push((key, test(self.text_list(&item, check_text)?)));
            }
        }
        if let Some(item) = table.get("email") {
            tests.push(("email", Test::Email(self.text_list(&item, check_text)?)));
        }
        if let Some(item) = table.get("glob") {
            tests.push(("glob", Test::Glob(self.text_list(&item, check_path_glob)?)));
        }
        if let Some(item) = table.get("under") {
            tests.push(("under", Test::Under(self.text_list(&item, check_root)?)));
        }
        if let Some(item) = table.get("regex") {
            let text = format!("^(?:{})$", item.text()?);
            let pattern =
                Regex::compile(&text).map_err(|error| item.error(error.kind.message()))?;
            self.conditions.patterns.push(pattern);
            let number = self.conditions.patterns.len().saturating_sub(1) as u32;
            tests.push(("regex", Test::Regex(number)));
        }
        if let Some(item) = table.get("type") {
            let mut types = Types::default();
            for name in item.some_texts()? {
                types.0 |= name.word(&Types::NAMED)?.0;
            }
            tests.push(("type", Test::Type(types)));
        }
        if let Some(item) = table.get("present") {
            tests.push(("present", Test::Present(item.boolean()?)));
        }
        for (key, negated) in [("eq_ctx", false), ("ne_ctx", true)] {
            if let Some(item) = table.get(key) {
                let tenant = item.word(&[("agent", false), ("tenant", true)])?;
                tests.push((key, Test::Context { tenant, negated }));
            }
        }
        if let Some(item) = table.get("url") {
            let test = self.url(&item)?;
            self.conditions.urls.push(test);
            let number = self.conditions.urls.len().saturating_sub(1) as u32;
            tests.push(("url", Test::Url(number)));
        }
        if let Some((key, test)) = self.sql(table)? {
            self.conditions.sqls.push(test);
            let number = self.conditions.sqls.len().saturating_sub(1) as u32;
            tests.push((key, Test::Sql(number)));
        }
        if let Some(item) = table.get("argv") {
            let (test, rest) = self.argv(&item, side)?;
            self.conditions.argvs.push(test);
            let test = self.conditions.argvs.len().saturating_sub(1) as u32;
            tests.push(("argv", Test::Argv { test, rest }));
        }
        Ok(tests)
    }

    fn url(&mut self, item: &Item<'_>) -> Result<UrlTest, PolicyError> {
        let table = item.clone().table(&URL)?;
        let mut test = UrlTest::default();
        let parts: [(&str, Check); 2] = [("scheme", check_scheme), ("host", check_host)];
        for (key, check) in parts {
            let Some(item) = table.get(key) else { continue };
            let list = self.text_list(&item, check)?;
            let texts = list.of(&self.conditions.texts).to_vec();
            match key {
                "scheme" => test.schemes = texts,
                _ => test.hosts = texts,
            }
        }
        if let Some(item) = table.get("port") {
            let ports = if item.is_list() { item.elements()? } else { Vec::from([item]) };
            for port in ports {
                let number = u16::try_from(port.count()?);
                let number = number.map_err(|_| port.error("a port is at most 65535"))?;
                test.ports.push((number, number));
            }
        }
        if let Some(item) = table.get("address") {
            let mut classes = Classes::default();
            for name in item.some_texts()? {
                classes = classes.with(name.word(&Classes::NAMED)?);
            }
            test.addresses = Some(classes);
        }
        let empty = test.schemes.is_empty()
            && test.hosts.is_empty()
            && test.ports.is_empty()
            && test.addresses.is_none();
        if empty {
            return Err(item.error("a condition that tests nothing"));
        }
        Ok(test)
    }

    /// Reads the keys of a condition on SQL; with the first of them for who looks for its place.
    fn sql(&mut self, table: &Table<'_>) -> Result<Option<(&'static str, SqlTest)>, PolicyError> {
        const KEYS: [&str; 7] =
            ["sql", "verbs", "verbs_only", "single", "tables_any", "tables_only", "comments"];
        let Some((key, item)) = KEYS.iter().find_map(|key| Some((*key, table.get(key)?))) else {
            return Ok(None);
        };
        let Some(reader) = self.conditions.sql.clone() else {
            let error = item.error("this program cannot read SQL");
            return Err(error.with_hint("build it with the feature `sql` of agent-airlock"));
        };
        let mut test = SqlTest {
            single: table.read("single", Item::boolean)?,
            comments: table.read("comments", Item::boolean)?,
            ..SqlTest::default()
        };
        test.dialect = table.read("sql", |item| {
            let name = item.text()?;
            if !reader.knows(name) {
                let error = item.error(format!("no dialect of SQL is called `{name}`"));
                return Err(error.with_nearest(name, reader.common().iter().copied()));
            }
            Ok(self.pool.add(name))
        })?;
        test.verbs = table.read("verbs", |item| self.text_list(item, check_verb))?;
        test.verbs_only = table.read("verbs_only", |item| self.text_list(item, check_verb))?;
        test.tables_any = table.read("tables_any", |item| self.text_list(item, check_table))?;
        test.tables_only = table.read("tables_only", |item| self.text_list(item, check_table))?;
        Ok(Some((key, test)))
    }

    fn argv(
        &mut self,
        item: &Item<'_>,
        side: Side,
    ) -> Result<(ArgvTest, Option<u32>), PolicyError> {
        let table = item.clone().table(&ARGV)?;
        let mut test = ArgvTest::default();
        let keys: [(&str, Check); 3] =
            [("program", check_text), ("flags", check_flag), ("operands", check_path_glob)];
        for (key, check) in keys {
            let Some(item) = table.get(key) else { continue };
            let list = self.text_list(&item, check)?;
            let texts = list.of(&self.conditions.texts).to_vec();
            match key {
                "program" => test.programs = texts,
                "flags" => test.flags = texts,
                _ => test.operands = texts,
            }
        }
        if test.programs.is_empty()
            && (side == Side::Admit || test.flags.is_empty() && test.operands.is_empty())
        {
            return Err(item.error("the key `program` is missing"));
        }
        test.compound = table.read("compound", Item::boolean)?.unwrap_or(false);
        let rest = table.read("rest", |item| {
            let target = self.path(item.text()?, item)?;
            self.conditions.targets.push(target);
            Ok(self.conditions.targets.len().saturating_sub(1) as u32)
        })?;
        Ok((test, rest))
    }

    fn scalar(&mut self, item: &Item<'_>) -> Result<Scalar, PolicyError> {
        match item.value() {
            Value::Text(text) => {
                check_text(text, item)?;
                Ok(Scalar::Text(self.pool.add(text)))
            }
            Value::Bool(value) => Ok(Scalar::Bool(*value)),
            Value::Integer(_) | Value::Decimal(_) => Ok(Scalar::Number(self.number(item)?)),
            _ => Err(item.mismatch("a string, a number or a boolean")),
        }
    }

    /// A number, or a string that spells one.
    fn number(&mut self, item: &Item<'_>) -> Result<Text, PolicyError> {
        match item.value() {
            Value::Integer(number) => Ok(self.pool.add(&number.to_string())),
            Value::Decimal(text) => Ok(self.pool.add(text)),
            Value::Text(text) if super::condition::is_decimal(text) && text.len() <= MAX_TEXT => {
                Ok(self.pool.add(text))
            }
            Value::Text(_) => Err(item.error("a number is written like -12.50")),
            _ => Err(item.mismatch("a number")),
        }
    }

    fn scalars(&mut self, scalars: &[Scalar]) -> List {
        let first = self.conditions.scalars.len() as u32;
        self.conditions.scalars.extend_from_slice(scalars);
        List { first, end: self.conditions.scalars.len() as u32 }
    }

    /// A list of literals, or `"@set"`.
    fn scalar_list(&mut self, item: &Item<'_>) -> Result<List, PolicyError> {
        if let Some(set) = self.set(item)? {
            return Ok(self.scalars(&set));
        }
        let mut scalars = Vec::new();
        for element in item.elements()? {
            scalars.push(self.scalar(&element)?);
        }
        if scalars.is_empty() {
            return Err(item.error("an empty list"));
        }
        Ok(self.scalars(&scalars))
    }

    /// A list of texts, one text, or `"@set"`.
    fn text_list(&mut self, item: &Item<'_>, check: Check) -> Result<List, PolicyError> {
        let mut texts = Vec::new();
        if let Some(set) = self.set(item)? {
            for scalar in set {
                let Scalar::Text(text) = scalar else {
                    return Err(item.error("every member of this set must be a string"));
                };
                check(self.pool.get(text), item)?;
                texts.push(text);
            }
        } else {
            for text in item.some_texts()? {
                check(text.text()?, &text)?;
                texts.push(self.pool.add(text.text()?));
            }
        }
        let first = self.conditions.texts.len() as u32;
        self.conditions.texts.extend(texts);
        Ok(List { first, end: self.conditions.texts.len() as u32 })
    }

    /// The set that `"@name"` means.
    fn set(&self, item: &Item<'_>) -> Result<Option<Vec<Scalar>>, PolicyError> {
        let Value::Text(text) = item.value() else { return Ok(None) };
        let Some(name) = text.strip_prefix('@') else { return Ok(None) };
        let found = self.sets.iter().find(|set| set.name == name);
        found.inspect(|set| set.used.set(true)).map(|set| Some(set.scalars.clone())).ok_or_else(
            || {
                let names = self.sets.iter().map(|set| set.name.as_str());
                let error = item.error(format!("no set `{name}` in [sets]"));
                error
                    .with_hint("a text that begins with @ is written in a list: [\"@text\"]")
                    .with_near(name, names)
            },
        )
    }
}

/// Tells whether a text may stand where it does.
type Check = fn(&str, &Item<'_>) -> Result<(), PolicyError>;

fn check_text(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    if text.len() > MAX_TEXT {
        return Err(item.error(format!("a text here has at most {MAX_TEXT} bytes")));
    }
    Ok(())
}

fn check_path_glob(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    let wrong = |message: String| Err(item.error(message));
    if text.is_empty() || text.len() > path::MAX_GLOB {
        return wrong(format!("a pattern has 1 to {} bytes", path::MAX_GLOB));
    }
    if text.contains("***") {
        return wrong("a pattern has no more than two stars side by side".to_string());
    }
    if text.contains(['[', ']', '{', '}', '\\']) {
        return wrong("a pattern knows only *, ** and ?, no classes or alternatives".to_string());
    }
    Ok(())
}

fn check_root(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    let dots = text.split('/').any(|segment| matches!(segment, "." | ".."));
    if !text.starts_with('/') || dots || text.contains(['\\', '%', '\0']) || text.contains("//") {
        return Err(item.error("a root is an absolute path without . and .. segments"));
    }
    check_text(text, item)
}

fn check_scheme(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(item.error("a scheme is written like https, without ://"));
    }
    check_text(text, item)
}

fn check_host(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    let v6 = text.contains(':');
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'-' | b'_' | b'*' | b'?')
            || v6 && byte == b':'
    };
    if text.is_empty() || !text.bytes().all(plain) {
        let error =
            item.error("a host is a name in ASCII or an address, without port and brackets");
        return Err(error.with_hint("*.example.com covers every name below example.com"));
    }
    let labels = text.split('.').count();
    let last = text.rsplit('.').next().unwrap_or("");
    if labels > 1 && last.contains('*') {
        return Err(item.error("a pattern that leaves the end of a host open covers any host"));
    }
    check_text(text, item)
}

fn check_verb(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    let known = VERBS.contains(&text);
    if known {
        return Ok(());
    }
    let error = item.error(format!("`{text}` is no kind of statement"));
    Err(error.with_nearest(text, VERBS))
}

fn check_table(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    if text.is_empty() || text.contains(['"', '`', '[', ']', ' ', '*']) {
        return Err(item.error("a table is written like orders or crm.orders, without quotes"));
    }
    check_text(text, item)
}

fn check_flag(text: &str, item: &Item<'_>) -> Result<(), PolicyError> {
    if text.len() < 2 || !text.starts_with('-') || text.contains(['=', ' ']) {
        return Err(item.error("a flag is written like -r or --recursive"));
    }
    check_text(text, item)
}
