//! Words that name an identifier, near it: `ssn`, `routing`, `Personalausweis`.
//!
//! The scan knows where names begin; only there a word is looked up, by its first two letters. Worst
//! case: the 48 bytes before a candidate begin 24 names.

use super::TypeId;
use super::bytes::{byte, slice, starts_folded};
use super::identifiers::IDENTIFIERS;
use super::table::{Eight, eight, flat};
use super::value::{is_in_mask, is_masked_left};

/// How far before a value a word that names it may begin, in bytes.
pub(super) const NEAR: usize = 48;

/// A set of rows of [`IDENTIFIERS`].
pub(super) type Rows = u128;

const _: () = assert!(IDENTIFIERS.len() <= 128, "a set of rows has 128 bits");

/// The words beside the rows that they name.
const WORDS: &[(&str, u8)] = flat!(IDENTIFIERS.words);

/// The words by their first three letters: `heads` has the first of a bucket, `next` the one after, both
/// counted from one.
struct Index {
    heads: [u8; 2048],
    next: [u8; WORDS.len()],
    /// Their first eight letters: many words share three.
    eight: [Eight; WORDS.len()],
    /// Which three letters they begin with, by their low bits; behind two letters anything may stand.
    triples: [u64; 512],
}

static INDEX: Index = {
    assert!(WORDS.len() < 256, "an index entry is one byte");
    let mut index = Index {
        heads: [0; 2048],
        next: [0; WORDS.len()],
        eight: [Eight::ANY; WORDS.len()],
        triples: [0; 512],
    };
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0.as_bytes();
        let bucket = bucket(word[0], word[1], if word.len() > 2 { word[2] } else { 0 });
        index.next[at] = index.heads[bucket];
        index.heads[bucket] = at as u8 + 1;
        index.eight[at] = Eight::of(word);
        let mut third = 0;
        while third < 32 {
            if word.len() == 2 || word[2] & 31 == third {
                let at = triple(word[0], word[1], third);
                index.triples[at >> 6] |= 1 << (at & 63);
            }
            third += 1;
        }
        at += 1;
    }
    index
};

/// The same for capitals and small letters.
const fn bucket(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 6 ^ (b as usize & 31) << 3 ^ c as usize & 31
}

const fn triple(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 10 | (b as usize & 31) << 5 | c as usize & 31
}

/// The rows that the word at `at` of `text` names; `text` ends where the value begins.
#[inline]
pub(super) fn named(text: &[u8], at: usize) -> Rows {
    let (a, b, c) = match text.get(at..) {
        Some(&[a, b, c, ..]) => (a, b, c),
        Some(&[a, b]) => (a, b, 0),
        _ => return 0,
    };
    // Most words are told by three letters to be none of them.
    let triple = triple(a, b, c);
    match INDEX.triples.get(triple >> 6) {
        Some(set) if set >> (triple & 63) & 1 == 1 => looked_up(text, at, [a, b, c]),
        _ => 0,
    }
}

#[inline(never)]
fn looked_up(text: &[u8], at: usize, [a, b, c]: [u8; 3]) -> Rows {
    // A word of two letters ends before a sign or the hump of a camel.
    let two = !(c.is_ascii_alphabetic() || c >= 0x80) || b >= b'a' && c.is_ascii_uppercase();
    let mut next = INDEX.heads.get(bucket(a, b, if two { 0 } else { c })).copied().unwrap_or(0);
    let head = eight(text.get(at..).unwrap_or(&[]));
    let mut rows = 0;
    while let Some(i) = usize::from(next).checked_sub(1) {
        next = INDEX.next.get(i).copied().unwrap_or(0);
        let (Some(begin), Some(&(word, row))) = (INDEX.eight.get(i), WORDS.get(i)) else { break };
        if begin.begins_folded(head)
            && starts_folded(text.get(at..).unwrap_or(&[]), word.as_bytes())
            && !byte(text, at + word.len()).is_ascii_lowercase()
            && !(byte(text, at).is_ascii_uppercase() && is_in_mask(text, at))
        {
            rows |= 1 << row;
        }
    }
    rows
}

/// The rows that any word of `name` names, where no scan has found the words.
pub(super) fn named_by(name: &[u8]) -> Rows {
    named_in(name.get(..NEAR).unwrap_or(name), 0)
}

/// The rows that any word of `text` from `from` on names.
fn named_in(text: &[u8], from: usize) -> Rows {
    (from..text.len()).fold(0, |rows, at| {
        let (left, first) = (super::bytes::before(text, at), byte(text, at));
        let begins =
            !left.is_ascii_alphabetic() || left.is_ascii_lowercase() && first.is_ascii_uppercase();
        if begins { rows | named(text, at) } else { rows }
    })
}

/// Where the last mask ends of those that end in the [`NEAR`] bytes before `at`, or where these begin: what
/// stands before a mask named the value that is gone, and may have been further away.
#[cold]
#[inline(never)]
pub(super) fn behind_mask(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(NEAR);
    let near = slice(text, from, at);
    let mut ends = memchr::memrchr2_iter(b']', b'X', near).map(|i| from + i + 1);
    ends.find(|&end| is_masked_left(text, end)).unwrap_or(from)
}

/// Whether a word that names `id` stands shortly before `at` or in `key`, where no scan has found the words.
pub(super) fn is_near(text: &[u8], key: &[u8], at: usize, id: TypeId) -> bool {
    let rows = named_in(slice(text, 0, at), behind_mask(text, at)) | named_by(key);
    id.row().is_some_and(|row| rows & 1 << row != 0)
}
