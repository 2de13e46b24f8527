//! The one pass from bytes to nodes.
//!
//! A loop over values: each begins, is complete, and completes the containers around it. Offsets travel
//! as arguments, so that they stay in registers. Whether the input is UTF-8 is asked where a string
//! leaves ASCII, and once more when there is a fault: the earlier one counts.

use super::duplicate;
use super::token::{Text, fault};
use super::{Document, Kind, MAX_NUMBER, Names, Node, ParseError, ParseErrorKind, Str, Tape};
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
#[inline(never)]
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
    // Mostly a node takes four bytes or more. In the densest document it takes two: a value and the
    // comma or bracket after it.
    let most = bytes.len() / 2 + depth as usize + 64;
    let mut nodes = bytes.len() / 4 + 64;
    loop {
        tape.nodes.clear();
        let mut parser = Parser {
            text: Text(bytes),
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
        match parser.document() {
            Ok(()) => {
                let len = parser.len;
                tape.nodes.commit(len);
                return Ok(Document { bytes, nodes: &tape.nodes });
            }
            Err(ParseError { kind: ParseErrorKind::Storage, .. }) if nodes < most => nodes = most,
            Err(error) => {
                let Parser { nodes, len, order, open, .. } = parser;
                let doc = Document { bytes, nodes: nodes.get(..len).unwrap_or(&[]) };
                return Err(first_fault(doc, open, order, error));
            }
        }
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
    /// A bit for each name in the innermost open object, by fingerprint.
    seen: u64,
    /// Two of its names may be the same.
    suspect: bool,
}

// Every method is inlined once, so that the state of the parser lives in registers and on the stack and
// never has an address.
impl<N: Names> Parser<'_, '_, N> {
    #[inline(always)]
    fn document(&mut self) -> Result<(), ParseError> {
        let text = self.text;
        if text.0.starts_with(b"\xef\xbb\xbf") {
            return Err(fault(ParseErrorKind::Bom, 0));
        }
        let mut at = text.space(0);
        if at == text.0.len() {
            return Err(fault(ParseErrorKind::Empty, at));
        }
        loop {
            // A value must begin here, in an object after its name.
            if self.close == b'}' {
                at = self.key(at)?;
            }
            self.count += 1;
            at = match text.byte(at) {
                b'"' => self.string(at)?,
                b'-' | b'0'..=b'9' => self.number(at)?,
                bracket @ (b'{' | b'[') => {
                    at =
                        self.begin(at, if bracket == b'{' { Kind::Object } else { Kind::Array })?;
                    if text.byte(at) != self.close {
                        continue;
                    }
                    at
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
                    // The root is complete and nothing more may follow.
                    let rest = fault(ParseErrorKind::TrailingData, at);
                    return if at == text.0.len() { Ok(()) } else { Err(rest) };
                }
                let byte = text.byte(at);
                if byte == b',' {
                    at = text.space(at + 1);
                    break;
                }
                if byte != self.close {
                    return Err(text.wrong(ParseErrorKind::ExpectedComma, at));
                }
                at = self.end(at)?;
            }
        }
    }

    /// A member name, its colon, and the white space before its value.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Result<usize, ParseError> {
        let text = self.text;
        if text.byte(at) != b'"' {
            return Err(text.wrong(ParseErrorKind::ExpectedKey, at));
        }
        let (end, flags) = text.string(at + 1)?;
        let name = Str::new(text.slice(at + 1, end), flags != 0);
        let digest = name.digest();
        let print = digest.print();
        self.saw(print);
        let meta = Kind::Key as u32 | flags | self.names.find(digest, name) << 8;
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

    /// Remembers a name of the innermost object by its fingerprint, and whether there was such a one.
    #[inline(always)]
    fn saw(&mut self, print: u32) {
        let bit = 1 << (print & 63);
        self.suspect |= self.seen & bit != 0;
        self.seen |= bit;
    }

    #[inline(always)]
    fn string(&mut self, at: usize) -> Result<usize, ParseError> {
        let (end, flags) = self.text.string(at + 1)?;
        self.push_value(at, end + 1, Kind::String as u32 | flags)
    }

    #[inline(always)]
    fn number(&mut self, at: usize) -> Result<usize, ParseError> {
        let (end, flags) = self.text.number(at)?;
        self.push_value(at, end, Kind::Number as u32 | flags)
    }

    #[inline(always)]
    fn word(&mut self, at: usize, word: &[u8], kind: Kind) -> Result<usize, ParseError> {
        let end = self.text.word(at, word)?;
        self.push_value(at, end, kind as u32)
    }

    /// Opens a container; the offset of what stands in it.
    #[inline(always)]
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
        if kind == Kind::Object {
            self.seen = 0;
            self.suspect = false;
        }
        Ok(self.text.space(at + 1))
    }

    /// Closes the innermost container at its bracket; the offset after it.
    #[inline(always)]
    fn end(&mut self, at: usize) -> Result<usize, ParseError> {
        self.depth += 1;
        self.check_count(at)?;
        let (index, link) = (self.open, self.len as u32);
        let Some(node) = self.nodes.get_mut(index as usize) else { return Ok(at + 1) };
        node.end = at as u32 + 1;
        node.set_number(self.count);
        self.open = node.link;
        node.link = link;
        if self.close == b'}' {
            // Which names stand in the object around this one is forgotten.
            if core::mem::replace(&mut self.suspect, true) {
                self.check_names(index)?;
            }
        }
        if let Some(around) = self.nodes.get(self.open as usize) {
            self.count = around.number();
            self.close = if around.is(Kind::Object) { b'}' } else { b']' };
        }
        Ok(at + 1)
    }

    /// A container holds at most 2^24 - 1 values.
    #[inline(always)]
    fn check_count(&self, at: usize) -> Result<(), ParseError> {
        if self.count > MAX_NUMBER {
            return Err(fault(ParseErrorKind::TooLarge, at));
        }
        Ok(())
    }

    /// Whether each name stands once in the object at `index`, which was just closed.
    #[inline(always)]
    fn check_names(&mut self, index: u32) -> Result<(), ParseError> {
        let nodes = self.nodes.get(..self.len).unwrap_or(&[]);
        let doc = Document { bytes: self.text.0, nodes };
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
}

/// The first of `error`, a byte before it that is not UTF-8, and the duplicate names of the objects that
/// are still open, the innermost of which is `open`: names are compared when an object closes.
#[cold]
fn first_fault(
    doc: Document<'_>,
    open: u32,
    order: &mut Buf<'_, u32>,
    error: ParseError,
) -> ParseError {
    let mut first = match Text(doc.bytes).invalid_by(error.offset as usize) {
        Some(offset) => fault(ParseErrorKind::InvalidUtf8, offset),
        None => error,
    };
    let (mut index, mut child) = (open, NONE);
    while index != NONE {
        let node = doc.node(index);
        if node.kind() == Kind::Object
            && let Some(offset) = duplicate::find(doc, index, child, order)
            && offset < first.offset
        {
            first = fault(ParseErrorKind::DuplicateKey, offset as usize);
        }
        child = index;
        index = node.link;
    }
    first
}
