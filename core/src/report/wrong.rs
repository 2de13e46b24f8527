//! What is wrong with one value.
//!
//! [`Wrong`] is all that a violation says, as values and indexes; `say` puts it into words and `fix` into a
//! repair that a program can make.

mod fix;
mod say;

use core::fmt::Write;

use super::repair::{self, Repair};
use super::reporter::Reporter;
use super::words::{Shown, format_example, spelt, type_name};
use crate::json::{self, Elements, Kind, Limits, Str, Tape, Value};
use crate::near;
use crate::schema::{Cut, Fault, Keyword, Schema, Sub, Types, UNNAMED, is_short};

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
