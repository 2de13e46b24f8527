//! JSON that stays JSON when it is cut.

use super::{Keep, Limit, characters, notice_length, write_notice};
use crate::buf::{Buf, Full};
use crate::json::{Document, Kind, Str};
use crate::redact::outside_mask;

/// Containers nested deeper than this are dropped whole when a document must be cut.
const DEEPEST: usize = 136;
/// Fewer characters of a string than this are not worth showing.
const LEAST: usize = 8;
/// More characters than a token stands for.
const CHARS_OF_TOKEN: usize = 16;
/// How often a cut is tried until tokens or bytes fit: each time at least a thirtieth less is kept.
const MOST_TRIES: usize = 64;

/// Appends `doc` to `out`, cut to `limit`. Answers whether something is missing.
///
/// What does not fit as it stands loses its white space. What then does not fit loses its last elements
/// and members, or the rest of a long string, and says so in the string, as an element, or as a member
/// called `...`. Where the end is kept as well, or alone, it loses what is in the middle, or at the
/// beginning, of the container that holds the most. A document of which not even `[]` may be shown is
/// shown as nothing.
///
/// # Errors
/// [`Full`] when `out` is used up.
pub fn truncate_json(
    doc: Document<'_>,
    limit: &Limit<'_>,
    out: &mut Buf<'_, u8>,
) -> Result<bool, Full> {
    let raw = core::str::from_utf8(doc.bytes()).unwrap_or("");
    if limit.fits(raw) {
        out.extend(doc.bytes())?;
        return Ok(false);
    }
    let begin = out.len();
    let most = limit.chars.min(limit.bytes).min(limit.tokens.saturating_mul(CHARS_OF_TOKEN));
    let mut room = if limit.lines == 0 { 0 } else { most };
    for _ in 0..MOST_TRIES {
        if room < 2 {
            return Ok(true);
        }
        let mut writer = Writer { doc, out, room, open: [Open::default(); DEEPEST], depth: 0 };
        let whole = writer.length(0, doc.len()) <= room;
        if whole {
            writer.write(0, doc.len(), 0)?;
        } else if limit.keep == Keep::Head {
            writer.room = room;
            writer.write(0, doc.len(), reserve(room, raw.len()))?;
        } else {
            writer.thin(0, room, limit.keep)?;
        }
        let shown = core::str::from_utf8(out.get(begin..).unwrap_or(&[])).unwrap_or("");
        if limit.fits(shown) {
            return Ok(!whole);
        }
        let used = characters(shown.as_bytes()).min(room);
        // Bytes or tokens are more than characters: as much less is tried as they are too many.
        let bytes = used.saturating_mul(limit.bytes) / shown.len().max(1);
        let tokens = match limit.tokens {
            usize::MAX => used,
            most => used.saturating_mul(most) / limit.counter.count(shown).max(1),
        };
        room = bytes.min(tokens).min(used.saturating_sub(used / 32 + 1));
        out.truncate(begin);
    }
    Ok(true)
}

/// Characters of a notice, quotes, comma and the name `...` included, about at most `bytes` bytes; none
/// where there is no room for one.
const fn reserve(room: usize, bytes: usize) -> usize {
    let notice = "\"\"".len() + ",\"...\":".len() + notice_length(bytes);
    if room >= notice + 2 { notice } else { 0 }
}

/// Writes a document without white space for as long as there is room.
struct Writer<'t, 'o, 'm> {
    doc: Document<'t>,
    out: &'o mut Buf<'m, u8>,
    /// Characters left, those for closing the open containers not counted.
    room: usize,
    open: [Open; DEEPEST],
    depth: usize,
}

/// A container that is not closed yet.
#[derive(Clone, Copy, Default)]
struct Open {
    index: u32,
    /// The node after it.
    end: u32,
    is_object: bool,
}

impl<'t> Writer<'t, '_, '_> {
    /// How many characters the nodes `from..to` have without white space, and without the commas
    /// between those that are no parts of others.
    fn length(&self, from: u32, to: u32) -> usize {
        let mut sum = 0;
        for index in from..to {
            let node = self.doc.node(index);
            sum += match node.kind() {
                // Brackets, and a comma between each two.
                Kind::Array | Kind::Object => 2 + (node.number() as usize).saturating_sub(1),
                Kind::Key => characters(self.literal(index)) + 1,
                _ => characters(self.literal(index)),
            };
        }
        sum
    }

    /// Writes the nodes `from..to`, whole values or members, keeping `reserve` characters for a notice.
    fn write(&mut self, from: u32, to: u32, reserve: usize) -> Result<(), Full> {
        let floor = self.depth;
        let (mut index, mut first) = (from, true);
        while index < to {
            while self.depth > floor && self.top().is_some_and(|top| index >= top.end) {
                self.close()?;
                first = false;
            }
            let begin = index;
            let comma = usize::from(!first);
            let mut name = 0;
            if self.doc.node(index).kind() == Kind::Key {
                name = characters(self.literal(index)) + 1;
                index += 1;
            }
            let kind = self.doc.node(index).kind();
            let container = matches!(kind, Kind::Array | Kind::Object);
            let value = if container { 2 } else { characters(self.literal(index)) };
            let cost = comma + name + value;
            if cost.saturating_add(reserve) > self.room || container && self.depth == DEEPEST {
                return self.stop(begin, index, comma + name, reserve);
            }
            self.room -= cost;
            self.prefix(begin, index, comma)?;
            if container {
                self.begin(index)?;
                first = true;
            } else {
                self.out.extend(self.literal(index))?;
                first = false;
            }
            index += 1;
        }
        while self.depth > floor {
            self.close()?;
        }
        Ok(())
    }

    /// Writes the value at `index`, which does not fit into `room` characters, without its middle or
    /// its beginning.
    fn thin(&mut self, index: u32, room: usize, keep: Keep) -> Result<(), Full> {
        let node = self.doc.node(index);
        let notice = reserve(room, self.doc.bytes().len());
        if !matches!(node.kind(), Kind::Array | Kind::Object) || self.depth == DEEPEST {
            return self.thin_string(index, room, keep);
        }
        let (first, after) = (index + 1, self.doc.after(index));
        // What the elements take, a comma each, and the one that takes the most.
        let (mut sum, mut most, mut largest) = (0, 0, first);
        let mut at = first;
        while at < after {
            let next = self.next(at);
            let length = self.length(at, next) + 1;
            sum += length;
            if length > most {
                (most, largest) = (length, at);
            }
            at = next;
        }
        self.begin(index)?;
        // Where one element is nearly all, the others stay and it is thinned.
        let others = sum + 2 - most;
        let name = self.value_of(largest);
        let lead = self.length(largest, name);
        if most > room / 2 && others + lead + notice + 2 * LEAST <= room {
            self.write_at(first, largest)?;
            self.separate()?;
            self.prefix(largest, name, 0)?;
            self.thin(name, room - others - lead, keep)?;
            self.write_at(self.next(largest), after)?;
            return self.close();
        }
        let avail = room.saturating_sub(2 + notice);
        let mut left = if keep == Keep::Ends { avail / 2 } else { 0 };
        let mut at = first;
        let mut used = 0;
        while at < after {
            let length = self.length(at, self.next(at)) + 1;
            if length > left {
                break;
            }
            (left, used, at) = (left - length, used + length, self.next(at));
        }
        let head = at;
        let mut rest = sum - used;
        while at < after && rest > avail - used {
            rest -= self.length(at, self.next(at)) + 1;
            at = self.next(at);
        }
        self.write_at(first, head)?;
        if notice > 0 {
            let end = |index: u32| match index < after {
                true => self.doc.node(index).start,
                false => node.end,
            };
            let removed = end(at).saturating_sub(end(head)) as usize;
            self.notice(removed)?;
        }
        self.write_at(at, after)?;
        self.close()
    }

    /// Writes a string without its middle or its beginning; of anything else nothing but quotes.
    fn thin_string(&mut self, index: u32, room: usize, keep: Keep) -> Result<(), Full> {
        let text = match self.doc.node(index).kind() {
            Kind::String => self.doc.text(index),
            _ => Str::new(&[], false),
        };
        let notice = notice_length(self.doc.bytes().len());
        let raw = text.raw();
        self.out.push(b'"')?;
        if let Some(avail) = room.checked_sub(2 + notice).filter(|&avail| avail >= LEAST) {
            let head = if keep == Keep::Ends { cut_string(text, avail / 2) } else { 0 };
            let tail = string_end(text, avail - avail / 2).max(head);
            self.out.extend(raw.get(..head).unwrap_or(&[]))?;
            write_notice(tail - head, self.out)?;
            self.out.extend(raw.get(tail..).unwrap_or(&[]))?;
        }
        self.out.push(b'"')
    }

    /// Writes the elements or members `from..to` of the innermost container.
    fn write_at(&mut self, from: u32, to: u32) -> Result<(), Full> {
        if from >= to {
            return Ok(());
        }
        self.separate()?;
        self.room = usize::MAX;
        self.write(from, to, 0)
    }

    /// The element or member after the one at `index`.
    fn next(&self, index: u32) -> u32 {
        self.doc.after(self.value_of(index))
    }

    /// The value of the member at `index`, or the element that is there.
    fn value_of(&self, index: u32) -> u32 {
        index + u32::from(self.doc.node(index).kind() == Kind::Key)
    }

    fn separate(&mut self) -> Result<(), Full> {
        if self.is_fresh() { Ok(()) } else { self.out.push(b',') }
    }

    fn begin(&mut self, index: u32) -> Result<(), Full> {
        let is_object = self.doc.node(index).kind() == Kind::Object;
        self.out.push(if is_object { b'{' } else { b'[' })?;
        if let Some(slot) = self.open.get_mut(self.depth) {
            *slot = Open { index, end: self.doc.after(index), is_object };
            self.depth += 1;
        }
        Ok(())
    }

    /// Ends the document before the node `begin`, whose value is the node `index` behind `lead`
    /// characters.
    fn stop(&mut self, begin: u32, index: u32, lead: usize, reserve: usize) -> Result<(), Full> {
        let start = self.doc.node(begin).start as usize;
        let removed = self.doc.bytes().len().saturating_sub(start + self.depth);
        let notice = if reserve == 0 { 0 } else { notice_length(removed) };
        let quotes = "\"\"".len();
        let room = self.room.checked_sub(lead + quotes + notice);
        if self.doc.node(index).kind() == Kind::String
            && let Some(room) = room
            && (room >= LEAST || self.depth == 0)
        {
            self.prefix(begin, index, usize::from(lead > 0 && !self.is_fresh()))?;
            let text = self.doc.text(index);
            let kept = cut_string(text, room);
            self.out.push(b'"')?;
            self.out.extend(text.raw().get(..kept).unwrap_or(&[]))?;
            if reserve > 0 {
                let node = self.doc.node(index);
                let gone =
                    removed.saturating_sub((node.start - self.doc.node(begin).start) as usize);
                write_notice(gone.saturating_sub(kept), self.out)?;
            }
            self.out.push(b'"')?;
        } else if self.depth == 0 {
            // A number or a word that alone exceeds the limit.
            self.out.extend(b"\"\"")?;
        } else if reserve > 0 {
            self.notice(removed)?;
        }
        while self.depth > 0 {
            self.close()?;
        }
        Ok(())
    }

    /// Writes the comma and the name before the value at `index`.
    fn prefix(&mut self, begin: u32, index: u32, comma: usize) -> Result<(), Full> {
        if comma > 0 {
            self.out.push(b',')?;
        }
        if begin != index {
            self.out.extend(self.literal(begin))?;
            self.out.push(b':')?;
        }
        Ok(())
    }

    /// Writes the notice as an element or member of the innermost container.
    fn notice(&mut self, removed: usize) -> Result<(), Full> {
        let Some(top) = self.top() else {
            return Ok(());
        };
        if top.is_object {
            // A name may occur once.
            let mut at = top.index + 1;
            while at < top.end {
                if self.doc.text(at).is(b"...") {
                    return Ok(());
                }
                at = self.next(at);
            }
        }
        self.separate()?;
        if top.is_object {
            self.out.extend(b"\"...\":")?;
        }
        self.out.push(b'"')?;
        write_notice(removed, self.out)?;
        self.out.push(b'"')
    }

    /// Whether the innermost container has nothing in it yet.
    fn is_fresh(&self) -> bool {
        matches!(self.out.last(), Some(b'[' | b'{'))
    }

    fn close(&mut self) -> Result<(), Full> {
        let is_object = self.top().is_some_and(|top| top.is_object);
        self.depth = self.depth.saturating_sub(1);
        self.out.push(if is_object { b'}' } else { b']' })
    }

    fn top(&self) -> Option<Open> {
        self.depth.checked_sub(1).and_then(|at| self.open.get(at)).copied()
    }

    fn literal(&self, index: u32) -> &'t [u8] {
        let node = self.doc.node(index);
        self.doc.bytes().get(node.start as usize..node.end as usize).unwrap_or(&[])
    }
}

/// How many bytes of the inside of a string have at most `room` characters, no escape split.
fn cut_string(text: Str<'_>, room: usize) -> usize {
    let raw = text.raw();
    let mut chars = text.chars();
    let (mut kept, mut used) = (0, 0);
    while chars.next().is_some() {
        let end = raw.len() - chars.rest().len();
        used += characters(raw.get(kept..end).unwrap_or(&[]));
        if used > room {
            break;
        }
        kept = end;
    }
    outside_mask(raw, kept)
}

/// From where on the inside of a string has at most `room` characters, no escape split.
fn string_end(text: Str<'_>, room: usize) -> usize {
    let raw = text.raw();
    let mut left = characters(raw);
    let mut chars = text.chars();
    let mut at = 0;
    while left > room && chars.next().is_some() {
        let end = raw.len() - chars.rest().len();
        left -= characters(raw.get(at..end).unwrap_or(&[]));
        at = end;
    }
    // A mask that begins before is dropped whole.
    while at < raw.len() && outside_mask(raw, at) < at && chars.next().is_some() {
        at = raw.len() - chars.rest().len();
    }
    at
}
