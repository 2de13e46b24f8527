//! The one pass from bytes to nodes.
//!
//! Compact text takes the straight way through every function here: a quote, plain ASCII up to the next
//! quote, a colon, a value, a comma. Escapes, other alphabets, long numbers and faults branch off it.
//! Offsets travel as arguments, so that they stay in registers.

use super::duplicate;
use super::{
    Document, ESCAPED, Kind, MAX_NUMBER, Names, Node, PLAIN, ParseError, ParseErrorKind, Str, Tape,
};
use crate::buf::Buf;
use crate::simd::text::{ascii_run, plain_run};

/// Bounds of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes; at most 4 GiB whatever is asked.
    pub bytes: usize,
    /// Most nested containers; at most 1,024 whatever is asked, for readers descend by recursion.
    pub depth: u32,
}

impl Limits {
    /// For the arguments of a call: 1 MiB, depth 128.
    pub const ARGUMENTS: Self = Self { bytes: 1 << 20, depth: 128 };
    /// For a whole MCP message: 10 MiB, and room for the envelope around arguments of full depth.
    pub const MESSAGE: Self = Self { bytes: 10 << 20, depth: 132 };
    /// For the output of a tool: 64 MiB, depth 128.
    pub const OUTPUT: Self = Self { bytes: 64 << 20, depth: 128 };
}

/// The deepest document that any limit admits.
const MAX_DEPTH: u32 = 1024;
/// No container is open.
const NONE: u32 = u32::MAX;
/// No number of so many bytes without an exponent leaves binary64.
const SURELY_FINITE: usize = 308;

/// Reads `bytes` as one JSON document into `tape`.
///
/// # Errors
/// The first fault in document order. [`ParseErrorKind::Storage`] only when the tape's storage is lent.
pub fn parse<'t>(
    bytes: &'t [u8],
    limits: Limits,
    tape: &'t mut Tape<'_>,
) -> Result<Document<'t>, ParseError> {
    parse_named(bytes, limits, tape, &())
}

/// [`parse`] that gives each key the number that `names` has for it.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_named<'t>(
    bytes: &'t [u8],
    limits: Limits,
    tape: &'t mut Tape<'_>,
    names: &impl Names,
) -> Result<Document<'t>, ParseError> {
    if bytes.len() > limits.bytes || bytes.len() >= u32::MAX as usize {
        tape.nodes.clear();
        return Err(fault(ParseErrorKind::TooLarge, limits.bytes.min(u32::MAX as usize)));
    }
    let depth = limits.depth.min(MAX_DEPTH);
    let mut text = Text { bytes, cut_short: false };
    // Mostly a node takes four bytes or more. In the densest document it takes two: a value and the
    // comma or bracket after it.
    let most = bytes.len() / 2 + depth as usize + 64;
    let mut nodes = bytes.len() / 4 + 64;
    loop {
        tape.nodes.clear();
        let mut parser = Parser {
            text,
            names,
            nodes: tape.nodes.reserve_most(nodes),
            len: 0,
            order: &mut tape.order,
            open: NONE,
            close: 0,
            count: 0,
            depth,
            seen: 0,
            suspect: false,
        };
        let error = match parser.document() {
            Ok(()) => {
                let len = parser.len;
                tape.nodes.commit(len);
                return Ok(Document { bytes, nodes: &tape.nodes });
            }
            Err(error) => error,
        };
        if error.kind == ParseErrorKind::Storage && nodes < most {
            nodes = most;
            continue;
        }
        if let Some(valid) = text.before_invalid(error.offset as usize) {
            // What stands before the first byte that is not UTF-8 decides, as if the input ended there.
            text = valid;
            continue;
        }
        return Err(parser.first_fault(error));
    }
}

#[cold]
const fn fault(kind: ParseErrorKind, offset: usize) -> ParseError {
    ParseError { kind, offset: offset as u32 }
}

/// The bytes that are parsed.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    /// Bytes that are not UTF-8 follow `bytes`.
    cut_short: bool,
}

impl Text<'_> {
    /// The text before the first byte that is not UTF-8, when that byte stands at `offset` or before.
    #[cold]
    fn before_invalid(self, offset: usize) -> Option<Self> {
        let read = self.bytes.get(..=offset).unwrap_or(self.bytes);
        if self.cut_short || read.is_ascii() {
            return None;
        }
        let valid = core::str::from_utf8(self.bytes).err()?.valid_up_to();
        let bytes = self.bytes.get(..valid)?;
        (valid <= offset).then_some(Self { bytes, cut_short: true })
    }

    /// The byte at `at`; zero, which no token begins with, past the end.
    #[inline(always)]
    fn byte(self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// The offset after the white space at `at`.
    #[inline(always)]
    fn space(self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { self.skip_space(at) }
    }

    #[inline]
    fn skip_space(self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    /// The offset after the digits at `at`.
    #[inline(always)]
    fn digits(self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    /// The fault of kind `kind` at `at`, unless the input ends there.
    #[cold]
    fn wrong(self, kind: ParseErrorKind, at: usize) -> ParseError {
        if at < self.bytes.len() { fault(kind, at) } else { self.ended(ParseErrorKind::Truncated) }
    }

    /// The fault of an input that ends too early.
    #[cold]
    fn ended(self, kind: ParseErrorKind) -> ParseError {
        let kind = if self.cut_short { ParseErrorKind::InvalidUtf8 } else { kind };
        fault(kind, self.bytes.len())
    }

    /// Goes on with the string whose text begins at `start` and is plain up to `at`. The offset of its
    /// closing quote, and its flags.
    fn rest_of_string(self, start: usize, mut at: usize) -> Result<(usize, u32), ParseError> {
        let mut flags = 0;
        let mut ascii = true;
        loop {
            match self.byte(at) {
                b'"' => break,
                b'\\' => {
                    flags = ESCAPED;
                    at = ascii_run(self.bytes, self.escape(at)?);
                }
                0x80.. => {
                    ascii = false;
                    at = plain_run(self.bytes, at);
                }
                _ => return Err(self.wrong(ParseErrorKind::ControlCharacter, at)),
            }
        }
        if !ascii && let Err(error) = core::str::from_utf8(self.slice(start, at)) {
            return Err(fault(ParseErrorKind::InvalidUtf8, start + error.valid_up_to()));
        }
        Ok((at, flags))
    }

    /// Checks the escape whose backslash is at `at` and returns the offset after it.
    #[inline]
    fn escape(self, at: usize) -> Result<usize, ParseError> {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => self.escaped_unit(at),
            _ => Err(self.wrong(ParseErrorKind::BadEscape, at + 1)),
        }
    }

    fn escaped_unit(self, at: usize) -> Result<usize, ParseError> {
        match self.hex4(at + 2)? {
            0xdc00..=0xdfff => Err(fault(ParseErrorKind::LoneSurrogate, at)),
            0xd800..=0xdbff => self.low_surrogate(at),
            _ => Ok(at + 6),
        }
    }

    /// The second half of the pair whose first half is the escape at `high`.
    fn low_surrogate(self, high: usize) -> Result<usize, ParseError> {
        let lone = fault(ParseErrorKind::LoneSurrogate, high);
        match (self.bytes.get(high + 6), self.bytes.get(high + 7)) {
            (None, _) | (Some(b'\\'), None) if !self.cut_short => {
                Err(self.ended(ParseErrorKind::Truncated))
            }
            (Some(b'\\'), Some(b'u')) => match self.hex4(high + 8)? {
                0xdc00..=0xdfff => Ok(high + 12),
                _ => Err(lone),
            },
            _ => Err(lone),
        }
    }

    fn hex4(self, at: usize) -> Result<u32, ParseError> {
        let mut value = 0;
        for at in at..at + 4 {
            let digit = char::from(self.byte(at))
                .to_digit(16)
                .ok_or_else(|| self.wrong(ParseErrorKind::BadEscape, at))?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// The end of the number that begins at `start`, whose digits before a fraction or an exponent end
    /// at `at`.
    fn rest_of_number(self, start: usize, mut at: usize) -> Result<usize, ParseError> {
        if self.byte(at) == b'.' {
            at = self.some_digits(at + 1)?;
        }
        let mut surely_finite = at - start <= SURELY_FINITE;
        if matches!(self.byte(at), b'e' | b'E') {
            surely_finite = false;
            at += 1;
            if matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
            at = self.some_digits(at)?;
        }
        if !surely_finite && !is_finite(self.slice(start, at)) {
            return Err(fault(ParseErrorKind::NumberRange, start));
        }
        Ok(at)
    }

    /// The offset after one or more digits.
    #[inline]
    fn some_digits(self, at: usize) -> Result<usize, ParseError> {
        match self.digits(at) {
            end if end == at => Err(self.wrong(ParseErrorKind::BadNumber, at)),
            end => Ok(end),
        }
    }

    /// The offset after `word`, which must stand at `at`.
    #[inline]
    fn word(self, at: usize, word: &[u8]) -> Result<usize, ParseError> {
        let rest = self.bytes.get(at..).unwrap_or(&[]);
        if rest.starts_with(word) {
            return Ok(at + word.len());
        }
        let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
        Err(self.wrong(ParseErrorKind::BadLiteral, at + same))
    }
}

struct Parser<'a, 'm, N> {
    text: Text<'a>,
    names: &'a N,
    nodes: &'a mut [Node],
    /// How many of `nodes` are written.
    len: usize,
    order: &'a mut Buf<'m, u32>,
    /// The innermost open container. While one is open its `link` is the container around it.
    open: u32,
    /// The bracket that closes it.
    close: u8,
    /// Values in it so far; those of the containers around it wait in their nodes.
    count: u32,
    /// How many more containers may be opened.
    depth: u32,
    /// A bit for each name in it, by fingerprint.
    seen: u64,
    /// Two of its names may be the same.
    suspect: bool,
}

impl<N: Names> Parser<'_, '_, N> {
    fn document(&mut self) -> Result<(), ParseError> {
        let text = self.text;
        if text.bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(fault(ParseErrorKind::Bom, 0));
        }
        let mut at = text.space(0);
        if at == text.bytes.len() {
            return Err(text.ended(ParseErrorKind::Empty));
        }
        loop {
            // A value must begin here.
            self.count += 1;
            at = match text.byte(at) {
                b'"' => self.string(at)?,
                b'-' | b'0'..=b'9' => self.number(at)?,
                b'{' => {
                    at = self.begin(at, Kind::Object)?;
                    if text.byte(at) != b'}' {
                        at = self.key(at)?;
                        continue;
                    }
                    self.end(at)?
                }
                b'[' => {
                    at = self.begin(at, Kind::Array)?;
                    if text.byte(at) != b']' {
                        continue;
                    }
                    self.end(at)?
                }
                b't' => self.word(at, b"true", Kind::True)?,
                b'f' => self.word(at, b"false", Kind::False)?,
                b'n' => self.word(at, b"null", Kind::Null)?,
                _ => return Err(text.wrong(ParseErrorKind::Unexpected, at)),
            };
            // It is complete: close what it completes and go to where the next one begins.
            loop {
                at = text.space(at);
                if self.open == NONE {
                    return self.end_of_document(at);
                }
                let byte = text.byte(at);
                if byte == b',' {
                    at = text.space(at + 1);
                    if self.close == b'}' {
                        at = self.key(at)?;
                    }
                    break;
                }
                if byte != self.close {
                    return Err(text.wrong(ParseErrorKind::ExpectedComma, at));
                }
                at = self.end(at)?;
            }
        }
    }

    /// The root is complete and no more than white space may follow.
    fn end_of_document(&self, at: usize) -> Result<(), ParseError> {
        if at == self.text.bytes.len() && !self.text.cut_short {
            return Ok(());
        }
        Err(self.text.wrong(ParseErrorKind::TrailingData, at))
    }

    /// A member name, its colon, and the white space before its value.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Result<usize, ParseError> {
        let text = self.text;
        if text.byte(at) != b'"' {
            return Err(text.wrong(ParseErrorKind::ExpectedKey, at));
        }
        let (end, flags) = self.quoted(at)?;
        let name = Str::new(self.text.slice(at + 1, end), flags != 0);
        let print = name.fingerprint();
        let bit = 1 << (print.wrapping_mul(0x9e37_79b1) >> 26);
        self.suspect |= self.seen & bit != 0;
        self.seen |= bit;
        let meta = Kind::Key as u32 | flags | self.names.find(print, name) << 8;
        let after = end + 1;
        self.push(Node { start: at as u32, end: after as u32, link: print, meta })?;
        let mut at = after;
        if text.byte(at) != b':' {
            at = text.space(at);
            if text.byte(at) != b':' {
                return Err(text.wrong(ParseErrorKind::ExpectedColon, at));
            }
        }
        Ok(text.space(at + 1))
    }

    #[inline(always)]
    fn string(&mut self, at: usize) -> Result<usize, ParseError> {
        let (end, flags) = self.quoted(at)?;
        self.push_value(at, end + 1, Kind::String as u32 | flags)
    }

    /// The offset of the quote that closes the string at `at`, and its flags.
    #[inline(always)]
    fn quoted(&self, at: usize) -> Result<(usize, u32), ParseError> {
        let start = at + 1;
        let end = ascii_run(self.text.bytes, start);
        if self.text.byte(end) == b'"' {
            return Ok((end, 0));
        }
        self.text.rest_of_string(start, end)
    }

    #[inline(always)]
    fn number(&mut self, start: usize) -> Result<usize, ParseError> {
        let text = self.text;
        let first = start + usize::from(text.byte(start) == b'-');
        let mut at = text.some_digits(first)?;
        if text.byte(first) == b'0' && at > first + 1 {
            return Err(fault(ParseErrorKind::BadNumber, first + 1));
        }
        let mut flags = PLAIN;
        if matches!(text.byte(at), b'.' | b'e' | b'E') || at - start > SURELY_FINITE {
            let end = text.rest_of_number(start, at)?;
            flags = if end == at { PLAIN } else { 0 };
            at = end;
        }
        self.push_value(start, at, Kind::Number as u32 | flags)
    }

    #[inline(always)]
    fn word(&mut self, at: usize, word: &[u8], kind: Kind) -> Result<usize, ParseError> {
        let end = self.text.word(at, word)?;
        self.push_value(at, end, kind as u32)
    }

    /// Opens a container; the offset of what stands in it.
    #[inline]
    fn begin(&mut self, at: usize, kind: Kind) -> Result<usize, ParseError> {
        if self.depth == 0 {
            return Err(fault(ParseErrorKind::Depth, at));
        }
        self.depth -= 1;
        self.check_count(at)?;
        let count = self.count;
        if let Some(around) = self.nodes.get_mut(self.open as usize) {
            around.set_number(count);
        }
        let index = self.len as u32;
        self.push(Node { start: at as u32, end: 0, link: self.open, meta: kind as u32 })?;
        self.open = index;
        self.close = if kind == Kind::Object { b'}' } else { b']' };
        self.count = 0;
        self.seen = 0;
        self.suspect = false;
        Ok(self.text.space(at + 1))
    }

    /// Closes the innermost container at its bracket; the offset after it.
    #[inline]
    fn end(&mut self, at: usize) -> Result<usize, ParseError> {
        self.depth += 1;
        self.check_count(at)?;
        let (index, link) = (self.open, self.len as u32);
        let Some(node) = self.nodes.get_mut(index as usize) else { return Ok(at + 1) };
        node.end = at as u32 + 1;
        node.set_number(self.count);
        self.open = node.link;
        node.link = link;
        if self.suspect && self.close == b'}' {
            self.check_names(index)?;
        }
        if let Some(around) = self.nodes.get(self.open as usize) {
            self.count = around.number();
            self.close = if around.kind() == Kind::Object { b'}' } else { b']' };
            // Which names stand in it is forgotten.
            self.suspect = true;
        }
        Ok(at + 1)
    }

    /// A container holds at most 2^24 - 1 values.
    fn check_count(&self, at: usize) -> Result<(), ParseError> {
        if self.count > MAX_NUMBER {
            return Err(fault(ParseErrorKind::TooLarge, at));
        }
        Ok(())
    }

    /// Whether each name stands once in the object at `index`, which was just closed.
    fn check_names(&mut self, index: u32) -> Result<(), ParseError> {
        let nodes = self.nodes.get(..self.len).unwrap_or(&[]);
        let doc = Document { bytes: self.text.bytes, nodes };
        match duplicate::find(doc, index, NONE, self.order) {
            Some(offset) => Err(fault(ParseErrorKind::DuplicateKey, offset as usize)),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn push_value(&mut self, start: usize, end: usize, meta: u32) -> Result<usize, ParseError> {
        self.push(Node { start: start as u32, end: end as u32, link: 0, meta })?;
        Ok(end)
    }

    #[inline(always)]
    fn push(&mut self, node: Node) -> Result<(), ParseError> {
        let Some(slot) = self.nodes.get_mut(self.len) else {
            return Err(fault(ParseErrorKind::Storage, 0));
        };
        *slot = node;
        self.len += 1;
        Ok(())
    }

    /// The first of `error` and the duplicate names of the objects that are still open: names are
    /// compared when an object closes.
    #[cold]
    fn first_fault(&mut self, error: ParseError) -> ParseError {
        let mut first = error;
        let nodes = self.nodes.get(..self.len).unwrap_or(&[]);
        let doc = Document { bytes: self.text.bytes, nodes };
        let (mut index, mut child) = (self.open, NONE);
        while index != NONE {
            let node = doc.node(index);
            if node.kind() == Kind::Object
                && let Some(offset) = duplicate::find(doc, index, child, self.order)
                && offset < first.offset
            {
                first = fault(ParseErrorKind::DuplicateKey, offset as usize);
            }
            child = index;
            index = node.link;
        }
        first
    }
}

fn is_finite(raw: &[u8]) -> bool {
    core::str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}
