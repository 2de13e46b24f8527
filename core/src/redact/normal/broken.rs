//! Values that are broken: by a line break, or into single characters with a blank after each.
//!
//! A line break joins nothing unless what stands before it begins like a value that goes on: a vendor's
//! prefix, an address without its domain, digits that more digits follow. Then the two ends are read as
//! one, and only what reaches across the break counts. Numbers are in every table, one below the other:
//! mere digits count only beside a word that names them. Worst case: a break looks at 300 bytes around
//! it; lines that are one long token are joined once.

use super::super::bytes::{
    ALNUM, Set, URL64, before, byte, long_run, run, run_back, skip_blank, slice,
};
use super::super::context::is_near;
use super::super::token;
use super::super::value::{ELLIPSIS, is_mask_right};
use super::super::{Finding, TypeId, Types};
use super::window::Window;
use super::{AFTER, GRID, Pass};
use crate::buf::Full;

/// What tokens, addresses and identifiers consist of.
const BODY: Set = Set::new(b"0-9A-Za-z+/_.@~-");
/// What numbers consist of.
const NUMBER: Set = Set::new(b"0-9 ().+-");
/// How much of a value is looked for to either side of a break.
const PIECE: usize = 160;
/// How much before a value is read with it, for the word that names it.
const CONTEXT: usize = 64;

/// A line break.
struct Break {
    start: usize,
    end: usize,
}

impl Pass<'_, '_, '_> {
    /// Looks at the line break, written out or as an escape, at `at`.
    #[inline]
    pub(super) fn line_break(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let Some(Break { start, end }) = line_break(text, at) else {
            return Ok(());
        };
        let (left, right) = (before(text, start), byte(text, end));
        // One character says nothing.
        let short = matches!(before(text, start.saturating_sub(1)), 0 | b'\n' | b'\r');
        if start < self.state.joined || !joins(left) || !joins(right) || short || is_date(text, end)
        {
            return Ok(());
        }
        match fragment(text, start, end) {
            Some(begin) => self.joined(begin, start, end),
            None => Ok(()),
        }
    }

    /// Reads `text[begin..start]` and what follows the break `start..end` as one.
    #[inline(never)]
    fn joined(&mut self, begin: usize, start: usize, end: usize) -> Result<(), Full> {
        let text = self.text;
        let line = slice(text, begin.saturating_sub(CONTEXT), begin);
        let context =
            begin - memchr::memrchr(b'\n', line).map_or(line.len(), |i| line.len() - i - 1);
        let context = whole_word(text, context, begin);
        let mut window = Window::new(context);
        window.extend(text, context, start);
        let seam = window.len();
        let set = if byte(text, end) == b' ' || slice(text, begin, start).contains(&b' ') {
            NUMBER_OR_CAPITAL
        } else {
            BODY
        };
        let (mut at, cell) = (end, self.cell_end(start));
        loop {
            let stop = long_run(slice(text, 0, at + 2 * PIECE), at, set);
            window.extend(text, at, stop);
            // A token that fills the line may go on behind it.
            let more = line_break(text, stop).filter(|next| {
                stop - at >= 16
                    && stop < cell + AFTER / 2
                    && BODY.has(byte(text, next.end))
                    && window.has_room(next.end)
            });
            match more {
                Some(next) if !is_date(text, next.end) => at = next.end,
                _ => {
                    window.close(text, stop);
                    break;
                }
            }
        }
        let quoted = matches!(before(text, begin), b'"' | b'\'')
            && before(text, begin) == before(window.text().as_bytes(), window.len());
        self.state.joined = at.min(cell);
        let whole = slice(text, begin, start);
        let is_whole = token::find(whole, 0, Types::ALL, &mut token::Refused::new()).is_some();
        let tail = slice(window.text().as_bytes(), seam, window.len());
        let goes_on = !is_whole || is_random_tail(tail);
        self.read(&window, None, |finding, text, key| {
            let (from, to) = (finding.start as usize, finding.end as usize);
            from < seam
                && to > seam
                && !is_named(finding.id)
                && goes_on
                && (quoted || is_more_than_digits(finding, text, key))
        })
    }

    /// Looks at the single characters around the blank at `at`.
    #[inline(never)]
    pub(super) fn spaced_out(&mut self, at: usize) -> Result<usize, Full> {
        let text = self.text;
        // The place may be in the midst of the run.
        let mut begin = at.saturating_sub(1);
        let cell = self.cell_end(at);
        let apart = if self.state.apart > cell - GRID.min(cell) { self.state.apart } else { 0 };
        let least = apart.max(at.saturating_sub(PIECE));
        while begin >= least + 2 && byte(text, begin - 1) == b' ' && is_seen(byte(text, begin - 2))
        {
            begin -= 2;
        }
        if is_word(before(text, begin)) && is_word(byte(text, begin)) {
            begin += 2;
        }
        let single = |i: &usize| byte(text, *i) != b' ' && byte(text, i + 1) == b' ';
        if (begin..begin + 24).step_by(2).filter(single).count() < 5 {
            return Ok(at + 1);
        }
        let context = whole_word(text, begin.saturating_sub(CONTEXT), begin);
        let mut window = Window::new(context);
        window.extend(text, context, begin);
        let seam = window.len();
        let (mut i, mut stop) = (begin, begin);
        while i < cell + AFTER / 2 && window.has_room(i) && matches!(byte(text, i), b' '..=b'~') {
            let last = byte(text, i + 1) != b' ';
            // The first letter of a word is none of them, nor is a part of a mask.
            if is_mask_right(text, i)
                || last && (is_word(byte(text, i + 1)) || byte(text, i) == b' ')
            {
                break;
            }
            window.push(byte(text, i), i, i + 1);
            stop = i + 1;
            i += 2;
            if last {
                break;
            }
        }
        window.close(text, stop);
        if window.len() >= seam + 8 {
            self.read(&window, None, |finding, text, key| {
                finding.start as usize >= seam && is_more_than_digits(finding, text, key)
            })?;
        }
        Ok(i.max(at + 1))
    }
}

/// Digits, capitals and what parts their groups.
const NUMBER_OR_CAPITAL: Set = Set::new(b"0-9A-Z ().+-");

/// The break at `at`: a line's end with the sign before it that says that the line goes on, or `\n`.
fn line_break(text: &[u8], at: usize) -> Option<Break> {
    let (mut start, end) = match (byte(text, at), byte(text, at + 1)) {
        (b'\n', _) => (at - usize::from(before(text, at) == b'\r'), at + 1),
        (b'\r', b'\n') if before(text, at) != b'\n' => (at, at + 2),
        (b'\\', b'n') => (at, at + 2),
        (b'\\', b'r') if slice(text, at + 2, at + 4) == b"\\n" => (at, at + 4),
        (b'\\' | b'=', b'\n') => (at, at + 2),
        (b'\\' | b'=', b'\r') if byte(text, at + 2) == b'\n' => (at, at + 3),
        _ => return None,
    };
    if matches!(byte(text, start), b'\r' | b'\n') && matches!(before(text, start), b'\\' | b'=') {
        start -= 1;
    }
    Some(Break { start, end })
}

/// Where a value begins that seems to be broken at `start..end`.
fn fragment(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let begin = run_back(text, start, BODY, PIECE);
    let left = slice(text, begin, start);
    let right = slice(text, end, run(slice(text, 0, end + PIECE), end, BODY));
    if !right.is_empty()
        && !left.ends_with(ELLIPSIS)
        && (token::public_prefix(left) >= 3
            || left.starts_with(b"eyJ")
            || is_address(left, right)
            || is_code(left, right))
    {
        return Some(begin);
    }
    number(text, start, end)
}

/// `ann@exam` and `ple.org`.
fn is_address(left: &[u8], right: &[u8]) -> bool {
    let Some(sign) = memchr::memchr(b'@', left) else {
        return false;
    };
    let whole = left.get(sign..).is_some_and(|domain| domain.contains(&b'.'));
    sign > 0 && (!whole && right.contains(&b'.') || left.ends_with(b"."))
}

/// Two pieces of an identifier of capitals and digits.
fn is_code(left: &[u8], right: &[u8]) -> bool {
    const CODE: Set = Set::new(b"0-9A-Z-");
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let is_capital = |byte: &u8| byte.is_ascii_uppercase();
    (3..=20).contains(&left.len())
        && (3..=20).contains(&right.len())
        && left.iter().chain(right).all(|&byte| CODE.has(byte))
        && left.iter().chain(right).any(is_digit)
        && left.iter().chain(right).any(is_capital)
}

/// Where the number begins that has digits on both sides of `start..end`, groups parted or not, or an
/// account number that begins with its country.
fn number(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let stop = run(slice(text, 0, end + 32), end, NUMBER);
    let count = |piece: &[u8]| piece.iter().filter(|byte| byte.is_ascii_digit()).count();
    let right = count(slice(text, end, stop));
    if right < 2 {
        return None;
    }
    let begin = run_back(text, start, NUMBER, 32);
    let left = count(slice(text, begin, start));
    let mut country = run_back(text, start, NUMBER_OR_CAPITAL, 40);
    country += slice(text, country, start).iter().take_while(|&&byte| byte == b' ').count();
    let account = slice(text, country, start);
    if matches!(account, [b'A'..=b'Z', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9', ..]) {
        return Some(country);
    }
    (left >= 2 && (7..=20).contains(&(left + right))).then(|| skip_blank(text, begin))
}

/// Whether a date or a time begins at `at`, as lines of logs do.
fn is_date(text: &[u8], at: usize) -> bool {
    match text.get(at..) {
        Some(&[a, b, c, d, sign @ (b'-' | b'/'), e, f, other, ..]) => {
            sign == other && [a, b, c, d, e, f].iter().all(u8::is_ascii_digit)
        }
        Some(&[a, b, b':', ..]) => a.is_ascii_digit() && b.is_ascii_digit(),
        _ => false,
    }
}

/// Whether a value may go on across a line break beside `byte`.
const fn joins(byte: u8) -> bool {
    BODY.has(byte) || byte == b' '
}

/// Whether the `\n` at `at` can be one that breaks a value, by what stands beside it.
#[inline]
pub(super) fn may_break(text: &[u8], at: usize) -> bool {
    let left = before(text, at);
    (joins(left) || matches!(left, b'\r' | b'\\' | b'='))
        && joins(byte(text, at + 1))
        && !is_date(text, at + 1)
}

/// Whether `tail`, behind what is a whole token already, is more of it: drawn at random, not words.
fn is_random_tail(tail: &[u8]) -> bool {
    let len = long_run(tail, 0, URL64);
    let digits = tail.iter().take(len).filter(|byte| byte.is_ascii_digit()).count();
    len >= 8 && digits >= 2 && token::is_random(slice(tail, 0, len))
}

/// Whether such a value is known from its name, not from itself.
pub(super) fn is_named(id: TypeId) -> bool {
    let id = id.id();
    id.starts_with("secret.assigned.") || id.starts_with("secret.auth.")
}

/// Whether what was found is telling though it was broken: not digits alone, or named beside.
pub(super) fn is_more_than_digits(finding: &Finding, text: &[u8], key: &[u8]) -> bool {
    let at = finding.start as usize;
    let value = slice(text, at, finding.end as usize);
    let plain = value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ');
    !plain || is_near(text, key, at, finding.id)
}

/// Whether `byte` is a blank or shows something.
const fn is_seen(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn is_word(byte: u8) -> bool {
    ALNUM.has(byte)
}

/// The first place from `at` on, or `end`, that is in the midst of no word and no character.
fn whole_word(text: &[u8], mut at: usize, end: usize) -> usize {
    let within = |byte: u8| is_word(byte) || byte == b'_' || byte >= 0x80;
    while at < end && within(before(text, at)) && within(byte(text, at)) {
        at += 1;
    }
    at
}
