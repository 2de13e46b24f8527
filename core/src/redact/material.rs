//! Key material in blocks: PEM and OpenPGP private keys, PuTTY key files.
//!
//! A block is masked whole, from its BEGIN to its END, whether its lines end in line breaks or in the
//! two characters `\n`; without an END to the end of the text, for the rest of a cut block is still
//! the key. Worst case: one search for the END a block; a block without one ends the scan.

use super::bytes::{BASE64, Set, contains, looked_at, run, slice};
use super::value::{holds_mask, is_mask_right};

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
    if !contains(label, b"PRIVATE KEY") || holds_mask(label) {
        return None;
    }
    let body = at + BEGIN.len() + label.len();
    if is_mentioned(text, body + DASHES.len()) {
        return None;
    }
    let Some(end) = memchr::memmem::find(text.get(body..)?, b"-----END") else {
        looked_at(text.len() - body);
        return Some((at, text.len()));
    };
    looked_at(end);
    let after = body + end + DASHES.len();
    let close = memchr::memmem::find(slice(text, after, after + 96), DASHES);
    Some((at, close.map_or(after + 3, |close| after + close + DASHES.len())))
}

/// Whether the header that ends at `at` is only spoken of: a quote closes behind it, and no line of a key
/// follows.
fn is_mentioned(text: &[u8], at: usize) -> bool {
    const LINE: usize = 32;
    let near = slice(text, at, at + 160);
    // Behind a mask it may have been further away.
    let masked = memchr::memchr_iter(b'[', near).find(|&i| is_mask_right(near, i));
    let near = slice(near, 0, masked.unwrap_or(near.len()));
    matches!(near.first(), Some(b'"' | b'\'' | b'`'))
        && !near.windows(LINE).any(|part| part.iter().all(|&byte| BASE64.has(byte)))
}

/// The end of the PuTTY key file (its documentation, appendix C) whose header is at `at`.
pub(super) fn putty(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if !rest.starts_with(b"PuTTY-User-Key-File-") {
        return None;
    }
    let Some(mac) = memchr::memmem::find(rest, b"Private-MAC:") else {
        looked_at(rest.len());
        return Some(text.len());
    };
    looked_at(mac);
    Some(mac_end(text, at + mac))
}

/// Where the line ends that ends a PuTTY key file and begins at `at`. It has 77 bytes at most.
fn mac_end(text: &[u8], at: usize) -> usize {
    let line = slice(text, at, at + 128);
    at + memchr::memchr(b'\n', line).unwrap_or(line.len())
}

/// The end of a private key that begins before `text`: up to there everything may be a part of it. 0 when
/// there is none.
#[cfg(feature = "alloc")]
pub(crate) fn end_of_headless_key(text: &[u8]) -> usize {
    const END: &[u8] = b"-----END ";
    let mut end = 0;
    let begin = memchr::memmem::find(text, b"-----BEGIN ").unwrap_or(text.len());
    for at in memchr::memmem::find_iter(slice(text, 0, begin), END) {
        let label = slice(text, at + END.len(), at + END.len() + 64);
        let len = memchr::memmem::find(label, b"-----").unwrap_or(0);
        if contains(slice(label, 0, len), b"PRIVATE KEY") {
            end = at + END.len() + len + b"-----".len();
        }
    }
    let header = memchr::memmem::find(text, b"PuTTY-User-Key-File-").unwrap_or(text.len());
    if let Some(mac) = memchr::memmem::find(slice(text, 0, header), b"Private-MAC:") {
        end = end.max(mac_end(text, mac));
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "alloc")]
    fn a_key_that_began_before_ends_where_it_ends() {
        let text = b"QUJD\n-----END RSA PRIVATE KEY-----\nrest";
        assert_eq!(end_of_headless_key(text), text.len() - 5);
        assert_eq!(end_of_headless_key(b"QUJD\n-----END CERTIFICATE-----\n"), 0);
        let whole = b"-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n";
        assert_eq!(end_of_headless_key(whole), 0);
        assert_eq!(end_of_headless_key(b"AAAA\nPrivate-MAC: 00ff\nrest"), 22);
    }

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
        assert_eq!(armoured(b"-----BEGIN PRIVATE KEY-----\"\nfn next() {}", 0), None, "spoken of");
        let line = "QUJD".repeat(16);
        let parted = std::format!("-----BEGIN PRIVATE KEY-----\" +\n  \"{line}\" +\n  \"{line}\"");
        assert!(armoured(parted.as_bytes(), 0).is_some(), "a key in pieces");
    }
}
