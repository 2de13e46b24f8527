//! Arguments as shape: declared names, kinds and lengths.
//!
//! Members that the tool's schema does not declare are only counted, for their names can be values. At
//! most 64 values and 8 levels are told; the rest is counted too.

use std::fmt::Write;

use airlock_core::Declared;
use airlock_core::json::{Kind, Limits, Tape, Value, parse, write_string};

use super::clean::cut;

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
    tape: Tape<'static>,
    name: String,
}

/// One document being told.
struct Shape<'a> {
    declared: Option<Declared<'a>>,
    left: usize,
    name: &'a mut String,
    out: &'a mut String,
}

impl Shaper {
    /// Writes the shape of `arguments`, or null when they cannot be read.
    pub(super) fn write(
        &mut self,
        arguments: &[u8],
        declared: Option<Declared<'_>>,
        out: &mut String,
    ) -> std::fmt::Result {
        let Self { tape, name } = self;
        let Ok(document) = parse(arguments, LIMITS, tape) else {
            return out.write_str("null");
        };
        let mut shape = Shape { declared, left: MAX_VALUES, name, out };
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
            Kind::String => write!(self.out, "\"string({})\"", value.raw().len().saturating_sub(2)),
            Kind::Number => write!(self.out, "\"number({})\"", value.raw().len()),
            Kind::True | Kind::False => self.out.write_str("\"boolean\""),
            Kind::Null | Kind::Key => self.out.write_str("\"null\""),
        }
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
