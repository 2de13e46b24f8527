//! Secrets and personal data in text and JSON: found in one pass, then masked.
//!
//! ```text
//! text ─ words, digits, `@` `:` `=` `+` …  ─▶ candidates ─ format, check digits, words near ─▶ findings ─▶ mask
//!        scan                                 token · identifier · network · assign · material
//! ```
//!
//! Detectors are rows of tables where a fixed beginning (`token`) or a fixed shape (`identifier`)
//! tells (the rows are in `tokens` and `identifiers`), and functions where it does not. No allocation, no regular expression. Each decides within
//! 4.75 KiB after its anchor; a value that is still open there is masked up to its terminator. Work is
//! linear in the text: an anchor costs a bounded look around it, and what was once masked as a value
//! is not searched for values again.

mod allow;
mod anchors;
mod assign;
mod bytes;
mod checksum;
mod command;
mod context;
mod detectors;
mod drawn;
mod identifier;
mod identifiers;
mod json;
mod key;
mod manifest;
mod mask;
mod material;
mod merge;
mod network;
mod normal;
mod pair;
mod path;
mod place;
mod prose;
mod pseudonym;
mod scan;
mod shape;
mod stream;
mod table;
mod token;
mod tokens;
mod types;
mod value;
mod verify;

pub use allow::{Allow, AllowEntry, AllowError, AllowList};
pub use detectors::Detector;
pub use json::Work;
pub(crate) use mask::outside_mask;
pub use mask::{KeyedHash, Masks, Style};
#[cfg(feature = "alloc")]
pub(crate) use material::end_of_headless_key;
pub use pseudonym::{Pseudonyms, Record};
pub use stream::{HELD, Piece, Stream, WINDOW};
pub use types::{Counts, TypeId, Types, UnknownType};

use crate::buf::{Buf, Full};

/// A range of text that must not be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
    /// What it is.
    pub id: TypeId,
}

/// Which types are looked for, and what is put in their place.
#[derive(Clone, Copy, Debug)]
pub struct Redactor<'a> {
    types: Types,
    masks: Masks<'a>,
    allow: Allow<'a>,
}

impl<'a> Redactor<'a> {
    /// A redactor for `types`, all of them masked in one style, that allows no value.
    #[must_use]
    pub const fn new(types: Types, style: Style) -> Self {
        let allow = Allow { pool: &[], entries: &[] };
        Self { types, masks: Masks::of(style), allow }
    }

    /// Finds what must not be shown in `text`: sorted, disjoint, on character boundaries. `findings`
    /// is cleared first; while the scan runs it also holds candidates that overlap, so lent storage
    /// needs room for those.
    ///
    /// # Errors
    /// [`Full`] when `findings` is used up or `text` exceeds 4 GiB; nothing of the text may be shown
    /// then.
    pub fn scan(&self, text: &str, findings: &mut Buf<'_, Finding>) -> Result<(), Full> {
        self.scan_under("", text, findings)
    }

    /// The same for the value of a field called `key`, which counts as a word beside the value.
    fn scan_under(
        &self,
        key: &str,
        text: &str,
        findings: &mut Buf<'_, Finding>,
    ) -> Result<(), Full> {
        findings.clear();
        if self.types.is_empty() {
            return Ok(());
        }
        let key = key.as_bytes();
        scan::Scan::new(text, key, self.types, findings)?.run()?;
        let (mut state, view) = (normal::State::new(), normal::View::WHOLE);
        normal::scan(text, key, self.types, &mut state, view, findings)?;
        self.settle(text, findings);
        Ok(())
    }

    /// Takes out what is allowed and joins what overlaps.
    fn settle(&self, text: &str, findings: &mut Buf<'_, Finding>) {
        self.take_allowed(text, 0, findings);
        merge::merge(text, findings);
    }

    /// Takes out what is allowed of what was found after the first `first`.
    fn take_allowed(&self, text: &str, first: usize, findings: &mut Buf<'_, Finding>) {
        if self.allow.is_empty() {
            return;
        }
        let mut kept = first;
        for at in first..findings.len() {
            let Some(&found) = findings.get(at) else { break };
            let value = bytes::slice(text.as_bytes(), found.start as usize, found.end as usize);
            if !self.allow.permits(found.id, value)
                && let Some(slot) = findings.get_mut(kept)
            {
                *slot = found;
                kept += 1;
            }
        }
        findings.truncate(kept);
    }
}

#[cfg(test)]
mod everyday;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;
