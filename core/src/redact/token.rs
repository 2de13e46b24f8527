//! Vendor tokens that begin with a fixed text: the table, its index, and the match.
//!
//! A word of the text whose first three bytes begin a prefix of [`TOKENS`] is compared with the few
//! prefixes of that bucket; the longest that matches decides. What follows must be a run of the
//! token's alphabet, long enough and random enough. A token's own checksum never rejects it: one that
//! was cut or rotated is still a secret. Worst case: linear; a run is measured once per prefix met.

use super::bytes::{
    Set, byte, contains, has_any, long_run, moved, run, slice, trimmed_end, varies,
};
use super::table::{Eight, eight, flat};
use super::tokens::TOKENS;
use super::types::{TypeId, Types};
use super::value::{ELLIPSIS, is_joined_right};

/// Every prefix beside the row that it belongs to.
const PREFIXES: &[(&str, u8)] = flat!(TOKENS.prefixes);

/// The prefixes in buckets by their first three bytes, the longest first: `heads` has the first of a
/// bucket, `next` the one after it, both counted from one, zero ends. Most buckets are empty, so that a
/// word which begins no prefix costs one look.
struct Index {
    heads: [u16; 4096],
    next: [u16; PREFIXES.len()],
    /// The first eight bytes, and which of them count: many prefixes differ only behind the third.
    eight: [Eight; PREFIXES.len()],
}

static INDEX: Index = {
    assert!(PREFIXES.len() < 65_536, "an index entry is two bytes");
    let mut index =
        Index { heads: [0; 4096], next: [0; PREFIXES.len()], eight: [Eight::ANY; PREFIXES.len()] };
    // What comes later is found first.
    let mut len = 3;
    while len < 64 {
        let mut at = 0;
        while at < PREFIXES.len() {
            let text = PREFIXES[at].0.as_bytes();
            if text.len() == len {
                let bucket = bucket(text[0], text[1], text[2]);
                index.next[at] = index.heads[bucket];
                index.heads[bucket] = at as u16 + 1;
                index.eight[at] = Eight::of(text);
            }
            at += 1;
        }
        len += 1;
    }
    index
};

/// The same for capitals and small letters.
const fn bucket(a: u8, b: u8, c: u8) -> usize {
    const CASE: u8 = 0x20;
    ((a & !CASE) as usize ^ ((b & !CASE) as usize) << 3 ^ ((c & !CASE) as usize) << 6) & 4095
}

/// Beginnings of tokens that are written out in [`shape`](super::shape) and elsewhere.
const WRITTEN: [&str; 3] = ["eyJ", "PuT", "atl"];

/// The low bits of the first three bytes of prefixes in either case, of [`WRITTEN`], and of `s.`.
static TRIPLES: [u64; 512] = {
    let mut set = [0; 512];
    let mut at = 0;
    while at < PREFIXES.len() + WRITTEN.len() {
        let text = if at < PREFIXES.len() { PREFIXES[at].0 } else { WRITTEN[at - PREFIXES.len()] };
        let text = text.as_bytes();
        let triple = triple(text[0], text[1], text[2]);
        set[triple >> 6] |= 1 << (triple & 63);
        at += 1;
    }
    let mut any = 0;
    while any < 32 {
        let triple = triple(b's', b'.', any);
        set[triple >> 6] |= 1 << (triple & 63);
        any += 1;
    }
    set
};

const fn triple(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 10 | (b as usize & 31) << 5 | c as usize & 31
}

/// Whether a token may begin at `at`: three bytes refuse nearly all that does not.
#[inline]
pub(super) fn may_begin(text: &[u8], at: usize) -> bool {
    let Some(&[a, b, c]) = text.get(at..).and_then(|rest| rest.first_chunk()) else {
        return false;
    };
    let triple = triple(a, b, c);
    TRIPLES.get(triple >> 6).is_some_and(|set| set >> (triple & 63) & 1 == 1)
}

/// The longest prefix at `at`, as an index into [`PREFIXES`], for which `good` has an answer; and whether
/// one could begin there that is written in the other case.
#[inline]
fn find_prefix<T>(
    text: &[u8],
    at: usize,
    mut good: impl FnMut(usize) -> Option<T>,
) -> (Option<(usize, T)>, bool) {
    let rest = text.get(at..).unwrap_or(&[]);
    let mut entry = match rest.first_chunk() {
        Some(&[a, b, c]) => INDEX.heads.get(bucket(a, b, c)).copied().unwrap_or(0),
        None => 0,
    };
    if entry == 0 {
        return (None, false);
    }
    let (head, mut other) = (eight(rest), false);
    while let Some(i) = usize::from(entry).checked_sub(1) {
        let (Some(&next), Some(known)) = (INDEX.next.get(i), INDEX.eight.get(i)) else { break };
        entry = next;
        if !known.begins_folded(head) {
            continue;
        }
        let prefix = PREFIXES.get(i).map_or("", |&(prefix, _)| prefix);
        if !rest.starts_with(prefix.as_bytes()) {
            other = true;
        } else if let Some(answer) = good(i) {
            return (Some((i, answer)), other);
        }
    }
    (None, other)
}

/// Bodies that were refused, so that prefixes which follow each other closely stay cheap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    /// By row: which one, and up to where a body of it repeats half of the refused one.
    rows: [(u8, usize); 8],
    /// By the first eight bytes of a word: up to where no token begins with them.
    heads: [(u64, usize); 8],
}

impl Refused {
    /// Nothing was refused.
    pub(super) const fn new() -> Self {
        Self { rows: [(0, 0); 8], heads: [(0, 0); 8] }
    }

    /// Up to where bodies of `row` are refused, if one that begins at `start` is: what tells a body only
    /// grows with it, so no more can be found in what is left of one.
    fn until(&self, row: u8, start: usize) -> Option<usize> {
        let &(other, end) = self.rows.get(usize::from(row & 7))?;
        (other == row && start < end).then_some(end)
    }

    fn add(&mut self, row: u8, start: usize, len: usize) {
        if let Some(slot) = self.rows.get_mut(usize::from(row & 7)) {
            *slot = (row, start + len.min(GLANCE / 2));
        }
    }

    /// Whether a word at `at` that begins with `head` begins like one that was refused shortly before.
    #[inline]
    fn has(&self, head: u64, at: usize) -> bool {
        self.heads.iter().any(|&(other, end)| other == head && at < end)
    }

    fn add_head(&mut self, head: u64, end: usize) {
        if let Some(oldest) = self.heads.iter_mut().min_by_key(|(_, end)| *end) {
            *oldest = (head, end);
        }
    }

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        self.rows.iter_mut().for_each(|(_, end)| *end = moved(*end, from, to));
        self.heads.iter_mut().for_each(|(_, end)| *end = moved(*end, from, to));
    }
}

/// How much of a body is verified.
const GLANCE: usize = 64;

/// The token that begins at `at`: its type and its end. One of none of `types` is not read to its end.
#[inline]
pub(super) fn find(
    text: &[u8],
    at: usize,
    types: Types,
    refused: &mut Refused,
) -> Option<(TypeId, usize)> {
    let &[a, b, c] = text.get(at..)?.first_chunk()?;
    match INDEX.heads.get(bucket(a, b, c)) {
        Some(0) | None => None,
        Some(_) => find_known(text, at, types, refused),
    }
}

/// The same where some prefix begins like the text.
#[inline(never)]
fn find_known(
    text: &[u8],
    at: usize,
    types: Types,
    refused: &mut Refused,
) -> Option<(TypeId, usize)> {
    let head = eight(text.get(at..)?);
    if refused.has(head, at) {
        return None;
    }
    // Up to where the same beginning is refused for the same reasons: for the bodies behind it.
    let mut until = usize::MAX;
    let ended = find_prefix(text, at, |i| {
        let end = end_of(text, at, i, types, refused);
        let &(prefix, row) = PREFIXES.get(i)?;
        let same = refused.until(row, at + prefix.len()).filter(|_| prefix.len() <= 8);
        until = until.min(same.map_or(0, |end| end - prefix.len()));
        end
    });
    let (i, end) = match ended {
        (Some(found), _) => found,
        (None, true) => find_folded(text, at, types, refused)?,
        (None, false) => {
            if until != usize::MAX {
                refused.add_head(head, until);
            }
            return None;
        }
    };
    let row = PREFIXES.get(i)?.1;
    Some((TypeId::token(usize::from(row)), end))
}

/// How long a prefix may be that counts in the other case too.
const FOLDED: usize = 24;

/// The token at `at` whose prefix stands there in capitals or in small letters though it has others:
/// only if what follows looks random, for nobody issues such a token.
fn find_folded(
    text: &[u8],
    at: usize,
    types: Types,
    refused: &mut Refused,
) -> Option<(usize, usize)> {
    find_in_case(text, at, types, refused, |byte| byte.to_ascii_lowercase())
        .or_else(|| find_in_case(text, at, types, refused, |byte| byte.to_ascii_uppercase()))
}

#[inline]
fn find_in_case(
    text: &[u8],
    at: usize,
    types: Types,
    refused: &mut Refused,
    fold: impl Fn(u8) -> u8,
) -> Option<(usize, usize)> {
    let &[a, b, c] = text.get(at..)?.first_chunk()?;
    // Most words begin no prefix.
    if INDEX.heads.get(bucket(fold(a), fold(b), fold(c))).copied()? == 0 {
        return None;
    }
    let mut whole = [0; FOLDED];
    match text.get(at..)?.first_chunk() {
        Some(chunk) => whole = *chunk,
        None => whole.iter_mut().zip(text.get(at..)?).for_each(|(to, &from)| *to = from),
    }
    let mut head = whole;
    head.iter_mut().for_each(|byte| *byte = fold(*byte));
    // As it stands it has been refused.
    if head == whole {
        return None;
    }
    find_prefix(&head, 0, |i| {
        let (prefix, _) = PREFIXES.get(i).filter(|(prefix, _)| prefix.len() >= 4)?;
        if slice(text, at, at + prefix.len()) == prefix.as_bytes() {
            return None;
        }
        let end = end_of(text, at, i, types, refused)?;
        let body = slice(text, at + prefix.len(), end);
        // The names of settings are in capitals, and numbered at their end.
        let apart = body
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() && !b.is_ascii_digit()));
        (is_digit_rich(body) && apart.count() >= 2).then_some(end)
    })
    .0
}

/// Where the token ends that begins at `at` with prefix `i`, when it is one.
fn end_of(text: &[u8], at: usize, i: usize, types: Types, refused: &mut Refused) -> Option<usize> {
    let &(prefix, row) = PREFIXES.get(i)?;
    let token = TOKENS.get(usize::from(row))?;
    let start = at + prefix.len();
    // No body begins with a full stop; our own masks do.
    if byte(text, start) == b'.' || refused.until(row, start).is_some() {
        return None;
    }
    let (least, most) = (usize::from(token.least), usize::from(token.most));
    let bounded = token.most != u16::MAX;
    let glance = if bounded { most + 1 } else { GLANCE.max(least) };
    let head = slice(text, start, start + glance);
    let head = slice(head, 0, long_run(head, 0, token.body));
    if head.len() < least {
        return None;
    }
    if !(token.verify)(head) {
        refused.add(row, start, head.len());
        return None;
    }
    let wanted = types.contains(TypeId::token(usize::from(row)));
    let open = head.len() == glance && !bounded && wanted;
    let end = if open { run(text, start + glance, token.body) } else { start + head.len() };
    // It ends a sentence, no token.
    const FULL_STOP: Set = Set::new(b".");
    let end = trimmed_end(text, start, end, FULL_STOP);
    let len = end - start;
    // What went on in a value that is masked now was none.
    if contains(slice(text, start, end.min(start + glance)), ELLIPSIS) {
        return None;
    }
    let fits = len >= least && (!bounded || len <= most && !is_joined_right(text, end));
    fits.then_some(end)
}

/// How many bytes at the start of `text` are a vendor's public prefix.
pub(super) fn public_prefix(text: &[u8]) -> usize {
    find_prefix(text, 0, Some)
        .0
        .and_then(|(i, _)| PREFIXES.get(i))
        .map_or(0, |(text, _)| text.len())
}

/// How many bytes at the end of `text` are a vendor's public prefix.
pub(super) fn public_prefix_before(text: &[u8]) -> usize {
    let ends = PREFIXES.iter().filter(|(prefix, _)| text.ends_with(prefix.as_bytes()));
    ends.map(|(prefix, _)| prefix.len()).max().unwrap_or(0)
}

/// Whether `body` looks drawn at random rather than spelt or filled in.
pub(super) fn is_random(body: &[u8]) -> bool {
    let head = slice(body, 0, 64);
    (has_any(head, b'0'..=b'9') || has_any(head, b'A'..=b'Z') && has_any(head, b'a'..=b'z'))
        && is_varied(body)
}

/// Whether `body` is more than filling: one of a fixed length need not look random.
pub(super) fn is_varied(body: &[u8]) -> bool {
    varies(body, 6) && !body.ends_with(b"EXAMPLE")
}

/// Whether `body` looks random, for a prefix that also begins names of one's own: `sk-loading-indicator-2`.
pub(super) fn is_digit_rich(body: &[u8]) -> bool {
    let head = slice(body, 0, 64);
    let digits = || head.iter().filter(|byte| byte.is_ascii_digit()).count();
    has_any(head, b'0'..=b'9')
        && (has_any(head, b'A'..=b'Z') || digits() >= 3)
        && varies(head, 8)
        && is_random(body)
}

/// Whether `body` is 1Password's: six signs, then eleven or six and five, then three times five.
pub(super) fn is_grouped(body: &[u8]) -> bool {
    let mut groups = body.split(|&byte| byte == b'-').map(<[u8]>::len);
    let known: &[usize] = if body.len() == 36 { &[6, 11, 5, 5, 5] } else { &[6, 6, 5, 5, 5, 5] };
    known.iter().all(|&len| groups.next() == Some(len)) && groups.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn find(text: &[u8], at: usize) -> Option<(TypeId, usize)> {
        super::find(text, at, Types::ALL, &mut Refused::new())
    }

    const BODY: &str = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3";

    #[test]
    fn a_key_of_fixed_length_needs_no_digit() {
        let text = format!("{}{}", "AKIA", "UBIWBJSQBCNAQAHL");
        assert_eq!(find(text.as_bytes(), 0).map(|(_, end)| end), Some(20));
    }

    #[test]
    fn a_prefix_in_the_other_case_counts_before_what_looks_random() {
        for prefix in ["GHP_", "Ghp_", "SK_LIVE_", "Xoxb-1"] {
            let text = format!("{prefix}{}", &BODY[..36]);
            assert!(find(text.as_bytes(), 0).is_some(), "{prefix}");
        }
        let body = &BODY.to_uppercase()[..16];
        assert!(find(format!("akia{body}").as_bytes(), 0).is_some());
        for text in ["GHP_TOKEN_OF_THE_REPOSITORY_IN_CAPITALS_1", "SK_LIVE_KEY_OF_THE_SHOP_12345"] {
            assert_eq!(find(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn the_longest_prefix_names_the_vendor() {
        let text = format!("sk-ant-api03-{BODY}{BODY}");
        assert_eq!(find(text.as_bytes(), 0).unwrap().0.id(), "secret.prefixed.anthropic");
        assert_eq!(public_prefix(text.as_bytes()), 13);
    }

    #[test]
    fn names_and_placeholders_are_none() {
        for text in [
            "sk-loading-indicator-wrapper",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "npm_config_registry_token_path_of_user",
            concat!("AKIA", "IOSFODNN7", "EXAMPLE"),
            "hf_hub_download",
            "sk-...XXXX",
        ] {
            assert_eq!(find(text.as_bytes(), 0), None, "{text}");
        }
    }
}
