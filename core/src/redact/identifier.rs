//! Identifiers of fixed shape: cards, national ids, account numbers, dates of birth.
//!
//! A form spells the shape (`999-99-9999`); its first run with a digit must be a whole word of the text,
//! and the forms are indexed by the length of that run, the sign behind it and the length of the next.
//! What matches is verified without its separators by check digits, ranges and dates; a form that numbers
//! of other kinds also have counts only beside one of the row's words. Worst case: a word is compared with
//! about ten forms, each at most 24 bytes long.

use super::bytes::{ALNUM, DIGITS, before, byte, run, slice};
use super::context::Rows;
use super::identifiers::IDENTIFIERS;
use super::table::flat;
use super::value::{is_joined_left, is_joined_right, is_masked_left};

const ALONE: &[(&str, u8)] = flat!(IDENTIFIERS.alone);
const BESIDE: &[(&str, u8)] = flat!(IDENTIFIERS.beside);

/// A form beside its row.
#[derive(Clone, Copy)]
struct Entry {
    pattern: &'static str,
    row: u8,
    /// How many bytes of the pattern stand before its anchor.
    lead: u8,
    /// The least and the greatest byte in each place.
    least: [u8; LONGEST_FORM],
    most: [u8; LONGEST_FORM],
    /// Which places hold letters and digits, and whether some hold either.
    kept: u32,
    mixed: bool,
    /// Groups of three digits with blanks between, as counts have too.
    counted: bool,
}

/// Longest form.
const LONGEST_FORM: usize = 24;
/// Longest run of letters and digits of a form that has several, and room to copy it as a whole.
const LONGEST_RUN: usize = 16;
const WIDE: usize = LONGEST_FORM + LONGEST_RUN;

impl Entry {
    const NONE: Self = Self {
        pattern: "",
        row: 0,
        lead: 0,
        least: [0; LONGEST_FORM],
        most: [u8::MAX; LONGEST_FORM],
        kept: 0,
        mixed: false,
        counted: false,
    };

    const fn of(pattern: &'static str, row: u8) -> Self {
        let bytes = pattern.as_bytes();
        let mut entry = Self { pattern, row, lead: lead(bytes) as u8, ..Self::NONE };
        let (mut at, mut run) = (0, 0);
        while at < bytes.len() {
            (entry.least[at], entry.most[at]) = match bytes[at] {
                b'9' => (b'0', b'9'),
                b'N' => (b'2', b'9'),
                b'A' => (b'A', b'Z'),
                b'X' => (b'0', b'Z'),
                sign => (sign, sign),
            };
            entry.kept |= (bytes[at].is_ascii_alphanumeric() as u32) << at;
            entry.mixed |= bytes[at] == b'X';
            at += 1;
            run = if entry.kept >> (at - 1) & 1 == 1 { run + 1 } else { 0 };
            assert!(run <= LONGEST_RUN || run == at, "a run is copied as a whole");
        }
        entry.counted = matches!(bytes, [b'9' | b'N', b'9', b'9', b' ', ..]);
        entry
    }
}

/// Those that are telling by themselves, then those that are beside a word.
const FORMS: [Entry; ALONE.len() + BESIDE.len()] = {
    let mut all = [Entry::NONE; ALONE.len() + BESIDE.len()];
    let mut at = 0;
    while at < all.len() {
        let (pattern, row) = if at < ALONE.len() { ALONE[at] } else { BESIDE[at - ALONE.len()] };
        all[at] = Entry::of(pattern, row);
        at += 1;
    }
    all
};

/// Where the anchor of `pattern` is: its parenthesis, or the first run that holds a digit.
const fn lead(pattern: &[u8]) -> usize {
    let mut at = 0;
    while at < pattern.len() {
        if pattern[at] == b'(' {
            return at;
        }
        at += 1;
    }
    let (mut start, mut at) = (0, 0);
    while at < pattern.len() {
        match pattern[at] {
            b'0'..=b'9' | b'N' | b'X' => return start,
            b'A'..=b'Z' => {}
            _ => start = at + 1,
        }
        at += 1;
    }
    // A form without a digit would never be looked for; a test asks for each.
    0
}

/// Longest first run of a form.
const LONGEST: usize = 19;

/// The forms in buckets; `next` has the one after each, counted from one like all of them.
struct Index {
    buckets: [[[Bucket; SECOND + 1]; SIGNS]; LONGEST + 1],
    next: [u8; FORMS.len()],
    /// The rows of the forms from each on.
    rows: [Rows; FORMS.len() + 1],
}

/// The forms whose anchor has one length, the same sign behind it, and one length of the run behind that.
#[derive(Clone, Copy)]
struct Bucket {
    /// The first form that is telling by itself.
    alone: u8,
    /// The first that is telling beside a word.
    beside: u8,
}

const NO_FORM: Bucket = Bucket { alone: 0, beside: 0 };

/// Longest second run that is told apart.
const SECOND: usize = 8;

/// How many kinds of signs follow an anchor.
const SIGNS: usize = 8;

/// The kind of a sign behind an anchor; 0 where the form ends, 1 where none has the sign.
const fn sign(byte: u8) -> usize {
    match byte {
        0 => 0,
        b'-' => 2,
        b' ' => 3,
        b'.' => 4,
        b'/' => 5,
        b'+' => 6,
        b'(' => 7,
        _ => 1,
    }
}

static INDEX: Index = {
    assert!(FORMS.len() < 255, "an index entry is one byte");
    let mut index = Index {
        buckets: [[[NO_FORM; SECOND + 1]; SIGNS]; LONGEST + 1],
        next: [0; FORMS.len()],
        rows: [0; FORMS.len() + 1],
    };
    // From the last to the first, so that a bucket lists its forms in the table's order.
    let mut at = FORMS.len();
    while at > 0 {
        at -= 1;
        let pattern = FORMS[at].pattern.as_bytes();
        let start = FORMS[at].lead as usize;
        let end = run_end(pattern, start);
        let (sign, second) = match end < pattern.len() {
            true => (sign(pattern[end]), run_end(pattern, end + 1) - end - 1),
            false => (0, 0),
        };
        assert!(sign != 1, "a new sign needs a number of its own");
        let bucket = &mut index.buckets[end - start][sign][second];
        let head = if at < ALONE.len() { &mut bucket.alone } else { &mut bucket.beside };
        index.next[at] = *head;
        index.rows[at + 1] = index.rows[*head as usize] | 1 << FORMS[at].row;
        *head = at as u8 + 1;
    }
    index
};

/// The end of the run of letters and digits that begins at `at`.
const fn run_end(pattern: &[u8], mut at: usize) -> usize {
    while at < pattern.len() && pattern[at].is_ascii_alphanumeric() {
        at += 1;
    }
    at
}

/// Calls `found` with the row, the start and the end of each identifier whose anchor is at `at`, where a
/// word of `len` bytes (or an opening parenthesis, `len` 0) is; `beside` answers which rows are named
/// near that place.
#[inline]
pub(super) fn find<E>(
    text: &[u8],
    at: usize,
    len: usize,
    beside: impl Fn() -> Rows,
    mut found: impl FnMut(usize, usize, usize) -> Result<(), E>,
) -> Result<(), E> {
    let Some(buckets) = INDEX.buckets.get(len) else {
        return Ok(());
    };
    let end = at + len;
    let sign = sign(byte(text, end).max(1));
    let second = match sign {
        1 => 0,
        _ => run(slice(text, 0, end + 1 + SECOND), end + 1, ALNUM) - end - 1,
    };
    // Forms that are one run, and those that go on as the text does.
    let bucket = |sign: usize, second: usize| {
        buckets.get(sign).and_then(|seconds| seconds.get(second)).copied().unwrap_or(NO_FORM)
    };
    let (single, parted) = (bucket(0, 0), bucket(sign, second));
    if single.alone | single.beside | parted.alone | parted.beside == 0 {
        return Ok(());
    }
    let mut try_all = |head: u8, rows: Rows| {
        let here = wide(text, at);
        let mut next = head;
        while let Some(i) = usize::from(next).checked_sub(1)
            && let (Some(entry), Some(left)) = (FORMS.get(i), INDEX.rows.get(i + 1))
            && rows & left != 0
        {
            let row = usize::from(entry.row);
            if entry.may_begin(here[0])
                && rows >> row & 1 == 1
                && let Some((start, end)) = entry.verified(text, at, &here)
            {
                found(row, start, end)?;
            }
            next = INDEX.next.get(i).copied().unwrap_or(0);
        }
        Ok(())
    };
    let mut named = None;
    for bucket in [single, parted] {
        if bucket.alone > 0 {
            try_all(bucket.alone, Rows::MAX)?;
        }
        if bucket.beside > 0 {
            let rows = *named.get_or_insert_with(&beside);
            if rows & INDEX.rows.get(usize::from(bucket.beside)).copied().unwrap_or(0) != 0 {
                try_all(bucket.beside, rows)?;
            }
        }
    }
    Ok(())
}

/// What stands at `at`, as far as the longest form reaches, and room behind it; NUL behind the text's end.
#[inline]
fn wide(text: &[u8], at: usize) -> [u8; WIDE] {
    let (mut wide, rest) = ([0; WIDE], text.get(at..).unwrap_or(&[]));
    let (form, _) = wide.split_at_mut(LONGEST_FORM);
    match rest.first_chunk::<LONGEST_FORM>() {
        Some(chunk) => form.copy_from_slice(chunk),
        None => form.iter_mut().zip(rest).for_each(|(to, &from)| *to = from),
    }
    wide
}

impl Entry {
    /// Whether a form that begins with its anchor may begin with `first`, which refuses many.
    #[inline]
    const fn may_begin(&self, first: u8) -> bool {
        self.lead > 0 || self.least[0] <= first && first <= self.most[0]
    }

    /// Where the form lies whose anchor is at `at`, where `here` stands, when the text has it and it is
    /// valid.
    fn verified(&self, text: &[u8], at: usize, here: &[u8; WIDE]) -> Option<(usize, usize)> {
        if self.lead > 0 {
            let start = at.checked_sub(usize::from(self.lead))?;
            self.verified_from(text, start, &wide(text, start))
        } else {
            self.verified_from(text, at, here)
        }
    }

    #[inline]
    fn verified_from(
        &self,
        text: &[u8],
        start: usize,
        wide: &[u8; WIDE],
    ) -> Option<(usize, usize)> {
        let end = start + self.pattern.len();
        if !self.fits(wide) || ALNUM.has(byte(text, end)) {
            return None;
        }
        // A run of so many digits with its check digit is telling beside another number too.
        let long = self.is_one_run() && self.pattern.len() >= 13;
        if !is_bounded(text, start, end, long) || self.counted && is_in_a_row(text, start, end) {
            return None;
        }
        let mut kept = [0; WIDE];
        let compact = self.compact(wide, &mut kept)?;
        let row = IDENTIFIERS.get(usize::from(self.row))?;
        (row.verify)(compact).then_some((start, end))
    }

    /// Whether each byte is in its range: all places at once, since most forms do not fit.
    #[inline]
    fn fits(&self, wide: &[u8; WIDE]) -> bool {
        let mut misses = [0_u8; LONGEST_FORM];
        let ranges = self.least.iter().zip(&self.most);
        for ((miss, byte), (least, most)) in misses.iter_mut().zip(wide).zip(ranges) {
            *miss = u8::from(byte < least) | u8::from(byte > most);
        }
        misses == [0; LONGEST_FORM]
    }

    /// Whether the form has letters and digits only.
    #[inline]
    const fn is_one_run(&self) -> bool {
        self.kept.trailing_ones() as usize == self.pattern.len()
    }

    /// The letters and digits of what `wide` begins with, which fits.
    #[inline]
    fn compact<'k>(&self, wide: &'k [u8; WIDE], kept: &'k mut [u8; WIDE]) -> Option<&'k [u8]> {
        let compact = if self.is_one_run() {
            wide.get(..self.pattern.len())?
        } else {
            let (mut runs, mut from, mut to) = (self.kept, 0, 0);
            while runs != 0 {
                let gap = runs.trailing_zeros();
                let len = (runs >> gap).trailing_ones();
                from += gap as usize;
                // What is copied behind the run is written over by the next one.
                let run: &[u8; LONGEST_RUN] = wide.get(from..)?.first_chunk()?;
                *kept.get_mut(to..)?.first_chunk_mut()? = *run;
                (from, to) = (from + len as usize, to + len as usize);
                runs = runs >> gap >> len;
            }
            kept.get(..to)?
        };
        // What lies between the digits and the capitals fits the range of both.
        (!self.mixed || compact.iter().all(u8::is_ascii_alphanumeric)).then_some(compact)
    }
}

/// Whether `text[at..end]`, groups of three, has more groups beside it: a row of counts.
fn is_in_a_row(text: &[u8], at: usize, end: usize) -> bool {
    let digit = |at| DIGITS.has(byte(text, at));
    before(text, at) == b' ' && at.checked_sub(2).is_some_and(digit)
        || byte(text, end) == b' ' && digit(end + 1)
}

/// Whether `text[at..end]` is not a piece of something longer: a decimal fraction, a dotted or dashed
/// number, a time, a UUID. A `long` one is a piece of a fraction or a word only.
fn is_bounded(text: &[u8], at: usize, end: usize, long: bool) -> bool {
    let joins = |byte| match byte {
        b'.' => true,
        b'-' | b'/' | b':' | b'+' => !long,
        _ => false,
    };
    let (left, right) = (before(text, at), byte(text, end));
    let cut_left = joins(left)
        && at >= 2
        && match left {
            b'-' => is_joined_left(text, at - 1),
            _ => DIGITS.has(before(text, at - 1)) || is_masked_left(text, at - 1),
        };
    let cut_right = match right {
        b'-' | b'/' | b':' if long => false,
        b'-' => is_joined_right(text, end + 1),
        b'.' | b'/' | b':' => {
            let next = byte(text, end + 1);
            DIGITS.has(next) || next == b'[' && is_joined_right(text, end + 1)
        }
        _ => is_joined_right(text, end),
    };
    !cut_left && !cut_right && left != b'.' && !is_joined_left(text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str, len: usize) -> std::vec::Vec<&'static str> {
        let mut ids = std::vec::Vec::new();
        let beside = || super::super::context::named_by(text.as_bytes());
        find(text.as_bytes(), 0, len, beside, |row, _, _| {
            ids.push(IDENTIFIERS[row].id);
            Ok::<(), ()>(())
        })
        .unwrap();
        ids
    }

    #[test]
    fn forms_alone_and_beside_their_words() {
        assert_eq!(ids("123-45-6789", 3), ["pii.core.us_ssn"]);
        assert!(ids("000-45-6789", 3).is_empty() && ids("666-45-6789", 3).is_empty());
        assert!(ids("123456789", 9).is_empty());
        assert_eq!(ids("123456789 ssn", 9), ["pii.core.us_ssn"]);
        assert_eq!(ids("4111111111111111", 16), ["pii.core.credit_card"]);
        assert_eq!(ids("4111 1111 1111 1111 12/27", 4), ["pii.core.credit_card"]);
        assert!(ids("4111111111111112", 16).is_empty());
    }

    #[test]
    fn pieces_of_longer_numbers_are_none() {
        assert!(ids("123-45-6789-1", 3).is_empty());
        assert!(ids("123-45-6789x", 3).is_empty());
        assert_eq!(ids("130 692 544", 3), ["pii.national.ca_sin"]);
        assert!(ids("130 692 544 545", 3).is_empty(), "a row of counts");
        assert!(!is_bounded(b"0.4111111111111111", 2, 18, true));
        assert!(is_bounded(b"card: 4111111111111111.", 6, 22, true));
    }
}
