//! Patterns over names: `*` is any run of characters, `?` is one character, all else is itself.
//!
//! A pattern covers the whole text. There are no classes and no escapes: [`check`] refuses the
//! bytes that would mean them elsewhere, because a deny pattern that silently means something else
//! denies nothing. Matching keeps one position to go back to, the last `*`, so it needs no
//! recursion and no memory. Worst case: each byte of the text is compared at most once for each
//! byte of the pattern, which is linear in the text for patterns of at most [`MAX_PATTERN`] bytes.

use core::fmt;

/// Most bytes of a pattern that [`check`] accepts.
pub const MAX_PATTERN: usize = 256;

/// Whether ASCII letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `a` and `A` differ: for patterns that allow.
    Exact,
    /// `a` and `A` are the same: for patterns that deny.
    Fold,
}

impl Case {
    /// The byte that stands for `byte` and all its equals.
    #[inline]
    pub(crate) const fn key(self, byte: u8) -> u8 {
        match self {
            Self::Exact => byte,
            Self::Fold => byte.to_ascii_lowercase(),
        }
    }

    #[inline]
    #[cfg(feature = "alloc")]
    pub(crate) fn same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Exact => one == other,
            Self::Fold => one.eq_ignore_ascii_case(other),
        }
    }
}

/// Why a pattern is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GlobError {
    /// It is empty and would match nothing.
    Empty,
    /// It has more than [`MAX_PATTERN`] bytes.
    TooLong,
    /// One of `[ ] { } \`, which mean classes, alternatives or escapes elsewhere and nothing here.
    Unsupported {
        /// Byte offset of the character.
        offset: usize,
    },
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty pattern matches nothing"),
            Self::TooLong => write!(f, "a pattern has at most {MAX_PATTERN} bytes"),
            Self::Unsupported { offset } => write!(
                f,
                "a pattern knows only * and ?, no classes, alternatives or escapes (byte {offset})"
            ),
        }
    }
}

impl core::error::Error for GlobError {}

/// Tells whether `pattern` may stand in a policy.
///
/// # Errors
/// The first fault, see [`GlobError`].
pub const fn check(pattern: &str) -> Result<(), GlobError> {
    let mut rest = pattern.as_bytes();
    if rest.is_empty() {
        return Err(GlobError::Empty);
    }
    if rest.len() > MAX_PATTERN {
        return Err(GlobError::TooLong);
    }
    while let [byte, after @ ..] = rest {
        if matches!(byte, b'[' | b']' | b'{' | b'}' | b'\\') {
            return Err(GlobError::Unsupported { offset: pattern.len() - rest.len() });
        }
        rest = after;
    }
    Ok(())
}

/// Whether `pattern` covers the whole of `text`.
#[must_use]
pub fn matches(pattern: &str, text: &str, case: Case) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last `*`, which then swallows one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, t));
            }
            // A `*` may have stopped inside a character; `?` never begins there.
            Some(b'?') if !is_continuation(byte) => {
                p += 1;
                t += character_length(byte);
            }
            Some(&wanted) if wanted != b'?' && case.key(wanted) == case.key(byte) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((behind, swallowed)) = retry else {
                    return false;
                };
                p = behind;
                t = swallowed + 1;
                retry = Some((behind, t));
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The length of the UTF-8 sequence that `first` begins.
const fn character_length(first: u8) -> usize {
    match first {
        0..=0xbf => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The definition itself, by recursion over characters.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                oracle(rest, text) || !text.is_empty() && oracle(pattern, &text[1..])
            }
            (['?', rest @ ..], [_, text @ ..]) => oracle(rest, text),
            ([p, rest @ ..], [t, text @ ..]) => p == t && oracle(rest, text),
            _ => false,
        }
    }

    #[test]
    fn a_pattern_covers_the_whole_text() {
        for (pattern, text, expected) in [
            ("read_*", "read_file", true),
            ("read_*", "read_", true),
            ("read_*", "bread_file", false),
            ("*_production", "deploy_production", true),
            ("*_production", "deploy_production_2", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "a\u{e9}c", true),
            ("?", "\u{1f600}", true),
            ("??", "\u{1f600}", false),
            ("*?", "\u{e9}", true),
            ("*?\u{e9}", "\u{e9}", false),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
            ("*.*/*", "a.b/c\nd", true),
            ("[ab]", "a", false),
            ("delete_*", "d\u{435}lete_x", false),
        ] {
            assert_eq!(matches(pattern, text, Case::Exact), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn only_folding_ignores_ascii_case() {
        assert!(matches("delete_*", "DELETE_all", Case::Fold));
        assert!(matches("Delete_*", "dELETE_all", Case::Fold));
        assert!(!matches("delete_*", "DELETE_all", Case::Exact));
        assert!(!matches("\u{e9}", "\u{c9}", Case::Fold), "only ASCII folds");
    }

    #[test]
    fn what_other_globs_know_is_refused() {
        assert_eq!(check("read_*"), Ok(()));
        assert_eq!(check(""), Err(GlobError::Empty));
        assert_eq!(check(&"a".repeat(256)), Ok(()));
        assert_eq!(check(&"a".repeat(257)), Err(GlobError::TooLong));
        for pattern in ["ab[cd]", "ab]", "ab{c,d}", "ab}", "ab\\*"] {
            assert_eq!(check(pattern), Err(GlobError::Unsupported { offset: 2 }), "{pattern}");
        }
    }

    #[test]
    fn the_worst_pattern_stays_within_its_bound() {
        let pattern = "*a".repeat(127) + "b";
        let text = "a".repeat(1 << 20);
        assert!(!matches(&pattern, &text, Case::Fold));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab?*\u{e9}\u{1f600}]{0,8}", text in "[ab\u{e9}\u{e8}\u{1f600}]{0,8}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                matches(&pattern, &text, Case::Exact),
                oracle(&chars(&pattern), &chars(&text))
            );
        }

        #[test]
        fn folding_equals_matching_lower_case(pattern in "[abAB?*]{0,8}", text in "[abAB]{0,8}") {
            let (lower_pattern, lower_text): (String, String) =
                (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
            prop_assert_eq!(
                matches(&pattern, &text, Case::Fold),
                matches(&lower_pattern, &lower_text, Case::Exact)
            );
        }
    }
}
