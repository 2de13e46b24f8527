//! Writes one violation as JSON.
//!
//! A violation is written once: what the refusal shows and what a program reads of it are the same bytes,
//! but for the few texts that JSON escapes. Everything that is written from outside is cut first, so that
//! a line fits into [`MAX_LINE`] bytes by construction.

use core::fmt::{self, Write};

use super::words::{Look, Name, Shown};
use super::{MAX_POINTER, Text};
use crate::buf::Buf;
use crate::json::{Decimal, Str, write_escaped};
use crate::schema::{Keyword, Types};

/// Most bytes of one line.
pub(super) const MAX_LINE: usize = 8192;
/// Most bytes of a pointer that the refusal shows.
pub(super) const MAX_SHOWN_POINTER: usize = 120;

/// One violation as far as it is written. What does not fit is left out and makes the line full.
pub(super) struct Line<'o> {
    out: &'o mut [u8],
    len: usize,
    /// Where the line begins in its buffer.
    base: u32,
    pub(super) full: bool,
    /// Something was escaped since the field began.
    escaped: bool,
    /// Where the pointer of the violation stands.
    path: (usize, usize),
    /// Whether all of it does, as it is.
    whole: bool,
}

/// The start of a field.
#[derive(Clone, Copy)]
pub(super) struct Mark(u32);

impl<'o> Line<'o> {
    /// A line of at most `most` bytes at the end of `buf`, which must commit what was written.
    pub(super) fn new(buf: &'o mut Buf<'_, u8>, most: usize) -> Self {
        let base = buf.len() as u32;
        let out = buf.reserve_most(most);
        let most = out.len().min(most);
        let out = out.get_mut(..most).unwrap_or(&mut []);
        Self { out, len: 0, base, full: false, escaped: false, path: (0, 0), whole: false }
    }

    /// Begins the violation of `keyword` at `pointer`, which follows those in `lines`; gives back where
    /// its pointer can be read.
    #[inline]
    pub(super) fn begin(
        lines: &'o mut Buf<'_, u8>,
        side: &mut Buf<'_, u8>,
        keyword: Keyword,
        (pointer, look): (&[u8], Look),
    ) -> (Self, Text) {
        let first = lines.is_empty();
        let mut line = Self::new(lines, MAX_LINE);
        line.put(if first { r#"{"path":""# } else { r#",{"path":""# });
        let path = line.pointer(pointer, look, side);
        line.put(r#"","keyword":""#).bytes(keyword.name().as_bytes());
        (line, path)
    }

    /// Where the next byte stands in the buffer.
    pub(super) const fn at(&self) -> u32 {
        self.base + self.len as u32
    }

    /// How many bytes were written.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Takes back all but the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.full = false;
    }

    /// Begins a field; what follows until [`text`](Self::text) is one text.
    #[inline]
    pub(super) const fn field(&mut self) -> Mark {
        self.escaped = false;
        Mark(self.at())
    }

    /// The text that was begun at `mark`; `side` is where it can be read if it had to be escaped.
    #[inline]
    pub(super) fn text(&self, mark: Mark, side: &mut Buf<'_, u8>) -> Text {
        if !self.escaped {
            return Text::plain(mark.0, self.at());
        }
        let start = (mark.0 - self.base) as usize;
        Text::unescaped(side, self.out.get(start..self.len).unwrap_or(&[]))
    }

    /// Words of our own, which no JSON string escapes.
    #[inline(always)]
    pub(super) fn put(&mut self, words: &str) -> &mut Self {
        self.bytes(words.as_bytes())
    }

    /// Bytes that are JSON as they stand.
    #[inline(always)]
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let end = self.len + bytes.len();
        match self.out.get_mut(self.len..end) {
            Some(slots) => {
                slots.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.full = true,
        }
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(Decimal::new(number).digits())
    }

    #[inline]
    pub(super) fn shown(&mut self, shown: Shown<'_>) -> &mut Self {
        match (shown.as_written(), shown.look) {
            (Some(bytes), Look::Plain) => self.bytes(bytes),
            (Some(bytes), _) => self.escape_quotes(bytes),
            (None, _) => self.escape(shown),
        }
    }

    /// Text in which nothing but quotes and backslashes needs escaping.
    fn escape_quotes(&mut self, mut text: &[u8]) -> &mut Self {
        self.escaped = true;
        while let Some(at) = memchr::memchr2(b'"', b'\\', text)
            && let Some((plain, [byte, rest @ ..])) = text.split_at_checked(at)
        {
            self.bytes(plain).bytes(&[b'\\', *byte]);
            text = rest;
        }
        self.bytes(text)
    }

    #[cold]
    fn escape(&mut self, shown: Shown<'_>) -> &mut Self {
        self.escaped = true;
        // A line that is full knows it.
        let _ = shown.write(&mut Escape(self));
        self
    }

    /// All of a text, escaped where JSON must.
    pub(super) fn exactly(&mut self, text: &str) -> &mut Self {
        self.escaped = true;
        let _ = write_escaped(text, self);
        self
    }

    /// A JSON string with its quotes, cut where `shown` is.
    pub(super) fn quoted(&mut self, shown: Shown<'_>) -> &mut Self {
        self.put("\"").shown(shown).put("\"")
    }

    /// The pointer of the violation. What the refusal does not show stands in `side`.
    fn pointer(&mut self, pointer: &[u8], look: Look, side: &mut Buf<'_, u8>) -> Text {
        let (start, at) = (self.len, self.at());
        self.whole = look == Look::Plain && pointer.len() <= MAX_SHOWN_POINTER;
        if self.whole {
            self.bytes(pointer);
            self.path = (start, self.len);
            return Text::plain(at, self.at());
        }
        let shown = Shown::new(Str::new(pointer, false), MAX_SHOWN_POINTER);
        self.whole = shown.is_whole();
        self.shown(shown);
        self.path = (start, self.len);
        Text::beside(side, head(pointer))
    }

    /// Whether the refusal shows the pointer of the violation as it is.
    pub(super) const fn tells_pointer(&self) -> bool {
        self.whole
    }

    /// The pointer of the violation once more, as the refusal shows it.
    #[inline]
    pub(super) fn same_pointer(&mut self) -> &mut Self {
        let (start, end) = self.path;
        let (count, to) = (end - start, self.len);
        if end <= to && to + count <= self.out.len() {
            self.out.copy_within(start..end, to);
            self.len += count;
        } else {
            self.full = true;
        }
        self
    }

    /// What a message calls a value.
    #[inline]
    pub(super) fn name(&mut self, name: Name<'_>) -> &mut Self {
        match name {
            Name::Member(name) => self.shown(name),
            Name::Element { array, position } => {
                self.shown(array).put("[").bytes(position).put("]")
            }
            Name::This => self.put("this value"),
            Name::Root => self.put("the arguments"),
        }
    }

    /// Types, like `integer or null`.
    #[inline]
    pub(super) fn types(&mut self, types: Types) -> &mut Self {
        match types {
            Types::STRING => self.put("string"),
            Types::INTEGER => self.put("integer"),
            Types::NUMBER => self.put("number"),
            Types::BOOLEAN => self.put("boolean"),
            Types::ARRAY => self.put("array"),
            Types::OBJECT => self.put("object"),
            Types::ANY => self.put("any"),
            _ => self.list(types, |line, one| line.types(one)),
        }
    }

    /// Types with their articles, like `an integer or null`.
    #[inline]
    pub(super) fn a_type(&mut self, types: Types) -> &mut Self {
        match types {
            Types::STRING => self.put("a string"),
            Types::INTEGER => self.put("an integer"),
            Types::NUMBER => self.put("a number"),
            Types::BOOLEAN => self.put("a boolean"),
            Types::ARRAY => self.put("an array"),
            Types::OBJECT => self.put("an object"),
            Types::ANY => self.put("any value"),
            _ => self.list(types, |line, one| line.a_type(one)),
        }
    }

    /// Each of several types, or `null` or nothing.
    fn list(&mut self, types: Types, one: fn(&mut Self, Types) -> &mut Self) -> &mut Self {
        if types == Types::NULL {
            return self.put("null");
        }
        let before = self.len;
        for (bit, _) in Types::NAMED {
            if types.meets(bit) {
                if self.len > before {
                    self.put(" or ");
                }
                one(self, bit);
            }
        }
        if self.len == before { self.put("nothing") } else { self }
    }
}

/// The first [`MAX_POINTER`] bytes of a pointer or a name, or a few less: no character is cut.
pub(super) fn head(text: &[u8]) -> &[u8] {
    let Some(head) = text.get(..MAX_POINTER) else { return text };
    head.utf8_chunks().next().map_or("", |chunk| chunk.valid()).as_bytes()
}

/// Escapes what is written to a line.
struct Escape<'a, 'o>(&'a mut Line<'o>);

impl Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(text, self.0)
    }
}

/// Text that is escaped already.
impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}
