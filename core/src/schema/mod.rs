//! What a tool accepts: JSON Schema, compiled once, run over tapes.
//!
//! [`Schema::compile`] turns a schema document (2020-12 or draft-07) into flat tables linked by `u32`
//! indexes: subschemas, rules by instance kind, interned names, and the *locations* that the ghost
//! rule works on. [`ghost`](self::cut) then cuts undeclared members out of a parsed document and
//! [`run`](self::validate) validates what is left. Neither allocates.
//!
//! A keyword that cannot be honoured is a [`CompileError`] that names its place, never skipped; unknown
//! keywords are annotations (JSON Schema core, section 4.3.1) and are reported as warnings.
//!
//! Worst case: a check takes one step for each visited pair of subschema and instance node and stops at
//! a budget; see [`Budget`].

mod choices;
mod compile;
mod content;
mod cut;
mod dialect;
mod documents;
mod draft;
mod dynamic;
mod equality;
mod evaluated;
mod format;
mod keyword;
mod locate;
mod logic;
mod meant;
mod names;
mod onepass;
pub mod pattern;
mod reference;
mod resource;
mod run;
mod same;
mod shape;
mod tags;
mod uri;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

pub(crate) use compile::{Options, compile};
pub(crate) use content::Content;
pub(crate) use cut::{Cut, cut};
pub use documents::Documents;
pub(crate) use format::Format;
pub(crate) use keyword::Keyword;
pub(crate) use names::UNNAMED;
use names::{Names, find_named};
pub(crate) use run::{Collect, Fault, Memory, Outcome, accepts, examine, validate};
pub(crate) use shape::is_short;

use crate::json::{self, Document, Kind, Node, PLAIN, Str};

/// Most bytes of one schema.
pub const MAX_SCHEMA_BYTES: usize = 256 << 10;
/// Most bytes of one schema and all registered documents that it refers to.
pub const MAX_LINKED_BYTES: usize = 1 << 20;
/// Most subschemas of one schema, counted once for each set of dynamic anchors that they are seen under.
pub const MAX_SUBSCHEMAS: usize = 1 << 16;
/// Most nested containers of one schema.
pub const MAX_SCHEMA_DEPTH: u32 = 64;
/// Most ghost locations of one schema.
pub const MAX_LOCATIONS: usize = 65_536;
/// Steps that compiling one schema, or all schemas of a live list, may take: about a second.
pub const MAX_COMPILE_STEPS: u32 = 1 << 22;
/// Steps that one check may take unless the guard says otherwise.
pub const DEFAULT_STEPS: u32 = 1 << 20;

/// "There is none" in every table of a [`Schema`].
pub(crate) const NONE: u32 = u32::MAX;

/// A run of entries in one of the tables of a [`Schema`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn of<T>(self, table: &[T]) -> &[T] {
        let start = self.start as usize;
        table.get(start..start + self.len as usize).unwrap_or(&[])
    }

    const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The types of JSON Schema as bits. An integer has both [`INTEGER`](Self::INTEGER) and
/// [`NUMBER`](Self::NUMBER).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    pub(crate) const NUMBER: Self = Self(8);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const ARRAY: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);
    pub(crate) const ANY: Self = Self(127);
    pub(crate) const EMPTY: Self = Self(0);

    /// Every type with its name, in the order in which messages list them.
    pub(crate) const NAMED: [(Self, &'static str); 7] = [
        (Self::STRING, "string"),
        (Self::INTEGER, "integer"),
        (Self::NUMBER, "number"),
        (Self::BOOLEAN, "boolean"),
        (Self::ARRAY, "array"),
        (Self::OBJECT, "object"),
        (Self::NULL, "null"),
    ];

    fn parse(name: Str<'_>) -> Option<Self> {
        Self::NAMED.into_iter().find(|(_, n)| name.is(n.as_bytes())).map(|(bit, _)| bit)
    }

    /// The types that the node at `index` has.
    #[inline]
    pub(crate) fn of(doc: Document<'_>, index: u32) -> Self {
        let node = doc.node(index);
        let types = Self::at_a_glance(node);
        if types == Self::NUMBER && is_integral(doc.at(index).raw()) {
            return types.and(Self::INTEGER);
        }
        types
    }

    /// The types of `node`, but for numbers with a fraction or an exponent, which may be integers.
    #[inline(always)]
    fn at_a_glance(node: Node) -> Self {
        const BY_KIND: [Types; 8] = {
            let mut types = [Types::EMPTY; 8];
            types[Kind::Null as usize] = Types::NULL;
            types[Kind::False as usize] = Types::BOOLEAN;
            types[Kind::True as usize] = Types::BOOLEAN;
            types[Kind::Number as usize] = Types::NUMBER;
            types[Kind::String as usize] = Types::STRING;
            types[Kind::Array as usize] = Types::ARRAY;
            types[Kind::Object as usize] = Types::OBJECT;
            types[Kind::Key as usize] = Types::STRING;
            types
        };
        let types = BY_KIND[node.kind() as usize];
        if node.has(PLAIN) { types.and(Self::INTEGER) } else { types }
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Whether a number that is written with a fraction or an exponent is an integer. What counts is the
/// binary64 value, which is what receivers read (RFC 8259, section 6): `3.0000000000000001` is 3.
fn is_integral(raw: &[u8]) -> bool {
    /// From here on every binary64 value is an integer.
    const EXACT: f64 = (1_u64 << 53) as f64;
    /// So many digits are kept apart by binary64.
    const KEPT: usize = 15;
    let point = raw.iter().rposition(|&byte| byte == b'.');
    let fraction = point.and_then(|at| raw.get(at + 1..)).unwrap_or(b"e");
    if raw.len() <= KEPT && fraction.iter().all(u8::is_ascii_digit) {
        return fraction.iter().all(|&byte| byte == b'0');
    }
    let value = core::str::from_utf8(raw).ok().and_then(|text| text.parse::<f64>().ok());
    value.is_some_and(|value| value.abs() >= EXACT || (value as i64) as f64 == value)
}

/// One subschema: the types it admits, and where its other rules stand ([`NONE`] for no rules).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sub {
    pub(crate) types: Types,
    /// The subschema is the boolean `false`.
    pub(crate) never: bool,
    /// It says nothing beside `types`.
    pub(crate) simple: bool,
    /// It has `unevaluatedProperties` or `unevaluatedItems`.
    pub(crate) unevaluated: bool,
    /// Its node in the schema document, for enum members, bounds and wording.
    pub(crate) node: u32,
    /// Node of the `enum` array in the schema document.
    pub(crate) choices: u32,
    /// Node of the `const` value in the schema document.
    pub(crate) constant: u32,
    pub(crate) object: u32,
    pub(crate) array: u32,
    pub(crate) string: u32,
    pub(crate) number: u32,
    pub(crate) logic: u32,
}

impl Sub {
    /// The types that satisfy it whatever the value; none when it says more.
    const fn at_once(&self) -> Types {
        if self.simple { self.types } else { Types::EMPTY }
    }

    /// The subschema at `node` before its keywords are read: it admits everything.
    const fn any(node: u32) -> Self {
        Self {
            types: Types::ANY,
            never: false,
            simple: true,
            unevaluated: false,
            node,
            choices: NONE,
            constant: NONE,
            object: NONE,
            array: NONE,
            string: NONE,
            number: NONE,
            logic: NONE,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectRules {
    /// Names in `properties` and `required`, sorted by name id.
    members: Span,
    /// How many of them are required.
    required: u32,
    /// Members that `properties` lacks are ghosts wherever the rules apply, for all that one pass knows.
    closed: bool,
    /// `patternProperties`.
    patterns: Span,
    additional: u32,
    unevaluated: u32,
    names: u32,
    min: u64,
    max: u64,
    /// `dependentRequired` and `dependentSchemas`.
    dependents: Span,
}

/// A name that an object schema knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    name: u32,
    /// Its subschema; [`NONE`] when the name is only required.
    sub: u32,
    required: bool,
    /// See [`Sub::at_once`].
    at_once: Types,
}

/// What the presence of `name` demands: other names, or that the object satisfies `sub`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dependent {
    name: u32,
    names: Span,
    sub: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayRules {
    prefix: Span,
    items: u32,
    unevaluated: u32,
    contains: u32,
    /// What `contains` accepts counts as evaluated.
    contains_evaluates: bool,
    min_contains: u64,
    max_contains: u64,
    min: u64,
    max: u64,
    unique: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct StringRules {
    min: u64,
    max: u64,
    /// Index into [`Schema::patterns`].
    pattern: u32,
    format: Option<Format>,
    content: Content,
}

/// Bounds are nodes of the schema document: compared as they are spelt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberRules {
    min: u32,
    max: u32,
    above: u32,
    below: u32,
    /// Index into [`Schema::divisors`].
    multiple_of: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LogicRules {
    reference: u32,
    /// `$dynamicRef`, resolved for the dynamic scope of this subschema.
    dynamic: u32,
    all: Span,
    any: Span,
    one: Span,
    /// Numbers of their tags in [`Schema::tags`].
    any_tags: u32,
    one_tags: u32,
    not: u32,
    condition: u32,
    then: u32,
    otherwise: u32,
}

/// Where an object or array can stand, for the ghost rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    /// A member that is not declared here is a ghost.
    closed: bool,
    /// Declared names, sorted by name id.
    names: Span,
    /// Patterns whose match declares a name.
    patterns: Span,
    /// Where the value of an undeclared member stands: one location for each set of `patterns` that
    /// its name matches, counted in binary.
    others: u32,
    /// Where the first elements of an array stand, and the rest.
    prefix: Span,
    rest: u32,
}

/// The location at and below which nothing is ever cut.
pub(crate) const FREE: u32 = 0;

/// A declared name of a location and where its value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    name: u32,
    location: u32,
}

/// A compiled schema. Immutable; shared by any number of threads.
#[derive(Debug)]
pub struct Schema {
    /// The schema document: its text and its tape.
    text: Box<[u8]>,
    nodes: Box<[Node]>,
    names: Names,
    subs: Box<[Sub]>,
    objects: Box<[ObjectRules]>,
    arrays: Box<[ArrayRules]>,
    strings: Box<[StringRules]>,
    numbers: Box<[NumberRules]>,
    logics: Box<[LogicRules]>,
    members: Box<[Member]>,
    dependents: Box<[Dependent]>,
    /// `patternProperties`: index of the pattern, subschema.
    keyed: Box<[(u32, u32)]>,
    /// Lists of subschemas and of name ids.
    lists: Box<[u32]>,
    choices: choices::Choices,
    tags: tags::Tags,
    patterns: Box<[pattern::Pattern]>,
    divisors: Box<[crate::json::Divisor]>,
    locations: Box<[Location]>,
    declared: Box<[Declared]>,
    /// Lists of locations and of patterns.
    places: Box<[u32]>,
    /// Where the root stands.
    root: u32,
    /// One pass sees both faults and ghosts.
    one_pass: bool,
    meant: meant::Meant,
}

/// The root subschema.
pub(crate) const ROOT: u32 = 0;

impl Schema {
    /// The schema document.
    pub(crate) fn document(&self) -> Document<'_> {
        Document::new(&self.text, &self.nodes)
    }

    pub(crate) fn sub(&self, index: u32) -> Option<&Sub> {
        self.subs.get(index as usize)
    }

    /// The text of name `id`.
    pub(crate) fn name(&self, id: u32) -> &str {
        self.names.get(id)
    }

    /// The ids of names, by which the keys of a document are told apart: only a document that was parsed
    /// with them can be cut and validated.
    pub(crate) const fn names(&self) -> &impl json::Names {
        &self.names
    }

    /// Whether the schema declares `name` anywhere.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        let digest = json::Digest::of(name.as_bytes());
        json::Names::find(&self.names, digest, name.into()) != UNNAMED
    }

    /// Whether the root of the arguments declares `name`; none where any name may stand.
    pub(crate) fn declares(&self, name: &str) -> Option<bool> {
        let root = self.locations.get(self.root as usize)?;
        let digest = json::Digest::of(name.as_bytes());
        let id = json::Names::find(&self.names, digest, name.into());
        if find_named(root.names.of(&self.declared), id, |declared| declared.name).is_some() {
            return Some(true);
        }
        (root.closed && root.patterns.is_empty()).then_some(false)
    }

    /// The names that are declared at a location.
    pub(crate) fn declared_at(&self, location: u32) -> impl Iterator<Item = u32> + '_ {
        let span = self.locations.get(location as usize).map_or_else(Span::default, |l| l.names);
        span.of(&self.declared).iter().map(|declared| declared.name)
    }

    /// The subschema for member `name` of objects under `sub`, when its own `properties` has one.
    pub(crate) fn property(&self, sub: u32, name: u32) -> Option<u32> {
        let rules = self.objects.get(self.sub(sub)?.object as usize)?;
        let member = rules.members.of(&self.members).iter().find(|m| m.name == name)?;
        (member.sub != NONE).then_some(member.sub)
    }

    /// The subschema for the elements of arrays under `sub`, when its own `items` has one.
    pub(crate) fn items_of(&self, sub: &Sub) -> Option<u32> {
        let rules = self.arrays.get(sub.array as usize)?;
        (rules.items != NONE).then_some(rules.items)
    }

    /// Whether some object of the schema must have `name`, always or beside another.
    pub(crate) fn requires(&self, name: u32) -> bool {
        let depends = |dependent: &Dependent| dependent.names.of(&self.lists).contains(&name);
        self.members.iter().any(|member| member.name == name && member.required)
            || self.dependents.iter().any(depends)
    }
}

/// Why a schema cannot be compiled, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// RFC 6901 pointer into the schema.
    pub path: String,
    /// What cannot be honoured, and what to do about it.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{place}: {}", self.message)
    }
}

impl core::error::Error for CompileError {}
