//! What is written instead of a finding.

use core::fmt::Write;

use super::bytes::slice;
use super::token::{public_prefix, public_prefix_before};
use super::value::{ELLIPSIS, is_mask};
use super::{Finding, Redactor, TypeId};
use crate::buf::{Buf, Full};

/// How a finding is replaced. Detectors match none of the replacements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// A key with a public prefix keeps it, as in `sk-...XXXX`; the rest becomes `[REDACTED]`.
    #[default]
    Partial,
    /// The name of its type, as in `[EMAIL]`.
    Type,
    /// `[REDACTED]`
    Full,
}

impl Redactor {
    /// Appends `text` to `out` with its `findings`, as [`scan`](Self::scan) found them, replaced.
    ///
    /// # Errors
    /// [`Full`] when `out` is used up.
    pub fn mask(
        &self,
        text: &str,
        findings: &[Finding],
        out: &mut Buf<'_, u8>,
    ) -> Result<(), Full> {
        self.mask_part(text, 0, text.len(), findings, out)
    }

    /// The same for `text[start..end]` alone, character boundaries both: texts that were scanned
    /// joined are masked apart, a finding across their border in both.
    ///
    /// # Errors
    /// [`Full`] when `out` is used up.
    pub fn mask_part(
        &self,
        text: &str,
        start: usize,
        end: usize,
        findings: &[Finding],
        out: &mut Buf<'_, u8>,
    ) -> Result<(), Full> {
        self.pieces(text, start, end, findings, |piece| out.extend(piece.as_bytes()))
    }

    /// Hands `text[start..end]` with its findings replaced to `sink`, piece by piece.
    pub(super) fn pieces(
        &self,
        text: &str,
        start: usize,
        end: usize,
        findings: &[Finding],
        mut sink: impl FnMut(&str) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut at = start;
        let first = findings.partition_point(|finding| finding.end as usize <= start);
        for finding in findings.iter().skip(first) {
            let (from, to) = (finding.start as usize, finding.end as usize);
            if from >= end {
                break;
            }
            sink(text.get(at..from).unwrap_or(""))?;
            let value = text.get(from.max(start)..to.min(end)).unwrap_or("");
            self.replacement(value, finding.id, &mut sink)?;
            at = to;
        }
        sink(text.get(at..end).unwrap_or(""))
    }

    fn replacement(
        &self,
        value: &str,
        id: TypeId,
        sink: &mut impl FnMut(&str) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let kept = match self.style {
            Style::Partial if id.is_secret() && is_plain(value) => public_prefix(value.as_bytes()),
            _ => 0,
        };
        if kept > 0 {
            sink(value.get(..kept).unwrap_or(""))?;
            return sink(core::str::from_utf8(ELLIPSIS).unwrap_or(""));
        }
        if self.style != Style::Type {
            return sink("[REDACTED]");
        }
        let mut name = [0_u8; 48];
        let mut upper = Buf::lent(&mut name);
        for c in id.name().chars() {
            upper.write_char(c.to_ascii_uppercase()).map_err(|_| Full)?;
        }
        sink("[")?;
        sink(core::str::from_utf8(&upper).unwrap_or(""))?;
        sink("]")
    }
}

/// Whether `value` stands as itself: one in disguise has no prefix that could be kept.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%' | b'&'))
}

/// The greatest offset up to `cut` at which `text` can be cut without splitting one of the
/// replacements above. It looks at 64 bytes to either side.
pub(crate) fn outside_mask(text: &[u8], cut: usize) -> usize {
    const LONGEST: usize = 34;
    // `[NAME]`: the last bracket before the cut, and the first behind it.
    let head = slice(text, cut.saturating_sub(LONGEST), cut);
    if let Some(i) = memchr::memrchr(b'[', head) {
        let start = cut - head.len() + i;
        let tail = slice(text, cut, start + LONGEST);
        if let Some(close) = memchr::memchr(b']', tail)
            && is_mask(slice(text, start, cut + close + 1))
        {
            return start;
        }
    }
    // A prefix, and the sign that its rest is masked.
    let from = cut.saturating_sub(ELLIPSIS.len() - 1);
    let window = slice(text, from, cut + 64);
    if let Some(i) = memchr::memmem::find(window, ELLIPSIS) {
        let start = from + i - public_prefix_before(slice(text, 0, from + i));
        if start < cut {
            return start;
        }
    }
    cut
}
