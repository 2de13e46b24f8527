//! One value against one test.

use super::super::argv::ArgvTest;
use super::super::path;
use super::super::rule::List;
use super::super::text::Text;
use super::super::truth::{Side, Truth};
use super::judge::{Judge, Reached};
use super::{Condition, Memory, Order, Scalar, Target, Test};
use crate::buf::Buf;
use crate::json::{Kind, Number, Str, Value};

/// How many times as much reading SQL costs as reading a text.
const SQL_STEPS: usize = 256;

impl<'a> Judge<'a, '_> {
    /// Judges one value.
    pub(super) fn test(&mut self, condition: &Condition, value: Value<'a>) -> Truth {
        let Condition { test, side, .. } = *condition;
        self.spend(value.raw().len());
        if self.left == 0 {
            return Truth::Unknown;
        }
        let conditions = self.conditions;
        match test {
            Test::Present(wanted) => wanted.into(),
            Test::Type(types) => types.has(value).into(),
            Test::Order { order, bound } => self.order(value, order, bound),
            Test::OneOf { scalars, negated } => {
                let scalars = scalars.of(&conditions.scalars);
                if negated {
                    self.one_of(value, scalars, side.turned()).not()
                } else {
                    self.one_of(value, scalars, side)
                }
            }
            Test::Subset(scalars) => {
                let scalars = scalars.of(&conditions.scalars);
                if value.kind() != Kind::Array {
                    return Truth::Unknown;
                }
                self.spend(value.len().saturating_mul(scalars.len()));
                let each = value.elements().map(|element| self.one_of(element, scalars, side));
                each.fold(Truth::True, Truth::min)
            }
            Test::Length { least, most } => {
                let length = match value.as_str() {
                    Some(text) => text.length(),
                    None if matches!(value.kind(), Kind::Array | Kind::Object) => value.len(),
                    None => return Truth::Unknown,
                };
                (least..=most).contains(&(length as u64)).into()
            }
            Test::Contains(list) if value.kind() == Kind::Array => {
                let texts = list.of(&conditions.texts);
                let has = |element: Value<'_>| {
                    texts.iter().any(|text| {
                        element.as_str().is_some_and(|e| same(e, self.pool.get(*text), side))
                    })
                };
                value.elements().any(has).into()
            }
            Test::Argv { test, rest } => self.argv(test, rest, value, side),
            _ => match value.as_str() {
                Some(text) => self.test_text(test, text, side),
                None => Truth::Unknown,
            },
        }
    }

    fn test_text(&mut self, test: Test, text: Str<'a>, side: Side) -> Truth {
        let (conditions, pool) = (self.conditions, self.pool);
        // The text is looked through for each member of a list.
        if let Test::Contains(list) | Test::Glob(list) | Test::Under(list) = test {
            self.spend(text.raw().len().saturating_mul(list.of(&conditions.texts).len()));
            if self.left == 0 {
                return Truth::Unknown;
            }
        }
        if let Test::Regex(pattern) = test {
            let pattern = conditions.patterns.get(pattern as usize);
            return pattern.map_or(Truth::Unknown, |pattern| pattern.is_match_str(text).into());
        }
        if let Test::Sql(number) = test {
            return self.sql(number, text, side);
        }
        if let Test::Context { tenant, negated } = test {
            let name = if tenant { self.who.tenant } else { self.who.agent };
            let Some(name) = name else { return Truth::Unknown };
            return if negated {
                Truth::from(same(text, name, side.turned())).not()
            } else {
                same(text, name, side).into()
            };
        }
        let Memory { text: decoded, readings, .. } = &mut *self.memory;
        let Some(text) = plain(text, decoded) else { return Truth::Unknown };
        let texts = |list: List| list.of(&conditions.texts).iter().map(|text| pool.get(*text));
        let end = |text: &str, part: &str, at: usize| {
            let part_of = text.as_bytes().get(at..at.saturating_add(part.len()));
            part_of.is_some_and(|found| match side {
                Side::Admit => found == part.as_bytes(),
                Side::Refuse => found.eq_ignore_ascii_case(part.as_bytes()),
            })
        };
        match test {
            Test::Prefix(list) => texts(list).any(|part| end(text, part, 0)).into(),
            Test::Suffix(list) => texts(list)
                .any(|part| {
                    text.len().checked_sub(part.len()).is_some_and(|at| end(text, part, at))
                })
                .into(),
            Test::Contains(list) => texts(list).any(|part| holds(text, part, side)).into(),
            Test::Email(list) => email(text, texts(list)),
            Test::Glob(list) => {
                path::covered(text, list.of(&conditions.texts), side, pool, readings)
            }
            Test::Under(list) => {
                path::under(text, list.of(&conditions.texts), side, pool, readings)
            }
            Test::Url(test) => match conditions.urls.get(test as usize) {
                Some(test) => test.judge(text, side, pool),
                None => Truth::Unknown,
            },
            _ => Truth::Unknown,
        }
    }

    fn argv(&mut self, test: u32, rest: Option<u32>, value: Value<'a>, side: Side) -> Truth {
        let Some(test) = self.conditions.argvs.get(test as usize) else { return Truth::Unknown };
        let rest = match rest.map(|segments| self.sibling(segments)) {
            None => None,
            Some(Some(rest)) => Some(rest),
            // What comes after the program is not known.
            Some(None) => return Truth::Unknown,
        };
        let words =
            |value: Value<'a>| value.elements().filter_map(|word| word.as_str()?.as_plain());
        let plain_words = |value: Value<'a>| {
            value.elements().all(|word| word.as_str().is_some_and(|text| !text.is_escaped()))
        };
        let Memory { text: decoded, shell, .. } = &mut *self.memory;
        let rest = match rest {
            Some(rest) if rest.kind() == Kind::Array && plain_words(rest) => Some(rest),
            Some(_) => return Truth::Unknown,
            None => None,
        };
        if let Some(text) = value.as_str() {
            let Some(line) = plain(text, decoded) else { return Truth::Unknown };
            let rest = rest.into_iter().flat_map(words);
            return test.judge_line(line, rest, side, self.pool, shell);
        }
        if value.kind() != Kind::Array {
            return Truth::Unknown;
        }
        if !plain_words(value) {
            return self.escaped_words(test, value, side);
        }
        let all = words(value).chain(rest.into_iter().flat_map(words));
        test.judge_words(all, side, self.pool, shell)
    }

    /// Words some of which are written with escapes: put side by side without them.
    fn escaped_words(&mut self, test: &ArgvTest, value: Value<'a>, side: Side) -> Truth {
        let Memory { text: decoded, shell, .. } = &mut *self.memory;
        decoded.clear();
        for word in value.elements() {
            let Some(text) = word.as_str() else { return Truth::Unknown };
            for c in text.chars() {
                // The separator between words here, and no part of a word anywhere.
                if c == '\0' || core::fmt::Write::write_char(decoded, c).is_err() {
                    return Truth::Unknown;
                }
            }
            if decoded.push(0).is_err() {
                return Truth::Unknown;
            }
        }
        let text = core::str::from_utf8(decoded).unwrap_or("");
        test.judge_words(text.split_terminator('\0'), side, self.pool, shell)
    }

    /// A text that is SQL. Reading it costs more than looking at it.
    fn sql(&mut self, number: u32, text: Str<'a>, side: Side) -> Truth {
        self.spend(text.raw().len().saturating_mul(SQL_STEPS));
        let conditions = self.conditions;
        let Some(test) = conditions.sqls.get(number as usize).filter(|_| self.left > 0) else {
            return Truth::Unknown;
        };
        let texts = &conditions.texts;
        match plain(text, &mut self.memory.text) {
            Some(text) => test.holds(text, conditions.sql.as_ref(), texts, self.pool, side),
            None => Truth::Unknown,
        }
    }

    /// The value that a path leads to, when it is one.
    fn sibling(&mut self, target: u32) -> Option<Value<'a>> {
        let Some(Target::Path(list)) = self.conditions.targets.get(target as usize) else {
            return None;
        };
        let mut found = None;
        self.walk(self.doc.root(), list.of(&self.conditions.segments), &mut |_, reached| {
            if let Reached::Value(value) = reached {
                found = Some(value);
            }
            false
        });
        found
    }

    /// Numbers by value; strings only when they spell a decimal plainly.
    fn order(&mut self, value: Value<'a>, order: Order, bound: Text) -> Truth {
        let bound = Number::new(self.pool.get(bound).as_bytes());
        match (value.as_number(), value.as_str()) {
            (Some(number), _) => order.holds(number.cmp(bound)).into(),
            (None, Some(text)) => match decimal(text) {
                Some(number) => order.holds(number.cmp(bound)).into(),
                None => Truth::Unknown,
            },
            _ => Truth::Unknown,
        }
    }

    fn one_of(&self, value: Value<'a>, scalars: &[Scalar], side: Side) -> Truth {
        // What is none of the types in the list may be read as one of them by the tool.
        let mut comparable = false;
        for scalar in scalars {
            let equal = match (*scalar, value.kind()) {
                (Scalar::Text(wanted), Kind::String) => {
                    value.as_str().map(|text| same(text, self.pool.get(wanted), side))
                }
                (Scalar::Number(wanted), Kind::Number | Kind::String) => {
                    let number = value.as_number().or_else(|| value.as_str().and_then(decimal));
                    let wanted = Number::new(self.pool.get(wanted).as_bytes());
                    number.map(|number| number.cmp(wanted).is_eq())
                }
                (Scalar::Bool(wanted), Kind::True | Kind::False) => {
                    value.as_bool().map(|value| value == wanted)
                }
                _ => None,
            };
            match equal {
                Some(true) => return Truth::True,
                Some(false) => comparable = true,
                None => {}
            }
        }
        if comparable { Truth::False } else { Truth::Unknown }
    }
}

impl Test {
    /// What would help, where that gives nothing away.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Under(_) => "Use an absolute path without . and .. in an allowed folder.",
            Self::Url(_) => "Use a plain URL with an allowed scheme and host.",
            Self::Argv { .. } => "Use one simple command of an allowed program.",
            Self::Order { .. } => "Use a plain decimal number within the allowed range.",
            Self::Length { .. } => "Change the length.",
            Self::Sql(_) => "Send one plain statement of an allowed kind on allowed tables.",
            _ => "",
        }
    }
}

/// The text without escapes, in `memory` when it has any.
fn plain<'t>(text: Str<'t>, memory: &'t mut Buf<'_, u8>) -> Option<&'t str> {
    if !text.is_escaped() {
        return text.as_plain();
    }
    memory.clear();
    for c in text.chars() {
        core::fmt::Write::write_char(memory, c).ok()?;
    }
    core::str::from_utf8(memory).ok()
}

/// A string that spells a number as `-?digits[.digits]`.
fn decimal(text: Str<'_>) -> Option<Number<'_>> {
    is_decimal(text.as_plain()?).then(|| Number::new(text.raw()))
}

/// Whether `text` is `-?digits[.digits]`.
pub(in super::super) fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

fn same(text: Str<'_>, wanted: &str, side: Side) -> bool {
    match side {
        Side::Admit => text.is(wanted.as_bytes()),
        Side::Refuse if text.is_escaped() => {
            let fold = |byte: u8| byte.to_ascii_lowercase();
            text.bytes().map(fold).eq(wanted.bytes().map(fold))
        }
        Side::Refuse => text.raw().eq_ignore_ascii_case(wanted.as_bytes()),
    }
}

/// Whether `part` stands somewhere in `text`.
fn holds(text: &str, part: &str, side: Side) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    if side == Side::Admit {
        return memchr::memmem::find(text, part).is_some();
    }
    let Some((first, rest)) = part.split_first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, text).any(|at| {
        let from = at.saturating_add(1);
        let found = text.get(from..from.saturating_add(rest.len()));
        found.is_some_and(|found| found.eq_ignore_ascii_case(rest))
    })
}

/// An address in one of `domains`; only `local@domain`, without names, comments and lists.
fn email<'p>(text: &str, mut domains: impl Iterator<Item = &'p str>) -> Truth {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.@".contains(&byte);
    match text.split_once('@') {
        Some((local, domain))
            if !local.is_empty() && !domain.contains('@') && text.bytes().all(plain) =>
        {
            let domain = domain.strip_suffix('.').unwrap_or(domain);
            domains
                .any(|wanted| match wanted.strip_prefix("*.") {
                    Some(zone) => domain.len().checked_sub(zone.len()).is_some_and(|at| {
                        let (head, tail) = domain.split_at_checked(at).unwrap_or_default();
                        head.ends_with('.') && head.len() > 1 && tail.eq_ignore_ascii_case(zone)
                    }),
                    None => domain.eq_ignore_ascii_case(wanted),
                })
                .into()
        }
        _ => Truth::Unknown,
    }
}
