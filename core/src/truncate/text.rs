//! Text cut at one place: what is kept of its beginning, its end, or both.
//!
//! The text may be a stretch of a longer one that is masked already: [`Shown`] knows where it lies in the
//! original, so that the notice counts bytes of the original.

use super::{Keep, Limit, grapheme, write_notice};
use crate::buf::{Buf, Full};
use crate::redact::outside_mask;

/// Where a mask stands in masked text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mask {
    /// Offsets in the masked text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The offset in the original after what it stands for.
    pub(crate) original: usize,
    /// Another part of it may follow.
    #[cfg(feature = "alloc")]
    pub(crate) is_open: bool,
}

/// A stretch of text, masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'t> {
    pub(crate) text: &'t str,
    pub(crate) masks: &'t [Mask],
    /// The offset in the original at which it begins.
    pub(crate) start: usize,
}

/// What is known of a text: the same stretch twice, or one from its beginning and one up to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'t> {
    pub(crate) head: Shown<'t>,
    pub(crate) tail: Shown<'t>,
    /// How many bytes the original has.
    pub(crate) total: usize,
}

/// Appends `text` to `out`, cut to `limit`, the notice included. Answers whether it was cut.
///
/// ```
/// use airlock_core::{Buf, truncate::{Limit, truncate_text}};
/// let (mut slots, text) = ([0; 40], "one two three four five six seven eight");
/// let mut out = Buf::lent(&mut slots);
/// assert_eq!(truncate_text(text, &Limit::chars(34), &mut out), Ok(true));
/// assert_eq!(&*out, b"one two thr\n[... 28 bytes removed]");
/// ```
///
/// # Errors
/// [`Full`] when `out` is used up.
pub fn truncate_text(text: &str, limit: &Limit<'_>, out: &mut Buf<'_, u8>) -> Result<bool, Full> {
    if limit.fits(text) {
        out.extend(text.as_bytes())?;
        return Ok(false);
    }
    let shown = Shown { text, masks: &[], start: 0 };
    Ends { head: shown, tail: shown, total: text.len() }.cut(limit, out)?;
    Ok(true)
}

impl Ends<'_> {
    /// Appends to `out` what `limit` keeps of a text that exceeds it.
    pub(crate) fn cut(&self, limit: &Limit<'_>, out: &mut Buf<'_, u8>) -> Result<(), Full> {
        let begin = out.len();
        let mut room = *limit;
        let mut notice = [0; 48];
        let mut text = Buf::lent(&mut notice);
        write_notice(self.total, &mut text)?;
        // The break before a notice in the middle counts as a space: it ends a line that is counted.
        text.extend(if limit.keep == Keep::Ends { b" \n" } else { b"\n" })?;
        let with_notice = limit.without(core::str::from_utf8(&text).unwrap_or(""));
        // A notice that leaves room for nothing says less than what it is put in place of.
        let said = with_notice.is_some_and(|left| left.chars > 0 && left.lines > 0);
        if let Some(left) = with_notice.filter(|_| said) {
            room = left;
        }
        // Counts of parts add up to that of the whole for all but tokens: these are counted again.
        for _ in 0..16 {
            self.write(&room, said, out)?;
            let cut = core::str::from_utf8(out.get(begin..).unwrap_or(&[])).unwrap_or("");
            if limit.fits(cut) {
                return Ok(());
            }
            out.truncate(begin);
            room.tokens -= room.tokens / 8 + 1;
        }
        Ok(())
    }

    fn write(&self, room: &Limit<'_>, said: bool, out: &mut Buf<'_, u8>) -> Result<(), Full> {
        let (head, tail) = match room.keep {
            Keep::Head => (self.head.head(room), None),
            Keep::Tail => (0, Some(self.tail.tail(room))),
            Keep::Ends => {
                let half = room.scaled(128);
                let head = self.head.head(&half);
                let kept = self.head.text.get(..head).unwrap_or("");
                (head, Some(self.tail.tail(&room.without(kept).unwrap_or(half))))
            }
        };
        // The line break before the notice may be the text's own.
        let own = said && self.head.text.as_bytes().get(head) == Some(&b'\n');
        let head = head + usize::from(own && head > 0);
        let from = self.head.original(head);
        // What both ends have is shown once.
        let tail = tail.map(|tail| tail.max(self.tail.at(from)));
        let to = tail.map_or(self.total, |tail| self.tail.original(tail));
        out.extend(self.head.text.as_bytes().get(..head).unwrap_or(&[]))?;
        if said {
            if head > 0 && !out.ends_with(b"\n") {
                out.push(b'\n')?;
            }
            write_notice(to.saturating_sub(from), out)?;
        }
        if let Some(tail) = tail {
            if said {
                out.push(b'\n')?;
            }
            out.extend(self.tail.text.as_bytes().get(tail..).unwrap_or(&[]))?;
        }
        Ok(())
    }
}

impl Shown<'_> {
    /// How much of the beginning is kept.
    fn head(&self, room: &Limit<'_>) -> usize {
        let text = self.text;
        let mut cut = text.char_indices().nth(room.chars).map_or(text.len(), |(at, _)| at);
        cut = cut.min(floor(text, room.bytes));
        if room.lines != usize::MAX {
            let mut breaks = memchr::memchr_iter(b'\n', text.as_bytes());
            cut = match room.lines.checked_sub(1) {
                Some(more) => cut.min(breaks.nth(more).unwrap_or(text.len())),
                None => 0,
            };
        }
        let short = text.get(..cut).unwrap_or(text);
        if short.len() > room.tokens {
            cut = room.counter.head(short, room.tokens);
        }
        if cut == text.len() {
            return cut;
        }
        let cut = self.before_mask(line_end(text, cut));
        self.before_mask(grapheme::before(text, cut))
    }

    /// From where on the end is kept.
    fn tail(&self, room: &Limit<'_>) -> usize {
        let text = self.text;
        let mut cut = match room.chars.checked_sub(1) {
            Some(usize::MAX) | None if room.chars == 0 => text.len(),
            Some(more) => text.char_indices().rev().nth(more).map_or(0, |(at, _)| at),
            None => text.len(),
        };
        let by_bytes = text.len().saturating_sub(room.bytes);
        cut = cut.max((by_bytes..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0));
        if room.lines != usize::MAX {
            // The last line break ends the last line.
            let lines = text.strip_suffix('\n').unwrap_or(text);
            let mut breaks = memchr::memrchr_iter(b'\n', lines.as_bytes());
            cut = match room.lines.checked_sub(1) {
                Some(more) => cut.max(breaks.nth(more).map_or(0, |at| at + 1)),
                None => text.len(),
            };
        }
        let short = text.get(cut..).unwrap_or("");
        if short.len() > room.tokens {
            cut += room.counter.tail(short, room.tokens);
        }
        if cut == 0 && self.start == 0 {
            return 0;
        }
        self.after_mask(grapheme::after(
            text,
            self.after_mask(self.next_word(line_start(text, cut))),
        ))
    }

    /// The first word from `cut` on that is whole: half of one may be half of a secret.
    fn next_word(&self, cut: usize) -> usize {
        let (head, tail) = self.text.split_at_checked(cut).unwrap_or((self.text, ""));
        if head.ends_with(char::is_whitespace) {
            return cut;
        }
        let blank = tail.find(char::is_whitespace).map(|at| cut + at);
        let after = blank.and_then(|at| Some(at + self.text.get(at..)?.chars().next()?.len_utf8()));
        // One word without an end: it was seen from its beginning, or none of it may be shown.
        after.unwrap_or(if self.start == 0 { cut } else { self.text.len() })
    }

    fn before_mask(&self, cut: usize) -> usize {
        let at = self.masks.partition_point(|mask| mask.end <= cut);
        let cut = match self.masks.get(at) {
            Some(mask) if mask.start < cut => mask.start,
            _ => cut,
        };
        outside_mask(self.text.as_bytes(), cut)
    }

    fn after_mask(&self, cut: usize) -> usize {
        let at = self.masks.partition_point(|mask| mask.end <= cut);
        match self.masks.get(at) {
            Some(mask) if mask.start < cut => mask.end,
            _ if outside_mask(self.text.as_bytes(), cut) < cut => {
                // In a mask that the text came with: its sign ends it.
                let tail = self.text.as_bytes().get(cut..).unwrap_or(&[]);
                let len = memchr::memchr2(b']', b'X', tail).unwrap_or(0);
                let more = tail.get(len..).unwrap_or(&[]);
                cut + len + more.iter().take_while(|b| matches!(b, b']' | b'X')).count()
            }
            _ => cut,
        }
    }

    /// The offset in the original of what stands at `at`, which is in no mask.
    fn original(&self, at: usize) -> usize {
        let before = self.masks.partition_point(|mask| mask.end <= at);
        match before.checked_sub(1).and_then(|last| self.masks.get(last)) {
            Some(mask) => mask.original + (at - mask.end),
            None => self.start + at,
        }
    }

    /// The offset here of what stands at `original` of the original: the end of a mask when it stands
    /// for that.
    pub(crate) fn at(&self, original: usize) -> usize {
        let before = self.masks.partition_point(|mask| mask.original <= original);
        let (end, from) = match before.checked_sub(1).and_then(|last| self.masks.get(last)) {
            Some(mask) => (mask.end, mask.original),
            None => (0, self.start),
        };
        let at = end + original.saturating_sub(from);
        match self.masks.get(before) {
            Some(mask) if mask.start < at => mask.end,
            _ => at.min(self.text.len()),
        }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The first line's start after `cut`, when no more than a fifth is lost by it.
fn line_start(text: &str, cut: usize) -> usize {
    let (head, tail) = text.as_bytes().split_at_checked(cut).unwrap_or_default();
    if head.ends_with(b"\n") {
        return cut;
    }
    let near = tail.get(..tail.len() / 5).unwrap_or(&[]);
    memchr::memchr(b'\n', near).map_or(cut, |at| cut + at + 1)
}

/// The last line's end before `cut`, when no more than a fifth is lost by it.
fn line_end(text: &str, cut: usize) -> usize {
    let from = cut - cut / 5;
    let tail = text.as_bytes().get(from..cut).unwrap_or(&[]);
    memchr::memrchr(b'\n', tail).map_or(cut, |at| from + at)
}
