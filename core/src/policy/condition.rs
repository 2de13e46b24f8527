//! Conditions on arguments, compiled, and what they say about a document.
//!
//! A condition is a target, which may be several values, and a test of each. A value that is missing
//! or has a type that the test knows nothing about makes it unknown; see [`Side`] for how several
//! values and spellings are joined. Worst case: linear in the values of the targets, and bounded by a
//! budget of steps, a step for each value and each 64 bytes of text.

mod judge;
mod value;

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::argv::ArgvTest;
use super::index::NameIndex;
use super::path;
use super::rule::List;
use super::sql::{Sql, SqlTest};
use super::text::{Pool, Text};
use super::time::Window;
use super::tree::Span;
use super::truth::{Side, Truth};
use super::url::UrlTest;
use crate::buf::Buf;
use crate::json::{Kind, Number, Value};
use crate::schema::pattern::Pattern;

pub(super) use self::judge::Judge;
pub(super) use self::value::is_decimal;

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
    /// The name of the member that it leads to.
    pub fn name(self, pool: &Pool) -> Option<&str> {
        match self {
            Self::Name(name) => Some(pool.get(name)),
            Self::Each | Self::Deep => None,
        }
    }

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
    /// What an allowed call takes from budgets.
    pub(super) sums: Buf<'m, super::budget::SumRecord>,
    /// What an allowed call does to its session.
    pub(crate) effects: Buf<'m, crate::session::Effect>,
    pub(super) known: Option<super::session::Known>,
}

impl Memory<'_> {
    /// Forgets what the call before was charged with and did.
    pub(crate) const fn begin(&mut self) {
        self.keys.clear();
        self.charges.clear();
        self.sums.clear();
        self.effects.clear();
        self.known = None;
    }

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
