//! Writing the texts of a report.
//!
//! All of them stand in one buffer. Each knows what it is made of, so that the refusal can copy what a JSON
//! string holds as it is, without looking at it again.

use core::fmt::{self, Write};

use super::MAX_POINTER;
use super::words::{Gap, Look, Name, Shown, spelt, type_words};
use crate::buf::Buf;
use crate::json::{self, Decimal, Str, Value};
use crate::schema::Types;

/// A range of the text of a report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    start: u32,
    end: u32,
    pub(super) look: Look,
}

impl Text {
    /// The bytes of the text, which is a part of `all`.
    #[inline]
    pub(super) fn of(self, all: &[u8]) -> &[u8] {
        all.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}

/// Writes one [`Text`]. What does not fit into lent storage leaves the text empty.
pub(super) struct Writer<'a, 'm> {
    out: &'a mut Buf<'m, u8>,
    start: usize,
    look: Look,
    full: bool,
}

impl<'a, 'm> Writer<'a, 'm> {
    #[inline]
    pub(super) fn new(out: &'a mut Buf<'m, u8>) -> Self {
        let start = out.len();
        Self { out, start, look: Look::Plain, full: false }
    }

    #[inline]
    pub(super) fn end(self) -> Text {
        if self.full {
            self.out.truncate(self.start);
        }
        Text { start: self.start as u32, end: self.out.len() as u32, look: self.look }
    }

    /// Words of our own, which no JSON string escapes.
    #[inline]
    pub(super) fn put(mut self, words: &str) -> Self {
        self.append(words.as_bytes());
        self
    }

    /// UTF-8 as it is.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.look = self.look.max(Look::of(bytes));
        self.append(bytes);
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.append(Decimal::new(number).digits());
        self
    }

    pub(super) fn shown(mut self, shown: Shown<'_>) -> Self {
        self.look = self.look.max(shown.look);
        match shown.as_written() {
            Some(bytes) => self.append(bytes),
            None => self.full |= shown.write(&mut self).is_err(),
        }
        self
    }

    /// What a message calls a value.
    pub(super) fn name(self, name: Name<'_>) -> Self {
        match name {
            Name::Member(name) => self.shown(name),
            Name::Element { array, position } => {
                self.shown(array).put("[").bytes(position).put("]")
            }
            Name::This => self.put("this value"),
        }
    }

    /// Types, like `integer or null`.
    pub(super) fn types(self, types: Types) -> Self {
        self.list(type_words(types).map(|(_, name)| name), "any", "nothing", types)
    }

    /// Types with their articles, like `an integer or null`.
    pub(super) fn a_type(self, types: Types) -> Self {
        self.list(type_words(types).map(|(name, _)| name), "any value", "nothing", types)
    }

    fn list(
        mut self,
        names: impl Iterator<Item = &'static str>,
        all: &'static str,
        none: &'static str,
        types: Types,
    ) -> Self {
        if types == Types::ANY {
            return self.put(all);
        }
        let start = self.out.len();
        for name in names {
            if self.out.len() > start {
                self = self.put(" or ");
            }
            self = self.put(name);
        }
        if self.out.len() == start { self.put(none) } else { self }
    }

    /// `template`, its `*` filled with `gap`.
    pub(super) fn template(self, template: &str, gap: Gap<'_>) -> Self {
        let Some((before, after)) = template.split_once('*') else { return self.put(template) };
        let writer = self.put(before);
        let filled = match gap {
            Gap::Shown(shown) => writer.shown(shown),
            Gap::Number(number) => writer.number(number),
            Gap::Name(name) => writer.name(name),
            Gap::Nothing => writer,
        };
        filled.put(after)
    }

    /// A name as a JSON string with its quotes.
    pub(super) fn json_string(mut self, text: &str) -> Self {
        if Look::of(text.as_bytes()) == Look::Plain {
            self.look = self.look.max(Look::Quoted);
            return self.put("\"").put(text).put("\"");
        }
        self.full |= json::write_string(text, &mut self).is_err();
        self
    }

    /// A string of the schema, escapes undone.
    pub(super) fn decoded(mut self, text: Str<'_>) -> Self {
        if !text.is_escaped() {
            return self.bytes(text.raw());
        }
        self.full |= text.chars().try_for_each(|c| self.write_char(c)).is_err();
        self
    }

    /// The first [`MAX_POINTER`] bytes of a pointer or a name, or a few less: no character is cut.
    pub(super) fn pointer(self, pointer: &[u8]) -> Self {
        let Some(head) = pointer.get(..MAX_POINTER) else { return self.bytes(pointer) };
        self.bytes(head.utf8_chunks().next().map_or("", |chunk| chunk.valid()).as_bytes())
    }

    /// One more reference token of a pointer, cut at [`MAX_POINTER`] characters.
    pub(super) fn token(mut self, name: Str<'_>) -> Self {
        self = self.put("/");
        if let Some(token) = json::plain_token(name)
            && token.len() <= MAX_POINTER
        {
            return self.bytes(token);
        }
        self.full |= json::write_token(name.chars().take(MAX_POINTER), &mut self).is_err();
        self
    }

    /// A text of the same report once more.
    pub(super) fn again(mut self, text: Text) -> Self {
        let (from, to) = (text.start as usize..text.end as usize, self.out.len());
        if from.start > from.end || from.end > to || self.out.reserve(from.len()).is_err() {
            self.full = true;
            return self;
        }
        self.out.commit(from.len());
        self.out.copy_within(from, to);
        self.look = self.look.max(text.look);
        self
    }

    /// The members of an `enum`, at most 20 of them and about 300 characters.
    pub(super) fn choices(mut self, choices: Value<'_>) -> Self {
        let mut written = 0;
        let mut left = choices.len();
        for choice in choices.elements().take(20) {
            if written > 300 {
                break;
            }
            if written > 0 {
                self = self.put(", ");
            }
            self = self.shown(spelt(choice, 60));
            written += choice.raw().len().min(60) + 2;
            left -= 1;
        }
        if left > 0 { self.put(" and ").number(left as u64).put(" more") } else { self }
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.full |= self.out.extend(bytes).is_err();
    }
}

/// Text that may need escaping.
impl Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.look = Look::Odd;
        self.out.write_str(text)
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        self.look = Look::Odd;
        self.out.write_char(c)
    }
}
