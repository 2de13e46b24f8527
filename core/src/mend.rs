//! Arguments that are right but for how they are written: the repairs that a policy can ask for.
//!
//! `json-string`: a string is replaced by its own text where the schema wants an array or an object and
//! no string, and the text is strict JSON of that type. `scalar`: a string, a number or a boolean that spells
//! what is wanted otherwise, see [`Spelling`]. Both look at one value and the types that belong in its
//! place; where those leave a choice, nothing is done. What comes out is then read and checked like any
//! other call, so that every rule on size, depth, names and ghosts holds for it as well, and what was
//! repaired is not looked into for more. Worst case: linear in the input, a few times.

use crate::buf::{Buf, Full};
use crate::json::{self, Document, Kind, Limits, Str, Tape, Value};
use crate::policy::Repair;
use crate::report::{Report, repair};
use crate::schema::{Fault, Keyword, ROOT, Schema, Types};

/// Most values of one call that are replaced.
const MAX_MENDED: usize = 64;
/// So many digits are kept by every reader of JSON, whatever it makes of a number.
const MAX_DIGITS: usize = 15;

const CONTAINERS: Types = Types::ARRAY.and(Types::OBJECT);
const BARE: Types = Types::NUMBER.and(Types::INTEGER).and(Types::BOOLEAN);

/// Memory for one repair, and what to repair.
pub(crate) struct Mending<'a, 'm> {
    pub(crate) repair: Repair,
    /// To look into a string.
    pub(crate) inner: &'a mut Tape<'m>,
    /// The repaired document.
    pub(crate) out: &'a mut Buf<'m, u8>,
    pub(crate) report: &'a mut Report<'m>,
}

impl Mending<'_, '_> {
    /// Writes `doc` with every value replaced that `faults`, which are sorted, show to be another spelling
    /// of what belongs there, and reports where. False when there is none.
    pub(crate) fn mend(mut self, schema: &Schema, doc: Document<'_>, faults: &[Fault]) -> bool {
        self.out.clear();
        let whole = [Fault { keyword: Keyword::Type, node: 0, sub: ROOT, ..Fault::default() }];
        let faults = match doc.root().kind() {
            Kind::Object => faults,
            Kind::String => &whole,
            _ => return false,
        };
        let (mut kept, mut count, mut last) = (0, 0, None);
        for fault in faults {
            let wanted = if fault.node == 0 { Types::OBJECT } else { wanted(schema, fault) };
            let fits = wanted.meets(Types::of(doc, fault.node)) || wanted == Types::EMPTY;
            if fits || last == Some(fault.node) || count == MAX_MENDED {
                continue;
            }
            let value = doc.at(fault.node);
            let (start, end) = value.span();
            let before = self.out.len();
            let copied = self.out.extend(doc.bytes().get(kept..start).unwrap_or(&[]));
            if copied.is_err() || self.rewrite(value, wanted) != Ok(true) {
                self.out.truncate(before);
                continue;
            }
            if self.report.add_repaired(doc, fault.node).is_err() {
                return false;
            }
            last = Some(fault.node);
            count += 1;
            kept = end;
        }
        count > 0 && self.out.extend(doc.bytes().get(kept..).unwrap_or(&[])).is_ok()
    }

    /// Writes `value` as one of the types `wanted`, none of which it has; false when it cannot be.
    fn rewrite(&mut self, value: Value<'_>, wanted: Types) -> Result<bool, Full> {
        if self.repair.json_string
            && let Some(text) = value.as_str()
            && wanted.meets(CONTAINERS)
        {
            let from = self.out.len();
            self.decode(text)?;
            if self.holds(from, wanted) {
                return Ok(true);
            }
            self.out.truncate(from);
        }
        match Spelling::of(value, wanted).filter(|_| self.repair.scalar) {
            Some(spelling) => self.respell(value, spelling).map(|()| true),
            None => Ok(false),
        }
    }

    fn decode(&mut self, text: Str<'_>) -> Result<(), Full> {
        if !text.is_escaped() {
            return self.out.extend(text.raw());
        }
        let mut utf8 = [0; 4];
        text.chars().try_for_each(|c| self.out.extend(c.encode_utf8(&mut utf8).as_bytes()))
    }

    /// Whether what was written from `from` on is JSON of a container that is wanted.
    fn holds(&mut self, from: usize, wanted: Types) -> bool {
        let text = self.out.get(from..).unwrap_or(&[]);
        let container = matches!(text.trim_ascii_start(), [b'[' | b'{', ..]);
        container
            && json::parse(text, Limits::ARGUMENTS, self.inner)
                .is_ok_and(|doc| Types::of(doc, 0).meets(wanted))
    }

    fn respell(&mut self, value: Value<'_>, spelling: Spelling) -> Result<(), Full> {
        let (start, end) = value.span();
        let raw = value.document().bytes().get(start..end).unwrap_or(&[]);
        let (before, text, after): (&[u8], &[u8], &[u8]) = match spelling {
            Spelling::Bare => (b"", value.as_str().map_or(raw, Str::raw), b""),
            Spelling::Quoted => (b"\"", raw, b"\""),
            Spelling::Word(word) => (b"", word.as_bytes(), b""),
            Spelling::Wrapped => (b"[", raw, b"]"),
        };
        [before, text, after].iter().try_for_each(|part| self.out.extend(part))
    }
}

/// How a value is spelt as what it says.
#[derive(Clone, Copy)]
enum Spelling {
    /// A string of up to 15 digits becomes the number that it spells: `-?digits[.digits]`, as where rules
    /// compare numbers. More digits were quoted to be kept, and an exponent or a zero in front is no
    /// number as people write it.
    Bare,
    /// A number or a boolean becomes the string of its characters.
    Quoted,
    /// `true` and `false` in any case, and `null`, lose their quotes.
    Word(&'static str),
    /// What is no array or object becomes the one element of an array, unless it is a string that may
    /// list several things, or say that there is nothing.
    Wrapped,
}

impl Spelling {
    /// How `value` is spelt as one of the types `wanted`; none when they leave a choice.
    fn of(value: Value<'_>, wanted: Types) -> Option<Self> {
        let text = value.as_str();
        let is_scalar = matches!(value.kind(), Kind::Number | Kind::True | Kind::False);
        match wanted.without(Types::NULL) {
            Types::STRING if is_scalar => Some(Self::Quoted),
            Types::ARRAY if is_scalar || text.is_some_and(is_one) => Some(Self::Wrapped),
            others if others.without(BARE) == Types::EMPTY => Self::bare(text?.raw(), wanted),
            _ => None,
        }
    }

    fn bare(text: &[u8], wanted: Types) -> Option<Self> {
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        let truth = ["true", "false"].into_iter().find(|word| is(word));
        if let Some(word) = truth.filter(|_| wanted.meets(Types::BOOLEAN)) {
            return Some(Self::Word(word));
        }
        if text == b"null" && wanted.meets(Types::NULL) {
            return Some(Self::Word("null"));
        }
        let is_number = wanted.meets(Types::NUMBER.and(Types::INTEGER)) && is_plain_number(text);
        is_number.then_some(Self::Bare)
    }
}

/// Whether `text` is `-?digits[.digits]` without a zero in front, and short enough to be kept exactly.
fn is_plain_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let dot = digits.iter().position(|&byte| byte == b'.');
    let (whole, fraction) =
        digits.split_at_checked(dot.unwrap_or(digits.len())).unwrap_or_default();
    let is_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_digits(whole)
        && (dot.is_none() || fraction.get(1..).is_some_and(is_digits))
        && (whole.len() == 1 || whole.first() != Some(&b'0'))
        && whole.len().saturating_add(fraction.len().saturating_sub(1)) <= MAX_DIGITS
}

/// Whether `text` is one thing: it neither separates several, nor is it JSON, nor does it say nothing.
fn is_one(text: Str<'_>) -> bool {
    let mut bytes = text.bytes();
    !matches!(text.bytes().find(|byte| !byte.is_ascii_whitespace()), Some(b'[' | b'{'))
        && !bytes.any(|byte| matches!(byte, b',' | b';' | b'\n' | b'\r'))
        && !repair::says_nothing(text)
}

/// The types that belong where `fault` found another.
fn wanted(schema: &Schema, fault: &Fault) -> Types {
    match fault.keyword {
        Keyword::Type => schema.sub(fault.sub).map_or(Types::EMPTY, |sub| sub.types),
        Keyword::AnyOf | Keyword::OneOf => schema
            .branches(fault.sub, fault.keyword == Keyword::OneOf)
            .iter()
            .fold(Types::EMPTY, |types, &branch| types.and(schema.types_of(branch))),
        _ => Types::EMPTY,
    }
}
