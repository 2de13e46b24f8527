//! What is written instead of a finding.
//!
//! A [`Style`] says how; each type may have its own. What identifies a value to its reader alone, a keyed
//! hash or a number of its own, comes from outside: [`KeyedHash`] from whoever holds the key,
//! [`Pseudonyms`] from whoever knows how long a number stays the same. Worst case: linear in the value.

use core::fmt::{self, Write};

use super::allow::Allow;
use super::bytes::{before, byte, slice};
use super::pseudonym::Pseudonyms;
#[cfg(feature = "alloc")]
use super::stream::Piece;
use super::token::{public_prefix, public_prefix_before};
use super::value::{ELLIPSIS, is_mask};
use super::{Finding, Redactor, TypeId, Types};
use crate::buf::{Buf, Full};

/// How a finding is replaced. Detectors match none of the replacements but those of
/// [`Partial`](Self::Partial) and [`Shape`](Self::Shape), which show something of the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// A key with a public prefix keeps it, as in `sk-...XXXX`; the rest becomes `[REDACTED]`.
    #[default]
    Default,
    /// `[REDACTED]`
    Full,
    /// The type's name and a keyed hash, as in `[EMAIL_KFBPMDOHCNAE]`: equal values have
    /// equal masks, and who lacks the key cannot try values out. Without a [`KeyedHash`] as
    /// [`Type`](Self::Type).
    Hash,
    /// The public prefix and the last four characters, as in `sk-...9xYz`; `j***@acme.io`. Values that
    /// are short or above 4 KiB, passwords and key files become `[REDACTED]`.
    Partial,
    /// The type's name and a number, as in `[EMAIL_1]`: equal values have equal numbers. Without
    /// [`Pseudonyms`] to number them as [`Type`](Self::Type). Here and in a hash, 4 KiB of a value count.
    Pseudonym,
    /// Nothing for personal data between blanks. `[REMOVED]` for a secret, and for what touches
    /// something else: what follows would be taken for its value, or two values for one.
    Remove,
    /// As many characters of the same classes: `000-00-0000`, `xxx@xxxx.xx`. A public prefix stays.
    /// Above 4 KiB as [`Full`](Self::Full).
    Shape,
    /// The name of its type, as in `[EMAIL]`.
    Type,
}

impl Style {
    /// The styles by the words that policies and the command line have for them.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("default", Self::Default),
        ("full", Self::Full),
        ("hash", Self::Hash),
        ("partial", Self::Partial),
        ("pseudonym", Self::Pseudonym),
        ("remove", Self::Remove),
        ("shape", Self::Shape),
        ("type", Self::Type),
    ];

    /// The style called `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|&(_, style)| style)
    }
}

/// A keyed one-way function, such as HMAC-SHA-256 (RFC 2104) under a key that its holder keeps to
/// itself. There is no unkeyed one: whoever may try all telephone numbers finds the one behind a hash.
pub trait KeyedHash {
    /// The first 48 bits of the hash of `value`.
    fn digest(&self, value: &[u8]) -> [u8; 6];
}

/// The masks of a [`Redactor`]: one style for all types, and other ones for some.
#[derive(Clone, Copy, Default)]
pub struct Masks<'a> {
    /// For types that [`by_type`](Self::by_type) does not name.
    pub style: Style,
    /// The last entry that has a type decides.
    pub by_type: &'a [(Types, Style)],
    /// What [`Style::Hash`] writes.
    pub hash: Option<&'a (dyn KeyedHash + Send + Sync)>,
}

impl fmt::Debug for Masks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { style, by_type, hash: _ } = self;
        f.debug_struct("Masks")
            .field("style", style)
            .field("by_type", by_type)
            .finish_non_exhaustive()
    }
}

impl Masks<'_> {
    /// One style for all types.
    #[must_use]
    pub const fn of(style: Style) -> Self {
        Self { style, by_type: &[], hash: None }
    }

    fn style(&self, id: TypeId) -> Style {
        let own = self.by_type.iter().rev().find(|(types, _)| types.contains(id));
        own.map_or(self.style, |&(_, style)| style)
    }

    /// Whether the masks of all `findings` keep the shape of what they stand for.
    pub(super) fn keep_shape(&self, findings: &[Finding]) -> bool {
        findings.iter().all(|finding| self.style(finding.id) == Style::Shape)
    }
}

/// Fewest characters of a value of which the last four may be shown.
const LEAST_SHOWN: usize = 9;
/// How many of the last characters [`Style::Partial`] shows.
const SHOWN: usize = 4;

impl<'a> Redactor<'a> {
    /// The same with these masks.
    #[must_use]
    pub const fn with_masks(mut self, masks: Masks<'a>) -> Self {
        self.masks = masks;
        self
    }

    /// The same but for what `allow` lists.
    #[must_use]
    pub const fn with_allowed(mut self, allow: Allow<'a>) -> Self {
        self.allow = allow;
        self
    }

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
        self.pieces(text, (start, end), findings, &mut Pseudonyms::none(), |piece| {
            out.extend(piece.as_bytes())
        })
    }

    /// [`mask`](Self::mask) with numbers from `names`, which remembers the values that it numbered.
    ///
    /// # Errors
    /// [`Full`] when `out` is used up.
    pub fn mask_numbered(
        &self,
        text: &str,
        findings: &[Finding],
        names: &mut Pseudonyms<'_>,
        out: &mut Buf<'_, u8>,
    ) -> Result<(), Full> {
        self.pieces(text, (0, text.len()), findings, names, |piece| out.extend(piece.as_bytes()))
    }

    /// Hands `text` with its findings replaced to `sink` as a [`Stream`](super::Stream) does.
    #[cfg(feature = "alloc")]
    pub(crate) fn pieces_of(
        &self,
        text: &str,
        findings: &[Finding],
        names: &mut Pseudonyms<'_>,
        mut sink: impl FnMut(Piece<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut at = 0;
        for found in findings {
            let (start, end) = (found.start as usize, found.end as usize);
            sink(Piece::Text(text.get(at..start).unwrap_or("")))?;
            let value = Original::new(text, start, end);
            let id = found.id;
            self.replacement(value, id, names, &mut |mask| {
                sink(Piece::Mask { text: mask, stands_for: 0, id })
            })?;
            sink(Piece::Mask { text: "", stands_for: end - start, id })?;
            at = end;
        }
        sink(Piece::Text(text.get(at..).unwrap_or("")))
    }

    /// Hands `text[start..end]` with its findings replaced to `sink`, piece by piece.
    pub(super) fn pieces(
        &self,
        text: &str,
        (start, end): (usize, usize),
        findings: &[Finding],
        names: &mut Pseudonyms<'_>,
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
            let value = Original::new(text, from.max(start), to.min(end));
            self.replacement(value, finding.id, names, &mut sink)?;
            at = to;
        }
        sink(text.get(at..end).unwrap_or(""))
    }

    /// Hands what stands for `value` to `sink`.
    pub(super) fn replacement(
        &self,
        value: Original<'_>,
        id: TypeId,
        names: &mut Pseudonyms<'_>,
        sink: &mut impl FnMut(&str) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let style = self.masks.style(id);
        let Original { text: value, len, parted } = value;
        if len > LONGEST && matches!(style, Style::Partial | Style::Shape) {
            return sink(REDACTED);
        }
        match style {
            Style::Default => match prefix(value, id) {
                "" => sink(REDACTED),
                kept => {
                    sink(kept)?;
                    sink(core::str::from_utf8(ELLIPSIS).unwrap_or(""))
                }
            },
            Style::Full => sink(REDACTED),
            Style::Hash => match self.masks.hash {
                Some(hash) => Label::new(id).letters(hash.digest(head(value))).write(sink),
                None => Label::new(id).write(sink),
            },
            Style::Partial => partial(value, id, sink),
            Style::Pseudonym => match names.number(id, head(value)) {
                Some(number) => Label::new(id).number(number).write(sink),
                None => Label::new(id).write(sink),
            },
            Style::Remove => sink(if parted && !id.is_secret() { "" } else { "[REMOVED]" }),
            Style::Shape => shape(value, id, sink),
            Style::Type => Label::new(id).write(sink),
        }
    }
}

const REDACTED: &str = "[REDACTED]";

/// What is masked.
pub(super) struct Original<'t> {
    /// Its text; of a long one at least the first [`LONGEST`] bytes.
    pub(super) text: &'t str,
    /// Its length in bytes.
    pub(super) len: usize,
    /// Whether blanks or borders of the text stand on both sides of it.
    pub(super) parted: bool,
}

impl<'t> Original<'t> {
    /// The value at `start..end` of `text`.
    pub(super) fn new(text: &'t str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let blank = |byte: u8| byte == 0 || byte.is_ascii_whitespace();
        Self {
            text: text.get(start..end).unwrap_or(""),
            len: end - start,
            parted: blank(before(bytes, start)) && blank(byte(bytes, end)),
        }
    }
}

/// What distinguishes a value, and what may show something of it, is within so many bytes: a stream does
/// not keep more of it.
const LONGEST: usize = 4096;

fn head(value: &str) -> &[u8] {
    slice(value.as_bytes(), 0, LONGEST)
}

/// The public prefix of a secret.
fn prefix(value: &str, id: TypeId) -> &str {
    let plain = id.is_secret() && is_plain(head(value));
    let kept = if plain { public_prefix(value.as_bytes()) } else { 0 };
    value.get(..kept).unwrap_or("")
}

fn partial(
    value: &str,
    id: TypeId,
    sink: &mut impl FnMut(&str) -> Result<(), Full>,
) -> Result<(), Full> {
    if id == TypeId::EMAIL
        && let Some((local, domain)) = value.rsplit_once('@')
    {
        let mut letters = local.chars();
        let first = letters.next().filter(|_| letters.next().is_some());
        sink(first.map_or("", |c| local.get(..c.len_utf8()).unwrap_or("")))?;
        sink("***@")?;
        return sink(domain);
    }
    let whole = matches!(id, TypeId::PASSWORD | TypeId::URL_PASSWORD | TypeId::PRIVATE_KEY);
    let kept = prefix(value, id);
    let body = value.get(kept.len()..).unwrap_or("");
    let tail = body.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
    let tail = body.get(tail..).unwrap_or("");
    // Of what is no run of letters and digits, a word may be shown.
    if whole
        || body.chars().take(LEAST_SHOWN).count() < LEAST_SHOWN
        || !tail.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return sink(REDACTED);
    }
    sink(kept)?;
    sink("...")?;
    sink(tail)
}

/// Writes a digit for each digit and a letter for each letter; other signs stay.
fn shape(
    value: &str,
    id: TypeId,
    sink: &mut impl FnMut(&str) -> Result<(), Full>,
) -> Result<(), Full> {
    let kept = prefix(value, id);
    sink(kept)?;
    let mut utf8 = [0; 4];
    value.get(kept.len()..).unwrap_or("").chars().try_for_each(|c| {
        sink(match c {
            '0'..='9' => "0",
            'A'..='Z' => "X",
            c if c.is_ascii() && !c.is_ascii_alphabetic() => c.encode_utf8(&mut utf8),
            _ => "x",
        })
    })
}

/// The longest of our labels.
pub(super) const LONGEST_MASK: usize = 40;

/// `[EMAIL]`, `[EMAIL_1]` or `[EMAIL_KFBPMDOHCNAE]` in the making.
struct Label {
    bytes: [u8; Self::LONGEST],
    len: usize,
}

impl Label {
    const LONGEST: usize = LONGEST_MASK;

    fn new(id: TypeId) -> Self {
        let mut label = Self { bytes: [0; Self::LONGEST], len: 0 };
        label.push(b'[');
        id.name().bytes().for_each(|byte| label.push(byte.to_ascii_uppercase()));
        label
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn number(mut self, number: u32) -> Self {
        // A label has room for it: names are shorter than 24 bytes.
        let _ = write!(self, "_{number}");
        self
    }

    /// A letter for each four bits: with digits it could look like one of the numbers that it hides.
    fn letters(mut self, digest: [u8; 6]) -> Self {
        self.push(b'_');
        for byte in digest {
            self.push(b'A' + (byte >> 4));
            self.push(b'A' + (byte & 15));
        }
        self
    }

    fn write(mut self, sink: &mut impl FnMut(&str) -> Result<(), Full>) -> Result<(), Full> {
        self.push(b']');
        sink(core::str::from_utf8(slice(&self.bytes, 0, self.len)).unwrap_or(REDACTED))
    }
}

impl Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// Whether `value` stands as itself: one in disguise has no prefix that could be kept.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%' | b'&'))
}

/// The greatest offset up to `cut` at which `text` can be cut without splitting one of the
/// replacements above. It looks at 64 bytes to either side.
pub(crate) fn outside_mask(text: &[u8], cut: usize) -> usize {
    const LONGEST: usize = Label::LONGEST;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leaves_room_for_a_hash() {
        for id in TypeId::all() {
            // The longest that detectors know for a mask of ours.
            assert!("[_]".len() + id.name().len() + 12 <= Label::LONGEST, "{}", id.id());
        }
    }
}
