//! Arguments as shape: declared names, kinds and lengths.
//!
//! Members that the tool's schema does not declare are only counted, for their names can be values. At
//! most 64 values and 8 levels are told; the rest is counted too. With a key, strings and numbers have
//! digests too: equal values are seen to be equal, and who knows a value and the key finds it.

use std::fmt::Write;

use airlock_core::Declared;
use airlock_core::json::{Kind, Limits, Tape, Value, parse, write_string};

use super::clean::cut;
use super::key::AuditKey;

/// What is read; of what is larger only the length is told.
const LIMITS: Limits = Limits { bytes: 64 << 10, depth: 64 };
/// Most values.
const MAX_VALUES: usize = 64;
/// Most nested containers.
const MAX_DEPTH: usize = 8;
/// Most bytes of a name.
const MAX_NAME: usize = 64;
/// Memory for documents up to this length is kept for the next one.
const KEEP: usize = 4096;

/// Memory to read arguments with.
#[derive(Debug, Default)]
pub(super) struct Shaper {
    key: Option<AuditKey>,
    tape: Tape<'static>,
    name: String,
}

/// One document being told.
struct Shape<'a> {
    key: Option<&'a AuditKey>,
    declared: Option<Declared<'a>>,
    left: usize,
    name: &'a mut String,
    out: &'a mut String,
}

impl Shaper {
    /// With digests under `key`.
    pub(super) fn new(key: Option<AuditKey>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Writes the shape of `arguments`, or null when they cannot be read.
    pub(super) fn write(
        &mut self,
        arguments: &[u8],
        declared: Option<Declared<'_>>,
        out: &mut String,
    ) -> std::fmt::Result {
        let Self { key, tape, name } = self;
        let Ok(document) = parse(arguments, LIMITS, tape) else {
            return out.write_str("null");
        };
        let key = key.as_ref();
        let mut shape = Shape { key, declared, left: MAX_VALUES, name, out };
        let written = shape.value(document.root(), 0);
        if arguments.len() > KEEP {
            self.tape = Tape::growable();
        }
        written
    }
}

impl Shape<'_> {
    fn value(&mut self, value: Value<'_>, depth: usize) -> std::fmt::Result {
        self.left = self.left.saturating_sub(1);
        match value.kind() {
            Kind::Object if depth < MAX_DEPTH => self.object(value, depth),
            Kind::Array if depth < MAX_DEPTH => self.array(value, depth),
            Kind::Object => write!(self.out, "\"object({})\"", value.len()),
            Kind::Array => write!(self.out, "\"array({})\"", value.len()),
            // Without its quotes.
            Kind::String => {
                write!(self.out, "\"string({})", value.raw().len().saturating_sub(2))?;
                self.digest(value)
            }
            Kind::Number => {
                write!(self.out, "\"number({})", value.raw().len())?;
                self.digest(value)
            }
            Kind::True | Kind::False => self.out.write_str("\"boolean\""),
            Kind::Null | Kind::Key => self.out.write_str("\"null\""),
        }
    }

    /// Ends the text about a string or a number with its digest, if there is a key.
    fn digest(&mut self, value: Value<'_>) -> std::fmt::Result {
        if let Some(key) = self.key {
            let mut digest = key.begin_digest();
            let raw = str::from_utf8(value.raw()).unwrap_or("");
            match value.as_str().filter(|_| raw.contains('\\')) {
                Some(text) => {
                    let mut utf8 = [0; 4];
                    text.chars().for_each(|char| digest.add(char.encode_utf8(&mut utf8)));
                }
                // Of a string what is between its quotes.
                None => digest.add(raw.trim_matches('"')),
            }
            write!(self.out, ":{}", digest.finish())?;
        }
        self.out.write_char('"')
    }

    fn object(&mut self, object: Value<'_>, depth: usize) -> std::fmt::Result {
        self.out.push('{');
        let (mut more, mut told) = (0_usize, 0);
        for (key, value) in object.members() {
            self.name.clear();
            self.name.extend(key.chars());
            // The name of the count is not to be had for a member.
            let known =
                self.name != "+" && self.declared.is_some_and(|names| names.contains(self.name));
            if !known || self.left == 0 {
                more += 1;
                continue;
            }
            if told > 0 {
                self.out.push(',');
            }
            told += 1;
            write_string(cut(self.name, MAX_NAME), self.out)?;
            self.out.push(':');
            self.value(value, depth + 1)?;
        }
        if more > 0 {
            write!(self.out, "{}\"+\":{more}", if told > 0 { "," } else { "" })?;
        }
        self.out.write_char('}')
    }

    fn array(&mut self, array: Value<'_>, depth: usize) -> std::fmt::Result {
        self.out.push('[');
        let mut told = 0_usize;
        for value in array.elements() {
            if self.left == 0 {
                break;
            }
            if told > 0 {
                self.out.push(',');
            }
            told += 1;
            self.value(value, depth + 1)?;
        }
        let more = array.len().saturating_sub(told);
        if more > 0 {
            write!(self.out, "{}\"+{more}\"", if told > 0 { "," } else { "" })?;
        }
        self.out.write_char(']')
    }
}
