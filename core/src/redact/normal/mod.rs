//! Values in disguise: escaped, split by invisible characters, written in other digits.
//!
//! One look over the text finds where a disguise could be (`search`, then `unit::is_trigger`). Only the
//! stretch around it is rewritten, into a [`Window`] of fixed size that remembers where each byte came
//! from; the ordinary detectors read the window, and what they find is masked in the original. Text
//! without a trigger costs the look. A grid over the whole text says where windows begin anew, so that
//! a chunk of a stream has those of the whole. What begins in the midst of a value that is longer than any
//! view is not looked at, and of what a block looked at nothing is dropped before it is done: so a stream
//! may drop the middle of such a value. Worst case: linear; two windows share less than their
//! half, and each is read a bounded number of times.

mod broken;
mod encoded;
mod fold;
mod search;
mod table;
mod unit;
mod window;

use super::bytes::{before, byte, looked_at, moved, slice, starts_folded};
use super::scan::{self, AHEAD, BACK, Open, SEAM, Scan, before_bit};
use super::value::is_in_mask;
use super::{Finding, TypeId, Types};
use crate::buf::{Buf, Full};
use crate::simd::classes::{BLOCK, Disguises, fastest};
use broken::{is_more_than_digits, is_named, may_break};
use search::{runs, spaced};
use table::Tables;
use unit::{character, foreign, hides, is_trigger, percent, unit};
use window::Window;

/// How far around a trigger a value and what names it may reach, in bytes of the original.
const REACH: usize = 512;
/// What was found in one cell of this grid decides nothing in the next.
const GRID: usize = 2048;
/// How far a window reaches behind its cell.
const AFTER: usize = 1024;
/// How far behind a trigger the next one is not asked for.
const CLOSE: usize = 128;

/// Where a run over a text is, and what it knows of the text before.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The block that comes next.
    pub(super) base: usize,
    /// Triggers before this offset have been in a window.
    done: usize,
    /// Line breaks before this offset have been looked at.
    joined: usize,
    /// Single characters before this offset have been put together.
    apart: usize,
    /// Up to this offset a value was masked that went on behind its window.
    held: usize,
    /// What lies before this offset is inside a long value, of which a stream keeps the ends only.
    inside: usize,
    /// The block before.
    before: Disguises,
    tables: Tables,
}

impl State {
    /// At the beginning of a text.
    pub(super) const fn new() -> Self {
        let before = Disguises { sign: 0, mark: 0, blank: 0, code: 0 };
        Self {
            base: 0,
            done: 0,
            joined: 0,
            apart: 0,
            held: 0,
            inside: 0,
            before,
            tables: Tables::NONE,
        }
    }

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        let Self { base, done, joined, apart, held, inside, .. } = self;
        for at in [base, done, joined, apart, held, inside] {
            *at = moved(*at, from, to);
        }
        self.tables.shift(from, to);
    }
}

/// What is in view of a text.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// How long the text before it is.
    pub(super) offset: usize,
    /// Where something is gone, and how much.
    pub(super) holes: &'a [Hole],
    /// The text goes on behind it.
    pub(super) more: bool,
}

/// A place where a part of a value was dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hole {
    pub(super) at: usize,
    pub(super) len: usize,
}

impl View<'_> {
    /// All of it.
    pub(super) const WHOLE: Self = Self { offset: 0, holes: &[], more: false };

    /// Where the byte at `at` is in the whole text, modulo the size of addresses.
    fn place(&self, at: usize) -> usize {
        let gone = self.holes.iter().filter(|hole| hole.at <= at).map(|hole| hole.len);
        gone.fold(self.offset.wrapping_add(at), usize::wrapping_add)
    }
}

/// Whether a value that goes on can be cut at `at` without parting pairs of quotes, escapes, masks or the bytes
/// of a character.
pub(super) fn is_apart(text: &[u8], at: usize) -> bool {
    const LONGEST: usize = 12;
    !matches!(before(text, at), b'\\' | b'"' | b'\'' | b'`' | b'\n')
        && !matches!(byte(text, at), 0x80..=0xbf)
        && !is_in_mask(text, at)
        && (at.saturating_sub(LONGEST)..at).all(|from| {
            !is_sign(byte(text, from)) || unit(text, from).is_none_or(|unit| from + unit.len <= at)
        })
}

/// Appends to `found` what is in disguise in `text`, the value of a field called `key`, from `state` on as
/// far as what follows is in view.
pub(super) fn scan(
    text: &str,
    key: &[u8],
    types: Types,
    state: &mut State,
    view: View<'_>,
    found: &mut Buf<'_, Finding>,
) -> Result<Open, Full> {
    let bytes = text.as_bytes();
    let mut pass = Pass {
        whole: text,
        text: bytes,
        key,
        types,
        found,
        view,
        state: *state,
        open: None,
        asked: 0,
    };
    let masks = fastest().disguises;
    let blocks = bytes.get(pass.state.base..).unwrap_or(&[]).as_chunks::<BLOCK>().0;
    if view.more {
        for block in blocks {
            if pass.state.base + BLOCK + AHEAD > bytes.len() {
                break;
            }
            let (state, found) = (pass.state, pass.found.len());
            pass.asked = 0;
            pass.block(masks(block))?;
            if let Some((from, _)) = &mut pass.open {
                // The block is looked at again, so what told where other values end must stay.
                *from = (*from).max((pass.asked + SEAM).saturating_sub(BACK + AHEAD));
                pass.state = state;
                pass.found.truncate(found);
                break;
            }
        }
        *state = pass.state;
        return Ok(pass.open);
    }
    for block in blocks {
        pass.block(masks(block))?;
    }
    let rest = bytes.get(pass.state.base..).unwrap_or(&[]);
    if !rest.is_empty() {
        let mut last = [b'\t'; BLOCK];
        for (slot, &byte) in last.iter_mut().zip(rest) {
            *slot = byte;
        }
        pass.block(masks(&last))?;
    }
    Ok(None)
}

/// One run over one text.
struct Pass<'t, 'b, 'm> {
    whole: &'t str,
    text: &'t [u8],
    key: &'t [u8],
    types: Types,
    found: &'b mut Buf<'m, Finding>,
    view: View<'t>,
    state: State,
    open: Open,
    /// Up to where this block has looked for the ends of values that are in view.
    asked: usize,
}

impl Pass<'_, '_, '_> {
    /// Looks at the next block.
    #[inline]
    fn block(&mut self, masks: Disguises) -> Result<(), Full> {
        let (text, base) = (self.text, self.state.base);
        // What was in a window is a trigger no more.
        let mut marks = masks.mark;
        if self.state.done > base {
            marks &= !before_bit(self.state.done, base);
        }
        let mut todo = masks.sign | marks;
        while todo != 0 {
            let at = base + todo.trailing_zeros() as usize;
            todo &= todo - 1;
            if at < self.state.inside {
                continue;
            }
            let next = byte(text, at + 1);
            match byte(text, at) {
                b'\n' => {
                    if matches!(next, b'\r' | b'\n') && ends_headers(text, at) {
                        self.read_beside(|scan| scan.form_field(at))?;
                    }
                    if may_break(text, at) {
                        self.line_break(at)?;
                    }
                    self.line(at)?;
                }
                b'\\' if matches!(next, b'n' | b'r') => self.line_break(at)?,
                // Most of these are no escapes.
                b'\\' if matches!(next, b'"' | b't') => {}
                b'=' if !matches!(next, b'4' | b'C'..=b'F')
                    && !byte(text, at + 2).is_ascii_uppercase() => {}
                b'\'' => self.quoted(at)?,
                b'(' if is_after_values(text, at) => self.tuples(at)?,
                b'[' | b'(' if !matches!(next | 0x20, b'a' | b'd') => {}
                _ if at >= self.state.done && is_trigger(text, at) => {
                    let (end, parted) = self.rewritten(at, true)?;
                    if parted {
                        self.rewritten(at, false)?;
                    }
                    self.state.done = end.min(self.cell_end(at));
                    let passed = marks & before_bit(self.state.done, base);
                    marks &= !passed;
                    todo &= !passed;
                }
                _ => {}
            }
        }
        let (crossing, mut runs) = runs(base, masks.code, self.state.before.code);
        if let Some(at) = crossing.filter(|&at| at >= self.state.inside) {
            self.encoded(at)?;
        }
        while runs != 0 {
            let at = base + runs.trailing_zeros() as usize;
            runs &= runs - 1;
            if at >= self.state.inside {
                self.encoded(at)?;
            }
        }
        let mut apart = spaced(masks.blank, self.state.before.blank);
        while apart != 0 {
            let at = base + apart.trailing_zeros() as usize;
            apart &= apart - 1;
            if let Some(at) =
                at.checked_sub(8).filter(|&at| at >= self.state.apart.max(self.state.inside))
            {
                self.state.apart = self.spaced_out(at)?.min(self.cell_end(at));
            }
        }
        self.list(base + BLOCK)?;
        self.state.before = masks;
        self.state.base += BLOCK;
        Ok(())
    }

    /// Takes note of a value that may end out of view.
    fn goes_on(&mut self, start: usize, end: usize) -> Result<(), Full> {
        // Longer than this is every value that ends out of any view.
        if end > self.state.base + AHEAD - SEAM - BLOCK {
            self.list(start + 1)?;
            self.state.inside = self.state.inside.max(end);
        }
        if self.view.more && end + SEAM > self.text.len() {
            let (from, to) = self.open.unwrap_or((start, end));
            self.open = Some((from.max(start), to.min(end)));
        } else {
            self.asked = self.asked.max(end);
        }
        Ok(())
    }

    /// Records a finding.
    fn push(&mut self, id: TypeId, start: usize, end: usize) -> Result<(), Full> {
        self.goes_on(start, end)?;
        self.found.push(Finding { start: start as u32, end: end as u32, id })
    }

    /// Where the cell of the grid ends that `at` is in.
    fn cell_end(&self, at: usize) -> usize {
        at + GRID - self.view.place(at) % GRID
    }

    /// Looks at the quote at `at`: SQL sets passwords without a sign between (`IDENTIFIED BY '…'`).
    fn quoted(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        if before(text, at) != b' ' {
            return Ok(());
        }
        let head = slice(text, at.saturating_sub(14), at);
        let sets = |words: &[u8]| {
            head.len()
                .checked_sub(words.len())
                .and_then(|at| head.get(at..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(words))
        };
        if sets(b"with password ") || sets(b"identified by ") {
            self.read_beside(|scan| scan.set_password(at))?;
        } else if sets(b"echo ") {
            self.read_beside(|scan| scan.chpasswd(at))?;
        }
        Ok(())
    }

    /// Lets a detector look at a place that is no anchor of the scan.
    #[inline(never)]
    fn read_beside(
        &mut self,
        detect: impl FnOnce(&mut Scan<'_, '_, '_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let known = self.found.len();
        let scan = Scan::new(self.whole, self.key, self.types, self.found)?;
        let mut scan = scan.resumed(scan::State::NEW, self.view.more);
        detect(&mut scan)?;
        if let Some(&found) = self.found.get(known) {
            self.goes_on(found.start as usize, found.end as usize)?;
        }
        Ok(())
    }

    /// Reads the stretch around the trigger at `at` without its disguise; where to go on, and whether
    /// there are blanks beyond ASCII. Those are blanks, or (not `blanks`) nothing.
    #[inline(never)]
    fn rewritten(&mut self, at: usize, blanks: bool) -> Result<(usize, bool), Full> {
        let text = self.text;
        let begin = beginning(text, at);
        let cell = self.cell_end(at);
        let mut window = Window::new(begin);
        // A trigger, which others follow closely, and the last unusual spelling.
        let (mut i, mut last, mut latest, mut parted) = (begin, at, at, false);
        // Where the window ends though the text does not pause.
        let mut cut = None;
        let next = loop {
            let Some(&first) = text.get(i) else { break i };
            if !window.has_room(i) {
                cut = Some(i);
                // The next window begins a little before; it must get further than this one.
                break i.saturating_sub(REACH).max(at + 1);
            }
            if i >= cell + AFTER {
                cut = Some(i);
                break cell;
            }
            // Behind the last trigger the line's end is the end, or the next blank after a while.
            if first == b'\n' && i > latest + 1 || first == b' ' && i > last + REACH + CLOSE {
                break i;
            }
            if !is_sign(first) {
                window.push(first, i, i + 1);
                i += 1;
                continue;
            }
            let found = match first {
                b'%' => percent(text, i),
                0x80.. => foreign(text, i),
                _ => unit(text, i),
            };
            let Some(unit) = found else {
                let len = character(text, i).map_or(1, char::len_utf8);
                for at in i..i + len {
                    window.push(byte(text, at), i, i + len);
                }
                i += len;
                continue;
            };
            let end = i + unit.len;
            let blank = first >= 0x80 && unit.shows == Some(' ');
            parted |= blank;
            if let Some(c) = unit.shows.filter(|_| blanks || !blank) {
                if matches!(first, b'[' | b'(') {
                    window.pop(b' ');
                }
                window.push_char(c, i, end);
            }
            latest = i;
            if i > last + CLOSE && hides(text, i, unit) {
                last = i;
            }
            i = end;
        };
        window.settle();
        self.read(&window, cut, |finding, text, key| {
            blanks || !is_named(finding.id) && is_more_than_digits(finding, text, key)
        })?;
        Ok((next, parted))
    }

    /// Lets the detectors read `window`; what they find counts if `accept` says so, which sees the
    /// finding, the text it is in and the name of the field. A value that reaches the end of a window which
    /// was `cut` there goes on behind it.
    fn read(
        &mut self,
        window: &Window,
        cut: Option<usize>,
        accept: impl Fn(&Finding, &[u8], &[u8]) -> bool,
    ) -> Result<(), Full> {
        let first = self.found.len();
        Scan::new(window.text(), self.key, self.types, self.found)?.run()?;
        let mut kept = first;
        for i in first..self.found.len() {
            let Some(&finding) = self.found.get(i) else { break };
            if !accept(&finding, window.text().as_bytes(), self.key) {
                continue;
            }
            let (start, end) = (finding.start as usize, finding.end as usize);
            let mut range = window.origin(start, end);
            // A sign that ends sentences is no part of a value at its end.
            if let Some(cut) = cut.filter(|_| end + 2 >= window.len()) {
                if cut >= self.state.held {
                    let quote = before(window.text().as_bytes(), start);
                    self.state.held = open_end(self.text, cut, quote, finding.id);
                }
                range.end = range.end.max(self.state.held);
            }
            if let Some(slot) = self.found.get_mut(kept) {
                *slot = Finding { start: range.start as u32, end: range.end as u32, ..finding };
                kept += 1;
            }
        }
        self.found.truncate(kept);
        for i in first..kept {
            let Some(&Finding { start, end, .. }) = self.found.get(i) else { break };
            self.goes_on(start as usize, end as usize)?;
        }
        Ok(())
    }
}

/// Whether an unusual spelling could begin with `byte`.
#[inline]
fn is_sign(byte: u8) -> bool {
    SIGNS[byte as usize]
}

static SIGNS: [bool; 256] = {
    let mut signs = [false; 256];
    let mut i = 0;
    while i < signs.len() {
        let byte = i as u8;
        signs[i] = matches!(byte, 0x7f..|b'\\'| b'%' | b'&' | b'=' | b'[' | b'(')
            || byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
        i += 1;
    }
    signs
};

/// Where the value ends that goes on at `at`, escaped or not: at the `quote` before it or at the line's end,
/// at what ends a value without quotes, or with the last line of a key. Of escapes of escapes the outer ones
/// are undone, so that a value may seem longer than it is.
fn open_end(text: &[u8], mut at: usize, quote: u8, id: TypeId) -> usize {
    let quoted = matches!(quote, b'"' | b'\'' | b'`');
    // How much is looked at behind what begins the last line of a key, escaped.
    const LAST_LINE: usize = 384;
    let (mut hyphens, mut last_line) = (0, None);
    while let Some(&first) = text.get(at) {
        let known = if is_sign(first) { unit(text, at) } else { None };
        let (c, len) = known.map_or((Some(char::from(first)), 1), |unit| (unit.shows, unit.len));
        looked_at(len);
        let c = c.unwrap_or('_');
        let ends = if id == TypeId::PRIVATE_KEY {
            if c == 'E' && hyphens >= 5 {
                last_line.get_or_insert(at + LAST_LINE);
            }
            hyphens = if c == '-' { hyphens + 1 } else { 0 };
            last_line.is_some_and(|end| hyphens == 5 || c == '\n' || at >= end)
        } else if quoted {
            c == char::from(quote) || c == '\n'
        } else {
            c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '&' | ';' | ',')
        };
        if ends {
            return if id == TypeId::PRIVATE_KEY { at + len } else { at };
        }
        at += len;
    }
    text.len()
}

/// Whether the line that ends at `at` is the last header of a part of a form.
#[inline(never)]
fn ends_headers(text: &[u8], at: usize) -> bool {
    let cut = usize::from(before(text, at) == b'\r');
    let line = slice(text, at.saturating_sub(REACH), at);
    let line = slice(line, memchr::memrchr(b'\n', line).map_or(0, |i| i + 1), line.len());
    before(text, at - cut) == b'"' && starts_folded(line, b"content-")
}

/// Whether the word before the parenthesis at `at` could be `VALUES`.
fn is_after_values(text: &[u8], at: usize) -> bool {
    let head = slice(text, at.saturating_sub(16), at);
    let last = head.iter().rev().find(|byte| !byte.is_ascii_whitespace());
    matches!(last, Some(b's' | b'S'))
}

/// Where the stretch around `at` begins: at its line, or at a word some way before.
fn beginning(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(REACH);
    let head = slice(text, from, at);
    if let Some(i) = memchr::memrchr(b'\n', head) {
        return from + i + 1;
    }
    if from == 0 {
        return 0;
    }
    let blank = memchr::memchr(b' ', head).filter(|&i| i < REACH / 2);
    let mut begin = blank.map_or(from, |i| from + i + 1);
    while begin < at && matches!(byte(text, begin), 0x80..=0xbf) {
        begin += 1;
    }
    begin
}

#[cfg(test)]
mod tests;
