//! Conditions on arguments, compiled, and what they say about a document.
//!
//! A condition is a target, which may be several values, and a test of each. A value that is missing
//! or has a type that the test knows nothing about makes it unknown; see [`Side`] for how several
//! values and spellings are joined. Worst case: linear in the values of the targets, and bounded by a
//! budget of steps, a step for each value and each 64 bytes of text.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::argv::ArgvTest;
use super::index::NameIndex;
use super::path;
use super::rule::{List, Who};
use super::sql::{Sql, SqlTest};
use super::text::{Pool, Text};
use super::time::Window;
use super::tree::Span;
use super::truth::{Side, Truth};
use super::url::UrlTest;
use crate::buf::Buf;
use crate::json::{CUT, Document, Kind, Number, Str, Value};
use crate::schema::Schema;
use crate::schema::pattern::Pattern;

/// Steps that the conditions of one call may take.
const STEPS: u32 = 1 << 20;
/// How many times as much reading SQL costs as reading a text.
const SQL_STEPS: usize = 256;

/// Everything that the rules of a policy ask about arguments and time.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub exprs: Vec<Expr>,
    /// Children of expressions.
    pub lists: Vec<u32>,
    pub conditions: Vec<Condition>,
    /// Where each of them comes from.
    pub origins: Vec<Origin>,
    pub targets: Vec<Target>,
    pub segments: Vec<Segment>,
    pub kinds: Vec<KindOf>,
    /// Texts of lists.
    pub texts: Vec<Text>,
    pub scalars: Vec<Scalar>,
    pub patterns: Vec<Pattern>,
    pub urls: Vec<UrlTest>,
    pub argvs: Vec<ArgvTest>,
    pub windows: Vec<Window>,
    pub sqls: Vec<SqlTest>,
    /// Who reads the SQL that conditions ask about.
    pub sql: Option<Arc<dyn Sql>>,
}

/// A formula; numbers are indexes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expr {
    All(List),
    Any(List),
    Not(u32),
    Condition(u32),
    /// A window of time is open.
    Time(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    pub target: u32,
    pub test: Test,
    pub side: Side,
    /// It belongs to a rule that denies, be it below a `not`.
    pub denies: bool,
    /// Whether one value is enough; else all must satisfy the test.
    pub any: bool,
    /// What a missing value says.
    pub missing: Truth,
}

/// How a document spells a condition, for those who operate it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Like `args.path`.
    pub target: Text,
    /// Like `under`.
    pub key: &'static str,
    pub span: Span,
}

/// What a condition looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// Members and elements from the root of the arguments on.
    Path(List),
    /// The arguments that are declared to be of a kind.
    Kind(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Segment {
    /// The member of this name.
    Name(Text),
    /// Every element of an array.
    Each,
    /// Every value below that is no container.
    Deep,
}

impl Segment {
    /// The same segment with its name in another pool.
    pub fn moved(self, from: &Pool, to: &mut Pool) -> Self {
        match self {
            Self::Name(name) => Self::Name(to.add(from.get(name))),
            Self::Each | Self::Deep => self,
        }
    }
}

/// A kind of arguments, like paths.
#[derive(Debug)]
pub(super) struct KindOf {
    pub name: Text,
    /// Where it is first declared.
    pub span: Span,
    /// Patterns over tools; their rules are entries.
    pub tools: NameIndex,
    pub entries: Vec<KindEntry>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct KindEntry {
    /// Paths of the arguments, in `targets`.
    pub targets: List,
    /// The entry names tools by a pattern, so that its arguments may be those of others.
    pub wildcard: bool,
}

/// A literal of the document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    Bool(bool),
    /// As it is spelt.
    Number(Text),
    Text(Text),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Test {
    /// A string that holds one of the texts, or an array that has one as an element.
    Contains(List),
    /// The name of the caller's agent or tenant, or not that.
    Context {
        tenant: bool,
        negated: bool,
    },
    /// An address of electronic mail in one of the domains.
    Email(List),
    Glob(List),
    Length {
        least: u64,
        most: u64,
    },
    OneOf {
        scalars: List,
        negated: bool,
    },
    Order {
        order: Order,
        bound: Text,
    },
    Prefix(List),
    Present(bool),
    Regex(u32),
    Sql(u32),
    Subset(List),
    Suffix(List),
    Type(Types),
    Under(List),
    Url(u32),
    Argv {
        test: u32,
        rest: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Above,
    AtLeast,
    AtMost,
    Below,
}

impl Order {
    fn holds(self, ordering: core::cmp::Ordering) -> bool {
        match self {
            Self::Above => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::Below => ordering.is_lt(),
        }
    }
}

/// Types of JSON values as bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Types(pub u8);

impl Types {
    pub const NAMED: [(&'static str, Self); 7] = [
        ("array", Self(1)),
        ("boolean", Self(2)),
        ("integer", Self(4)),
        ("null", Self(8)),
        ("number", Self(4 | 16)),
        ("object", Self(32)),
        ("string", Self(64)),
    ];

    fn has(self, value: Value<'_>) -> bool {
        let bit = match value.kind() {
            Kind::Array => 1,
            Kind::False | Kind::True => 2,
            Kind::Number if value.as_number().is_some_and(Number::is_integer) => 4,
            Kind::Number => 16,
            Kind::Null | Kind::Key => 8,
            Kind::Object => 32,
            Kind::String => 64,
        };
        self.0 & bit != 0
    }
}

/// Memory that conditions are judged in.
#[derive(Debug, Default)]
pub(crate) struct Memory<'m> {
    /// A string without its escapes.
    text: Buf<'m, u8>,
    readings: path::Readings<'m>,
    shell: super::shell::Shell<'m>,
    /// The keys of the limits that apply to an allowed call.
    pub(super) keys: Buf<'m, u8>,
    pub(super) charges: Buf<'m, super::limit::ChargeRecord>,
}

impl Memory<'_> {
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        for buf in [&mut self.text, &mut self.keys] {
            buf.clear();
            buf.shrink_to(bytes);
        }
        self.readings.shrink_to(bytes);
        self.shell.shrink_to(bytes);
    }
}

/// Where in the arguments a condition decided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At {
    /// The value, or the object that lacks it.
    pub node: u32,
    /// The condition, an index.
    pub(super) condition: u32,
    /// The member that is missing there; empty for a value that is there.
    pub(super) missing: Text,
    /// The policy of a stack that the condition belongs to.
    pub(super) layer: u32,
}

/// What a formula says, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub truth: Truth,
    pub at: Option<At>,
}

/// One call, while its conditions are judged.
pub(super) struct Judge<'a, 'm> {
    pub conditions: &'a Conditions,
    pub pool: &'a Pool,
    pub doc: Document<'a>,
    pub schema: Option<&'a Schema>,
    pub tool: &'a str,
    pub who: &'a Who<'a>,
    pub now: Option<u64>,
    pub memory: &'a mut Memory<'m>,
    left: u32,
}

/// A value that a target leads to, or why there is none.
enum Reached<'t> {
    Value(Value<'t>),
    /// The object of node `.0` lacks the member.
    Missing(u32, Text),
    /// The value is no container of the wanted sort.
    Mistyped(Value<'t>),
}

impl<'a, 'm> Judge<'a, 'm> {
    #[allow(clippy::too_many_arguments, reason = "one of each")]
    pub fn new(
        conditions: &'a Conditions,
        pool: &'a Pool,
        doc: Document<'a>,
        schema: Option<&'a Schema>,
        tool: &'a str,
        who: &'a Who<'a>,
        now: Option<u64>,
        memory: &'a mut Memory<'m>,
    ) -> Self {
        Self { conditions, pool, doc, schema, tool, who, now, memory, left: STEPS }
    }

    /// Whether the budget was used up, so that nothing that was found counts.
    pub const fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self, bytes: usize) {
        let steps = u32::try_from(bytes / 64).unwrap_or(u32::MAX).saturating_add(1);
        self.left = self.left.saturating_sub(steps);
    }

    /// Judges the formula `expr`. Formulas are nested at most four deep.
    pub fn judge(&mut self, expr: u32) -> Found {
        let conditions = self.conditions;
        match conditions.exprs.get(expr as usize).copied() {
            Some(Expr::All(list)) => self.join(list, Side::Admit),
            Some(Expr::Any(list)) => self.join(list, Side::Refuse),
            Some(Expr::Not(inner)) => {
                let Found { truth, at } = self.judge(inner);
                Found { truth: truth.not(), at }
            }
            Some(Expr::Condition(number)) => match conditions.conditions.get(number as usize) {
                Some(condition) => self.condition(number, condition),
                None => Found { truth: Truth::Unknown, at: None },
            },
            Some(Expr::Time(window)) => {
                let window = conditions.windows.get(window as usize);
                let truth = window.map_or(Truth::Unknown, |window| window.holds(self.now));
                Found { truth, at: None }
            }
            None => Found { truth: Truth::Unknown, at: None },
        }
    }

    /// Joins formulas like the values of `side`; the place is that of the first that decides.
    fn join(&mut self, list: List, side: Side) -> Found {
        let mut all = Found { truth: side.start(), at: None };
        for expr in list.of(&self.conditions.lists) {
            let found = self.judge(*expr);
            let truth = side.join(all.truth, found.truth);
            if truth != all.truth || all.at.is_none() {
                all = Found { truth, at: found.at };
            }
            if all.truth == side.turned().start() {
                break;
            }
        }
        all
    }

    fn condition(&mut self, number: u32, condition: &Condition) -> Found {
        if let Test::Present(wanted) = condition.test {
            return self.presence(number, condition, wanted);
        }
        let side = if condition.any { Side::Refuse } else { Side::Admit };
        let mut all: Option<Found> = None;
        self.reach(condition, &mut |judge, reached| {
            let (truth, node, missing) = match reached {
                Reached::Value(value) => {
                    (judge.test(condition, value), value.index(), Text::default())
                }
                Reached::Missing(node, name) => (condition.missing, node, name),
                Reached::Mistyped(value) => (Truth::Unknown, value.index(), Text::default()),
            };
            let at = Some(At { node, condition: number, missing, layer: 0 });
            match &mut all {
                None => all = Some(Found { truth, at }),
                Some(all) => {
                    let joined = side.join(all.truth, truth);
                    if joined != all.truth {
                        *all = Found { truth: joined, at };
                    }
                }
            }
            all.is_none_or(|all| all.truth != side.turned().start()) && judge.left > 0
        });
        // No element of an empty list is what is refused, but none is known to be admitted either.
        let nothing = if condition.side == Side::Refuse { Truth::False } else { Truth::Unknown };
        all.unwrap_or(Found { truth: nothing, at: None })
    }

    fn presence(&mut self, number: u32, condition: &Condition, wanted: bool) -> Found {
        let mut all = Found { truth: Truth::from(!wanted), at: None };
        self.reach(condition, &mut |_, reached| {
            let (truth, node, missing) = match reached {
                Reached::Value(value) => (Truth::from(wanted), value.index(), Text::default()),
                Reached::Missing(node, name) => (Truth::from(!wanted), node, name),
                Reached::Mistyped(value) => (Truth::Unknown, value.index(), Text::default()),
            };
            all = Found { truth, at: Some(At { node, condition: number, missing, layer: 0 }) };
            // One that is there is enough.
            truth != Truth::from(wanted)
        });
        all
    }

    /// Visits what the condition looks at until `visit` says no.
    fn reach(
        &mut self,
        condition: &Condition,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) {
        let conditions = self.conditions;
        let root = self.doc.root();
        match conditions.targets.get(condition.target as usize).copied() {
            Some(Target::Path(list)) => {
                self.walk(root, list.of(&conditions.segments), visit);
            }
            Some(Target::Kind(kind)) => {
                if let Some(kind) = conditions.kinds.get(kind as usize) {
                    self.reach_kind(kind, condition, visit);
                }
            }
            None => {}
        }
    }

    fn reach_kind(
        &mut self,
        kind: &'a KindOf,
        condition: &Condition,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) {
        let conditions = self.conditions;
        let (mut any, mut go_on) = (false, true);
        kind.tools.find(self.tool, self.pool, |entry| {
            let Some(entry) = kind.entries.get(entry as usize) else { return };
            for target in entry.targets.of(&conditions.targets) {
                let Target::Path(list) = *target else { continue };
                let segments = list.of(&conditions.segments);
                if !go_on {
                    return;
                }
                let declared = self.expects(entry, segments, condition);
                let root = self.doc.root();
                go_on = self.walk(root, segments, &mut |judge, reached| {
                    match reached {
                        // Other tools have this one; this tool may have others of its kind.
                        Reached::Missing(..) if !declared => true,
                        reached => {
                            any = true;
                            visit(judge, reached)
                        }
                    }
                });
            }
        });
        if !any && go_on {
            visit(self, Reached::Missing(0, kind.name));
        }
    }

    /// Whether a tool that lacks the argument may have been given a value for it by default: then a
    /// rule that refuses cannot know it to be harmless.
    fn expects(&self, entry: &KindEntry, segments: &[Segment], condition: &Condition) -> bool {
        if !condition.denies || condition.missing != Truth::Unknown {
            return false;
        }
        match (segments.first(), self.schema) {
            (Some(Segment::Name(name)), Some(schema)) => {
                schema.declares(self.pool.get(*name)).unwrap_or(!entry.wildcard)
            }
            _ => !entry.wildcard,
        }
    }

    /// Visits what `segments` lead to from `value` on; false when `visit` said no.
    fn walk(
        &mut self,
        value: Value<'a>,
        segments: &[Segment],
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) -> bool {
        let Some((segment, rest)) = segments.split_first() else {
            return visit(self, Reached::Value(value));
        };
        match segment {
            Segment::Name(name) if value.kind() == Kind::Object => {
                self.spend(value.len());
                match value.get(self.pool.get(*name)) {
                    Some(member) => self.walk(member, rest, visit),
                    None => visit(self, Reached::Missing(value.index(), *name)),
                }
            }
            Segment::Each if value.kind() == Kind::Array => {
                value.elements().all(|element| self.walk(element, rest, visit))
            }
            Segment::Deep => self.walk_all(value, visit),
            _ => visit(self, Reached::Mistyped(value)),
        }
    }

    /// Visits every value below `value` that is no container.
    fn walk_all(
        &mut self,
        value: Value<'a>,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) -> bool {
        let end = self.doc.after(value.index());
        let mut at = value.index();
        while at < end {
            let node = self.doc.node(at);
            match node.kind() {
                Kind::Key if node.has(CUT) => at = self.doc.after(at.saturating_add(1)),
                Kind::Key | Kind::Object | Kind::Array => at = at.saturating_add(1),
                _ => {
                    if !visit(self, Reached::Value(self.doc.at(at))) {
                        return false;
                    }
                    at = at.saturating_add(1);
                }
            }
        }
        true
    }

    /// Judges one value.
    fn test(&mut self, condition: &Condition, value: Value<'a>) -> Truth {
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
pub(super) fn is_decimal(text: &str) -> bool {
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
        Side::Refuse => match text.as_plain() {
            Some(text) => text.eq_ignore_ascii_case(wanted),
            None => {
                let fold = |byte: u8| byte.to_ascii_lowercase();
                text.bytes().map(fold).eq(wanted.bytes().map(fold))
            }
        },
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
