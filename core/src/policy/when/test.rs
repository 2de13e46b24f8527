//! What a condition asks of a value, read.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::address::Classes;
use super::super::argv::ArgvTest;
use super::super::compile::Compiler;
use super::super::condition::{Order, Scalar, Test, Types, is_decimal};
use super::super::error::PolicyError;
use super::super::fields::{Item, Table};
use super::super::keys::{ARGV, URL};
use super::super::path;
use super::super::rule::List;
use super::super::sql::{SqlTest, VERBS};
use super::super::text::Text;
use super::super::tree::Value;
use super::super::truth::Side;
use super::super::url::UrlTest;
use crate::schema::pattern::Pattern as Regex;

/// Longest text that arguments are compared with, in bytes.
const MAX_TEXT: usize = 1024;

/// Tells whether a text may stand where it does.
type Check = fn(&str, &Item<'_>) -> Result<(), PolicyError>;

impl Compiler<'_> {
    pub(super) fn tests(
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

    pub(super) fn scalar(&mut self, item: &Item<'_>) -> Result<Scalar, PolicyError> {
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
            Value::Text(text) if is_decimal(text) && text.len() <= MAX_TEXT => {
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
