//! What is otherwise in a new definition, field by field, and how much that matters.
//!
//! | change | severity |
//! | --- | --- |
//! | `title` and `$comment`, anywhere; the order of `required` or `enum` | low |
//! | `description`, `examples`, `default`, anywhere; annotations other than hints | medium |
//! | a property removed; a name added to `required`; a member removed from `enum` | medium |
//! | a hint (`readOnlyHint`, `destructiveHint` and their like) | high |
//! | everything else: a property added, a name no longer required, a type, a bound, a pattern | high |
//!
//! What asks a model for more, or takes more from it, is high: that is how a server that turned bad
//! gathers data. What asks for less is not.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::json::{Kind, Limits, Str, Tape, Value, parse};

/// Most differences that are told apart.
const MOST: usize = 64;

/// How much a change matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What only people see.
    Low,
    /// What a model reads, and less than was asked for.
    Medium,
    /// What calls may do, and more than was asked for.
    High,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Its name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How a definition differs from the one that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first differences, at most 64.
    pub differences: Vec<Difference>,
    /// How many there are besides.
    pub more: usize,
    /// The greatest severity of all.
    pub severity: Severity,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, as a JSON pointer (RFC 6901) into the definition.
    pub path: String,
    /// How much it matters.
    pub severity: Severity,
    /// What stood there, as canonical JSON; none when nothing did.
    pub old: Option<String>,
    /// What stands there now.
    pub new: Option<String>,
}

impl Change {
    /// The members of the definition that differ, each once, with the greatest severity in it.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Severity)> {
        let field = |difference: &Difference| difference.path.split('/').nth(1).map(str::len);
        let all = &self.differences;
        all.iter().enumerate().filter_map(move |(index, first)| {
            let name = first.path.get(1..field(first)?.checked_add(1)?)?;
            let same = |other: &&Difference| other.path.split('/').nth(1) == Some(name);
            let is_first = !all.get(..index)?.iter().any(|other| same(&other));
            let most = all.iter().filter(same).map(|other| other.severity).max()?;
            is_first.then_some((name, most))
        })
    }
}

impl fmt::Display for Change {
    /// `description (medium), inputSchema (high)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, severity)) in self.fields().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name} ({})", severity.name())?;
        }
        Ok(())
    }
}

/// What a value is to who reads the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Definition,
    Annotations,
    Schema,
    /// Schemas by name.
    Schemas,
    /// A list of schemas.
    List,
    /// What `required` lists.
    Required,
    /// What `enum` lists.
    Enum,
    /// Any other value, and how much it matters as a whole.
    Flat(Severity),
}

impl Place {
    /// What the member called `key` is.
    fn child(self, key: Str<'_>) -> Self {
        use Severity::{High, Low, Medium};
        let is = |names: &[&str]| names.iter().any(|name| key.is(name.as_bytes()));
        match self {
            Self::Definition | Self::Annotations | Self::Schema if is(&["title", "$comment"]) => {
                Self::Flat(Low)
            }
            Self::Definition if is(&["description"]) => Self::Flat(Medium),
            Self::Definition if is(&["annotations"]) => Self::Annotations,
            Self::Definition if is(&["inputSchema", "outputSchema"]) => Self::Schema,
            Self::Annotations if !key.chars().collect::<String>().ends_with("Hint") => {
                Self::Flat(Medium)
            }
            Self::Schema if is(&["description", "examples", "default"]) => Self::Flat(Medium),
            Self::Schema if is(&["properties", "patternProperties", "$defs", "definitions"]) => {
                Self::Schemas
            }
            Self::Schema if is(&["allOf", "anyOf", "oneOf", "prefixItems"]) => Self::List,
            Self::Schema if is(&["items", "additionalProperties"]) => Self::Schema,
            Self::Schema if is(&["required"]) => Self::Required,
            Self::Schema if is(&["enum"]) => Self::Enum,
            Self::Schemas => Self::Schema,
            _ => Self::Flat(High),
        }
    }

    /// How much it matters that the whole value came or went; `parent` is what it is in.
    fn alone(self, parent: Self, added: bool) -> Severity {
        match self {
            Self::Flat(severity) => severity,
            // A property less; a list of names that was not there and narrows.
            Self::Schema if parent == Self::Schemas && !added => Severity::Medium,
            Self::Required | Self::Enum if added => Severity::Medium,
            _ => Severity::High,
        }
    }
}

/// What is otherwise in `new`; both are canonical.
pub(super) fn between(old: &[u8], new: &[u8]) -> Change {
    let change = Change { differences: Vec::new(), more: 0, severity: Severity::Low };
    let (mut first, mut second) = (Tape::growable(), Tape::growable());
    let limits = Limits { bytes: usize::MAX, depth: Limits::MESSAGE.depth };
    let mut walk = Walk { change, path: String::new() };
    match (parse(old, limits, &mut first), parse(new, limits, &mut second)) {
        (Ok(old), Ok(new)) => walk.both(old.root(), new.root(), Place::Definition),
        // They were written by us.
        _ => walk.tell(None, None, Severity::High),
    }
    walk.change
}

struct Walk {
    change: Change,
    path: String,
}

impl Walk {
    fn both(&mut self, old: Value<'_>, new: Value<'_>, place: Place) {
        if old.raw() == new.raw() {
            return;
        }
        match (place, old.kind(), new.kind()) {
            (
                Place::Definition | Place::Annotations | Place::Schema | Place::Schemas,
                Kind::Object,
                Kind::Object,
            ) => self.members(old, new, place),
            (Place::List | Place::Schema, Kind::Array, Kind::Array) if old.len() == new.len() => {
                for (index, (old, new)) in old.elements().zip(new.elements()).enumerate() {
                    self.below(format_args!("{index}"), |walk| walk.both(old, new, Place::Schema));
                }
            }
            (Place::Required, Kind::Array, Kind::Array) => {
                let [gone, come] = apart(old, new);
                let severity = severity_of(gone, come);
                self.tell(Some(old), Some(new), severity);
            }
            (Place::Enum, Kind::Array, Kind::Array) => {
                let [gone, come] = apart(old, new);
                let severity = severity_of(come, gone);
                self.tell(Some(old), Some(new), severity);
            }
            (Place::Flat(severity), ..) => self.tell(Some(old), Some(new), severity),
            _ => self.tell(Some(old), Some(new), Severity::High),
        }
    }

    /// Two objects, whose members are in one order.
    fn members(&mut self, old: Value<'_>, new: Value<'_>, place: Place) {
        // In canonical spelling a name has one form.
        let (before, after) = (by_name(old), by_name(new));
        for (key, value) in old.members() {
            let child = place.child(key);
            self.below(Pointer(key), |walk| match after.get(key.raw()) {
                Some(other) => walk.both(value, *other, child),
                None => walk.tell(Some(value), None, child.alone(place, false)),
            });
        }
        for (key, value) in new.members() {
            if !before.contains_key(key.raw()) {
                let severity = place.child(key).alone(place, true);
                self.below(Pointer(key), |walk| walk.tell(None, Some(value), severity));
            }
        }
    }

    fn below(&mut self, segment: impl fmt::Display, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        // A string takes everything.
        let _ = write!(self.path, "/{segment}");
        walk(self);
        self.path.truncate(length);
    }

    fn tell(&mut self, old: Option<Value<'_>>, new: Option<Value<'_>>, severity: Severity) {
        let Change { differences, more, severity: most } = &mut self.change;
        *most = severity.max(*most);
        if differences.len() >= MOST {
            *more = more.saturating_add(1);
            return;
        }
        let text = |value: Value<'_>| String::from_utf8_lossy(value.raw()).into_owned();
        let (old, new) = (old.map(text), new.map(text));
        differences.push(Difference { path: self.path.clone(), severity, old, new });
    }
}

/// `widens` counts what lets more through, `narrows` what lets less.
const fn severity_of(widens: usize, narrows: usize) -> Severity {
    match (widens, narrows) {
        (0, 0) => Severity::Low,
        (0, _) => Severity::Medium,
        _ => Severity::High,
    }
}

/// How many elements are in the old list alone, and in the new one alone.
fn apart(old: Value<'_>, new: Value<'_>) -> [usize; 2] {
    let sorted = |list: Value<'_>| {
        let mut raw: Vec<_> = list.elements().map(|value| value.raw().to_vec()).collect();
        raw.sort_unstable();
        raw
    };
    let (old, new) = (sorted(old), sorted(new));
    let lacks = |list: &[Vec<u8>], one: &Vec<u8>| list.binary_search(one).is_err();
    [
        old.iter().filter(|one| lacks(&new, one)).count(),
        new.iter().filter(|one| lacks(&old, one)).count(),
    ]
}

fn by_name(object: Value<'_>) -> BTreeMap<&[u8], Value<'_>> {
    object.members().map(|(key, value)| (key.raw(), value)).collect()
}

/// A name as a segment of a pointer (RFC 6901).
struct Pointer<'t>(Str<'t>);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '~' => f.write_str("~0"),
            '/' => f.write_str("~1"),
            c => f.write_char(c),
        })
    }
}
