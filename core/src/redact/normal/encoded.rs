//! Text in base64 (RFC 4648), one level deep.
//!
//! A run of its alphabet, 24 characters or more, whose first bytes are text when decoded is read by the
//! detectors; where they find something the whole run is masked, since no part of it is of use without
//! the rest. What is not text, as images and hashes are not, is refused after nine bytes. The first
//! 4 KiB decide.

use super::super::TypeId;
use super::super::bytes::{Set, decode64, run, slice};
use super::super::scan::Scan;
use super::super::value::{is_mask_right, is_masked_left};
use super::Pass;
use crate::buf::Full;

/// Both alphabets.
const CODE: Set = Set::new(b"0-9A-Za-z+/_-");
/// How many characters are decoded at a time, and how many of them are read again.
const PIECE: usize = 2048;
const OVERLAP: usize = 256;
/// How many characters decide.
const MOST: usize = 4096;

impl Pass<'_, '_, '_> {
    /// Looks at the run that begins at `start`.
    #[inline(never)]
    pub(super) fn encoded(&mut self, start: usize) -> Result<(), Full> {
        let text = self.text;
        if !is_text(decode64(slice(text, start, start + 12), &mut [0; 9])) {
            return Ok(());
        }
        let mut end = run(text, start, CODE);
        // The hyphens before a block of key material are none of it.
        if let Some(i) = memchr::memmem::find(slice(text, start, end), b"-----") {
            end = start + i;
        }
        // Beside a mask it is what is left of another run, as far as its end is in view.
        if is_masked_left(text, start) || end < start + MOST && is_mask_right(text, end) {
            return Ok(());
        }
        let (begin, most) = (self.found.len(), end.min(start + MOST));
        let mut id: Option<TypeId> = None;
        let mut at = start;
        loop {
            let mut decoded = [0; PIECE / 4 * 3];
            let piece = decode64(slice(text, at, most.min(at + PIECE)), &mut decoded);
            let plain = match core::str::from_utf8(piece) {
                Ok(plain) if is_text(piece) => plain,
                _ => break,
            };
            Scan::new(plain, self.key, self.types, self.found)?.run()?;
            let best = self.found.get(begin..).and_then(|found| {
                found.iter().max_by_key(|found| (found.id.is_secret(), found.end - found.start))
            });
            id = best.map(|found| found.id);
            if id.is_some() || at + PIECE >= most {
                break;
            }
            at += PIECE - OVERLAP;
        }
        self.found.truncate(begin);
        if let Some(id) = id {
            const PADDING: Set = Set::new(b"=");
            end = run(slice(text, 0, end + 2), end, PADDING);
            self.push(id, start, end)?;
        }
        Ok(())
    }
}

/// Whether `bytes` are ASCII that people read.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
}
