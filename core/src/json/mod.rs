//! A strict RFC 8259 reader.
//!
//! [`parse`] turns bytes into a flat [`Tape`] of 16-byte [`Node`]s in document order that point back
//! into the input: no tree, no copies, one pass, no recursion. A container knows where it ends, so a
//! reader skips it in one step. [`Document`] and [`Value`] read a tape; [`Str`] is a string that may
//! still hold escapes. Stricter than the RFC, so that no second reader can see another document:
//! duplicate member names, lone surrogates, a BOM and numbers beyond binary64 are refused.
//!
//! Worst case: time and nodes are linear in the input, but for objects of more than 16 members, whose
//! names are sorted to find duplicates.

mod cause;
mod causes;
mod duplicate;
mod error;
mod number;
mod parse;
mod pointer;
mod string;
mod token;
mod write;

pub use cause::{Cause, cause, line_column};
pub use error::{ParseError, ParseErrorKind};
pub use number::{Divisor, Number};
#[cfg(feature = "alloc")]
pub(crate) use parse::parse_named;
pub use parse::{Limits, parse};
#[cfg(feature = "alloc")]
pub(crate) use pointer::{Decimal, each_pointer, write_pointer_below, write_token};
pub use pointer::{write_pointer, write_pointer_at};
pub(crate) use string::Digest;
pub use string::{Chars, Str};
pub use write::{write_escaped, write_string};

use crate::buf::Buf;

/// What a [`Node`] stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `null`
    #[default]
    Null = 0,
    /// `false`
    False = 1,
    /// `true`
    True = 2,
    /// A number, spelt as in the input.
    Number = 3,
    /// A string value.
    String = 4,
    /// An array; its elements follow.
    Array = 5,
    /// An object; its members follow, each a [`Key`](Self::Key) and a value.
    Object = 6,
    /// The name of a member; its value is the next node.
    Key = 7,
}

/// One value or member name: 16 bytes that point into the input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    /// Offset of the first byte, quotes and brackets included.
    pub(crate) start: u32,
    /// Offset after the last byte.
    pub(crate) end: u32,
    /// Container: index of the node after its last descendant. Key: fingerprint of the name. String:
    /// fingerprint of the text after [`print_strings`]. Zero for the rest.
    pub(crate) link: u32,
    /// Kind in bits 0–2, flags in bits 4–7, and above them a 24-bit number: members or elements of a
    /// container; for a key, the name id that a schema gave it.
    pub(crate) meta: u32,
}

/// The string or key holds a backslash.
pub(crate) const ESCAPED: u32 = 1 << 4;
/// The number is written without fraction and exponent.
pub(crate) const PLAIN: u32 = 1 << 5;
/// The member is cut: readers of the cleaned document pass over it.
pub(crate) const CUT: u32 = 1 << 6;
/// The largest number that [`Node::number`] holds.
pub(crate) const MAX_NUMBER: u32 = (1 << 24) - 1;

impl Node {
    /// What this node stands for.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> Kind {
        const KINDS: [Kind; 8] = [
            Kind::Null,
            Kind::False,
            Kind::True,
            Kind::Number,
            Kind::String,
            Kind::Array,
            Kind::Object,
            Kind::Key,
        ];
        KINDS[(self.meta & 7) as usize]
    }

    #[inline]
    pub(crate) const fn is(self, kind: Kind) -> bool {
        self.meta & 7 == kind as u32
    }

    #[inline]
    pub(crate) const fn has(self, flag: u32) -> bool {
        self.meta & flag != 0
    }

    #[inline]
    pub(crate) const fn number(self) -> u32 {
        self.meta >> 8
    }

    #[inline]
    pub(crate) const fn set_number(&mut self, number: u32) {
        self.meta = (self.meta & 0xff) | (number << 8);
    }

    /// The index after the value that this node is, which stands at `index`, and all below it.
    #[inline(always)]
    pub(crate) const fn after(self, index: u32) -> u32 {
        if self.is_container() { self.link } else { index + 1 }
    }

    /// The node of a document that is laid behind `nodes` other nodes and `bytes` other bytes.
    #[cfg(feature = "alloc")]
    pub(crate) const fn moved(self, nodes: u32, bytes: u32) -> Self {
        let link = if self.is_container() { self.link + nodes } else { self.link };
        Self { start: self.start + bytes, end: self.end + bytes, link, meta: self.meta }
    }

    #[inline]
    pub(crate) const fn is_container(self) -> bool {
        (self.meta & 7).wrapping_sub(Kind::Array as u32) < 2
    }
}

/// Numbers that a reader gives to member names.
pub(crate) trait Names {
    /// The number of `name`, whose digest is `digest`: at most [`MAX_NUMBER`].
    fn find(&self, digest: Digest, name: Str<'_>) -> u32;
}

/// No name has one.
impl Names for () {
    #[inline(always)]
    fn find(&self, _: Digest, _: Str<'_>) -> u32 {
        0
    }
}

/// Gives every string of a document the fingerprint of its text, for documents that many others are
/// compared with.
#[cfg(feature = "alloc")]
pub(crate) fn print_strings(bytes: &[u8], nodes: &mut [Node]) {
    for index in 0..nodes.len() as u32 {
        let doc = Document { bytes, nodes };
        if doc.node(index).kind() == Kind::String {
            let print = doc.text(index).digest().print();
            if let Some(node) = nodes.get_mut(index as usize) {
                node.link = print;
            }
        }
    }
}

/// The nodes of the last document that was parsed, and the storage to parse the next one.
#[derive(Debug)]
pub struct Tape<'m> {
    pub(crate) nodes: Buf<'m, Node>,
    /// Member names of one large object, sorted to find duplicates.
    pub(crate) order: Buf<'m, u32>,
}

#[cfg(feature = "alloc")]
impl Default for Tape<'_> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<'m> Tape<'m> {
    /// A tape over lent storage: `nodes` bounds the document (one node for each value and each member
    /// name), `order` the members of one object (needed only above 16).
    #[must_use]
    pub const fn lent(nodes: &'m mut [Node], order: &'m mut [u32]) -> Self {
        Self { nodes: Buf::lent(nodes), order: Buf::lent(order) }
    }

    /// A tape that grows with the document.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self { nodes: Buf::growable(), order: Buf::growable() }
    }
}

/// A parsed document: the input and its nodes. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Document<'t> {
    bytes: &'t [u8],
    nodes: &'t [Node],
}

impl<'t> Document<'t> {
    #[cfg(feature = "alloc")]
    pub(crate) const fn new(bytes: &'t [u8], nodes: &'t [Node]) -> Self {
        Self { bytes, nodes }
    }

    /// The value that the document is.
    #[must_use]
    pub const fn root(self) -> Value<'t> {
        Value { doc: self, index: 0 }
    }

    /// The bytes that were parsed.
    #[must_use]
    pub const fn bytes(self) -> &'t [u8] {
        self.bytes
    }

    /// The value at node `index`.
    pub(crate) const fn at(self, index: u32) -> Value<'t> {
        Value { doc: self, index }
    }

    /// The node at `index`; past the end an empty `null`, so that no index can panic.
    #[inline]
    pub(crate) fn node(self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or_default()
    }

    /// How many nodes the document has.
    pub(crate) const fn len(self) -> u32 {
        self.nodes.len() as u32
    }

    /// The nodes at `index` and after it: a key and its value.
    #[inline(always)]
    pub(crate) fn pair(self, index: u32) -> [Node; 2] {
        self.nodes
            .get(index as usize..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or_default()
    }

    /// The index after the value at `index` and all below it.
    #[inline]
    pub(crate) fn after(self, index: u32) -> u32 {
        self.node(index).after(index)
    }

    /// The value of the first member that is named by `name`, a number that [`Names`] gave, and not cut, of
    /// the object at `index`.
    #[cfg(feature = "alloc")]
    pub(crate) fn member(self, index: u32, name: u32) -> Option<u32> {
        let object = self.node(index);
        let end = if object.is(Kind::Object) { object.link } else { index };
        let mut key = index + 1;
        while key < end {
            let [node, content] = self.pair(key);
            if node.number() == name && !node.has(CUT) {
                return Some(key + 1);
            }
            key = content.after(key + 1);
        }
        None
    }

    #[inline]
    fn slice(self, start: u32, end: u32) -> &'t [u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// The text of the string or key at `index`, without its quotes.
    #[inline]
    pub(crate) fn text(self, index: u32) -> Str<'t> {
        let node = self.node(index);
        Str::new(self.slice(node.start + 1, node.end.saturating_sub(1)), node.has(ESCAPED))
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Value<'t> {
    doc: Document<'t>,
    index: u32,
}

impl<'t> Value<'t> {
    /// What it is; never [`Kind::Key`].
    #[must_use]
    pub fn kind(self) -> Kind {
        self.node().kind()
    }

    /// Its bytes as they stand in the input.
    #[must_use]
    pub fn raw(self) -> &'t [u8] {
        let node = self.node();
        self.doc.slice(node.start, node.end)
    }

    /// Offset of its first byte and offset after its last.
    #[must_use]
    pub fn span(self) -> (usize, usize) {
        let node = self.node();
        (node.start as usize, node.end as usize)
    }

    /// The text, when it is a string.
    #[must_use]
    pub fn as_str(self) -> Option<Str<'t>> {
        (self.kind() == Kind::String).then(|| self.doc.text(self.index))
    }

    /// The number, when it is one.
    #[must_use]
    pub fn as_number(self) -> Option<Number<'t>> {
        (self.kind() == Kind::Number).then(|| Number::new(self.raw()))
    }

    /// The boolean, when it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// How many members or elements it has; zero when it is no container.
    #[must_use]
    pub fn len(self) -> usize {
        let node = self.node();
        if node.is_container() { node.number() as usize } else { 0 }
    }

    /// Whether it has no members or elements.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The members of an object, in document order; nothing for any other kind.
    #[must_use]
    pub fn members(self) -> Members<'t> {
        let end = if self.kind() == Kind::Object { self.node().link } else { 0 };
        Members { doc: self.doc, next: self.index + 1, end }
    }

    /// The elements of an array, in document order; nothing for any other kind.
    #[must_use]
    pub fn elements(self) -> Elements<'t> {
        let end = if self.kind() == Kind::Array { self.node().link } else { 0 };
        Elements { doc: self.doc, next: self.index + 1, end }
    }

    /// The member called `name`, compared after unescaping.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Value<'t>> {
        let object = self.node();
        let end = if object.is(Kind::Object) { object.link } else { 0 };
        // Quotes included.
        let length = name.len() as u64 + 2;
        let mut key = self.index + 1;
        while key < end {
            let [node, content] = self.doc.pair(key);
            let is = match node.has(ESCAPED) {
                true => self.doc.text(key).is(name.as_bytes()),
                false => {
                    u64::from(node.end.wrapping_sub(node.start)) == length
                        && self.doc.slice(node.start + 1, node.end - 1) == name.as_bytes()
                }
            };
            if is && !node.has(CUT) {
                return Some(self.doc.at(key + 1));
            }
            key = content.after(key + 1);
        }
        None
    }

    /// The document that this value is part of.
    #[must_use]
    pub const fn document(self) -> Document<'t> {
        self.doc
    }

    /// The index of the value's node.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(crate) const fn index(self) -> u32 {
        self.index
    }

    fn node(self) -> Node {
        self.doc.node(self.index)
    }
}

/// Iterator over the members of an object that are not cut: the name and the value.
#[derive(Clone, Debug)]
pub struct Members<'t> {
    doc: Document<'t>,
    next: u32,
    end: u32,
}

impl<'t> Iterator for Members<'t> {
    type Item = (Str<'t>, Value<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.end {
            let key = self.next;
            self.next = self.doc.after(key + 1);
            if !self.doc.node(key).has(CUT) {
                return Some((self.doc.text(key), self.doc.at(key + 1)));
            }
        }
        None
    }
}

/// Iterator over the elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'t> {
    doc: Document<'t>,
    next: u32,
    end: u32,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let value = self.doc.at(self.next);
        self.next = self.doc.after(self.next);
        Some(value)
    }
}
