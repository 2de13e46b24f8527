//! Text that people do not see and models read: invisible characters, bidi controls, escape sequences of
//! terminals, control characters.
//!
//! One pass finds them. Most characters decide alone; some are part of how a language is written or an
//! emoji is put together, and stay where they are (`class` has the rules and where they are from). What is
//! kept never depends on what was taken out before it, so that stripping twice strips no more. ASCII
//! without control characters costs one look at each byte, [`may_hide`]; worst case: linear.

mod class;
mod escape;
#[cfg(feature = "alloc")]
mod json;
mod visible;

use core::ops::BitOr;

use crate::buf::{Buf, Full};
use class::{Context, Verdict};

#[cfg(feature = "alloc")]
pub(crate) use json::{Cleaning, in_json, may_hide_in_json, plain, write};
pub use visible::Visible;

/// What hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Hidden {
    /// An escape sequence of terminals (ECMA-48; hyperlinks and titles of xterm).
    Ansi = 0,
    /// A character that reorders the text around it (UAX 9).
    Bidi = 1,
    /// A control character other than tab, line feed and carriage return.
    Control = 2,
    /// A character that shows nothing (Unicode: `Default_Ignorable_Code_Point` and tags).
    Invisible = 3,
}

impl Hidden {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Ansi, Self::Bidi, Self::Control, Self::Invisible];

    /// Its name in policies and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ansi => "ansi",
            Self::Bidi => "bidi",
            Self::Control => "control",
            Self::Invisible => "invisible",
        }
    }
}

/// Some kinds of hidden text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self(0b1111);
    /// None.
    pub const NONE: Self = Self(0);

    /// Only `kind`.
    #[must_use]
    pub const fn of(kind: Hidden) -> Self {
        Self(1 << kind as u8)
    }

    /// Whether `kind` is among them.
    #[must_use]
    pub const fn contains(self, kind: Hidden) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What becomes of hidden text: some kinds are taken out, others refuse all of it; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hiding {
    /// Kinds that refuse the text.
    pub refuse: Kinds,
    /// Kinds that are taken out.
    pub strip: Kinds,
}

#[cfg(feature = "alloc")]
impl Hiding {
    /// Of each kind the stricter.
    pub(crate) fn strictest(self, other: Self) -> Self {
        let refuse = self.refuse | other.refuse;
        Self { refuse, strip: (self.strip | other.strip).without(refuse) }
    }
}

/// How often each kind was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found([u32; 4]);

impl Found {
    /// None yet.
    pub const NONE: Self = Self([0; 4]);

    pub(crate) fn add(&mut self, kind: Hidden) {
        if let Some(count) = self.0.get_mut(kind as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often `kind` was found.
    #[must_use]
    pub fn of(self, kind: Hidden) -> u32 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// The kinds that were found, and how often.
    pub fn iter(self) -> impl Iterator<Item = (Hidden, u32)> {
        let counts = Hidden::ALL.into_iter().map(move |kind| (kind, self.of(kind)));
        counts.filter(|&(_, count)| count > 0)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    /// Whether one of `kinds` was found.
    #[must_use]
    pub fn any(self, kinds: Kinds) -> bool {
        self.iter().any(|(kind, _)| kinds.contains(kind))
    }

    /// Of each kind the greater count.
    #[cfg(feature = "alloc")]
    pub(crate) fn max(self, other: Self) -> Self {
        let mut most = self;
        for (mine, theirs) in most.0.iter_mut().zip(other.0) {
            *mine = theirs.max(*mine);
        }
        most
    }

    /// Both together.
    #[cfg(feature = "alloc")]
    pub(crate) fn plus(self, other: Self) -> Self {
        let mut sum = self;
        for (mine, theirs) in sum.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
        sum
    }

    /// What was found since there was `before`.
    #[cfg(feature = "alloc")]
    pub(crate) fn since(self, before: Self) -> Self {
        let mut found = self;
        for (mine, theirs) in found.0.iter_mut().zip(before.0) {
            *mine = mine.saturating_sub(theirs);
        }
        found
    }
}

/// A piece of hidden text: bytes `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last.
    pub end: usize,
    /// What it is.
    pub kind: Hidden,
}

/// Whether text could hide anything: whether it has a byte that is neither printable ASCII nor a tab or an
/// end of a line. Made of comparisons alone, which compilers turn into vector instructions.
#[must_use]
pub fn may_hide(text: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let odd = |&byte: &u8| {
        let gap = (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
        // Below a space or above the tilde.
        (byte.wrapping_sub(b' ') > b'~' - b' ') & !gap
    };
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    blocks.iter().any(|block| block.iter().fold(false, |any, byte| any | odd(byte)))
        || rest.iter().any(odd)
}

/// The pieces of hidden text of some kinds in a text, first to last.
pub struct Find<'t> {
    text: &'t str,
    kinds: Kinds,
    /// What comes next.
    at: usize,
    context: Context<'t>,
}

/// Finds hidden text of `kinds` in `text`.
#[must_use]
pub fn find(text: &str, kinds: Kinds) -> Find<'_> {
    Find { text, kinds, at: 0, context: Context::new(text) }
}

impl Iterator for Find<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let bytes = self.text.as_bytes();
        loop {
            let rest = bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| class::is_sign(byte))?;
            let start = self.at;
            let c = self.text.get(start..)?.chars().next()?;
            let verdict = self.context.judge(c, start);
            let (kind, len) = match verdict {
                Verdict::Keep { len } => {
                    self.at = start + len;
                    continue;
                }
                Verdict::Hidden { kind, len } => (kind, len),
            };
            let end = start + len;
            self.at = end;
            if self.kinds.contains(kind) {
                self.context.remove(start, end);
                return Some(Span { start, end, kind });
            }
        }
    }
}

/// Appends `text` to `out` without its hidden text of `kinds`, and adds what was taken out to `found`.
///
/// # Errors
/// [`Full`] when `out` is used up; it may not be shown then.
pub fn strip(
    text: &str,
    kinds: Kinds,
    found: &mut Found,
    out: &mut Buf<'_, u8>,
) -> Result<(), Full> {
    let mut copied = 0;
    for Span { start, end, kind } in find(text, kinds) {
        found.add(kind);
        out.extend(text.as_bytes().get(copied..start).unwrap_or(&[]))?;
        copied = end;
    }
    out.extend(text.as_bytes().get(copied..).unwrap_or(&[]))
}

#[cfg(test)]
mod tests;
