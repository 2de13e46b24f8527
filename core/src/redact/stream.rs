//! Text in chunks, masked as if it had come whole.
//!
//! A window slides over the text. Both runs over it, the scan and the one for disguises, stop where what
//! follows is not in view and go on from there when it is: a whole text is one window without an end, and
//! no chunking can make a difference, for three reasons. A place is judged once, in one order, by bytes that
//! every window has in view around it, and by a state that says of the text before only what came of such
//! judgements; all that is ever sought further is the end of a value that is masked. A value that long is one
//! in whose midst neither run looks at anything, so it need not be kept. And where it ends is told by the
//! bytes there, whatever was dropped: a cut parts nothing that belongs together, and letters stand in it, so
//! that no end comes of what was apart. Worst case: linear; each byte is scanned once, and each window is
//! moved once.

use super::bytes::moved;
use super::mask::Original;
use super::merge::{self, Joined};
use super::normal::{self, Hole, View, is_apart};
use super::pseudonym::Pseudonyms;
use super::scan::{self, AHEAD, BACK, Open, SEAM, Scan};
use super::{Finding, Redactor, TypeId};
use crate::buf::{Buf, Full};
use crate::simd::classes::BLOCK;

/// Most bytes that [`Stream::feed`] holds back, but for a value that has begun and not ended.
pub const HELD: usize = 8192;
/// How much more is read at a time while a value goes on.
const LONG: usize = 4096;
/// How many values may be in the window of which a part was dropped.
const HOLES: usize = 4;
/// How much is scanned at a time at most.
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
    /// Where values were dropped in part.
    holes: [Hole; HOLES],
    /// How long the text before the window is.
    offset: usize,
    /// What was found last, while more may overlap it.
    last: Option<Joined>,
    scan: scan::State,
    disguises: normal::State,
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
        Self {
            text,
            findings,
            done: 0,
            due: HELD,
            cut: [0; 4],
            cut_len: 0,
            holes: [Hole { at: 0, len: 0 }; HOLES],
            offset: 0,
            last: None,
            scan: scan::State::NEW,
            disguises: normal::State::new(),
            masked: 0,
        }
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
        self.findings.clear();
        (self.done, self.due, self.cut_len, self.masked) = (0, HELD, 0, 0);
        (self.holes, self.offset, self.last) = ([Hole::default(); HOLES], 0, None);
        (self.scan, self.disguises) = (scan::State::NEW, normal::State::new());
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
            // What replaces a byte that is no UTF-8 has three.
            let room = (WINDOW - self.text.len().min(WINDOW)) / 3;
            let step = room.clamp(LONG, STEP);
            let (step, tail) = rest.split_at_checked(step).unwrap_or((rest, &[]));
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

    /// Looks at what has come, writes what is decided, and lets the window slide.
    fn advance(
        &mut self,
        redactor: &Redactor<'_>,
        last: bool,
        names: &mut Pseudonyms<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let open = if redactor.types.is_empty() {
            (self.scan.base, self.disguises.base) = (self.text.len(), self.text.len());
            [None; 2]
        } else {
            self.look(redactor, last)?
        };
        let bases = self.scan.base.min(self.disguises.base);
        let to = if last { self.text.len() } else { bases.saturating_sub(BACK) };
        let to = self.boundary(to);
        self.write(redactor, to, last, names, sink)?;
        if last {
            return Ok(());
        }
        self.drop_middle(open);
        self.slide();
        let long = open.iter().any(Option::is_some)
            || self.last.is_some_and(|last| last.end - last.start > LONG);
        let least = self.text.len() + if long { LONG } else { HELD / 8 };
        self.due = (self.done + HELD).max(least);
        Ok(())
    }

    /// Lets both runs go on; the values whose ends they do not see.
    fn look(&mut self, redactor: &Redactor<'_>, last: bool) -> Result<[Open; 2], Full> {
        let Self { text, findings, holes, offset, scan, disguises, .. } = self;
        let shown = core::str::from_utf8(text).map_err(|_| Full)?;
        let known = findings.len();
        let mut run = Scan::new(shown, b"", redactor.types, findings)?.resumed(*scan, !last);
        let plain = run.run()?;
        *scan = run.state;
        let view = View { offset: *offset, holes, more: !last };
        let other = normal::scan(shown, b"", redactor.types, disguises, view, findings)?;
        redactor.take_allowed(shown, known, findings);
        merge::sort(shown, findings);
        Ok([plain, other])
    }

    /// Writes the text up to `to`: nothing that is found later begins before that.
    fn write(
        &mut self,
        redactor: &Redactor<'_>,
        to: usize,
        all: bool,
        names: &mut Pseudonyms<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut count = 0;
        while let Some(&found) = self.findings.get(count)
            && (all || (found.start as usize) < to)
        {
            count += 1;
            if !self.last.as_mut().is_some_and(|last| last.join(found)) {
                self.write_mask(redactor, names, sink)?;
                self.last = Some(Joined::of(found));
            }
        }
        self.findings.copy_within(count.., 0);
        self.findings.truncate(self.findings.len() - count);
        if self.last.is_some_and(|last| all || last.end <= to) {
            self.write_mask(redactor, names, sink)?;
        }
        let to = self.last.map_or(to, |last| last.start);
        self.write_text(to, sink)
    }

    fn write_text(
        &mut self,
        to: usize,
        sink: &mut impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        if self.done < to {
            let shown = self.text.get(self.done..to).unwrap_or(&[]);
            sink(Piece::Text(core::str::from_utf8(shown).map_err(|_| Full)?))?;
            self.done = to;
        }
        Ok(())
    }

    /// Writes what was found last, and what stands before it.
    fn write_mask(
        &mut self,
        redactor: &Redactor<'_>,
        names: &mut Pseudonyms<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let Some(Joined { start, end, id, .. }) = self.last.take() else { return Ok(()) };
        self.write_text(start, sink)?;
        let shown = core::str::from_utf8(&self.text).map_err(|_| Full)?;
        let mut original = Original::new(shown, start, end);
        let within = self.holes.iter().filter(|hole| (start..end).contains(&hole.at));
        original.len += within.map(|hole| hole.len).sum::<usize>();
        let stands_for = original.len;
        redactor.replacement(original, id, names, &mut |mask| {
            sink(Piece::Mask { text: mask, stands_for: 0, id })
        })?;
        sink(Piece::Mask { text: "", stands_for, id })?;
        self.done = end;
        self.masked += 1;
        Ok(())
    }

    /// Drops a part of a value that goes on. `open` are those whose ends the runs do not see.
    fn drop_middle(&mut self, open: [Open; 2]) {
        let bases = [self.scan.base, self.disguises.base];
        let last = self.last.map(|last| (last.start, last.end));
        for (start, end) in [last, open[0], open[1]].into_iter().flatten() {
            let (mut from, mut to) = (start + AHEAD, end.saturating_sub(SEAM));
            for (base, open) in bases.into_iter().zip(open) {
                // What a run has passed it does not need, and of a value only the ends.
                match open {
                    Some((start, end)) => {
                        from = from.max(start.max(base) + BACK + AHEAD);
                        to = to.min(end.saturating_sub(SEAM));
                    }
                    None => to = to.min(base.saturating_sub(BACK)),
                }
            }
            if let Some((from, to)) = droppable(&self.text, from, to) {
                return self.drop(from, to);
            }
        }
    }

    /// Drops bytes `from..to` but for the last block, which becomes letters: what stands before and behind
    /// them must not become what ends a value.
    fn drop(&mut self, from: usize, to: usize) {
        let Some(hole) = self.holes.iter_mut().find(|hole| hole.len == 0) else {
            return;
        };
        let letters = to - BLOCK..to;
        let (to, len) = (letters.start, letters.start - from);
        self.text.get_mut(letters).unwrap_or(&mut []).fill(b'x');
        *hole = Hole { at: from, len };
        for other in &mut self.holes {
            other.at = moved(other.at, from, to);
        }
        self.text.copy_within(to.., from);
        self.text.truncate(self.text.len() - len);
        self.shift(from, to);
        // What was found in there is a part of the value.
        let mut kept = 0;
        for at in 0..self.findings.len() {
            let Some(&found) = self.findings.get(at) else { break };
            if found.start < found.end
                && let Some(slot) = self.findings.get_mut(kept)
            {
                *slot = found;
                kept += 1;
            }
        }
        self.findings.truncate(kept);
    }

    /// Forgets what no detector looks back at.
    fn slide(&mut self) {
        let bases = self.scan.base.min(self.disguises.base).saturating_sub(BACK);
        let keep = self.boundary(bases.min(self.done.saturating_sub(4)));
        self.text.copy_within(keep.., 0);
        self.text.truncate(self.text.len() - keep);
        self.offset = self.offset.wrapping_add(keep);
        for hole in &mut self.holes {
            if hole.len > 0 && hole.at < keep {
                self.offset = self.offset.wrapping_add(hole.len);
                *hole = Hole::default();
            }
            hole.at = hole.at.saturating_sub(keep);
        }
        self.done -= keep;
        self.shift(0, keep);
    }

    /// Bytes `from..to` of the window are gone.
    fn shift(&mut self, from: usize, to: usize) {
        self.scan.shift(from, to);
        self.disguises.shift(from, to);
        if let Some(last) = &mut self.last {
            last.shift(from, to);
        }
        for found in self.findings.iter_mut() {
            found.start = moved(found.start as usize, from, to) as u32;
            found.end = moved(found.end as usize, from, to) as u32;
        }
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

/// The longest part of `from..to` that can be dropped but for its last block: no escape is cut, and blocks
/// stay where they are.
fn droppable(text: &[u8], from: usize, to: usize) -> Option<(usize, usize)> {
    const NEAR: usize = 64;
    let starts =
        |to: usize| (2..=to.saturating_sub(from) / BLOCK).rev().map(move |n| to - n * BLOCK);
    // Among sixteen blocks there is a border of escapes of any length.
    let find = |to: usize| starts(to).take(16).find(|&from| is_apart(text, from));
    let mut ends = (to.saturating_sub(NEAR).max(from)..=to).rev().filter(|&to| is_apart(text, to));
    ends.find_map(|to| find(to).map(|from| (from, to)))
}

/// Whether the bytes begin a character that more bytes could complete.
fn is_cut(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
