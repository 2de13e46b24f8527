//! What a character beyond ASCII stands for: nothing, an ASCII character, or itself.
//!
//! Facts: Unicode 16 (`UnicodeData.txt`): the general categories Cf, Mn, Nd, Pd and Zs, the blocks of
//! full-width and mathematical forms; UTS 39 (`confusables.txt`) for letters of the Greek and Cyrillic
//! alphabets. Marks of scripts that are written with them stay. One search in a table of ranges.

/// What a character stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// It shows nothing, or changes how its neighbour looks.
    Nothing,
    /// An ASCII character.
    As(u8),
    /// A letter that looks like this one where the letters beside it are ASCII.
    Like(u8),
    /// Itself.
    Itself,
}

/// How the characters of a range fold.
#[derive(Clone, Copy)]
enum Rule {
    Drop,
    /// All to one.
    One(u8),
    /// The first to this one, the next to the next.
    From(u8),
    /// Digits, ten and ten.
    Digits,
    /// Letters, capitals and small ones in turn.
    Letters,
    Like(u8),
}

use Rule::{Digits, Drop, From, Letters, Like, One};

/// Sorted, disjoint.
const RANGES: &[(u32, u32, Rule)] = &[
    (0x80, 0x84, Drop),
    (0x85, 0x85, One(b'\n')),
    (0x86, 0x9f, Drop),
    (0xa0, 0xa0, One(b' ')),
    (0xad, 0xad, Drop),
    (0xb2, 0xb3, From(b'2')),
    (0xb9, 0xb9, One(b'1')),
    (0x300, 0x36f, Drop),
    (0x391, 0x391, Like(b'A')),
    (0x392, 0x392, Like(b'B')),
    (0x395, 0x395, Like(b'E')),
    (0x396, 0x396, Like(b'Z')),
    (0x397, 0x397, Like(b'H')),
    (0x399, 0x399, Like(b'I')),
    (0x39a, 0x39a, Like(b'K')),
    (0x39c, 0x39c, Like(b'M')),
    (0x39d, 0x39d, Like(b'N')),
    (0x39f, 0x39f, Like(b'O')),
    (0x3a1, 0x3a1, Like(b'P')),
    (0x3a4, 0x3a4, Like(b'T')),
    (0x3a5, 0x3a5, Like(b'Y')),
    (0x3a7, 0x3a7, Like(b'X')),
    (0x3bf, 0x3bf, Like(b'o')),
    (0x405, 0x405, Like(b'S')),
    (0x406, 0x406, Like(b'I')),
    (0x408, 0x408, Like(b'J')),
    (0x410, 0x410, Like(b'A')),
    (0x412, 0x412, Like(b'B')),
    (0x415, 0x415, Like(b'E')),
    (0x41a, 0x41a, Like(b'K')),
    (0x41c, 0x41c, Like(b'M')),
    (0x41d, 0x41d, Like(b'H')),
    (0x41e, 0x41e, Like(b'O')),
    (0x420, 0x420, Like(b'P')),
    (0x421, 0x421, Like(b'C')),
    (0x422, 0x422, Like(b'T')),
    (0x425, 0x425, Like(b'X')),
    (0x430, 0x430, Like(b'a')),
    (0x435, 0x435, Like(b'e')),
    (0x43e, 0x43e, Like(b'o')),
    (0x440, 0x440, Like(b'p')),
    (0x441, 0x441, Like(b'c')),
    (0x443, 0x443, Like(b'y')),
    (0x445, 0x445, Like(b'x')),
    (0x455, 0x455, Like(b's')),
    (0x456, 0x456, Like(b'i')),
    (0x458, 0x458, Like(b'j')),
    (0x483, 0x489, Drop),
    (0x4bb, 0x4bb, Like(b'h')),
    (0x501, 0x501, Like(b'd')),
    (0x58a, 0x58a, One(b'-')),
    (0x61c, 0x61c, Drop),
    (0x660, 0x669, Digits),
    (0x6f0, 0x6f9, Digits),
    (0x7c0, 0x7c9, Digits),
    (0x966, 0x96f, Digits),
    (0x9e6, 0x9ef, Digits),
    (0xa66, 0xa6f, Digits),
    (0xae6, 0xaef, Digits),
    (0xb66, 0xb6f, Digits),
    (0xbe6, 0xbef, Digits),
    (0xc66, 0xc6f, Digits),
    (0xce6, 0xcef, Digits),
    (0xd66, 0xd6f, Digits),
    (0xde6, 0xdef, Digits),
    (0xe50, 0xe59, Digits),
    (0xed0, 0xed9, Digits),
    (0xf20, 0xf29, Digits),
    (0x1040, 0x1049, Digits),
    (0x1090, 0x1099, Digits),
    (0x115f, 0x1160, Drop),
    (0x1680, 0x1680, One(b' ')),
    (0x17b4, 0x17b5, Drop),
    (0x17e0, 0x17e9, Digits),
    (0x180b, 0x180f, Drop),
    (0x1810, 0x1819, Digits),
    (0x1946, 0x194f, Digits),
    (0x19d0, 0x19d9, Digits),
    (0x1a80, 0x1a89, Digits),
    (0x1a90, 0x1a99, Digits),
    (0x1ab0, 0x1aff, Drop),
    (0x1b50, 0x1b59, Digits),
    (0x1bb0, 0x1bb9, Digits),
    (0x1c40, 0x1c49, Digits),
    (0x1c50, 0x1c59, Digits),
    (0x1dc0, 0x1dff, Drop),
    (0x2000, 0x200a, One(b' ')),
    (0x200b, 0x200f, Drop),
    (0x2010, 0x2015, One(b'-')),
    (0x2024, 0x2024, One(b'.')),
    (0x2028, 0x2029, One(b'\n')),
    (0x202a, 0x202e, Drop),
    (0x202f, 0x202f, One(b' ')),
    (0x203f, 0x2040, One(b'_')),
    (0x2043, 0x2043, One(b'-')),
    (0x2044, 0x2044, One(b'/')),
    (0x205f, 0x205f, One(b' ')),
    (0x2060, 0x206f, Drop),
    (0x2070, 0x2070, One(b'0')),
    (0x2074, 0x2079, From(b'4')),
    (0x207a, 0x207a, One(b'+')),
    (0x207b, 0x207b, One(b'-')),
    (0x207c, 0x207c, One(b'=')),
    (0x2080, 0x2089, From(b'0')),
    (0x20d0, 0x20ff, Drop),
    (0x2212, 0x2212, One(b'-')),
    (0x2215, 0x2215, One(b'/')),
    (0x2236, 0x2236, One(b':')),
    (0x2460, 0x2468, From(b'1')),
    (0x24b6, 0x24cf, From(b'A')),
    (0x24d0, 0x24e9, From(b'a')),
    (0x24ea, 0x24ea, One(b'0')),
    (0x3000, 0x3000, One(b' ')),
    (0x3002, 0x3002, One(b'.')),
    (0x3164, 0x3164, Drop),
    (0xa620, 0xa629, Digits),
    (0xa789, 0xa789, One(b':')),
    (0xa8d0, 0xa8d9, Digits),
    (0xa900, 0xa909, Digits),
    (0xa9d0, 0xa9d9, Digits),
    (0xa9f0, 0xa9f9, Digits),
    (0xaa50, 0xaa59, Digits),
    (0xabf0, 0xabf9, Digits),
    (0xfe00, 0xfe0f, Drop),
    (0xfe20, 0xfe2f, Drop),
    (0xfe4d, 0xfe4f, One(b'_')),
    (0xfe52, 0xfe52, One(b'.')),
    (0xfe55, 0xfe55, One(b':')),
    (0xfe58, 0xfe58, One(b'-')),
    (0xfe62, 0xfe62, One(b'+')),
    (0xfe63, 0xfe63, One(b'-')),
    (0xfe66, 0xfe66, One(b'=')),
    (0xfe6b, 0xfe6b, One(b'@')),
    (0xfeff, 0xfeff, Drop),
    (0xff01, 0xff5e, From(b'!')),
    (0xff61, 0xff61, One(b'.')),
    (0xffa0, 0xffa0, Drop),
    (0xfff9, 0xfffb, Drop),
    (0x104a0, 0x104a9, Digits),
    (0x11066, 0x1106f, Digits),
    (0x110f0, 0x110f9, Digits),
    (0x11136, 0x1113f, Digits),
    (0x111d0, 0x111d9, Digits),
    (0x112f0, 0x112f9, Digits),
    (0x11450, 0x11459, Digits),
    (0x114d0, 0x114d9, Digits),
    (0x11650, 0x11659, Digits),
    (0x116c0, 0x116c9, Digits),
    (0x11730, 0x11739, Digits),
    (0x118e0, 0x118e9, Digits),
    (0x11950, 0x11959, Digits),
    (0x11c50, 0x11c59, Digits),
    (0x11d50, 0x11d59, Digits),
    (0x11da0, 0x11da9, Digits),
    (0x16a60, 0x16a69, Digits),
    (0x16ac0, 0x16ac9, Digits),
    (0x16b50, 0x16b59, Digits),
    (0x1d173, 0x1d17a, Drop),
    (0x1d400, 0x1d6a3, Letters),
    (0x1d7ce, 0x1d7ff, Digits),
    (0x1e140, 0x1e149, Digits),
    (0x1e2f0, 0x1e2f9, Digits),
    (0x1e950, 0x1e959, Digits),
    (0x1fbf0, 0x1fbf9, Digits),
    (0xe0000, 0xe0fff, Drop),
];

/// How many of the ranges begin before each 256 characters of the first two planes.
static BLOCKS: [u8; 0x201] = {
    assert!(RANGES.len() < 256, "a count is one byte");
    let mut counts = [0; 0x201];
    let (mut block, mut row) = (0, 0);
    while block < counts.len() {
        while row < RANGES.len() && RANGES[row].0 < (block as u32) << 8 {
            row += 1;
        }
        counts[block] = row as u8;
        block += 1;
    }
    counts
};

/// Which 256 characters are looked up one by one: most letters of Europe, signs of typography, full-width forms.
const COMMON: [u32; 8] = [0, 1, 2, 3, 4, 5, 0x20, 0xff];

/// What each of those stands for: an ASCII character, one that they look like with the highest bit set, or one
/// of the two below.
static PAGES: [[u8; 256]; COMMON.len()] = {
    let mut pages = [[ITSELF; 256]; COMMON.len()];
    let mut page = 0;
    while page < pages.len() {
        let mut row = 0;
        while row < RANGES.len() {
            let (first, last, rule) = RANGES[row];
            let mut code = if first < COMMON[page] << 8 { COMMON[page] << 8 } else { first };
            while code <= last && code >> 8 == COMMON[page] {
                pages[page][code as usize & 255] = match rule {
                    Drop => NOTHING,
                    One(byte) => byte,
                    From(byte) => byte + (code - first) as u8,
                    Like(byte) => byte | 0x80,
                    Digits | Letters => panic!("these have blocks of their own"),
                };
                code += 1;
            }
            row += 1;
        }
        page += 1;
    }
    pages
};

const ITSELF: u8 = 0xff;
const NOTHING: u8 = 0xfe;

/// Which 64 characters of the first two planes hold a range, or a part of one.
static HOLDING: [u64; 32] = {
    let mut set = [0; 32];
    let mut row = 0;
    while row < RANGES.len() {
        let (mut group, last) = (RANGES[row].0 as usize >> 6, RANGES[row].1 as usize >> 6);
        while group <= last && group < 2048 {
            set[group >> 6] |= 1 << (group & 63);
            group += 1;
        }
        row += 1;
    }
    set
};

/// What `c`, a character beyond ASCII, stands for.
#[inline]
pub(super) fn fold(c: char) -> Folded {
    let code = u32::from(c);
    let page = match code >> 8 {
        page @ 0..=5 => page as usize,
        0x20 => 6,
        0xff => 7,
        _ => PAGES.len(),
    };
    if let Some(page) = PAGES.get(page) {
        return match page[code as usize & 255] {
            ITSELF => Folded::Itself,
            NOTHING => Folded::Nothing,
            byte @ 0..0x80 => Folded::As(byte),
            byte => Folded::Like(byte & 0x7f),
        };
    }
    let group = (code >> 6) as usize;
    match HOLDING.get(group >> 6) {
        Some(set) if set >> (group & 63) & 1 == 0 => Folded::Itself,
        _ => searched(code),
    }
}

/// The same by the table of ranges.
#[inline(never)]
fn searched(code: u32) -> Folded {
    let block = (code >> 8) as usize;
    // The range is one that begins in the block, or the last one before it.
    let (from, to) = match (BLOCKS.get(block), BLOCKS.get(block + 1)) {
        (Some(&from), Some(&to)) => (usize::from(from), usize::from(to)),
        _ => (0, RANGES.len()),
    };
    let begun = RANGES.get(from..to).unwrap_or(&[]);
    let next = from + begun.partition_point(|&(first, ..)| first <= code);
    let Some(&(first, last, rule)) = next.checked_sub(1).and_then(|at| RANGES.get(at)) else {
        return Folded::Itself;
    };
    if code > last {
        return Folded::Itself;
    }
    let offset = code - first;
    let from = |base: u8, offset: u32| Folded::As(base.wrapping_add((offset & 127) as u8));
    match rule {
        Drop => Folded::Nothing,
        One(byte) => Folded::As(byte),
        From(byte) => from(byte, offset),
        Digits => from(b'0', offset % 10),
        Letters if offset % 52 < 26 => from(b'A', offset % 52),
        Letters => from(b'a', offset % 52 - 26),
        Like(byte) => Folded::Like(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_up_is_what_is_searched() {
        for c in ('\u{80}'..='\u{2ffff}').chain('\u{e0000}'..='\u{e2000}') {
            assert_eq!(fold(c), searched(c as u32), "{c:?}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        for pair in RANGES.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{:x}", pair[1].0);
        }
    }

    #[test]
    fn forms_of_one_character_are_one() {
        for (c, want) in [
            ('４', b'4'),
            ('＠', b'@'),
            ('ｇ', b'g'),
            ('\u{2011}', b'-'),
            ('\u{a0}', b' '),
            ('٧', b'7'),
            ('९', b'9'),
            ('𝟘', b'0'),
            ('𝟿', b'9'),
            ('𝐀', b'A'),
            ('𝚣', b'z'),
            ('⑤', b'5'),
            ('ⓐ', b'a'),
        ] {
            assert_eq!(fold(c), Folded::As(want), "{c}");
        }
        for c in ['\u{200b}', '\u{ad}', '\u{301}', '\u{feff}', '\u{202e}', '\u{e0041}'] {
            assert_eq!(fold(c), Folded::Nothing, "{c:?}");
        }
        assert_eq!(fold('а'), Folded::Like(b'a'), "Cyrillic");
        for c in ['é', 'ß', '中', '😀', '’', '\u{94d}'] {
            assert_eq!(fold(c), Folded::Itself, "{c}");
        }
    }
}
