//! Where text may be cut without cutting a character as a reader sees it.
//!
//! The rules of UAX 29 for extended grapheme clusters, but for two: a sign that prepends (GB9b) and the
//! joined consonants of Indic scripts (GB9c) may be parted from what follows. Worst case: a pile of more
//! than [`MOST`] characters is cut all the same.

use super::marks::MARKS;

/// Longest cluster that is kept whole, in characters.
const MOST: usize = 32;

/// The last offset up to `at` at which `text` may be cut; `at` is on a character.
pub(super) fn before(text: &str, at: usize) -> usize {
    let mut cut = at;
    for _ in 0..MOST {
        let (head, tail) = text.split_at_checked(cut).unwrap_or((text, ""));
        match head.chars().next_back() {
            Some(last) if joins(head, tail) => cut -= last.len_utf8(),
            _ => return cut,
        }
    }
    at
}

/// The first offset from `at` on at which `text` may be cut; `at` is on a character.
pub(super) fn after(text: &str, at: usize) -> usize {
    let mut cut = at;
    for _ in 0..MOST {
        let (head, tail) = text.split_at_checked(cut).unwrap_or((text, ""));
        match tail.chars().next() {
            Some(first) if joins(head, tail) => cut += first.len_utf8(),
            _ => return cut,
        }
    }
    at
}

/// Whether the last character of `head` and the first of `tail` are one to the reader.
fn joins(head: &str, tail: &str) -> bool {
    let (Some(last), Some(first)) = (head.chars().next_back(), tail.chars().next()) else {
        return false;
    };
    if last < '\u{300}' && first < '\u{300}' {
        return (last, first) == ('\r', '\n');
    }
    is_mark(first) && !last.is_control()
        || last == '\u{200d}' && is_pictograph(first)
        || hangul(last, first)
        || is_regional(first)
            && head.chars().rev().take(MOST).take_while(|&c| is_regional(c)).count() % 2 == 1
}

fn is_mark(c: char) -> bool {
    let c = u32::from(c);
    let at = MARKS.partition_point(|&(_, last)| last < c);
    MARKS.get(at).is_some_and(|&(first, _)| first <= c)
}

/// Half of a flag.
const fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// The blocks that emoji are in.
const fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}'..='\u{303d}' | '\u{1f000}'..='\u{1faff}')
}

/// Syllables of Hangul (UAX 29, GB6 to GB8).
const fn hangul(last: char, first: char) -> bool {
    let (last, first) = (last as u32, first as u32);
    let syllable = matches!(last, 0xac00..=0xd7a3);
    let open = syllable && (last - 0xac00).is_multiple_of(28);
    match first {
        // Leading consonants, and whole syllables behind them.
        0x1100..=0x115f | 0xa960..=0xa97c | 0xac00..=0xd7a3 => {
            matches!(last, 0x1100..=0x115f | 0xa960..=0xa97c)
        }
        // Vowels.
        0x1160..=0x11a7 | 0xd7b0..=0xd7c6 => {
            open || matches!(last, 0x1100..=0x11a7 | 0xa960..=0xa97c | 0xd7b0..=0xd7c6)
        }
        // Final consonants.
        0x11a8..=0x11ff | 0xd7cb..=0xd7fb => {
            syllable || matches!(last, 0x1160..=0x11ff | 0xd7b0..=0xd7fb)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_whole() {
        for cluster in [
            "e\u{301}",
            "\r\n",
            "👩\u{200d}👩\u{200d}👧",
            "👍🏽",
            "🇩🇪",
            "1\u{fe0f}\u{20e3}",
            "\u{1112}\u{1161}\u{11ab}",
            "각\u{11a8}",
            "नि",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
        ] {
            let text = std::format!("a{cluster}b");
            for (at, _) in text.char_indices().skip(2).filter(|&(at, _)| at < text.len() - 1) {
                assert_eq!(before(&text, at), 1, "{cluster:?} at {at}");
                assert_eq!(after(&text, at), text.len() - 1, "{cluster:?} at {at}");
            }
            assert_eq!((before(&text, 1), after(&text, 1)), (1, 1), "{cluster:?}");
        }
        assert_eq!(before("🇩🇪🇫🇷", 8), 8, "between two flags");
        let pile = std::format!("a{}", "\u{301}".repeat(100));
        assert_eq!(before(&pile, 101), 101);
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(MARKS.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(MARKS.iter().all(|(first, last)| first <= last));
    }
}
