//! Identifiers of fixed shape: cards, national ids, account numbers, dates of birth.
//!
//! A form spells the shape (`999-99-9999`); its first run of letters and digits must be a whole word
//! of the text, and the forms are indexed by the length of that run. What matches is verified without
//! its separators by check digits, ranges and dates; a form that numbers of other kinds also have
//! counts only beside one of the row's words. Worst case: a word is compared with the forms of its
//! length, about ten, each at most 24 bytes long.

use super::bytes::{ALNUM, DIGITS, before, byte, slice};
use super::identifiers::Form::{Alone, Beside};
use super::identifiers::IDENTIFIERS;
use super::value::{is_joined_left, is_joined_right};

/// A form beside its row.
#[derive(Clone, Copy)]
struct Entry {
    pattern: &'static str,
    row: u8,
    alone: bool,
}

const FORMS: [Entry; count()] = {
    let mut all = [Entry { pattern: "", row: 0, alone: false }; count()];
    let (mut row, mut len) = (0, 0);
    while row < IDENTIFIERS.len() {
        let forms = IDENTIFIERS[row].forms;
        let mut at = 0;
        while at < forms.len() {
            let (pattern, alone) = match forms[at] {
                Alone(pattern) => (pattern, true),
                Beside(pattern) => (pattern, false),
            };
            all[len] = Entry { pattern, row: row as u8, alone };
            len += 1;
            at += 1;
        }
        row += 1;
    }
    all
};

const fn count() -> usize {
    let (mut row, mut sum) = (0, 0);
    while row < IDENTIFIERS.len() {
        sum += IDENTIFIERS[row].forms.len();
        row += 1;
    }
    sum
}

/// Longest first run of a form.
const LONGEST: usize = 19;

/// The forms by the length of their first run and the sign behind it: `heads` has the first, `next`
/// the one after, both counted from one.
struct Index {
    heads: [[u8; SIGNS]; LONGEST + 1],
    next: [u8; count()],
}

/// How many kinds of signs follow a first run.
const SIGNS: usize = 8;

/// The kind of a sign behind a first run; 0 where the form ends, 1 where none has the sign.
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
    assert!(count() < 256, "an index entry is one byte");
    let mut index = Index { heads: [[0; SIGNS]; LONGEST + 1], next: [0; count()] };
    // From the last to the first, so that a bucket lists its forms in the table's order.
    let mut at = FORMS.len();
    while at > 0 {
        at -= 1;
        let pattern = FORMS[at].pattern.as_bytes();
        let mut len = 0;
        while len < pattern.len() && pattern[len].is_ascii_alphanumeric() {
            len += 1;
        }
        let sign = sign(if len < pattern.len() { pattern[len] } else { 0 });
        assert!(sign != 1, "a new sign needs a number of its own");
        index.next[at] = index.heads[len][sign];
        index.heads[len][sign] = at as u8 + 1;
    }
    index
};

/// Calls `found` with the row and the end of each identifier that begins at `at`, where a word of
/// `len` bytes (or an opening parenthesis, `len` 0) is; `beside` answers whether one of some words
/// stands near.
pub(super) fn find<E>(
    text: &[u8],
    at: usize,
    len: usize,
    beside: impl Fn(&[&str]) -> bool,
    mut found: impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<(), E> {
    let Some(heads) = INDEX.heads.get(len) else {
        return Ok(());
    };
    // Forms that are one run, then those that go on as the text does.
    for bucket in [0, sign(byte(text, at + len).max(1))] {
        let mut next = heads.get(bucket).copied().unwrap_or(0);
        while let Some(i) = usize::from(next).checked_sub(1) {
            next = INDEX.next.get(i).copied().unwrap_or(0);
            let Some(entry) = FORMS.get(i) else { break };
            let Some(row) = IDENTIFIERS.get(usize::from(entry.row)) else {
                break;
            };
            let mut digits = [0; 24];
            let Some(compact) = matched(text, at, entry.pattern.as_bytes(), &mut digits) else {
                continue;
            };
            let end = at + entry.pattern.len();
            if (row.verify)(compact)
                && is_bounded(text, at, end)
                && (entry.alone || beside(row.words))
            {
                found(usize::from(entry.row), end)?;
            }
        }
    }
    Ok(())
}

/// The letters and digits of what `pattern` matches at `at`.
fn matched<'d>(
    text: &[u8],
    at: usize,
    pattern: &[u8],
    digits: &'d mut [u8; 24],
) -> Option<&'d [u8]> {
    let head = text.get(at..at + pattern.len())?;
    let mut len = 0;
    for (&want, &byte) in pattern.iter().zip(head) {
        let fits = match want {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'X' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            other => byte == other,
        };
        if !fits {
            return None;
        }
        if ALNUM.has(byte) {
            *digits.get_mut(len)? = byte;
            len += 1;
        }
    }
    digits.get(..len)
}

/// Whether `text[at..end]` is not a piece of something longer: a decimal fraction, a dotted or dashed
/// number, a time, a UUID.
fn is_bounded(text: &[u8], at: usize, end: usize) -> bool {
    let joins = |byte| matches!(byte, b'-' | b'.' | b'/' | b':' | b'+');
    let (left, right) = (before(text, at), byte(text, end));
    let cut_left = joins(left)
        && at >= 2
        && match left {
            b'-' => is_joined_left(text, at - 1),
            _ => DIGITS.has(before(text, at - 1)),
        };
    let cut_right = match right {
        b'-' => is_joined_right(text, end + 1),
        b'.' | b'/' | b':' => DIGITS.has(byte(text, end + 1)) && slice(text, at, end).len() < 24,
        _ => is_joined_right(text, end),
    };
    !cut_left && !cut_right && left != b'.' && !is_joined_left(text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str, len: usize) -> std::vec::Vec<&'static str> {
        let mut ids = std::vec::Vec::new();
        let beside = |words: &[&str]| words.iter().any(|word| text.contains(word));
        find(text.as_bytes(), 0, len, beside, |row, _| {
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
        assert!(!is_bounded(b"0.4111111111111111", 2, 18));
        assert!(is_bounded(b"card: 4111111111111111.", 6, 22));
    }
}
