//! A stretch of text rewritten, with a way back.
//!
//! Each byte of the rewritten text knows the range of the original that it came from. Storage is fixed:
//! what does not fit is left for the next window, which begins a little before.

use core::ops::Range;

use super::super::bytes::{byte, looked_at, slice};
use super::unit::{Unit, unit};

/// How long the rewritten text may be.
const MOST: usize = 2048;
/// How much of the original goes into one window: offsets fit 16 bits.
const SOURCE: usize = 8192;
/// How often what was rewritten is read again, for escapes of escapes.
const ROUNDS: usize = 3;

/// Rewritten text.
pub(super) struct Window {
    text: [u8; MOST],
    /// Where each byte came from, counted from `base`: offsets of its first byte and after its last.
    from: [(u16, u16); MOST],
    len: usize,
    /// The offset in the original that the others are counted from.
    base: usize,
    /// Whether a sign that escapes begin with is among the bytes.
    signs: bool,
}

impl Window {
    pub(super) const fn new(base: usize) -> Self {
        Self { text: [0; MOST], from: [(0, 0); MOST], len: 0, base, signs: false }
    }

    /// The length of the rewritten text.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The rewritten text.
    pub(super) fn text(&self) -> &str {
        core::str::from_utf8(slice(&self.text, 0, self.len)).unwrap_or("")
    }

    /// Whether the character that is spelt at `at` of the original still fits.
    #[inline]
    pub(super) const fn has_room(&self, at: usize) -> bool {
        self.len + 4 <= MOST && at - self.base <= SOURCE
    }

    /// Appends one byte, spelt by `start..end` of the original. The caller asks for room first.
    #[inline]
    pub(super) fn push(&mut self, shown: u8, start: usize, end: usize) {
        looked_at(1);
        if let (Some(slot), Some(from)) = (self.text.get_mut(self.len), self.from.get_mut(self.len))
        {
            *slot = shown;
            *from = ((start - self.base) as u16, (end - self.base) as u16);
            self.len += 1;
            self.signs |= super::is_sign(shown) & (shown < 0x80);
        }
    }

    /// Appends `text[start..end]` of the original as it is, as much of it as has room; where that ends.
    pub(super) fn extend(&mut self, text: &[u8], start: usize, end: usize) -> usize {
        let most = (MOST - 4).saturating_sub(self.len);
        let most = most.min((SOURCE + self.base).saturating_sub(start));
        let part = slice(text, start, end.min(start + most));
        looked_at(part.len());
        let first = start - self.base;
        let shown = self.text.get_mut(self.len..).unwrap_or(&mut []);
        let from = self.from.get_mut(self.len..).unwrap_or(&mut []);
        for (i, ((&byte, shown), from)) in part.iter().zip(shown).zip(from).enumerate() {
            *shown = byte;
            *from = ((first + i) as u16, (first + i + 1) as u16);
        }
        self.signs |= part.iter().any(|&byte| super::is_sign(byte));
        self.len += part.len();
        start + part.len()
    }

    /// Appends a character, spelt by `start..end` of the original.
    #[inline]
    pub(super) fn push_char(&mut self, c: char, start: usize, end: usize) {
        match u8::try_from(c) {
            Ok(shown) if shown < 0x80 => self.push(shown, start, end),
            _ => {
                for &shown in c.encode_utf8(&mut [0; 4]).as_bytes() {
                    self.push(shown, start, end);
                }
            }
        }
    }

    /// Appends the sign at `at` of the original, which what was appended before ends at.
    pub(super) fn close(&mut self, text: &[u8], at: usize) {
        let sign = byte(text, at);
        if matches!(sign, b' '..=b'~') && self.has_room(at) {
            self.push(sign, at, at + 1);
        }
    }

    /// Takes the last byte off if it is `byte`.
    pub(super) fn pop(&mut self, byte: u8) {
        if super::super::bytes::before(&self.text, self.len) == byte {
            self.len -= 1;
        }
    }

    /// Reads again what was rewritten, for escapes that only now are ones.
    pub(super) fn settle(&mut self) {
        for _ in 1..if self.signs { ROUNDS } else { 1 } {
            let (mut read, mut write, mut changed) = (0, 0, false);
            while read < self.len {
                let text = slice(&self.text, 0, self.len);
                let raw = byte(text, read);
                let found = if raw < 0x80 && super::is_sign(raw) { unit(text, read) } else { None };
                let at = |i: usize| self.from.get(i).copied().unwrap_or_default();
                let Some(Unit { shows, len }) = found else {
                    // Up to the first escape everything stays where it is.
                    let from = at(read);
                    if changed
                        && let (Some(slot), Some(origin)) =
                            (self.text.get_mut(write), self.from.get_mut(write))
                    {
                        (*slot, *origin) = (raw, from);
                    }
                    (read, write) = (read + 1, write + 1);
                    continue;
                };
                let from = (at(read).0, at(read + len - 1).1);
                changed = true;
                // An escape is never shorter than the character that it stands for, so that writing
                // stays behind reading.
                let mut utf8 = [0; 4];
                let shown: &[u8] = match shows {
                    Some(c) => c.encode_utf8(&mut utf8).as_bytes(),
                    None => &[],
                };
                for &shown in shown {
                    if let (Some(slot), Some(origin)) =
                        (self.text.get_mut(write), self.from.get_mut(write))
                    {
                        (*slot, *origin) = (shown, from);
                        write += 1;
                    }
                }
                read += len;
            }
            self.len = write;
            if !changed {
                break;
            }
        }
    }

    /// The range of the original that spells `text()[start..end]`.
    pub(super) fn origin(&self, start: usize, end: usize) -> Range<usize> {
        let at = |i: usize| self.from.get(i).copied().unwrap_or_default();
        let last = end.checked_sub(1).map_or((0, 0), at);
        self.base + usize::from(at(start).0)..self.base + usize::from(last.1)
    }
}
