//! Text in chunks, masked as if it had come whole.
//!
//! A window slides over the text: what is already written, kept for the words that stand before a value;
//! what is not, held back until every detector has seen enough of what follows it. Detectors decide
//! within [`AHEAD`] bytes after their anchor and begin what they find within [`BEHIND`] of it, so
//! [`HELD`] bytes suffice for every chunking to give what the whole text gives; only in chains of anchors
//! that overlap (`xoxb-xoxb-…` for kilobytes) may the link differ from which a finding counts. A value
//! longer than the window is not kept: its middle is dropped, for all that is still asked of it is where
//! it ends. Worst case: linear; with chunks of a few bytes each byte is scanned three times, with chunks
//! of 32 KiB hardly more than once.

use super::mask::Original;
use super::normal::Past;
use super::pseudonym::Pseudonyms;
use super::{Finding, Redactor, TypeId};
use crate::buf::{Buf, Full};

/// Most bytes that [`Stream::feed`] holds back, but for a value that has begun and not ended.
pub const HELD: usize = 8192;
/// How much of what follows an anchor detectors look at.
const AHEAD: usize = 4608;
/// How much of what stands before a value is kept.
const BEHIND: usize = 1024;
/// How much of a value's end is kept, to find where it ends.
const SEAM: usize = 512;
/// How much is scanned at a time.
const STEP: usize = 32 << 10;
/// Bytes of storage that a [`Stream`] over lent storage needs.
pub const WINDOW: usize = STEP + 4 * HELD;

/// A part of the masked text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// What is shown as it came.
    Text(&'t str),
    /// What is shown instead of a value.
    Mask {
        /// The mask, or a part of it; empty in the style that removes.
        text: &'t str,
        /// How many bytes of the original it stands for; 0 for all parts but the last.
        stands_for: usize,
        /// What the value is.
        id: TypeId,
    },
}

impl<'t> Piece<'t> {
    /// What is shown.
    #[must_use]
    pub const fn text(&self) -> &'t str {
        match self {
            Self::Text(text) | Self::Mask { text, .. } => text,
        }
    }
}

/// The state between chunks. It goes with one [`Redactor`] and begins anew after
/// [`finish`](Self::finish).
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use airlock_core::redact::{Pseudonyms, Redactor, Stream, Style, Types};
/// let redactor = Redactor::new(Types::ALL, Style::Type);
/// let (mut stream, mut names) = (Stream::growable(), Pseudonyms::growable());
/// let mut out = String::new();
/// for chunk in [&b"mail ann@exa"[..], b"mple.org now"] {
///     stream.feed(&redactor, chunk, &mut names, |piece| Ok(out.push_str(piece.text()))).unwrap();
/// }
/// stream.finish(&redactor, &mut names, |piece| Ok(out.push_str(piece.text()))).unwrap();
/// assert_eq!(out, "mail [EMAIL] now");
/// # }
/// ```
#[derive(Debug)]
pub struct Stream<'m> {
    /// The window: valid UTF-8.
    text: Buf<'m, u8>,
    findings: Buf<'m, Finding>,
    /// Everything in the window before this offset is written.
    done: usize,
    /// How long the window grows before it is scanned.
    due: usize,
    /// The bytes of a character that the last chunk cut, and how many there are.
    cut: [u8; 4],
    cut_len: usize,
    /// How much of the middle of the value that begins at `done` was dropped.
    dropped: usize,
    /// What the next scan must know of the text before the window.
    past: Past,
    /// How many values were masked.
    masked: usize,
}

#[cfg(feature = "alloc")]
impl Default for Stream<'_> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<'m> Stream<'m> {
    /// Over lent storage: `text` has at least [`WINDOW`] bytes, `findings` room for what one window may
    /// hold, candidates that overlap included.
    #[must_use]
    pub const fn lent(text: &'m mut [u8], findings: &'m mut [Finding]) -> Self {
        Self::over(Buf::lent(text), Buf::lent(findings))
    }

    /// Over storage that grows up to [`WINDOW`] bytes of text.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self::over(Buf::growable(), Buf::growable())
    }

    const fn over(text: Buf<'m, u8>, findings: Buf<'m, Finding>) -> Self {
        let (cut, past) = ([0; 4], Past::NONE);
        Self { text, findings, done: 0, due: HELD, cut, cut_len: 0, dropped: 0, past, masked: 0 }
    }

    /// How many values were masked since the stream began.
    #[must_use]
    pub const fn masked(&self) -> usize {
        self.masked
    }

    /// How many bytes are kept of what was fed.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.text.len()
    }

    /// Forgets all that was fed.
    pub fn begin(&mut self) {
        self.text.clear();
        (self.done, self.due, self.cut_len, self.dropped, self.masked) = (0, HELD, 0, 0, 0);
        self.past = Past::NONE;
    }

    /// Takes the next chunk and hands what is decided to `sink`. What is no UTF-8 becomes U+FFFD, as in
    /// [`String::from_utf8_lossy`](https://doc.rust-lang.org/std/string/struct.String.html#method.from_utf8_lossy).
    ///
    /// # Errors
    /// [`Full`] when lent storage is used up, or when `sink` says so; the stream must begin anew then,
    /// and nothing more of the text may be shown.
    pub fn feed(
        &mut self,
        redactor: &Redactor<'_>,
        chunk: &[u8],
        names: &mut Pseudonyms<'_>,
        mut sink: impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut rest = chunk;
        while self.cut_len > 0
            && let Some((&byte, tail)) = rest.split_first()
        {
            if byte & 0xc0 != 0x80 {
                let (cut, len) = (self.cut, core::mem::take(&mut self.cut_len));
                self.push_lossy(cut.get(..len).unwrap_or(&[]), true)?;
                break;
            }
            if let Some(slot) = self.cut.get_mut(self.cut_len) {
                *slot = byte;
                self.cut_len += 1;
            }
            rest = tail;
            let (cut, len) = (self.cut, core::mem::take(&mut self.cut_len));
            // Whole, wrong, or still cut: then it comes back.
            self.push_lossy(cut.get(..len).unwrap_or(&[]), false)?;
        }
        while !rest.is_empty() {
            let (step, tail) = rest.split_at_checked(STEP).unwrap_or((rest, &[]));
            self.push_lossy(step, false)?;
            if tail.is_empty() || self.cut_len == 0 {
                rest = tail;
            } else {
                // The character goes on in what follows: it is read with it.
                let back = core::mem::take(&mut self.cut_len);
                rest = rest.get(step.len() - back..).unwrap_or(tail);
            }
            if self.text.len() >= self.due {
                self.advance(redactor, false, names, &mut sink)?;
            }
        }
        Ok(())
    }

    /// Ends the text: hands all that is left to `sink`. The stream begins anew.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn finish(
        &mut self,
        redactor: &Redactor<'_>,
        names: &mut Pseudonyms<'_>,
        mut sink: impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<usize, Full> {
        let (cut, len) = (self.cut, core::mem::take(&mut self.cut_len));
        self.push_lossy(cut.get(..len).unwrap_or(&[]), true)?;
        self.advance(redactor, true, names, &mut sink)?;
        let masked = self.masked;
        self.begin();
        Ok(masked)
    }

    /// Appends bytes to the window; those of a character that is cut at the end wait for the rest of it
    /// unless there is none.
    fn push_lossy(&mut self, bytes: &[u8], last: bool) -> Result<(), Full> {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text.extend(chunk.valid().as_bytes())?;
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            if !last && chunks.peek().is_none() && is_cut(invalid) {
                for (slot, &byte) in self.cut.iter_mut().zip(invalid) {
                    *slot = byte;
                }
                self.cut_len = invalid.len();
                return Ok(());
            }
            self.text.extend("\u{fffd}".as_bytes())?;
        }
        Ok(())
    }

    /// Writes what is decided, and lets the window slide.
    fn advance(
        &mut self,
        redactor: &Redactor<'_>,
        last: bool,
        names: &mut Pseudonyms<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let Self { text, findings, done, dropped, masked, past, .. } = &mut *self;
        let shown = core::str::from_utf8(text).map_err(|_| Full)?;
        redactor.scan_behind(past, shown, findings)?;
        let decided = if last { text.len() } else { text.len().saturating_sub(AHEAD) };
        let mut open = None;
        let mut count = 0;
        for found in findings.iter() {
            let (start, end) = ((found.start as usize).max(*done), found.end as usize);
            if end > *done && start >= decided {
                break;
            }
            count += 1;
            if end <= *done {
                continue;
            }
            sink(Piece::Text(shown.get(*done..start).unwrap_or("")))?;
            *done = start;
            if end > decided && !last {
                open = Some((start, end));
                break;
            }
            let mut original = Original::new(shown, start, end);
            original.len += core::mem::take(dropped);
            let stands_for = original.len;
            let id = found.id;
            redactor.replacement(original, id, names, &mut |mask| {
                sink(Piece::Mask { text: mask, stands_for: 0, id })
            })?;
            sink(Piece::Mask { text: "", stands_for, id })?;
            *done = end;
            *masked += 1;
        }
        if open.is_none() && *done < decided {
            let mut to = decided;
            while !shown.is_char_boundary(to) {
                to -= 1;
            }
            sink(Piece::Text(shown.get(*done..to).unwrap_or("")))?;
            *done = (*done).max(to);
        }
        if last {
            return Ok(());
        }
        past.follow(shown.as_bytes(), *done);
        if let Some((start, end)) = open {
            self.dropped += self.drop_middle(start, end);
        }
        self.slide(count - usize::from(open.is_some()));
        self.due = (self.done + HELD).max(self.text.len() + HELD - AHEAD - SEAM);
        Ok(())
    }

    /// Drops the middle of the value `start..end`, and answers how much that is.
    fn drop_middle(&mut self, start: usize, end: usize) -> usize {
        let (from, to) = (start + AHEAD, end.saturating_sub(SEAM));
        let Some((from, to)) = Past::droppable(&self.text, from, to) else { return 0 };
        self.past.drop(from, to);
        self.text.copy_within(to.., from);
        self.text.truncate(self.text.len() - (to - from));
        to - from
    }

    /// Forgets what no detector looks back at. The `count` first findings are written; those of them
    /// that are near stay, for they say which signs are no anchors.
    fn slide(&mut self, count: usize) {
        let farthest = self.done.saturating_sub(4 * BEHIND);
        let mut keep = self.done.saturating_sub(BEHIND);
        for at in (0..count).rev() {
            let Some(&found) = self.findings.get(at) else { break };
            if (found.end as usize) < keep || keep < farthest {
                break;
            }
            let (start, end) = (found.start as usize, found.end as usize);
            self.done -= self.drop_middle(start, end);
            keep = keep.min(start.saturating_sub(SEAM));
        }
        let keep = self.boundary(keep.min(self.past.keep(self.done)));
        self.past.forget(keep);
        self.text.copy_within(keep.., 0);
        self.text.truncate(self.text.len() - keep);
        self.done -= keep;
    }

    /// The first boundary of a character at or before `at`.
    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        // Continuation bytes begin with the bits 10.
        while self.text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            at -= 1;
        }
        at
    }
}

/// Whether the bytes begin a character that more bytes could complete.
fn is_cut(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
