//! Which characters hide, and where they do not.
//!
//! Facts: Unicode 16, `DerivedCoreProperties.txt` (`Default_Ignorable_Code_Point`), UAX 9 (bidi controls),
//! UTS 51 (emoji: ED-9a presentation selectors, ED-14a tags, ED-16 joiners; `emoji-sequences.txt` for the
//! three flags made of tags), UAX 31, section 2.3 (joiners in scripts that need them), UTS 39, section 3.1
//! and UTR 36 (what hides in identifiers and texts), `StandardizedVariants.txt`.
//!
//! These stay, each only once in a row:
//! - a joiner between two emoji; a presentation selector behind an emoji or a digit; the tags of the flags
//!   of England, Scotland and Wales behind the black flag;
//! - ZWJ and ZWNJ beside a letter or a sign of a script that is written with them (Arabic and Syriac to
//!   N'Ko, the Indic scripts, those of South-East Asia, Mongolian and their like);
//! - a zero-width space between two characters of South-East Asian scripts, which part words by it;
//! - selectors of variants behind what has variants: Han characters, some signs, Mongolian letters;
//! - marks of direction (LRM, RLM, ALM) in a line with a letter that is written from right to left, before
//!   them or right behind.
//!
//! Embeddings, overrides and isolates go everywhere: the letters around them keep their own direction.

use super::Hidden;
use super::escape;

/// What becomes of a character, or of some that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Hidden { kind: Hidden, len: usize },
    Keep { len: usize },
}

/// Whether a character that hides may begin with this byte of UTF-8.
pub(super) const fn is_sign(byte: u8) -> bool {
    const SIGNS: [bool; 256] = {
        let mut signs = [false; 256];
        let mut byte = 0;
        while byte < 0x20 {
            signs[byte] = !matches!(byte as u8, b'\t' | b'\n' | b'\r');
            byte += 1;
        }
        let others = [0x7f, 0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf0, 0xf3];
        let mut index = 0;
        while index < others.len() {
            signs[others[index]] = true;
            index += 1;
        }
        signs
    };
    SIGNS[byte as usize]
}

/// What is known of the text before the place that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'t> {
    text: &'t str,
    /// Where the text begins that is kept so far and goes on to this place.
    from: usize,
    /// The last character that was kept before that.
    kept: Option<char>,
    /// Whether the line has a letter from right to left, as far as `read`.
    rtl: bool,
    read: usize,
}

impl<'t> Context<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, from: 0, kept: None, rtl: false, read: 0 }
    }

    /// Bytes `start..end` are taken out.
    pub(super) fn remove(&mut self, start: usize, end: usize) {
        self.kept = self.last(start);
        self.look(start);
        (self.from, self.read) = (end, end);
    }

    /// The last character before `at` that is kept.
    fn last(&self, at: usize) -> Option<char> {
        self.text.get(self.from..at).and_then(|text| text.chars().next_back()).or(self.kept)
    }

    /// Looks for letters from right to left up to `at`.
    fn look(&mut self, at: usize) {
        for c in self.text.get(self.read..at).unwrap_or("").chars() {
            self.rtl = c != '\n' && (self.rtl || is_rtl(c));
        }
        self.read = at;
    }

    /// What becomes of `c`, which stands at `at`.
    pub(super) fn judge(&mut self, c: char, at: usize) -> Verdict {
        let len = c.len_utf8();
        let hidden = |kind| Verdict::Hidden { kind, len };
        let unless = |stays: bool, kind| if stays { Verdict::Keep { len } } else { hidden(kind) };
        let bytes = self.text.as_bytes();
        let next = || self.text.get(at + len..).and_then(|rest| rest.chars().next());
        match c {
            '\u{1b}' => Verdict::Hidden { kind: Hidden::Ansi, len: escape::length(bytes, at) },
            '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{7f}' => hidden(Hidden::Control),
            '\u{80}'..='\u{9f}' => match escape::length_of_c1(c, bytes, at) {
                Some(len) => Verdict::Hidden { kind: Hidden::Ansi, len },
                None => hidden(Hidden::Control),
            },
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => hidden(Hidden::Bidi),
            '\u{200e}' | '\u{200f}' | '\u{61c}' => {
                let after_mark = self.last(at).is_some_and(is_mark);
                let ahead = next().is_some_and(is_rtl);
                self.look(at);
                unless(!after_mark && (self.rtl || ahead), Hidden::Bidi)
            }
            '\u{200c}' | '\u{200d}' => unless(joins(c, self.last(at), next()), Hidden::Invisible),
            '\u{200b}' => {
                let parts = self.last(at).is_some_and(is_south_east_asian)
                    && next().is_some_and(is_south_east_asian);
                unless(parts, Hidden::Invisible)
            }
            '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180f}' | '\u{e0100}'..='\u{e01ef}' => {
                unless(self.last(at).is_some_and(|base| varies(base, c)), Hidden::Invisible)
            }
            '\u{34f}' => {
                let hebrew = |c: char| matches!(c, '\u{591}'..='\u{5f4}');
                let orders = self.last(at).is_some_and(hebrew) && next().is_some_and(hebrew);
                unless(orders, Hidden::Invisible)
            }
            '\u{115f}' | '\u{1160}' => unless(fills(c, self.last(at), next()), Hidden::Invisible),
            '\u{e0000}'..='\u{e007f}' => self.tags(at),
            _ if is_invisible(c) => hidden(Hidden::Invisible),
            _ => Verdict::Keep { len },
        }
    }

    /// Tags, as many as there are.
    fn tags(&self, at: usize) -> Verdict {
        let rest = self.text.get(at..).unwrap_or("");
        if self.last(at) == Some('\u{1f3f4}')
            && let Some(flag) = FLAGS.iter().find(|flag| rest.starts_with(**flag))
        {
            return Verdict::Keep { len: flag.len() };
        }
        let tag = |c: &char| matches!(c, '\u{e0000}'..='\u{e007f}');
        let len = rest.chars().take_while(tag).map(char::len_utf8).sum();
        Verdict::Hidden { kind: Hidden::Invisible, len }
    }
}

/// `gbeng`, `gbsct` and `gbwls` in tags, and the tag that ends them.
const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

const fn is_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Characters that show nothing, wherever they are.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether `c` hides in some place, if not in every.
#[cfg(feature = "alloc")]
pub(super) const fn is_candidate(c: char) -> bool {
    is_mark(c)
        || is_invisible(c)
        || matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{7f}'..='\u{9f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// Whether the joiner `c` is part of a character or a word.
fn joins(c: char, last: Option<char>, next: Option<char>) -> bool {
    let emoji = |c: char| is_pictograph(c) || matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    if last.is_some_and(|last| matches!(last, '\u{200c}' | '\u{200d}')) {
        return false;
    }
    c == '\u{200d}' && last.is_some_and(emoji) && next.is_some_and(is_pictograph)
        || last.is_some_and(is_joining)
        || next.is_some_and(is_joining)
}

/// Whether `selector` chooses among forms of `base`.
const fn varies(base: char, selector: char) -> bool {
    match selector {
        '\u{fe0e}' | '\u{fe0f}' => {
            is_pictograph(base) || matches!(base, '0'..='9' | '#' | '*') || is_han(base)
        }
        '\u{fe00}'..='\u{fe02}' => {
            is_han(base)
                || matches!(base, '0' | '\u{2018}'..='\u{201d}' | '\u{2190}'..='\u{22ff}'
                    | '\u{2a00}'..='\u{2aff}' | '\u{3001}' | '\u{3002}' | '\u{1000}'..='\u{109f}'
                    | '\u{a840}'..='\u{a87f}' | '\u{aa60}'..='\u{aa7f}' | '\u{ff01}'..='\u{ff1f}'
                    | '\u{10ac0}'..='\u{10aff}' | '\u{13000}'..='\u{1345f}')
        }
        '\u{fe03}'..='\u{fe06}' => matches!(base, '\u{13000}'..='\u{1345f}'),
        '\u{180b}'..='\u{180f}' => {
            matches!(base, '\u{1800}'..='\u{180a}' | '\u{1810}'..='\u{18af}')
        }
        '\u{e0100}'..='\u{e01ef}' => is_han(base),
        _ => false,
    }
}

/// Whether a filler stands for a missing part of a syllable of old Hangul.
fn fills(c: char, last: Option<char>, next: Option<char>) -> bool {
    let vowel = |c: char| matches!(c, '\u{1161}'..='\u{11a7}' | '\u{d7b0}'..='\u{d7c6}');
    let end = |c: char| matches!(c, '\u{11a8}'..='\u{11ff}' | '\u{d7cb}'..='\u{d7fb}');
    let lead = |c: char| matches!(c, '\u{1100}'..='\u{115e}' | '\u{a960}'..='\u{a97c}');
    match c {
        '\u{115f}' => next.is_some_and(vowel),
        _ => last.is_some_and(lead) && next.is_some_and(end),
    }
}

const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Letters and signs of scripts that are written from right to left.
const fn is_rtl(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Letters and signs of scripts in which a joiner says how to write the letter beside it.
const fn is_joining(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{109f}' | '\u{1700}'..='\u{17b3}'
        | '\u{17b6}'..='\u{180a}' | '\u{1810}'..='\u{18af}' | '\u{1900}'..='\u{1aaf}'
        | '\u{1b00}'..='\u{1c4f}' | '\u{1cd0}'..='\u{1cff}' | '\u{a800}'..='\u{aaff}'
        | '\u{abc0}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10a00}'..='\u{10fff}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
}

/// Scripts without spaces between words.
const fn is_south_east_asian(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{17ff}'
        | '\u{1950}'..='\u{1aaf}' | '\u{1b00}'..='\u{1b7f}' | '\u{a980}'..='\u{aadf}')
}

/// `Extended_Pictographic` of `emoji-data.txt`.
pub(super) const fn is_pictograph(c: char) -> bool {
    if c < '\u{2000}' {
        return matches!(c, '\u{a9}' | '\u{ae}');
    }
    if c < '\u{1f000}' {
        return matches!(c,
            '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{2199}'
            | '\u{21a9}'..='\u{21aa}' | '\u{231a}'..='\u{231b}' | '\u{2328}' | '\u{2388}' | '\u{23cf}'
            | '\u{23e9}'..='\u{23f3}' | '\u{23f8}'..='\u{23fa}' | '\u{24c2}' | '\u{25aa}'..='\u{25ab}'
            | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{2605}'
            | '\u{2607}'..='\u{2612}' | '\u{2614}'..='\u{2685}' | '\u{2690}'..='\u{2705}'
            | '\u{2708}'..='\u{2712}' | '\u{2714}' | '\u{2716}' | '\u{271d}' | '\u{2721}' | '\u{2728}'
            | '\u{2733}'..='\u{2734}' | '\u{2744}' | '\u{2747}' | '\u{274c}' | '\u{274e}'
            | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2763}'..='\u{2767}' | '\u{2795}'..='\u{2797}'
            | '\u{27a1}' | '\u{27b0}' | '\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b07}'
            | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}'
            | '\u{3299}');
    }
    matches!(c,
        '\u{1f000}'..='\u{1f0ff}' | '\u{1f10d}'..='\u{1f10f}' | '\u{1f12f}' | '\u{1f16c}'..='\u{1f171}'
        | '\u{1f17e}'..='\u{1f17f}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f1ad}'..='\u{1f1e5}'
        | '\u{1f201}'..='\u{1f20f}' | '\u{1f21a}' | '\u{1f22f}' | '\u{1f232}'..='\u{1f23a}'
        | '\u{1f23c}'..='\u{1f23f}' | '\u{1f249}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1f53d}'
        | '\u{1f546}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f774}'..='\u{1f77f}'
        | '\u{1f7d5}'..='\u{1f7ff}' | '\u{1f80c}'..='\u{1f80f}' | '\u{1f848}'..='\u{1f84f}'
        | '\u{1f85a}'..='\u{1f85f}' | '\u{1f888}'..='\u{1f88f}' | '\u{1f8ae}'..='\u{1f8ff}'
        | '\u{1f90c}'..='\u{1f93a}' | '\u{1f93c}'..='\u{1f945}' | '\u{1f947}'..='\u{1faff}'
        | '\u{1fc00}'..='\u{1fffd}')
}
