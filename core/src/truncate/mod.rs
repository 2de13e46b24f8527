//! Output cut to a budget of characters, bytes, lines and tokens.
//!
//! [`truncate_text`] keeps the beginning, the end or both, and says how many bytes are missing;
//! [`truncate_json`] keeps the document parseable. The result never exceeds a limit, however small: the
//! limits come first, then validity, then the notice. No mask of [`redact`](crate::redact), no escape and
//! no grapheme is split. Worst case: linear in the limit for text, in the document for JSON.

mod grapheme;
mod json;
mod marks;
#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests;
mod text;
mod tokens;

use core::fmt::{self, Write};

use crate::buf::{Buf, Full};

pub use json::truncate_json;
pub use text::truncate_text;
#[cfg(feature = "alloc")]
pub(crate) use text::{Ends, Mask, Shown};
pub use tokens::{CountTokens, Estimate};

/// Which part is kept of an output that is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The beginning and the end; what is missing is missing in the middle.
    Ends,
    /// The beginning.
    #[default]
    Head,
    /// The end.
    Tail,
}

/// What an output may have at most; [`usize::MAX`] is no limit.
#[derive(Clone, Copy)]
pub struct Limit<'c> {
    /// Characters: Unicode scalar values.
    pub chars: usize,
    /// Bytes of UTF-8.
    pub bytes: usize,
    /// Lines; a line break at the very end begins none.
    pub lines: usize,
    /// Tokens, as `counter` counts them.
    pub tokens: usize,
    /// Which part is kept.
    pub keep: Keep,
    /// What counts the tokens.
    pub counter: &'c (dyn CountTokens + Send + Sync),
}

impl fmt::Debug for Limit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chars, bytes, lines, tokens, keep, counter: _ } = self;
        f.debug_struct("Limit")
            .field("chars", chars)
            .field("bytes", bytes)
            .field("lines", lines)
            .field("tokens", tokens)
            .field("keep", keep)
            .finish_non_exhaustive()
    }
}

impl Limit<'static> {
    /// No limit; tokens are counted by [`Estimate`].
    pub const NONE: Self = Self {
        chars: usize::MAX,
        bytes: usize::MAX,
        lines: usize::MAX,
        tokens: usize::MAX,
        keep: Keep::Head,
        counter: &Estimate,
    };

    /// At most `most` characters, of which the first are kept.
    #[must_use]
    pub const fn chars(most: usize) -> Self {
        Self { chars: most, ..Self::NONE }
    }
}

impl Limit<'_> {
    /// Whether nothing is limited.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.chars & self.bytes & self.lines & self.tokens == usize::MAX
    }

    /// Whether `text` is within every limit.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        text.len() <= self.bytes
            && (text.len() <= self.chars || text.char_indices().nth(self.chars).is_none())
            && (self.lines == usize::MAX || lines(text) <= self.lines)
            && (text.len() <= self.tokens || self.counter.head(text, self.tokens) == text.len())
    }

    /// What is left of each limit beside `text`, or none where it does not fit.
    fn without(mut self, text: &str) -> Option<Self> {
        let less = |limit: &mut usize, cost: usize| {
            if *limit != usize::MAX {
                *limit = limit.checked_sub(cost)?;
            }
            Some(())
        };
        less(&mut self.chars, characters(text.as_bytes()))?;
        less(&mut self.bytes, text.len())?;
        if self.tokens != usize::MAX {
            // What stands side by side may count one more than apart.
            less(&mut self.tokens, self.counter.count(text) + 1)?;
        }
        less(&mut self.lines, lines(text))?;
        Some(self)
    }

    /// The limits times `part` of 256.
    const fn scaled(mut self, part: usize) -> Self {
        const fn scale(limit: usize, part: usize) -> usize {
            if limit == usize::MAX { limit } else { (limit as u128 * part as u128 / 256) as usize }
        }
        self.chars = scale(self.chars, part);
        self.bytes = scale(self.bytes, part);
        self.lines = scale(self.lines, part);
        self.tokens = scale(self.tokens, part);
        self
    }
}

/// Whether `text` has at most `limit` characters.
#[must_use]
pub fn fits(text: &str, limit: usize) -> bool {
    Limit::chars(limit).fits(text)
}

fn characters(text: &[u8]) -> usize {
    // Every byte but the continuation bytes of UTF-8 begins a character.
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

fn lines(text: &str) -> usize {
    let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    breaks + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// The most characters that a notice about `bytes` bytes has.
const fn notice_length(bytes: usize) -> usize {
    let digits = match bytes.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    };
    "[...  bytes removed]".len() + digits
}

fn write_notice(bytes: usize, out: &mut Buf<'_, u8>) -> Result<(), Full> {
    write!(out, "[... {bytes} bytes removed]").map_err(|fmt::Error| Full)
}
