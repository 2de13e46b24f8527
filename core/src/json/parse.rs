//! The one pass from bytes to nodes.

use core::cmp::Ordering;

use super::{
    Document, ESCAPED, Kind, MAX_NUMBER, Node, PLAIN, ParseError, ParseErrorKind, Str, Tape,
};
use crate::buf::Buf;

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
/// Up to this many members the names are compared pairwise, above they are sorted.
const PAIRWISE: usize = 16;

/// Reads `bytes` as one JSON document into `tape`.
///
/// # Errors
/// The first fault in document order. [`ParseErrorKind::Storage`] only when the tape's storage is lent.
pub fn parse<'t>(
    bytes: &'t [u8],
    limits: Limits,
    tape: &'t mut Tape<'_>,
) -> Result<Document<'t>, ParseError> {
    tape.nodes.clear();
    if bytes.len() > limits.bytes || bytes.len() >= u32::MAX as usize {
        return Err(fault(ParseErrorKind::TooLarge, limits.bytes.min(u32::MAX as usize)));
    }
    // Everything before the first byte that is not UTF-8 is read first: its faults come earlier.
    let valid = match core::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    // Mostly a node takes four bytes or more. In the densest document it takes two: a value and the
    // comma or bracket after it.
    let depth = limits.depth.min(MAX_DEPTH);
    let most = bytes.len() / 2 + depth as usize + 64;
    let mut nodes = bytes.len() / 4 + 64;
    loop {
        let mut parser = Parser {
            bytes: bytes.get(..valid).unwrap_or(bytes),
            at: 0,
            cut_short: valid < bytes.len(),
            nodes: tape.nodes.reserve_most(nodes),
            len: 0,
            order: &mut tape.order,
            open: NONE,
            count: 0,
            depth,
        };
        match parser.document() {
            Ok(()) => {
                let len = parser.len;
                tape.nodes.commit(len);
                return Ok(Document { bytes, nodes: &tape.nodes });
            }
            Err(ParseError { kind: ParseErrorKind::Storage, .. }) if nodes < most => nodes = most,
            Err(error) => return Err(parser.first_fault(error)),
        }
    }
}

const fn fault(kind: ParseErrorKind, offset: usize) -> ParseError {
    ParseError { kind, offset: offset as u32 }
}

struct Parser<'a, 'm> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that are not UTF-8 follow `bytes`.
    cut_short: bool,
    nodes: &'a mut [Node],
    /// How many of `nodes` are written.
    len: usize,
    order: &'a mut Buf<'m, u32>,
    /// The innermost open container. While one is open its `link` is the container around it.
    open: u32,
    /// Values in it so far; those of the containers around it wait in their nodes.
    count: u32,
    /// How many more containers may be opened.
    depth: u32,
}

impl Parser<'_, '_> {
    fn document(&mut self) -> Result<(), ParseError> {
        if self.bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(fault(ParseErrorKind::Bom, 0));
        }
        self.space();
        if self.at == self.bytes.len() {
            return Err(self.ended(ParseErrorKind::Empty));
        }
        loop {
            // A value must begin here.
            self.count += 1;
            let complete = match self.peek() {
                Some(b'"') => self.string(Kind::String)?,
                Some(b'{') => self.begin(Kind::Object)?,
                Some(b'[') => self.begin(Kind::Array)?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true", Kind::True)?,
                Some(b'f') => self.word(b"false", Kind::False)?,
                Some(b'n') => self.word(b"null", Kind::Null)?,
                Some(_) => return Err(fault(ParseErrorKind::Unexpected, self.at)),
                None => return Err(self.ended(ParseErrorKind::Truncated)),
            };
            if complete && !self.advance()? {
                return Ok(());
            }
        }
    }

    /// After a complete value: goes to where the next value begins; false when the document is whole.
    fn advance(&mut self) -> Result<bool, ParseError> {
        loop {
            self.space();
            let Some(open) = self.nodes.get(self.open as usize).copied() else {
                // No container is open.
                return match self.peek() {
                    None if !self.cut_short => Ok(false),
                    None => Err(self.ended(ParseErrorKind::Truncated)),
                    Some(_) => Err(fault(ParseErrorKind::TrailingData, self.at)),
                };
            };
            let object = open.kind() == Kind::Object;
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                    if object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if object => self.end()?,
                Some(b']') if !object => self.end()?,
                Some(_) => return Err(fault(ParseErrorKind::ExpectedComma, self.at)),
                None => return Err(self.ended(ParseErrorKind::Truncated)),
            }
        }
    }

    /// Opens a container; true when it is empty and thereby complete.
    fn begin(&mut self, kind: Kind) -> Result<bool, ParseError> {
        if self.depth == 0 {
            return Err(fault(ParseErrorKind::Depth, self.at));
        }
        self.depth -= 1;
        self.check_count()?;
        let count = self.count;
        if let Some(around) = self.nodes.get_mut(self.open as usize) {
            around.set_number(count);
        }
        self.count = 0;
        let index = self.len as u32;
        self.push(Node { start: self.at as u32, end: 0, link: self.open, meta: kind as u32 })?;
        self.open = index;
        self.at += 1;
        self.space();
        let close = if kind == Kind::Object { b'}' } else { b']' };
        if self.peek() == Some(close) {
            self.end()?;
            return Ok(true);
        }
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(false)
    }

    /// Closes the innermost container at its bracket.
    fn end(&mut self) -> Result<(), ParseError> {
        self.at += 1;
        self.depth += 1;
        self.check_count()?;
        let (index, end, link, count) = (self.open, self.at as u32, self.len as u32, self.count);
        let Some(node) = self.nodes.get_mut(index as usize) else { return Ok(()) };
        node.end = end;
        node.set_number(count);
        self.open = node.link;
        node.link = link;
        let object = node.kind() == Kind::Object;
        self.count = self.nodes.get(self.open as usize).map_or(0, |around| around.number());
        if object
            && count > 1
            && let Some(offset) = self.duplicate(index, link)
        {
            return Err(fault(ParseErrorKind::DuplicateKey, offset as usize));
        }
        Ok(())
    }

    /// A container holds at most 2^24 - 1 values.
    fn check_count(&self) -> Result<(), ParseError> {
        if self.count > MAX_NUMBER {
            return Err(fault(ParseErrorKind::TooLarge, self.at));
        }
        Ok(())
    }

    /// A member name, its colon, and the white space before its value.
    fn key(&mut self) -> Result<(), ParseError> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(fault(ParseErrorKind::ExpectedKey, self.at)),
            None => return Err(self.ended(ParseErrorKind::Truncated)),
        }
        self.string(Kind::Key)?;
        self.space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(fault(ParseErrorKind::ExpectedColon, self.at)),
            None => return Err(self.ended(ParseErrorKind::Truncated)),
        }
        self.space();
        Ok(())
    }

    fn string(&mut self, kind: Kind) -> Result<bool, ParseError> {
        let start = self.at;
        let mut at = start + 1;
        let mut flags = 0;
        loop {
            at = plain_run(self.bytes, at);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    flags = ESCAPED;
                    at = self.escape(at)?;
                }
                Some(_) => return Err(fault(ParseErrorKind::ControlCharacter, at)),
                None => return Err(self.ended(ParseErrorKind::Truncated)),
            }
        }
        let link = if kind == Kind::Key {
            let inner = self.bytes.get(start + 1..at).unwrap_or(&[]);
            Str::new(inner, flags != 0).fingerprint()
        } else {
            0
        };
        self.at = at + 1;
        let (start, end) = (start as u32, self.at as u32);
        self.push(Node { start, end, link, meta: kind as u32 | flags })?;
        Ok(true)
    }

    /// Checks the escape whose backslash is at `at` and returns the offset after it.
    fn escape(&self, at: usize) -> Result<usize, ParseError> {
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => match self.hex4(at + 2)? {
                0xdc00..=0xdfff => Err(fault(ParseErrorKind::LoneSurrogate, at)),
                0xd800..=0xdbff => self.low_surrogate(at),
                _ => Ok(at + 6),
            },
            Some(_) => Err(fault(ParseErrorKind::BadEscape, at + 1)),
            None => Err(self.ended(ParseErrorKind::Truncated)),
        }
    }

    /// The second half of the pair whose first half is the escape at `high`.
    fn low_surrogate(&self, high: usize) -> Result<usize, ParseError> {
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

    fn hex4(&self, at: usize) -> Result<u32, ParseError> {
        let mut value = 0;
        for at in at..at + 4 {
            let Some(&byte) = self.bytes.get(at) else {
                return Err(self.ended(ParseErrorKind::Truncated));
            };
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or_else(|| fault(ParseErrorKind::BadEscape, at))?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<bool, ParseError> {
        let start = self.at;
        let mut flags = PLAIN;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        match self.peek() {
            Some(b'.') => {
                flags = 0;
                self.at += 1;
                self.digits()?;
            }
            Some(b'0'..=b'9') => return Err(fault(ParseErrorKind::BadNumber, self.at)),
            _ => {}
        }
        if let Some(b'e' | b'E') = self.peek() {
            flags = 0;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        // Only an exponent or more than 308 digits can leave binary64.
        let raw = self.bytes.get(start..self.at).unwrap_or(&[]);
        if (flags == 0 || raw.len() > 308) && !is_finite(raw) {
            return Err(fault(ParseErrorKind::NumberRange, start));
        }
        let (start, end) = (start as u32, self.at as u32);
        self.push(Node { start, end, link: 0, meta: Kind::Number as u32 | flags })?;
        Ok(true)
    }

    /// One or more digits.
    fn digits(&mut self) -> Result<(), ParseError> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let run = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if run == 0 {
            return match rest.first() {
                Some(_) => Err(fault(ParseErrorKind::BadNumber, self.at)),
                None => Err(self.ended(ParseErrorKind::Truncated)),
            };
        }
        self.at += run;
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<bool, ParseError> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        if !rest.starts_with(word) {
            let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
            return Err(if same == rest.len() {
                self.ended(ParseErrorKind::Truncated)
            } else {
                fault(ParseErrorKind::BadLiteral, self.at + same)
            });
        }
        let start = self.at as u32;
        self.at += word.len();
        self.push(Node { start, end: self.at as u32, link: 0, meta: kind as u32 })?;
        Ok(true)
    }

    #[inline]
    fn push(&mut self, node: Node) -> Result<(), ParseError> {
        let Some(slot) = self.nodes.get_mut(self.len) else {
            return Err(fault(ParseErrorKind::Storage, self.at));
        };
        *slot = node;
        self.len += 1;
        Ok(())
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The fault of an input that ends here.
    fn ended(&self, kind: ParseErrorKind) -> ParseError {
        let kind = if self.cut_short { ParseErrorKind::InvalidUtf8 } else { kind };
        fault(kind, self.bytes.len())
    }

    /// The offset of the second of two equal names of the object at `index`, the earliest such, among
    /// the members whose keys lie before node `end`.
    fn duplicate(&mut self, index: u32, end: u32) -> Option<u32> {
        let nodes = self.nodes.get(..self.len).unwrap_or(&[]);
        let doc = Document { bytes: self.bytes, nodes };
        let mut few = [(0, 0); PAIRWISE];
        let mut count = 0;
        let mut key = index + 1;
        while key < end {
            let print = doc.node(key).link;
            let Some((slot, before)) = few.get_mut(..=count).and_then(|few| few.split_last_mut())
            else {
                return self.duplicate_of_many(index, end);
            };
            *slot = (print, key);
            let again = |&(other, a): &(u32, u32)| {
                other == print && same_name(doc, a, key) == Ordering::Equal
            };
            if before.iter().any(again) {
                return Some(doc.node(key).start);
            }
            count += 1;
            key = self.next_key(doc, key, end);
        }
        None
    }

    /// [`duplicate`](Self::duplicate) by sorting.
    fn duplicate_of_many(&mut self, index: u32, end: u32) -> Option<u32> {
        self.order.clear();
        let nodes = self.nodes.get(..self.len).unwrap_or(&[]);
        let doc = Document { bytes: self.bytes, nodes };
        let mut key = index + 1;
        while key < end {
            if self.order.push(key).is_err() {
                // Too little storage to find out: treat the name as a duplicate rather than pass it.
                return Some(doc.node(key).start);
            }
            key = if key + 1 == self.open { end } else { doc.after(key + 1) };
        }
        self.order.sort_unstable_by(|&a, &b| same_name(doc, a, b).then(a.cmp(&b)));
        self.order
            .windows(2)
            .filter_map(|pair| match *pair {
                [a, b] if same_name(doc, a, b) == Ordering::Equal => Some(doc.node(b).start),
                _ => None,
            })
            .min()
    }

    /// The key after `key`; `end` when its value is a container that is still open.
    fn next_key(&self, doc: Document<'_>, key: u32, end: u32) -> u32 {
        if key + 1 == self.open { end } else { doc.after(key + 1) }
    }

    /// Duplicates are looked for when an object closes, so that an earlier one may stand in an object
    /// that is still open when `error` is found.
    #[cold]
    fn first_fault(&mut self, error: ParseError) -> ParseError {
        let mut first = error;
        let end = self.len as u32;
        let mut index = self.open;
        while index != NONE {
            let node = self.nodes.get(index as usize).copied().unwrap_or_default();
            // The walk over the members must stop at the container that is open below this one.
            self.open = self.child_of(index);
            if node.kind() == Kind::Object
                && let Some(offset) = self.duplicate(index, end)
                && offset < first.offset
            {
                first = fault(ParseErrorKind::DuplicateKey, offset as usize);
            }
            index = node.link;
        }
        first
    }

    /// The open container whose `link` is `index`.
    fn child_of(&self, index: u32) -> u32 {
        let end = self.len as u32;
        (index + 1..end)
            .find(|&i| {
                self.nodes
                    .get(i as usize)
                    .is_some_and(|n| n.is_container() && n.end == 0 && n.link == index)
            })
            .unwrap_or(NONE)
    }
}

/// Orders names by fingerprint, then by their bytes after unescaping.
fn same_name(doc: Document<'_>, a: u32, b: u32) -> Ordering {
    doc.node(a).link.cmp(&doc.node(b).link).then_with(|| doc.text(a).cmp_bytes(doc.text(b)))
}

fn is_finite(raw: &[u8]) -> bool {
    core::str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}

/// The offset at or after `at` of the first quote, backslash or control character.
#[inline]
pub(super) fn plain_run(bytes: &[u8], at: usize) -> usize {
    // Most texts end within a few words; a long one is worth whole blocks.
    match plain_words(bytes, at, 4) {
        Ok(end) => end,
        Err(at) => plain_words(bytes, plain_blocks(bytes, at), usize::MAX).unwrap_or_else(|at| at),
    }
}

/// The same by words of eight bytes, at most `words` of them; the error is where it gave up.
#[inline]
fn plain_words(bytes: &[u8], mut at: usize, words: usize) -> Result<usize, usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    for _ in 0..words {
        let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            let rest = bytes.get(at..).unwrap_or(&[]);
            return Ok(at + rest.iter().take_while(|&&byte| !is_special(byte)).count());
        };
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        // The classic zero-byte and less-than tests; exact for the lowest hit.
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hits = hits & HIGH;
        if hits != 0 {
            return Ok(at + (hits.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Err(at)
}

/// Skips whole blocks without a special byte; compiles to vector instructions.
fn plain_blocks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<32>())
        && block.iter().fold(0, |any, &byte| any | u8::from(is_special(byte))) == 0
    {
        at += 32;
    }
    at
}

/// Whether a byte cannot stand for itself in a string.
#[inline]
const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}
