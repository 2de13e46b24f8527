//! Turns faults, ghosts and parse errors into violations.

use core::fmt::Write;

use super::repair::{self, Repair};
use super::text::{Text, Writer};
use super::words::{Gap, Name, a_type, rule_words, shown, spelt, type_name};
use super::{FixRecord, Meant, Record, Report};
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
    /// A ghost that is a near miss refuses the call.
    pub(crate) refuses_misses: bool,
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

    /// Reports the ghosts: as violations or as stripped, which `refuse` decides by whether they are near
    /// misses. Both name what was probably meant.
    pub(crate) fn ghosts(&mut self, refuse: impl Fn(bool) -> bool) {
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

    fn ghost(&mut self, cut: &Cut, pointer: &[u8], refuse: &impl Fn(bool) -> bool) {
        let meant = cut.meant.map(|name| self.schema.name(name));
        let report = &mut *self.report;
        let path = report.begin().pointer(pointer).end();
        if let Some(name) = meant {
            let to = report.begin().bytes(name.as_bytes()).end();
            let _ = report.suggestions.push(Meant { path, to });
        }
        if !refuse(meant.is_some()) {
            let _ = report.stripped.push(path);
            return;
        }
        let ghost = shown(self.doc.text(cut.key));
        let stray = report.begin().shown(ghost).put(" is not a parameter here");
        let record = match meant {
            Some(name) => {
                let known = shown(name.into());
                Record {
                    message: stray.put("; ").shown(known).put(" is.").end(),
                    expected: report.begin().shown(known).end(),
                    hint: report
                        .begin()
                        .put("Rename ")
                        .shown(ghost)
                        .put(" to ")
                        .shown(known)
                        .put(".")
                        .end(),
                    fix: Some(FixRecord {
                        op: "rename",
                        path,
                        to: Some(report.begin().json_string(name).end()),
                    }),
                    ..Record::default()
                }
            }
            None => Record {
                message: stray.put(".").end(),
                expected: report.begin().put("a declared name").end(),
                hint: report.begin().put("Remove ").shown(ghost).put(".").end(),
                fix: Some(FixRecord { op: "remove", path, to: None }),
                ..Record::default()
            },
        };
        let record =
            Record { keyword: Keyword::Ghost, path, received: "an undeclared name", ..record };
        let _ = report.violations.push(record);
    }

    /// The declared name that a ghost probably is: nearest of those absent from its object, when
    /// exactly one is nearest. None when the search costs more than is `left`.
    fn meant(&self, cut: &Cut, left: &mut usize) -> Option<Option<u32>> {
        let text = self.doc.text(cut.key);
        let mut ghost = Undeclared::new(text);
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
                if !echo && !self.is_misspelt(fault) {
                    self.fault(fault, pointer);
                    last = Some(fault);
                }
            },
        );
        self.report.path = path;
    }

    /// Whether a missing name is told already: with the refused ghost that it is spelt as.
    fn is_misspelt(&self, fault: Fault) -> bool {
        self.refuses_misses
            && matches!(fault.keyword, Keyword::Required | Keyword::DependentRequired)
            && self
                .cuts
                .iter()
                .any(|cut| cut.object == fault.node && cut.meant == Some(fault.detail))
    }

    /// Reports arguments that are no object, whatever the schema says of them.
    pub(crate) fn not_an_object(&mut self) {
        let any = Sub { types: Types::OBJECT, ..*self.schema.root() };
        let name = Name::new(b"/arguments", false);
        self.wrong_type(Fault::default(), &any, Text::default(), name);
    }

    fn fault(&mut self, fault: Fault, pointer: &[u8]) {
        let Some(sub) = self.schema.sub(fault.sub) else { return };
        let path = self.report.begin().pointer(pointer).end();
        let name = Name::new(pointer, self.is_element(fault.node));
        match fault.keyword {
            Keyword::Type => self.wrong_type(fault, sub, path, name),
            Keyword::Required | Keyword::DependentRequired => self.missing(fault, path),
            Keyword::Enum => self.wrong_choice(fault, sub, path, name),
            Keyword::Const => self.wrong_constant(fault, sub, path, name),
            _ => self.broken_rule(fault, sub, path, name),
        }
    }

    fn is_element(&self, node: u32) -> bool {
        node > 0
            && self.doc.node(node - 1).kind() != Kind::Key
            && self.doc.node(node).kind() != Kind::Key
    }

    fn wrong_type(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let kind = self.doc.node(fault.node).kind();
        let types = sub.types;
        let repair = self.type_repair(fault.node, sub);
        let report = &mut *self.report;
        let record = Record {
            keyword: fault.keyword,
            path,
            expected: report.begin().types(types).end(),
            received: type_name(kind),
            message: report
                .begin()
                .name(name)
                .put(" must be ")
                .a_type(types)
                .put(", not ")
                .put(a_type(kind))
                .put(".")
                .end(),
            hint: type_hint(repair, report.begin(), name, types, fault.node == 0).end(),
            fix: fix_of(repair, path, report),
            ..Record::default()
        };
        let _ = report.violations.push(record);
    }

    /// What would give the value at `at` a type that `sub` admits.
    fn type_repair(&mut self, at: u32, sub: &Sub) -> Repair {
        let value = self.doc.at(at);
        let types = sub.types;
        let own = |value: Value<'_>| Types::of(value.document(), value.index());
        if let Some(text) = value.as_str() {
            if let Some(inside) = self.types_inside(text)
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
            if self.fits_items(at, sub) {
                return Repair::Wrap;
            }
        }
        if value.kind() == Kind::Null && self.is_optional(at) {
            return Repair::Remove;
        }
        Repair::None
    }

    /// The name of the member that the value at `at` is of.
    fn argument(&self, at: u32) -> Option<Str<'_>> {
        let key = at.checked_sub(1)?;
        (self.doc.node(key).kind() == Kind::Key).then(|| self.doc.text(key))
    }

    /// The types of the JSON value that `text` spells.
    fn types_inside(&mut self, text: Str<'_>) -> Option<Types> {
        if text.raw().len() > Limits::ARGUMENTS.bytes {
            return None;
        }
        if !text.is_escaped() {
            return types_spelt(text.raw(), self.inner);
        }
        let mut decoded = core::mem::take(&mut self.report.decoded);
        decoded.clear();
        let fits = text.chars().try_for_each(|c| decoded.write_char(c)).is_ok();
        let types = if fits { types_spelt(&decoded, self.inner) } else { None };
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
        let property = shown(missing.into());
        // A ghost of the same object that is probably this name.
        let renamed = self
            .cuts
            .iter()
            .find(|cut| cut.object == fault.node && cut.meant == Some(fault.detail));
        let sub =
            self.schema.property(fault.sub, fault.detail).and_then(|sub| self.schema.sub(sub));
        let types = sub.map_or(Types::ANY, |sub| sub.types);
        let report = &mut *self.report;
        let expected = report.begin().types(types).end();
        let message = report.begin().shown(property).put(" is required.").end();
        let (hint, fix) = match renamed.map(|cut| self.doc.text(cut.key)) {
            Some(ghost) => (
                report
                    .begin()
                    .put("Rename ")
                    .shown(shown(ghost))
                    .put(" to ")
                    .shown(property)
                    .put(".")
                    .end(),
                FixRecord {
                    op: "rename",
                    path: report.begin().again(path).token(ghost).end(),
                    to: Some(report.begin().json_string(missing).end()),
                },
            ),
            None => (
                report.begin().put("Add ").shown(property).put(", ").a_type(types).put(".").end(),
                FixRecord {
                    op: "add",
                    path: report.begin().again(path).token(missing.into()).end(),
                    to: sub.and_then(|sub| short(default_of(self.schema, sub)?, report)),
                },
            ),
        };
        let record = Record {
            keyword: fault.keyword,
            path,
            property: Some(report.begin().pointer(missing.as_bytes()).end()),
            expected,
            received: "nothing",
            message,
            hint,
            fix: Some(fix),
            ..Record::default()
        };
        let _ = report.violations.push(record);
    }

    fn wrong_choice(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let value = self.doc.at(fault.node);
        let choices = self.schema.document().at(sub.choices);
        let near = value.as_str().and_then(|text| {
            // A member that is no string is as far as can be: empty text.
            let members = choices.elements().map(|choice| choice.as_str().unwrap_or("".into()));
            let near = choices.elements().nth(near::nearest(text, members)?)?;
            (!near::opposes(text, near.as_str()?)).then_some(near)
        });
        let nothing =
            value.as_str().is_some_and(repair::says_nothing) || value.kind() == Kind::Null;
        // A word for nothing is near to no member by chance.
        let meant = near.filter(|_| !nothing).or_else(|| reworded(value, choices)).or_else(|| {
            let default = self.schema.document().at(sub.node).get("default")?;
            nothing.then_some(default)
        });
        let remove = meant.is_none() && nothing && self.is_optional(fault.node);
        let report = &mut *self.report;
        let advice = report.begin().put("Send ");
        let record = Record {
            keyword: fault.keyword,
            path,
            hint: match meant {
                Some(choice) => advice.shown(spelt(choice, 60)).put(".").end(),
                None if remove => advice.put("one of the allowed values, or leave it out.").end(),
                None => advice.put("one of the allowed values.").end(),
            },
            expected: report.begin().put("one of ").choices(choices).end(),
            received: type_name(value.kind()),
            message: report.begin().name(name).put(" must be one of the allowed values.").end(),
            fix: match meant {
                Some(choice) => replace(choice, path, report),
                None if remove => fix_of(Repair::Remove, path, report),
                None => None,
            },
            ..Record::default()
        };
        let _ = report.violations.push(record);
        if let Some(text) = near.and_then(Value::as_str) {
            let to = report.begin().decoded(text).end();
            let _ = report.suggestions.push(Meant { path, to });
        }
    }

    fn wrong_constant(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let constant = self.schema.document().at(sub.constant);
        let shown = spelt(constant, 60);
        let report = &mut *self.report;
        let record = Record {
            keyword: fault.keyword,
            path,
            expected: report.begin().shown(shown).end(),
            received: type_name(self.doc.node(fault.node).kind()),
            message: report.begin().name(name).put(" must be ").shown(shown).put(".").end(),
            hint: report.begin().put("Send ").shown(shown).put(".").end(),
            fix: replace(constant, path, report),
            ..Record::default()
        };
        let _ = report.violations.push(record);
    }

    /// Every keyword whose value in the schema says it all.
    fn broken_rule(&mut self, fault: Fault, sub: &Sub, path: Text, name: Name<'_>) {
        let limit = self.schema.document().at(sub.node).get(fault.keyword.name());
        let (expected, hint) = rule_words(fault.keyword);
        let gap = match (fault.keyword, limit) {
            (Keyword::FalseSchema, _) => Gap::Name(name),
            (Keyword::AnyOf | Keyword::OneOf, variants) => {
                Gap::Number(variants.map_or(0, Value::len) as u64)
            }
            (_, Some(limit)) => Gap::Shown(spelt(limit, 80)),
            (_, None) => Gap::Nothing,
        };
        let report = &mut *self.report;
        let expected = report.begin().template(expected, gap).end();
        let record = Record {
            keyword: fault.keyword,
            path,
            expected,
            received: type_name(self.doc.node(fault.node).kind()),
            message: report.begin().name(name).put(" must be ").again(expected).put(".").end(),
            hint: report.begin().template(hint, gap).end(),
            ..Record::default()
        };
        let _ = report.violations.push(record);
    }

    /// Whether the value at `at` can be left out: nothing in the schema asks for a member of its name.
    fn is_optional(&self, at: u32) -> bool {
        let Some(key) = at.checked_sub(1).map(|key| self.doc.node(key)) else { return false };
        key.kind() != Kind::Key || key.number() == UNNAMED || !self.schema.requires(key.number())
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

/// What to do about a wrong type; `root` when the value is the arguments as a whole.
fn type_hint<'w, 'm>(
    repair: Repair,
    writer: Writer<'w, 'm>,
    name: Name<'_>,
    types: Types,
    root: bool,
) -> Writer<'w, 'm> {
    let send = writer.put("Send ").name(name);
    match repair {
        Repair::List => send.put(" as an array: its values in order, in square brackets."),
        Repair::None if root => send.put(" as one JSON object."),
        Repair::None => send.put(" as ").a_type(types).put("."),
        Repair::Number => {
            send.put(" as ").a_type(types).put(", in digits without commas or words.")
        }
        Repair::Parse => send.put(" as ").a_type(types).put(" itself, not as a string of JSON."),
        Repair::Quote => send.put(" as a string, in double quotes."),
        Repair::Remove => send.put(" as ").a_type(types).put(", or leave it out."),
        Repair::Replace(to) => send.put(" as ").put(to).put("."),
        Repair::Unquote => send.put(" as ").a_type(types).put(", without quotes."),
        Repair::Unwrap => send.put(" as ").a_type(types).put(" itself, with nothing around it."),
        Repair::Wrap => send.put(" as an array: put it in square brackets."),
    }
}

/// The member of `choices` that `value` names in other words or as another type.
fn reworded<'s>(value: Value<'_>, choices: Value<'s>) -> Option<Value<'s>> {
    let text = |value: Value<'s>| value.as_str().unwrap_or_else(|| Str::new(value.raw(), false));
    let at = match value.as_str() {
        Some(value) => near::reworded(value, choices.elements().map(text)),
        None if matches!(value.kind(), Kind::Number | Kind::True | Kind::False) => {
            choices.elements().position(|choice| text(choice).is(value.raw()))
        }
        None => None,
    };
    choices.elements().nth(at?)
}

/// The types of the one JSON value in `bytes`.
fn types_spelt(bytes: &[u8], tape: &mut Tape<'_>) -> Option<Types> {
    let doc = json::parse(bytes.trim_ascii(), Limits::ARGUMENTS, tape).ok()?;
    Some(Types::of(doc, 0))
}

/// The `default` of a subschema, else its first example.
fn default_of<'s>(schema: &'s Schema, sub: &Sub) -> Option<Value<'s>> {
    let schema = schema.document().at(sub.node);
    schema.get("default").or_else(|| schema.get("examples")?.elements().next())
}

/// A repair as a fix.
fn fix_of(repair: Repair, path: Text, report: &mut Report<'_>) -> Option<FixRecord> {
    let to = match repair {
        Repair::Replace(to) => Some(report.begin().put(to).end()),
        _ => None,
    };
    repair.op().map(|op| FixRecord { op, path, to })
}

/// A fix that replaces what stands at `path` by a value of the schema, when that is short.
fn replace(value: Value<'_>, path: Text, report: &mut Report<'_>) -> Option<FixRecord> {
    short(value, report).map(|to| FixRecord { op: "replace", path, to: Some(to) })
}

/// A value of the schema as it is spelt there, when that is short.
fn short(value: Value<'_>, report: &mut Report<'_>) -> Option<Text> {
    (value.raw().len() <= MAX_FIX).then(|| report.begin().bytes(value.raw()).end())
}

impl Report<'_> {
    /// Reports that the arguments are not one document.
    pub(crate) fn parse_error(&mut self, bytes: &[u8], error: ParseError) {
        let duplicate = error.kind == json::ParseErrorKind::DuplicateKey;
        let (keyword, received) = if duplicate {
            (Keyword::DuplicateKey, "a repeated name")
        } else {
            (Keyword::Parse, "malformed JSON")
        };
        let path = if duplicate { self.pointer_at(bytes, error) } else { Text::default() };
        let cause = json::cause(bytes, error);
        let (line, column) = json::line_column(bytes, error.offset as usize);
        let record = Record {
            keyword,
            path,
            offset: Some(error.offset),
            expected: self.begin().put("one JSON object").end(),
            received,
            message: self
                .begin()
                .put("Line ")
                .number(line.into())
                .put(", column ")
                .number(column.into())
                .put(": ")
                .bytes(cause.message.as_bytes())
                .end(),
            hint: self.begin().bytes(cause.hint.as_bytes()).end(),
            ..Record::default()
        };
        let _ = self.violations.push(record);
    }

    /// The pointer of the innermost value around an error.
    fn pointer_at(&mut self, bytes: &[u8], error: ParseError) -> Text {
        let mut path = core::mem::take(&mut self.path);
        path.clear();
        let _ = json::write_pointer_at(bytes, error.offset as usize, &mut path);
        let text = self.begin().pointer(&path).end();
        self.path = path;
        text
    }
}
