//! What is wrong with one value, and how it is said.
//!
//! [`Wrong`] is all that a violation says, as values and indexes; the functions below it put that into
//! words, one for each field of the violation.

use core::fmt::Write;

use super::line::{Line, MAX_SHOWN_POINTER, head};
use super::phrase::{Phrase, choose};
use super::repair::{self, Repair};
use super::reporter::Reporter;
use super::words::{Name, Shown, a_type, format_example, rule_words, shown, spelt, type_name};
use super::{FixRecord, MAX_POINTER, Text};
use crate::buf::Buf;
use crate::json::{self, Elements, Kind, Limits, Str, Tape, Value};
use crate::near;
use crate::schema::{Cut, Fault, Keyword, Schema, Sub, Types, UNNAMED, is_short};

/// Longest value of a schema that a fix repeats, in bytes.
const MAX_FIX: usize = 200;
/// Most members that one violation names.
const MAX_NAMED: usize = 3;

/// What is wrong with a value.
#[derive(Clone, Copy)]
pub(super) enum Wrong<'w> {
    /// None of the values that it may have.
    Choice {
        choices: Choices<'w>,
        kind: Kind,
        /// The one that was probably meant.
        meant: Option<Value<'w>>,
        /// The one that is nearest by its letters.
        near: Option<Str<'w>>,
        /// It says nothing and can be left out.
        remove: bool,
    },
    /// Not the one value that it may have.
    Constant { value: Value<'w>, kind: Kind },
    /// A member that is not declared.
    Ghost { name: Str<'w>, meant: Option<&'w str>, required: bool, first: bool },
    /// Members that must not be there, each with a fault.
    Members { keyword: Keyword, strays: Strays, kind: Kind },
    /// A member that is not there.
    Missing {
        property: &'w str,
        types: Types,
        /// What the schema says it is when nothing else is known.
        value: Option<Value<'w>>,
        /// How it is probably spelt.
        ghost: Option<Str<'w>>,
    },
    /// A rule whose limit says it all.
    Rule {
        keyword: Keyword,
        kind: Kind,
        limit: Option<Value<'w>>,
        example: Option<Shown<'w>>,
        /// It is a member and can be left out.
        member: bool,
    },
    /// Another type than it must have.
    Type { types: Types, kind: Kind, repair: Repair, root: bool },
    /// No variant of several, or more than one.
    Variants { count: usize, one: bool, kind: Kind },
}

/// Members that one violation is about: the keys of the first few, and how many there are.
#[derive(Clone, Copy, Default)]
pub(super) struct Strays {
    keys: [u32; MAX_NAMED],
    count: usize,
}

impl Strays {
    /// Those of the faults that `faults` begin with.
    pub(super) fn of(faults: &[Fault]) -> Self {
        let mut strays = Self::default();
        let Some(first) = faults.first().filter(|first| first.keyword.names_members()) else {
            return strays;
        };
        let same = |fault: &&Fault| fault.node == first.node && fault.keyword == first.keyword;
        for fault in faults.iter().take_while(same) {
            if let Some(key) = strays.keys.get_mut(strays.count) {
                *key = fault.detail;
            }
            strays.count += 1;
        }
        strays
    }
}

/// The values that something may have: the members of an `enum`, or branches of one value each.
#[derive(Clone, Copy)]
pub(super) enum Choices<'w> {
    List(Value<'w>),
    Constants(&'w Schema, &'w [u32]),
}

impl<'w> Choices<'w> {
    fn len(self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Constants(_, subs) => subs.len(),
        }
    }

    fn iter(self) -> Choosing<'w> {
        match self {
            Self::List(list) => Choosing::List(list.elements()),
            Self::Constants(schema, subs) => Choosing::Constants(schema, subs),
        }
    }
}

/// Iterator over [`Choices`].
#[derive(Clone)]
enum Choosing<'w> {
    List(Elements<'w>),
    Constants(&'w Schema, &'w [u32]),
}

impl<'w> Iterator for Choosing<'w> {
    type Item = Value<'w>;

    fn next(&mut self) -> Option<Value<'w>> {
        match self {
            Self::List(elements) => elements.next(),
            Self::Constants(schema, subs) => {
                let (&first, rest) = subs.split_first()?;
                *subs = rest;
                schema.sole_value(first)
            }
        }
    }
}

impl Wrong<'_> {
    /// What came: a type, never the value.
    pub(super) const fn received(&self) -> &'static str {
        match *self {
            Self::Choice { kind, .. }
            | Self::Constant { kind, .. }
            | Self::Members { kind, .. }
            | Self::Rule { kind, .. }
            | Self::Type { kind, .. }
            | Self::Variants { kind, .. } => type_name(kind),
            Self::Ghost { .. } => "an undeclared name",
            Self::Missing { .. } => "nothing",
        }
    }
}

impl<'a> Reporter<'a, '_> {
    /// What `fault` says; `strays` are the members that it and the faults of its kind name.
    pub(super) fn wrong<'w>(
        &mut self,
        fault: Fault,
        strays: Strays,
        cuts: &'w [Cut],
    ) -> Option<Wrong<'w>>
    where
        'a: 'w,
    {
        let sub = self.schema.sub(fault.sub)?;
        let kind = self.doc.node(fault.node).kind();
        Some(match fault.keyword {
            Keyword::Type => self.wrong_type(fault.node, sub.types, &[fault.sub]),
            Keyword::Required | Keyword::DependentRequired => self.missing(fault, cuts),
            Keyword::Enum => {
                self.wrong_choice(fault, Choices::List(self.schema.document().at(sub.choices)))
            }
            Keyword::Const => {
                Wrong::Constant { value: self.schema.document().at(sub.constant), kind }
            }
            keyword if keyword.names_members() && keyword != Keyword::UnevaluatedItems => {
                Wrong::Members { keyword, strays, kind }
            }
            Keyword::AnyOf | Keyword::OneOf => {
                let one = fault.keyword == Keyword::OneOf;
                Wrong::Variants { count: self.schema.branches(fault.sub, one).len(), one, kind }
            }
            keyword => self.broken_rule(fault, keyword, sub, kind),
        })
    }

    /// A value that has none of `types`, which `subs` ask for.
    pub(super) fn wrong_type<'w>(&mut self, at: u32, types: Types, subs: &[u32]) -> Wrong<'w> {
        let repair = self.type_repair(at, types, subs);
        Wrong::Type { types, kind: self.doc.node(at).kind(), repair, root: at == 0 }
    }

    /// What would give the value at `at` one of `types`.
    fn type_repair(&mut self, at: u32, types: Types, subs: &[u32]) -> Repair {
        let value = self.doc.at(at);
        let own = |value: Value<'_>| Types::of(value.document(), value.index());
        if let Some(text) = value.as_str() {
            if repair::may_hold(text, types)
                && let Some(inside) = self.types_inside(text)
                && inside.meets(types)
            {
                let container = inside.meets(Types::ARRAY) || inside.meets(Types::OBJECT);
                return if container { Repair::Parse } else { Repair::Unquote };
            }
            if repair::is_number_of(text, types) {
                return Repair::Number;
            }
            if repair::says_nothing(text) {
                if types.meets(Types::NULL) {
                    return Repair::Replace("null");
                }
                if self.is_optional(at) {
                    return Repair::Remove;
                }
            }
        }
        if types.meets(Types::BOOLEAN)
            && let Some(truth) = repair::truth(value)
        {
            return Repair::Replace(if truth { "true" } else { "false" });
        }
        if let Kind::Number | Kind::True | Kind::False = value.kind()
            && types.meets(Types::STRING)
        {
            return Repair::Quote;
        }
        if let Some(inside) = repair::only(value, self.argument(at))
            && own(inside).meets(types)
        {
            return Repair::Unwrap;
        }
        if types.meets(Types::ARRAY) {
            if repair::counts_up(value) {
                return Repair::List;
            }
            if subs.iter().any(|&sub| self.fits_items(at, sub)) {
                return Repair::Wrap;
            }
        }
        if value.kind() == Kind::Null {
            if self.is_optional(at) {
                return Repair::Remove;
            }
            // Several languages write an empty list and an empty map as null.
            if let Some(empty) = subs.iter().find_map(|&sub| self.schema.empty_value(sub)) {
                return Repair::Replace(empty);
            }
        }
        Repair::None
    }

    /// The name of the member that the value at `at` is of.
    fn argument(&self, at: u32) -> Option<Str<'a>> {
        let key = at.checked_sub(1)?;
        (self.doc.node(key).kind() == Kind::Key).then(|| self.doc.text(key))
    }

    /// Whether the value at `at` can be left out: nothing in the schema asks for a member of its name.
    fn is_optional(&self, at: u32) -> bool {
        let Some(key) = at.checked_sub(1).map(|key| self.doc.node(key)) else { return false };
        key.kind() != Kind::Key || key.number() == UNNAMED || !self.schema.requires(key.number())
    }

    /// The types of the JSON value that `text` spells.
    fn types_inside(&mut self, text: Str<'_>) -> Option<Types> {
        if text.raw().len() > Limits::ARGUMENTS.bytes {
            return None;
        }
        if !text.is_escaped() {
            return types_spelt(text.raw(), self.memory.inner);
        }
        let mut decoded = core::mem::take(&mut self.report.decoded);
        decoded.clear();
        let fits = text.chars().try_for_each(|c| decoded.write_char(c)).is_ok();
        let types = if fits { types_spelt(&decoded, self.memory.inner) } else { None };
        self.report.decoded = decoded;
        types
    }

    /// Whether the value at `at` could be an element of the arrays that `sub` describes.
    fn fits_items(&self, at: u32, sub: u32) -> bool {
        let Some(sub) = self.schema.sub(sub).filter(|sub| sub.types.meets(Types::ARRAY)) else {
            return false;
        };
        if self.doc.node(at).kind() == Kind::Null {
            return false;
        }
        let items = self.schema.items_of(sub).and_then(|items| self.schema.sub(items));
        items.is_none_or(|items| items.types.meets(Types::of(self.doc, at)))
    }

    fn missing<'w>(&self, fault: Fault, cuts: &'w [Cut]) -> Wrong<'w>
    where
        'a: 'w,
    {
        let schema = self.schema;
        let sub = schema.property(fault.sub, fault.detail);
        // A ghost of the same object that is probably this name.
        let ghost =
            cuts.iter().find(|cut| cut.object == fault.node && cut.meant == Some(fault.detail));
        let default = |sub: u32| schema.document().at(schema.sub(sub)?.node).get("default");
        Wrong::Missing {
            property: schema.name(fault.detail),
            types: sub.map_or(Types::ANY, |sub| schema.types_of(sub)),
            value: sub.and_then(|sub| default(sub).or_else(|| schema.sole_value(sub))),
            ghost: ghost.map(|cut| self.doc.text(cut.key)),
        }
    }

    pub(super) fn wrong_choice<'w>(&self, fault: Fault, choices: Choices<'w>) -> Wrong<'w>
    where
        'a: 'w,
    {
        let value = self.doc.at(fault.node);
        let near = value.as_str().and_then(|text| {
            let position = match choices {
                Choices::List(list) => {
                    let (folds, members) = self.schema.folded_members(list.index());
                    folds.nearest(text, members)?
                }
                // A member that is no string is as far as can be: empty text.
                Choices::Constants(..) => {
                    let text_of = |choice: Value<'w>| choice.as_str().unwrap_or("".into());
                    near::nearest(text, choices.iter().map(text_of))?
                }
            };
            let near = choices.iter().nth(position)?;
            (!near::opposes(text, near.as_str()?)).then_some(near)
        });
        let nothing =
            value.as_str().is_some_and(repair::says_nothing) || value.kind() == Kind::Null;
        // A word for nothing is near to no member by chance.
        let meant = near.filter(|_| !nothing).or_else(|| reworded(value, choices)).or_else(|| {
            let sub = self.schema.sub(fault.sub).filter(|_| nothing)?;
            self.schema.document().at(sub.node).get("default")
        });
        Wrong::Choice {
            choices,
            kind: value.kind(),
            meant,
            near: near.and_then(Value::as_str),
            remove: meant.is_none() && nothing && self.is_optional(fault.node),
        }
    }

    /// Every keyword whose value in the schema says it all.
    fn broken_rule<'w>(&self, fault: Fault, keyword: Keyword, sub: &'w Sub, kind: Kind) -> Wrong<'w>
    where
        'a: 'w,
    {
        let schema = self.schema.document().at(sub.node);
        let limit = schema.get(keyword.name());
        let text = matches!(keyword, Keyword::Pattern | Keyword::Format);
        let own = || {
            let examples = schema.get("examples").and_then(|examples| examples.elements().next());
            examples.or_else(|| schema.get("default")).filter(|&value| is_short(value))
        };
        let known = || format_example(limit?.as_str()?).map(|text| Shown::new(text.into(), 60));
        let example = if text { own().map(|value| spelt(value, 60)).or_else(known) } else { None };
        let member = fault.node > 0 && self.doc.node(fault.node - 1).kind() == Kind::Key;
        Wrong::Rule { keyword, kind, limit, example, member }
    }

    /// What is expected, where that was put into words when the schema was compiled.
    pub(super) fn phrase(&self, wrong: &Wrong<'_>) -> Option<&'a Phrase> {
        match *wrong {
            Wrong::Choice { choices: Choices::List(list), .. } => self.schema.phrase(list.index()),
            _ => None,
        }
    }

    pub(super) fn expected(&self, line: &mut Line<'_>, wrong: &Wrong<'_>) {
        match *wrong {
            Wrong::Choice { choices, .. } => {
                choose(line, choices.iter(), choices.len());
                line
            }
            Wrong::Constant { value, .. } => line.shown(spelt(value, 60)),
            Wrong::Ghost { meant: Some(meant), .. } => line.shown(shown(meant.into())),
            Wrong::Ghost { meant: None, .. } => line.put("a declared name"),
            Wrong::Members { keyword: Keyword::PropertyNames, .. } => {
                line.put("an object whose member names are allowed")
            }
            Wrong::Members { .. } => line.put("an object without further members"),
            Wrong::Missing { types, .. } | Wrong::Type { types, .. } => line.types(types),
            Wrong::Rule { keyword, limit, .. } => {
                let (phrase, _) = rule_words(keyword);
                limited(line, phrase, limit)
            }
            Wrong::Variants { count, one, .. } => line
                .put(if one { "exactly one of " } else { "one of " })
                .number(count as u64)
                .put(" variants"),
        };
    }

    pub(super) fn message(&self, line: &mut Line<'_>, wrong: &Wrong<'_>, name: Name<'_>) {
        match *wrong {
            Wrong::Choice { .. } => line.name(name).put(" must be one of the allowed values."),
            Wrong::Constant { value, .. } => {
                line.name(name).put(" must be ").shown(spelt(value, 60)).put(".")
            }
            Wrong::Ghost { name, meant, required, .. } => {
                line.shown(shown(name)).put(" is not a parameter here");
                if let Some(meant) = meant {
                    line.put("; ").shown(shown(meant.into())).put(" is");
                    if required {
                        line.put(", and it is required");
                    }
                }
                line.put(".")
            }
            Wrong::Members { strays, .. } => {
                self.named(line.name(name).put(" must not have "), strays).put(".")
            }
            Wrong::Missing { property, .. } => {
                line.shown(shown(property.into())).put(" is required.")
            }
            Wrong::Rule { .. } => {
                line.name(name).put(" must be ");
                self.expected(line, wrong);
                line.put(".")
            }
            Wrong::Type { types, kind, .. } => {
                line.name(name).put(" must be ").a_type(types).put(", not ");
                line.bytes(a_type(kind).as_bytes()).put(".")
            }
            Wrong::Variants { .. } => {
                line.name(name).put(" must fit ");
                self.expected(line, wrong);
                line.put(".")
            }
        };
    }

    pub(super) fn hint(&self, line: &mut Line<'_>, wrong: &Wrong<'_>, name: Name<'_>) {
        match *wrong {
            Wrong::Choice { meant: Some(meant), .. } | Wrong::Constant { value: meant, .. } => {
                line.put("Send ").shown(spelt(meant, 60)).put(".")
            }
            Wrong::Choice { remove: true, .. } => {
                line.put("Send one of the allowed values, or leave ").name(name).put(" out.")
            }
            Wrong::Choice { .. } => line.put("Send one of the allowed values."),
            Wrong::Ghost { name, meant: Some(meant), first: true, .. } => rename(line, name, meant),
            Wrong::Ghost { name, .. } => line.put("Remove ").shown(shown(name)).put("."),
            Wrong::Members { keyword, strays, .. } => {
                line.put(if keyword == Keyword::PropertyNames { "Rename " } else { "Remove " });
                self.named(line, strays).put(".")
            }
            Wrong::Missing { property, ghost: Some(ghost), .. } => rename(line, ghost, property),
            Wrong::Missing { property, types, .. } => {
                line.put("Add ").shown(shown(property.into())).put(", ").a_type(types).put(".")
            }
            Wrong::Rule { keyword, limit, example, .. } => {
                let (_, phrase) = rule_words(keyword);
                limited(line, phrase, limit);
                match example {
                    Some(example) => line.put(" For example: ").shown(example).put("."),
                    None => line,
                }
            }
            Wrong::Type { types, repair, root, .. } => type_hint(line, repair, name, types, root),
            Wrong::Variants { one: true, .. } => {
                line.put("Send what one of the variants wants, and no other.")
            }
            Wrong::Variants { one: false, .. } => line.put("Send what one of the variants wants."),
        };
    }

    /// The first few of `strays`, like `a, b and 2 more`.
    fn named<'l, 'o>(&self, line: &'l mut Line<'o>, strays: Strays) -> &'l mut Line<'o> {
        for (at, &key) in strays.keys.iter().take(strays.count).enumerate() {
            if at > 0 {
                line.put(", ");
            }
            line.shown(shown(self.doc.text(key)));
        }
        match strays.count.checked_sub(MAX_NAMED) {
            Some(more @ 1..) => line.put(" and ").number(more as u64).put(" more"),
            _ => line,
        }
    }

    /// Writes the repair, or `null`. It applies to the place of the violation, whose path is `own`, or to
    /// another at `pointer`.
    pub(super) fn fix(
        &mut self,
        line: &mut Line<'_>,
        wrong: &Wrong<'_>,
        own: Option<Text>,
        pointer: &[u8],
    ) -> Option<FixRecord> {
        let nothing = |line: &mut Line<'_>| {
            line.put("null");
            None
        };
        let Some(Planned { op, below, to }) = self.planned(wrong) else { return nothing(line) };
        // A place that cannot be told exactly cannot be repaired.
        let path = match own {
            Some(own) if below.is_none() => {
                if !line.tells_pointer() {
                    return nothing(line);
                }
                line.put(r#"{"op":""#).bytes(op.as_bytes()).put(r#"","path":""#).same_pointer();
                own
            }
            _ => {
                let side = &mut self.report.side;
                let path = place_below(pointer, below, side);
                let shown = Shown::new(Str::new(path.of(side), false), MAX_SHOWN_POINTER);
                if !shown.is_whole() {
                    return nothing(line);
                }
                line.put(r#"{"op":""#).bytes(op.as_bytes()).put(r#"","path":""#).shown(shown);
                path
            }
        };
        line.put(r#"","to":"#);
        let start = line.at();
        match to {
            None => line.put("null"),
            Some(To::Name(name)) => line.put("\"").exactly(name).put("\""),
            Some(To::Value(value)) => line.bytes(value.raw()),
            Some(To::Word(word)) => line.bytes(word.as_bytes()),
        };
        let to = to.map(|_| Text::plain(start, line.at()));
        line.put("}");
        Some(FixRecord { op, path, to })
    }

    /// What a program can do about it.
    fn planned<'w>(&self, wrong: &Wrong<'w>) -> Option<Planned<'w>>
    where
        'a: 'w,
    {
        let plan = |op, below, to| Some(Planned { op, below, to });
        match *wrong {
            Wrong::Choice { meant: Some(value), .. } | Wrong::Constant { value, .. } => {
                plan("replace", None, Some(To::short(value)?))
            }
            Wrong::Choice { remove: true, .. } => plan("remove", None, None),
            Wrong::Ghost { meant: Some(meant), first: true, .. } => {
                plan("rename", None, Some(To::name(meant)?))
            }
            Wrong::Ghost { .. } => plan("remove", None, None),
            Wrong::Missing { property, ghost: Some(ghost), .. } => {
                plan("rename", Some(ghost), Some(To::name(property)?))
            }
            Wrong::Missing { property, value: Some(value), .. } => {
                plan("add", Some(property.into()), Some(To::short(value)?))
            }
            Wrong::Members { keyword, strays: Strays { keys: [key, ..], count: 1 }, .. }
                if keyword != Keyword::PropertyNames =>
            {
                plan("remove", Some(self.doc.text(key)), None)
            }
            Wrong::Rule { keyword: Keyword::FalseSchema, member: true, .. } => {
                plan("remove", None, None)
            }
            Wrong::Type { repair: Repair::Replace(word), .. } => {
                plan("replace", None, Some(To::Word(word)))
            }
            Wrong::Type { repair, .. } => plan(repair.op()?, None, None),
            _ => None,
        }
    }
}

/// Writes the pointer of the value at `pointer`, or of its member `below`, to `side`.
fn place_below(pointer: &[u8], below: Option<Str<'_>>, side: &mut Buf<'_, u8>) -> Text {
    let start = side.len() as u32;
    let _ = side.extend(head(pointer));
    if let Some(name) = below {
        let _ = side.write_char('/');
        let _ = json::write_token(name.chars().take(MAX_POINTER), side);
    }
    Text::side(start, side.len() as u32)
}

/// A fix before it is written.
struct Planned<'w> {
    op: &'static str,
    /// The member that it applies to, where that is not the place of the violation.
    below: Option<Str<'w>>,
    to: Option<To<'w>>,
}

enum To<'w> {
    Name(&'w str),
    Value(Value<'w>),
    Word(&'static str),
}

impl<'w> To<'w> {
    /// A name of the schema, when that is short.
    fn name(name: &'w str) -> Option<Self> {
        (name.len() <= MAX_FIX).then_some(Self::Name(name))
    }

    /// A value of the schema as it is spelt there, when that is short.
    fn short(value: Value<'w>) -> Option<Self> {
        (value.raw().len() <= MAX_FIX).then_some(Self::Value(value))
    }
}

fn rename<'l, 'o>(line: &'l mut Line<'o>, from: Str<'_>, to: &str) -> &'l mut Line<'o> {
    line.put("Rename ").shown(shown(from)).put(" to ").shown(shown(to.into())).put(".")
}

/// A phrase with the limit in its gap, if it has one.
fn limited<'l, 'o>(
    line: &'l mut Line<'o>,
    (before, after): (&str, Option<&str>),
    limit: Option<Value<'_>>,
) -> &'l mut Line<'o> {
    line.put(before);
    match (after, limit) {
        (Some(after), Some(limit)) => line.shown(spelt(limit, 80)).put(after),
        _ => line,
    }
}

/// What to do about a wrong type; `root` when the value is the arguments as a whole.
fn type_hint<'l, 'o>(
    line: &'l mut Line<'o>,
    repair: Repair,
    name: Name<'_>,
    types: Types,
    root: bool,
) -> &'l mut Line<'o> {
    line.put("Send ").name(name).put(" as ");
    match repair {
        Repair::List => line.put("an array: its values in order, in square brackets."),
        Repair::None if root => line.put("one JSON object."),
        Repair::None => line.a_type(types).put("."),
        Repair::Number => line.a_type(types).put(", in digits without commas or words."),
        Repair::Parse => line.a_type(types).put(" itself, not as a string of JSON."),
        Repair::Quote => line.put("a string, in double quotes."),
        Repair::Remove => line.a_type(types).put(", or leave it out."),
        Repair::Replace(to) => line.bytes(to.as_bytes()).put("."),
        Repair::Unquote => line.a_type(types).put(", without quotes."),
        Repair::Unwrap => line.a_type(types).put(" itself, with nothing around it."),
        Repair::Wrap => line.put("an array: put it in square brackets."),
    }
}

/// The member of `choices` that `value` names in other words or as another type.
fn reworded<'s>(value: Value<'_>, choices: Choices<'s>) -> Option<Value<'s>> {
    let text = |value: Value<'s>| value.as_str().unwrap_or_else(|| Str::new(value.raw(), false));
    let at = match value.as_str() {
        Some(value) => near::reworded(value, choices.iter().map(text)),
        None if matches!(value.kind(), Kind::Number | Kind::True | Kind::False) => {
            choices.iter().position(|choice| text(choice).is(value.raw()))
        }
        None => None,
    };
    choices.iter().nth(at?)
}

/// The types of the one JSON value in `bytes`.
fn types_spelt(bytes: &[u8], tape: &mut Tape<'_>) -> Option<Types> {
    let doc = json::parse(bytes.trim_ascii(), Limits::ARGUMENTS, tape).ok()?;
    Some(Types::of(doc, 0))
}
