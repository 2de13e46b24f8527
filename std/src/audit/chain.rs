//! The chain: each record carries the hash of the one before it, and its own.
//!
//! ```text
//! {…,"chain":{"run":"<16 hex>","n":7,"prev":"<hash of record 6>"   the hash is over all bytes up to here
//!                                                              ,"mac":"<64 hex>"}}
//! ```
//!
//! A run's first record carries in `prev` the hash of the record that was then the last of the file, and
//! says in `after` whose it is: so runs hang together too. The hash is HMAC-SHA-256 and called `mac` where
//! there is a key, else SHA-256 and called `hash`. The form of a link is canonical: a byte of it that is
//! changed makes another record or none. Cost: one hash over the line.

use std::fmt::Write;

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

use super::key::AuditKey;

/// A hash.
pub(super) type Digest = [u8; 32];

/// What comes before the first record.
pub(super) const NOTHING: Digest = [0; 32];

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What hashes are made with.
#[derive(Clone)]
pub(super) struct Hasher(Option<Hmac<Sha256>>);

impl Hasher {
    pub(super) fn new(key: Option<&AuditKey>) -> Self {
        Self(key.map(AuditKey::chain))
    }

    pub(super) const fn is_keyed(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> Digest {
        match &self.0 {
            Some(state) => state.clone().chain_update(bytes).finalize().into_bytes().into(),
            None => Sha256::digest(bytes).into(),
        }
    }

    /// Appends to `out`, in which an object began at `start`, its hash as the last member.
    pub(super) fn seal(&self, start: usize, out: &mut String) -> Digest {
        let hash = self.hash(out.as_bytes().get(start..).unwrap_or(&[]));
        out.push_str(if self.is_keyed() { ",\"mac\":\"" } else { ",\"hash\":\"" });
        write_hex(&hash, out);
        out.push_str("\"}");
        hash
    }
}

/// A record's place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) run: u64,
    pub(super) n: u64,
}

/// What a record says about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) place: Place,
    /// The record of another run that `prev` is the hash of.
    pub(super) after: Option<Place>,
    pub(super) prev: Digest,
    pub(super) seal: Seal,
}

/// The hash of a line, in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) hash: Digest,
    pub(super) keyed: bool,
    /// How many bytes of the line it covers.
    pub(super) covers: usize,
}

impl Link {
    /// The link of a line without its line feed; none when it has none, or one in another form than ours.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let (seal, rest) = Seal::read(line.strip_suffix(b"}")?)?;
        let (prev, rest) = read_digest(rest, b",\"prev\":\"")?;
        let (after, rest) = match rest.strip_suffix(b"\"") {
            None => (None, rest),
            Some(rest) => {
                let (n, rest) = read_number(rest, b"/")?;
                let (run, rest) = read_run(rest, b",\"after\":\"")?;
                (Some(Place { run, n }), rest)
            }
        };
        let (n, rest) = read_number(rest, b",\"n\":")?;
        let (run, _) = read_run(rest.strip_suffix(b"\"")?, b",\"chain\":{\"run\":\"")?;
        Some(Self { place: Place { run, n }, after, prev, seal })
    }
}

impl Seal {
    /// The seal of an object, and what comes before it.
    pub(super) fn read(line: &[u8]) -> Option<(Self, &[u8])> {
        let line = line.strip_suffix(b"}")?;
        let (hash, keyed, rest) = match read_digest(line, b",\"mac\":\"") {
            Some((hash, rest)) => (hash, true, rest),
            None => read_digest(line, b",\"hash\":\"").map(|(hash, rest)| (hash, false, rest))?,
        };
        Some((Self { hash, keyed, covers: rest.len() }, rest))
    }
}

/// The chain of one run.
pub(super) struct Chain {
    hasher: Hasher,
    /// The place of the record that was written last; of another run before the first.
    last: Option<Place>,
    run: u64,
    /// The hash of that record.
    head: Digest,
}

impl Chain {
    /// The chain of the run `run`, which has no records yet.
    pub(super) const fn new(hasher: Hasher, run: u64) -> Self {
        Self { hasher, last: None, run, head: NOTHING }
    }

    pub(super) const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(super) const fn head(&self) -> &Digest {
        &self.head
    }

    /// How many records the run has.
    pub(super) fn len(&self) -> u64 {
        self.last.filter(|last| last.run == self.run).map_or(0, |last| last.n)
    }

    /// Before the first record of the run: the record that it comes after.
    pub(super) fn follow(&mut self, last: impl FnOnce() -> Option<(Place, Digest)>) {
        if self.len() == 0 {
            let (last, head) = last().unzip();
            (self.last, self.head) = (last, head.unwrap_or(NOTHING));
        }
    }

    /// Links `line`, an object and a line feed, and appends it to `out`. It counts as written.
    pub(super) fn link(&mut self, line: &str, out: &mut String) {
        let n = self.len() + 1;
        let start = out.len();
        out.push_str(line.strip_suffix("}\n").unwrap_or(line));
        // A string takes everything.
        let _ = write!(out, ",\"chain\":{{\"run\":\"{:016x}\",\"n\":{n}", self.run);
        if let Some(Place { run, n }) = self.last.filter(|last| last.run != self.run) {
            let _ = write!(out, ",\"after\":\"{run:016x}/{n}\"");
        }
        out.push_str(",\"prev\":\"");
        write_hex(&self.head, out);
        out.push('"');
        self.head = self.hasher.seal(start, out);
        out.push_str("}\n");
        self.last = Some(Place { run: self.run, n });
    }

    /// Where the chain stands, to go [back](Self::back_to) to.
    pub(super) const fn position(&self) -> (Option<Place>, Digest) {
        (self.last, self.head)
    }

    /// Takes back what was linked after `position`, but for the lines in `written`, which are whole.
    pub(super) fn back_to(&mut self, position: (Option<Place>, Digest), written: &str) {
        (self.last, self.head) = position;
        let last = written.strip_suffix('\n').and_then(|lines| lines.rsplit('\n').next());
        if let Some(link) = last.and_then(|line| Link::read(line.as_bytes())) {
            (self.last, self.head) = (Some(link.place), link.seal.hash);
        }
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Writes lower-case hexadecimal digits.
pub(super) fn write_hex(bytes: &[u8], out: &mut String) {
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// The hash behind `name` and before a quote at the end, and what is before `name`.
pub(super) fn read_digest<'l>(line: &'l [u8], name: &[u8]) -> Option<(Digest, &'l [u8])> {
    let line = line.strip_suffix(b"\"")?;
    let (rest, digits) = line.split_at_checked(line.len().checked_sub(64)?)?;
    let mut digest = NOTHING;
    for (byte, digits) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | nibble(*digit)?))?;
    }
    Some((digest, rest.strip_suffix(name)?))
}

/// The name of a run behind `name` at the end, and what is before.
fn read_run<'l>(line: &'l [u8], name: &[u8]) -> Option<(u64, &'l [u8])> {
    let (rest, digits) = line.split_at_checked(line.len().checked_sub(16)?)?;
    Some((parse_run(digits)?, rest.strip_suffix(name)?))
}

/// The name of a run: 16 lower-case hexadecimal digits.
pub(super) fn parse_run(digits: &[u8]) -> Option<u64> {
    let value = |sum: u64, digit: &u8| Some(sum << 4 | u64::from(nibble(*digit)?));
    if digits.len() == 16 { digits.iter().try_fold(0, value) } else { None }
}

/// The number from 1 behind `name` at the end, and what is before. Numbers have one spelling.
pub(super) fn read_number<'l>(line: &'l [u8], name: &[u8]) -> Option<(u64, &'l [u8])> {
    let digits = line.iter().rev().take(19).take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = line.split_at_checked(line.len() - digits)?;
    if digits.first().is_none_or(|digit| *digit == b'0') {
        return None;
    }
    let number = digits
        .iter()
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    Some((number, rest.strip_suffix(name)?))
}

fn nibble(digit: u8) -> Option<u8> {
    let value = HEX.iter().position(|hex| *hex == digit)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_they_were_written() {
        let key = AuditKey::new(b"sixteen bytes or more").unwrap();
        for key in [None, Some(&key)] {
            let before = (Place { run: 5, n: 9 }, [7; 32]);
            let mut chain = Chain::new(Hasher::new(key), 0xab);
            chain.follow(|| Some(before));
            let mut out = String::new();
            chain.link("{\"v\":1}\n", &mut out);
            let first = Link::read(out.trim_end().as_bytes()).unwrap();
            assert_eq!((first.place, first.after), (Place { run: 0xab, n: 1 }, Some(before.0)));
            assert_eq!((first.prev, first.seal.keyed), (before.1, key.is_some()));
            assert_eq!(first.seal.hash, chain.hasher().hash(&out.as_bytes()[..first.seal.covers]));
            let position = chain.position();
            let first_line = out.len();
            chain.link("{\"v\":2}\n", &mut out);
            let second = Link::read(out[first_line..].trim_end().as_bytes()).unwrap();
            assert_eq!((second.after, second.prev, second.place.n), (None, first.seal.hash, 2));
            // The second line was torn: it is written again, and is the same.
            chain.back_to(position, &out[..first_line]);
            let mut again = out[..first_line].to_owned();
            chain.link("{\"v\":2}\n", &mut again);
            assert_eq!(again, out);
        }
    }

    #[test]
    fn a_link_has_one_form() {
        let mut line = String::new();
        Chain::new(Hasher::new(None), 1).link("{\"v\":1}\n", &mut line);
        let line = line.trim_end();
        assert!(Link::read(line.as_bytes()).is_some());
        for (from, to) in [
            ("\"n\":1", "\"n\":01"),
            ("\"n\":1", "\"n\":0"),
            ("\"n\":1", "\"n\":"),
            ("\"n\":1", "\"n\":99999999999999999999"),
            ("\"n\":1", "\"n\":1 "),
            ("00\",\"hash", "0A\",\"hash"),
            ("\"hash\"", "\"hush\""),
            ("\"run\":\"0", "\"run\":\""),
            ("}}", "} }"),
        ] {
            assert!(line.contains(from));
            assert_eq!(Link::read(line.replacen(from, to, 1).as_bytes()), None, "{to}");
        }
    }
}
