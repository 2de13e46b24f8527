//! Words that name an identifier, near it: `ssn`, `routing`, `Personalausweis`.
//!
//! The scan knows where names begin; only there a word is looked up, by its first two letters. Worst
//! case: the 48 bytes before a candidate begin 24 names.

use super::TypeId;
use super::bytes::{byte, slice, starts_folded};
use super::identifiers::IDENTIFIERS;

/// How far before a value a word that names it may begin, in bytes.
pub(super) const NEAR: usize = 48;

/// A set of rows of [`IDENTIFIERS`].
pub(super) type Rows = u128;

const _: () = assert!(IDENTIFIERS.len() <= 128, "a set of rows has 128 bits");

/// How many words there are, repeated ones counted again.
const COUNT: usize = {
    let (mut row, mut sum) = (0, 0);
    while row < IDENTIFIERS.len() {
        sum += IDENTIFIERS[row].words.len();
        row += 1;
    }
    sum
};

/// The words by their first three letters: `heads` has the first of a bucket, `next` the one after, both
/// counted from one.
struct Index {
    words: [(&'static str, u8); COUNT],
    heads: [u8; 2048],
    next: [u8; COUNT],
    /// Which pairs of letters they begin with.
    pairs: [u32; 32],
}

static INDEX: Index = {
    assert!(COUNT < 256, "an index entry is one byte");
    let mut index =
        Index { words: [("", 0); COUNT], heads: [0; 2048], next: [0; COUNT], pairs: [0; 32] };
    let (mut row, mut at) = (0, 0);
    while row < IDENTIFIERS.len() {
        let mut i = 0;
        while i < IDENTIFIERS[row].words.len() {
            let word = IDENTIFIERS[row].words[i];
            let bytes = word.as_bytes();
            let bucket = bucket(bytes[0], bytes[1], if bytes.len() > 2 { bytes[2] } else { 0 });
            index.words[at] = (word, row as u8);
            index.next[at] = index.heads[bucket];
            index.heads[bucket] = at as u8 + 1;
            index.pairs[bytes[0] as usize & 31] |= 1 << (bytes[1] & 31);
            at += 1;
            i += 1;
        }
        row += 1;
    }
    index
};

/// The same for capitals and small letters.
const fn bucket(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 6 ^ (b as usize & 31) << 3 ^ c as usize & 31
}

/// The rows that the word at `at` of `text` names; `text` ends where the value begins.
#[inline]
pub(super) fn named(text: &[u8], at: usize) -> Rows {
    let (a, b) = (byte(text, at), byte(text, at + 1));
    // Most words are told by two letters to be none of them.
    if INDEX.pairs.get(usize::from(a & 31)).is_none_or(|second| second >> (b & 31) & 1 == 0) {
        return 0;
    }
    let c = byte(text, at + 2);
    // A word of two letters ends before a sign or the hump of a camel.
    let two = !(c.is_ascii_alphabetic() || c >= 0x80) || b >= b'a' && c.is_ascii_uppercase();
    let mut next = INDEX.heads.get(bucket(a, b, if two { 0 } else { c })).copied().unwrap_or(0);
    let mut rows = 0;
    while let Some(i) = usize::from(next).checked_sub(1) {
        next = INDEX.next.get(i).copied().unwrap_or(0);
        let Some(&(word, row)) = INDEX.words.get(i) else { break };
        if starts_folded(text.get(at..).unwrap_or(&[]), word.as_bytes())
            && !byte(text, at + word.len()).is_ascii_lowercase()
        {
            rows |= 1 << row;
        }
    }
    rows
}

/// The rows that any word of `name` names, where no scan has found the words.
pub(super) fn named_by(name: &[u8]) -> Rows {
    let name = name.get(..NEAR).unwrap_or(name);
    (0..name.len()).fold(0, |rows, at| {
        let (left, first) = (super::bytes::before(name, at), byte(name, at));
        let begins =
            !left.is_ascii_alphabetic() || left.is_ascii_lowercase() && first.is_ascii_uppercase();
        if begins { rows | named(name, at) } else { rows }
    })
}

/// Whether a word that names `id` stands shortly before `at` or in `key`, where no scan has found the words.
pub(super) fn is_near(text: &[u8], key: &[u8], at: usize, id: TypeId) -> bool {
    let rows = named_by(slice(text, at.saturating_sub(NEAR), at)) | named_by(key);
    id.row().is_some_and(|row| rows & 1 << row != 0)
}
