//! Key material in blocks: PEM and OpenPGP private keys, PuTTY key files.
//!
//! A block is masked whole, from its BEGIN to its END, whether its lines end in line breaks or in the
//! two characters `\n`; without an END to the end of the text, for the rest of a cut block is still
//! the key. Worst case: one search for the END a block; a block without one ends the scan.

use super::bytes::{Set, contains, run, slice};

/// The block whose `-----BEGIN ` ends the row of hyphens at `row`, when it is a private key (RFC 7468,
/// RFC 4880).
pub(super) fn armoured(text: &[u8], row: usize) -> Option<(usize, usize)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const DASHES: &[u8] = b"-----";
    const HYPHEN: Set = Set::new(b"-");
    let at = run(text, row, HYPHEN).checked_sub(DASHES.len())?;
    let rest = text.get(at.max(row)..)?.strip_prefix(BEGIN)?;
    let label = slice(rest, 0, 64);
    let label = label.get(..memchr::memchr2(b'-', b'\n', label).unwrap_or(label.len()))?;
    if !contains(label, b"PRIVATE KEY") {
        return None;
    }
    let body = at + BEGIN.len() + label.len();
    let Some(end) = memchr::memmem::find(text.get(body..)?, b"-----END") else {
        return Some((at, text.len()));
    };
    let after = body + end + DASHES.len();
    let close = memchr::memmem::find(slice(text, after, after + 96), DASHES);
    Some((at, close.map_or(after + 3, |close| after + close + DASHES.len())))
}

/// The end of the PuTTY key file (its documentation, appendix C) whose header is at `at`.
pub(super) fn putty(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if !rest.starts_with(b"PuTTY-User-Key-File-") {
        return None;
    }
    let Some(mac) = memchr::memmem::find(rest, b"Private-MAC:") else {
        return Some(text.len());
    };
    let tail = rest.get(mac..).unwrap_or(&[]);
    Some(at + mac + memchr::memchr(b'\n', tail).unwrap_or(tail.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_their_end_or_with_the_text() {
        let whole = "-----BEGIN RSA PRIVATE KEY-----\nQUJD\n-----END RSA PRIVATE KEY-----";
        let text = std::format!("{whole}\nrest");
        assert_eq!(armoured(text.as_bytes(), 0), Some((0, whole.len())));
        let line = whole.replace('\n', "\\n");
        assert_eq!(armoured(line.as_bytes(), 0), Some((0, line.len())));
        let cut = "-----BEGIN PRIVATE KEY-----\nQUJD";
        assert_eq!(armoured(cut.as_bytes(), 0), Some((0, cut.len())));
        assert_eq!(armoured(b"-----BEGIN CERTIFICATE-----\nQUJD", 0), None);
        assert_eq!(armoured(b"-----BEGIN ", 0), None);
    }
}
