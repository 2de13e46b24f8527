//! Turns faults, ghosts and parse errors into violations.

use core::fmt::{self, Write};

use super::words::{Choices, Shown, TypeList, a_type, shown, shown_name, spelt, type_name};
use super::{FixRecord, MAX_POINTER, Meant, Record, Report, Text};
use crate::json::{self, CUT, Document, Kind, Limits, ParseError, Str, Tape, Value};
use crate::near::{self, Undeclared};
use crate::schema::{Cut, Fault, Keyword, Schema, Sub, Types, UNNAMED};

/// Longest value of a schema that a fix repeats, in bytes.
const MAX_FIX: usize = 200;

/// Names and members that the search for what all ghosts of a call were meant to be looks at.
const MAX_SEARCH: usize = 1 << 17;

/// Writes a report about one parsed document.
pub(crate) struct Reporter<'a, 'm> {
    pub(crate) report: &'a mut Report<'m>,
    pub(crate) doc: Document<'a>,
    pub(crate) schema: &'a Schema,
    /// Every ghost, in document order.
    pub(crate) cuts: &'a mut [Cut],
    /// Memory to look into strings that may hold JSON.
    pub(crate) inner: &'a mut Tape<'m>,
}

impl Reporter<'_, '_> {
    /// Finds out what each ghost was probably meant to be. The search pays for every name that it looks
    /// at and every member that it passes; it gives up, with false, above [`MAX_SEARCH`].
    pub(crate) fn find_meant(&mut self) -> bool {
        let mut left = MAX_SEARCH;
        for at in 0..self.cuts.len() {
            let Some(cut) = self.cuts.get(at) else { continue };
            let Some(meant) = self.meant(cut, &mut left) else { return false };
            if let Some(cut) = self.cuts.get_mut(at) {
                cut.meant = meant;
            }
        }
        true
    }

    /// Reports the ghosts: those for which `refuse` holds as violations, the rest as stripped. Both name
    /// what was probably meant.
    pub(crate) fn ghosts(&mut self, refuse: impl Fn(Option<u32>) -> bool) {
        let cuts = core::mem::take(&mut self.cuts);
        let mut path = core::mem::take(&mut self.report.path);
        let mut next = cuts.iter();
        let result = json::each_pointer(
            self.doc,
            cuts.iter().map(|cut| cut.key),
            &mut path,
            |_, pointer| {
                if let Some(cut) = next.next() {
                    self.ghost(cut, pointer, &refuse);
                }
            },
        );
        self.report.path = path;
        self.cuts = cuts;
        // Only lent storage can refuse; what is not reported is cut all the same.
        let _ = result;
    }

    fn ghost(&mut self, cut: &Cut, pointer: &[u8], refuse: &impl Fn(Option<u32>) -> bool) {
        let meant = cut.meant;
        let path = self.report.pointer(pointer);
        if let Some(name) = meant {
            let to = self.report.write(format_args!("{}", self.schema.name(name)));
            self.report.suggest(Meant { path, to });
        }
        if !refuse(meant) {
            let _ = self.report.stripped.push(path);
            return;
        }
        let ghost = shown(self.doc.text(cut.key));
        let received = "an undeclared name";
        let mut record = match meant.map(|name| self.schema.name(name)) {
            Some(name) => {
                let name = shown_name(name);
                let words = [
                    format_args!("{name}"),
                    format_args!("{ghost} is not a parameter here; {name} is."),
                    format_args!("Rename {ghost} to {name}."),
                ];
                self.report.say(Keyword::Ghost, path, received, words)
            }
            None => {
                let words = [
                    format_args!("a declared name"),
                    format_args!("{ghost} is not a parameter here."),
                    format_args!("Remove {ghost}."),
                ];
                self.report.say(Keyword::Ghost, path, received, words)
            }
        };
        record.fix = Some(match meant {
            Some(name) => {
                let to = self.report.json_string(self.schema.name(name));
                FixRecord { op: "rename", path, to: Some(to) }
            }
            None => FixRecord { op: "remove", path, to: None },
        });
        let _ = self.report.violations.push(record);
    }

    /// The declared name that a ghost probably is: nearest of those absent from its object, when
    /// exactly one is nearest. None when the search costs more than is `left`.
    fn meant(&self, cut: &Cut, left: &mut usize) -> Option<Option<u32>> {
        let text = self.doc.text(cut.key);
        let ghost = Undeclared::new(text.chars());
        let mut best = None;
        let mut least = u32::MAX;
        for name in self.schema.declared_at(cut.location) {
            let declared = self.schema.name(name);
            // Folding may read both to their ends.
            *left = left.checked_sub(1 + (text.raw().len() + declared.len()) / 64)?;
            let Some(distance) = ghost.near_miss(declared) else { continue };
            if distance > least {
                continue;
            }
            *left = left.checked_sub(self.doc.at(cut.object).len() / 16)?;
            if self.has(cut.object, name) {
                continue;
            }
            best = if distance < least { Some(name) } else { None };
            least = distance;
        }
        Some(best)
    }

    /// Reports faults; `faults` are sorted by node here.
    pub(crate) fn faults(&mut self, faults: &mut [Fault]) {
        faults.sort_unstable_by_key(|fault| (fault.node, fault.keyword, fault.detail));
        let mut path = core::mem::take(&mut self.report.path);
        let mut last: Option<Fault> = None;
        let mut next = faults.iter();
        let _ = json::each_pointer(
            self.doc,
            faults.iter().map(|fault| fault.node),
            &mut path,
            |_, pointer| {
                let Some(&fault) = next.next() else { return };
                let echo = last.is_some_and(|last| {
                    last.node == fault.node
                        && (last.keyword == Keyword::Type
                            || (last.keyword, last.detail) == (fault.keyword, fault.detail))
                });
                if !echo {
                    self.fault(fault, pointer);
                    last = Some(fault);
                }
            },
        );
        self.report.path = path;
    }

    /// Reports arguments that are no object, whatever the schema says of them.
    pub(crate) fn not_an_object(&mut self) {
        let any = Sub { types: Types::OBJECT, ..*self.schema.root() };
        let name = Name { pointer: "/arguments", element: false };
        self.wrong_type(Fault::default(), &any, Text::default(), name);
    }

    fn fault(&mut self, fault: Fault, pointer: &[u8]) {
        let Some(&sub) = self.schema.sub(fault.sub) else { return };
        let path = self.report.pointer(pointer);
        let value = self.doc.at(fault.node);
        let element = fault.node > 0
            && !matches!(self.doc.node(fault.node - 1).kind(), Kind::Key)
            && self.doc.node(fault.node).kind() != Kind::Key;
        let name = Name { pointer: core::str::from_utf8(pointer).unwrap_or(""), element };
        match fault.keyword {
            Keyword::Type => self.wrong_type(fault, &sub, path, name),
            Keyword::Required | Keyword::DependentRequired => self.missing(fault, path),
            Keyword::Enum => self.wrong_choice(fault, &sub, path, name),
            Keyword::Const => {
                let constant = self.schema.document().at(sub.constant);
                let shown = spelt(constant, 60);
                let mut record = self.report.say(
                    fault.keyword,
                    path,
                    type_name(value.kind()),
                    [
                        format_args!("{shown}"),
                        format_args!("{name} must be {shown}."),
                        format_args!("Send {shown}."),
                    ],
                );
                record.fix = self.replace(constant, path);
                let _ = self.report.violations.push(record);
            }
            _ => self.bound(fault, &sub, path, name),
        }
    }

    fn wrong_type(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let kind = self.doc.node(fault.node).kind();
        let wanted = TypeList { types: sub.types, articles: true };
        let repair = self.type_repair(fault.node, sub);
        let mut record = self.report.say(
            fault.keyword,
            path,
            type_name(kind),
            [
                format_args!("{}", TypeList { types: sub.types, articles: false }),
                format_args!("{name} must be {wanted}, not {}.", a_type(kind)),
                format_args!("{}", TypeHint { repair, name, wanted, root: fault.node == 0 }),
            ],
        );
        record.fix = repair.op().map(|op| FixRecord { op, path, to: None });
        let _ = self.report.violations.push(record);
    }

    /// What would give the value at `at` a type that `sub` admits.
    fn type_repair(&mut self, at: u32, sub: &Sub) -> Repair {
        let value = self.doc.at(at);
        if let Some(text) = value.as_str()
            && let Some(types) = self.types_inside(text)
            && types.meets(sub.types)
        {
            let container = types.meets(Types::ARRAY) || types.meets(Types::OBJECT);
            return if container { Repair::Parse } else { Repair::Unquote };
        }
        if sub.types.meets(Types::ARRAY) && self.fits_items(at, sub) {
            return Repair::Wrap;
        }
        if value.kind() == Kind::Null && at != 0 && !self.is_required(at) {
            return Repair::Remove;
        }
        Repair::None
    }

    /// The types of the JSON value that `text` spells.
    fn types_inside(&mut self, text: Str<'_>) -> Option<Types> {
        let mut decoded = core::mem::take(&mut self.report.decoded);
        decoded.clear();
        let fits = text.raw().len() <= Limits::ARGUMENTS.bytes
            && text.chars().try_for_each(|c| decoded.write_char(c)).is_ok();
        let trimmed = decoded.trim_ascii();
        let types = match json::parse(trimmed, Limits::ARGUMENTS, self.inner) {
            Ok(inner) if fits => Some(Types::of(inner, 0)),
            _ => None,
        };
        self.report.decoded = decoded;
        types
    }

    /// Whether the value at `at` could be an element of the arrays that `sub` describes.
    fn fits_items(&self, at: u32, sub: &Sub) -> bool {
        if self.doc.node(at).kind() == Kind::Null {
            return false;
        }
        let items = self.schema.items_of(sub).and_then(|items| self.schema.sub(items));
        items.is_none_or(|items| items.types.meets(Types::of(self.doc, at)))
    }

    fn missing(&mut self, fault: Fault, path: Text) {
        let missing = self.schema.name(fault.detail);
        let property = shown_name(missing);
        // A ghost of the same object that is probably this name.
        let renamed = self
            .cuts
            .iter()
            .find(|cut| cut.object == fault.node && cut.meant == Some(fault.detail));
        let sub = self
            .schema
            .property(fault.sub, fault.detail)
            .and_then(|sub| self.schema.sub(sub))
            .copied();
        let types = sub.map_or(Types::ANY, |sub| sub.types);
        let wanted = TypeList { types, articles: true };
        let expected = TypeList { types, articles: false };
        let mut record = match renamed {
            Some(cut) => {
                let ghost = shown(self.doc.text(cut.key));
                let words = [
                    format_args!("{expected}"),
                    format_args!("{property} is required."),
                    format_args!("Rename {ghost} to {property}."),
                ];
                self.report.say(fault.keyword, path, "nothing", words)
            }
            None => {
                let words = [
                    format_args!("{expected}"),
                    format_args!("{property} is required."),
                    format_args!("Add {property}, {wanted}."),
                ];
                self.report.say(fault.keyword, path, "nothing", words)
            }
        };
        record.property = Some(self.report.write(format_args!("{missing}")));
        record.fix = Some(match renamed {
            Some(cut) => {
                let from = self.report.join(path, self.doc.text(cut.key).chars());
                let to = self.report.json_string(missing);
                FixRecord { op: "rename", path: from, to: Some(to) }
            }
            None => {
                let at = self.report.join(path, missing.chars());
                let default = sub.and_then(|sub| self.default_of(&sub));
                FixRecord { op: "add", path: at, to: default }
            }
        });
        let _ = self.report.violations.push(record);
    }

    /// The `default` of a subschema, else its first example, when it is short.
    fn default_of(&mut self, sub: &Sub) -> Option<Text> {
        let schema = self.schema.document().at(sub.node);
        let value = schema.get("default").or_else(|| schema.get("examples")?.elements().next())?;
        (value.raw().len() <= MAX_FIX).then(|| self.report.raw(value))
    }

    fn wrong_choice(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let value = self.doc.at(fault.node);
        let choices = self.schema.document().at(sub.choices);
        let list = Choices(choices);
        let nearest = value.as_str().and_then(|text| {
            // A member that is no string is as far as can be: empty text.
            let members = choices
                .elements()
                .map(|choice| choice.as_str().unwrap_or(Str::new(b"", false)).chars());
            choices.elements().nth(near::nearest(text.chars(), members)?)
        });
        let received = type_name(value.kind());
        let advice = Advice(nearest);
        let mut record = self.report.say(
            fault.keyword,
            path,
            received,
            [
                format_args!("one of {list}"),
                format_args!("{name} must be one of the allowed values."),
                format_args!("{advice}"),
            ],
        );
        if let Some(choice) = nearest {
            record.fix = self.replace(choice, path);
            if let Some(text) = choice.as_str() {
                let to = self.report.write(format_args!("{}", Decoded(text)));
                self.report.suggest(Meant { path, to });
            }
        }
        let _ = self.report.violations.push(record);
    }

    /// Every keyword whose value in the schema says it all.
    fn bound(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let schema = self.schema.document().at(sub.node);
        let limit = spelt_or(schema.get(fault.keyword.name()), 80);
        let count = schema.get(fault.keyword.name()).map_or(0, Value::len);
        let received = type_name(self.doc.node(fault.node).kind());
        let say =
            |report: &mut Report<'_>, expected: fmt::Arguments<'_>, hint: fmt::Arguments<'_>| {
                let words = [expected, format_args!("{name} must be {expected}."), hint];
                report.say(fault.keyword, path, received, words)
            };
        let report = &mut *self.report;
        let record = match fault.keyword {
            Keyword::Minimum => say(
                report,
                format_args!("a number of at least {limit}"),
                format_args!("Send {limit} or more."),
            ),
            Keyword::Maximum => say(
                report,
                format_args!("a number of at most {limit}"),
                format_args!("Send {limit} or less."),
            ),
            Keyword::ExclusiveMinimum => say(
                report,
                format_args!("a number above {limit}"),
                format_args!("Send more than {limit}."),
            ),
            Keyword::ExclusiveMaximum => say(
                report,
                format_args!("a number below {limit}"),
                format_args!("Send less than {limit}."),
            ),
            Keyword::MultipleOf => say(
                report,
                format_args!("a multiple of {limit}"),
                format_args!("Send a multiple of {limit}."),
            ),
            Keyword::MinLength => say(
                report,
                format_args!("a string of at least {limit} characters"),
                format_args!("Send at least {limit} characters."),
            ),
            Keyword::MaxLength => say(
                report,
                format_args!("a string of at most {limit} characters"),
                format_args!("Shorten it to {limit} characters."),
            ),
            Keyword::Pattern => say(
                report,
                format_args!("a string that matches the pattern {limit}"),
                format_args!("Send text that matches the pattern."),
            ),
            Keyword::Format => say(
                report,
                format_args!("a string in the format {limit}"),
                format_args!("Send text in that format."),
            ),
            Keyword::MinItems => say(
                report,
                format_args!("an array of at least {limit} elements"),
                format_args!("Add elements."),
            ),
            Keyword::MaxItems => say(
                report,
                format_args!("an array of at most {limit} elements"),
                format_args!("Remove elements."),
            ),
            Keyword::UniqueItems => say(
                report,
                format_args!("an array without equal elements"),
                format_args!("Remove the elements that occur twice."),
            ),
            Keyword::Contains | Keyword::MinContains => say(
                report,
                format_args!("an array with more elements of the kind that contains describes"),
                format_args!("Add such elements."),
            ),
            Keyword::MaxContains => say(
                report,
                format_args!("an array with fewer elements of the kind that contains describes"),
                format_args!("Remove such elements."),
            ),
            Keyword::MinProperties => say(
                report,
                format_args!("an object of at least {limit} members"),
                format_args!("Add members."),
            ),
            Keyword::MaxProperties => say(
                report,
                format_args!("an object of at most {limit} members"),
                format_args!("Remove members."),
            ),
            Keyword::AdditionalProperties | Keyword::UnevaluatedProperties => say(
                report,
                format_args!("an object without members that do not belong together here"),
                format_args!("Remove the members that this variant does not have."),
            ),
            Keyword::PropertyNames => say(
                report,
                format_args!("an object whose member names are allowed"),
                format_args!("Rename its members."),
            ),
            Keyword::UnevaluatedItems => say(
                report,
                format_args!("an array without further elements"),
                format_args!("Remove the last elements."),
            ),
            Keyword::AnyOf => say(
                report,
                format_args!("what one of {count} variants accepts"),
                format_args!("Send what one of the variants wants."),
            ),
            Keyword::OneOf => say(
                report,
                format_args!("what exactly one of {count} variants accepts"),
                format_args!("Send what one of the variants wants, and no other."),
            ),
            Keyword::Not => say(
                report,
                format_args!("something that the schema does not exclude"),
                format_args!("Send another value."),
            ),
            _ => say(report, format_args!("left out"), format_args!("Remove {name}.")),
        };
        let _ = self.report.violations.push(record);
    }

    /// A fix that replaces what stands at `path` by a value of the schema, when that is short.
    fn replace(&mut self, value: Value<'_>, path: Text) -> Option<FixRecord> {
        (value.raw().len() <= MAX_FIX).then(|| FixRecord {
            op: "replace",
            path,
            to: Some(self.report.raw(value)),
        })
    }

    /// Whether the object around the value at `at` must have it, as far as its own schema says.
    fn is_required(&self, at: u32) -> bool {
        let name = match at.checked_sub(1).map(|key| self.doc.node(key)) {
            Some(key) if key.kind() == Kind::Key => key.number(),
            _ => return false,
        };
        name != UNNAMED && self.schema.requires(name)
    }

    fn has(&self, object: u32, name: u32) -> bool {
        let end = self.doc.after(object);
        let mut key = object + 1;
        while key < end {
            let node = self.doc.node(key);
            if node.number() == name && !node.has(CUT) {
                return true;
            }
            key = self.doc.after(key + 1);
        }
        false
    }
}

/// A way to give a value the right type.
#[derive(Clone, Copy)]
enum Repair {
    Unquote,
    Parse,
    Wrap,
    Remove,
    None,
}

impl Repair {
    const fn op(self) -> Option<&'static str> {
        match self {
            Self::Unquote => Some("unquote"),
            Self::Parse => Some("parse"),
            Self::Wrap => Some("wrap"),
            Self::Remove => Some("remove"),
            Self::None => None,
        }
    }
}

/// The hint for a wrong type.
struct TypeHint<'t> {
    repair: Repair,
    name: Name<'t>,
    wanted: TypeList,
    /// The value is the arguments as a whole.
    root: bool,
}

impl fmt::Display for TypeHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repair, name, wanted, root } = self;
        match repair {
            Repair::Unquote => write!(f, "Send {name} as {wanted}, without quotes."),
            Repair::Parse => write!(f, "Send {wanted} itself, not a string that holds JSON."),
            Repair::Wrap => write!(f, "Put the value of {name} in square brackets."),
            Repair::Remove => write!(f, "Leave {name} out, or send {wanted}."),
            Repair::None if *root => f.write_str("Send the arguments as one JSON object."),
            Repair::None => write!(f, "Send {name} as {wanted}."),
        }
    }
}

/// The hint for a value that is no member of an `enum`: the member that is nearest.
struct Advice<'t>(Option<Value<'t>>);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(choice) => write!(f, "Send {}.", spelt(choice, 60)),
            None => f.write_str("Send one of the allowed values."),
        }
    }
}

/// How a message calls the value that it is about: `amount`, `items[2]`.
#[derive(Clone, Copy)]
struct Name<'t> {
    pointer: &'t str,
    /// The value is an element of an array.
    element: bool,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tokens = self.pointer.rsplit('/');
        match (tokens.next(), tokens.next()) {
            (Some(position), Some(name)) if self.element && !name.is_empty() => {
                write!(f, "{}[{position}]", shown_name(name))
            }
            (Some(name), Some(_)) if !self.element => write!(f, "{}", shown_name(name)),
            _ => f.write_str("this value"),
        }
    }
}

/// A string of the schema, escapes undone.
struct Decoded<'t>(Str<'t>);

impl fmt::Display for Decoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| f.write_char(c))
    }
}

fn spelt_or(value: Option<Value<'_>>, most: usize) -> Shown<'_> {
    value.map_or(Shown { text: Str::new(b"", false), most }, |value| spelt(value, most))
}

/// The first [`MAX_POINTER`] bytes of a pointer, or a few less: no character is cut.
fn head(pointer: &[u8]) -> &str {
    let head = pointer.get(..MAX_POINTER).unwrap_or(pointer);
    head.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

impl Report<'_> {
    /// Reports that the arguments are not one document.
    pub(crate) fn parse_error(&mut self, bytes: &[u8], error: ParseError) {
        let duplicate = error.kind == json::ParseErrorKind::DuplicateKey;
        let cause = json::cause(bytes, error);
        let (line, column) = json::line_column(bytes, error.offset as usize);
        let path = if duplicate {
            let mut path = core::mem::take(&mut self.path);
            path.clear();
            let _ = json::write_pointer_at(bytes, error.offset as usize, &mut path);
            let text = self.pointer(&path);
            self.path = path;
            text
        } else {
            Text::default()
        };
        let keyword = if duplicate { Keyword::DuplicateKey } else { Keyword::Parse };
        let mut record = self.say(
            keyword,
            path,
            if duplicate { "a repeated name" } else { "malformed JSON" },
            [
                format_args!("one JSON object"),
                format_args!("Line {line}, column {column}: {}", cause.message),
                format_args!("{}", cause.hint),
            ],
        );
        record.offset = Some(error.offset);
        let _ = self.violations.push(record);
    }

    fn say(
        &mut self,
        keyword: Keyword,
        path: Text,
        received: &str,
        [expected, message, hint]: [fmt::Arguments<'_>; 3],
    ) -> Record {
        Record {
            keyword,
            path,
            expected: self.write(expected),
            received: self.write(format_args!("{received}")),
            message: self.write(message),
            hint: self.write(hint),
            ..Record::default()
        }
    }

    fn suggest(&mut self, meant: Meant) {
        let _ = self.suggestions.push(meant);
    }

    fn write(&mut self, text: fmt::Arguments<'_>) -> Text {
        let start = self.text.len();
        if self.text.write_fmt(text).is_err() {
            self.text.truncate(start);
        }
        self.since(start)
    }

    /// A pointer, cut at [`MAX_POINTER`] bytes.
    fn pointer(&mut self, pointer: &[u8]) -> Text {
        let start = self.text.len();
        let _ = self.text.extend(head(pointer).as_bytes());
        self.since(start)
    }

    /// `path` and one more reference token.
    fn join(&mut self, path: Text, token: impl Iterator<Item = char>) -> Text {
        let start = self.text.len();
        for at in path.start..path.end {
            if let Some(&byte) = self.text.get(at as usize) {
                let _ = self.text.push(byte);
            }
        }
        let _ = self.text.write_char('/');
        for c in token.take(MAX_POINTER) {
            let _ = match c {
                '~' => self.text.write_str("~0"),
                '/' => self.text.write_str("~1"),
                c => self.text.write_char(c),
            };
        }
        self.since(start)
    }

    fn json_string(&mut self, text: &str) -> Text {
        let start = self.text.len();
        let _ = json::write_string(text, &mut self.text);
        self.since(start)
    }

    fn raw(&mut self, value: Value<'_>) -> Text {
        let start = self.text.len();
        let _ = self.text.extend(value.raw());
        self.since(start)
    }

    fn since(&self, start: usize) -> Text {
        Text { start: start as u32, end: self.text.len() as u32 }
    }
}
