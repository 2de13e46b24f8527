//! Labels of internationalised names: Punycode (RFC 3492) and the rules of IDNA2008 (RFC 5891 to 5893).
//!
//! A label has at most 63 characters, so that each is worked on in a fixed array and even the quadratic
//! parts of Punycode are a constant.

use super::host::MAX_LABEL;
use super::idna_table::{GREEK, HAN, HEBREW, HIRAGANA, KATAKANA, TABLE};

/// The characters of one label.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    chars: [char; MAX_LABEL],
    len: usize,
}

/// Whether `label` claims to be Punycode.
pub(super) fn is_alabel(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

impl Label {
    const EMPTY: Self = Self { chars: ['\0'; MAX_LABEL], len: 0 };

    /// The label as it is written; none when it is too long.
    pub(super) fn unicode(text: &str) -> Option<Self> {
        let mut label = Self::EMPTY;
        for c in text.chars() {
            label.insert(label.len, c)?;
        }
        Some(label)
    }

    /// What an A-label stands for; none when it is no canonical Punycode, or stands for ASCII.
    pub(super) fn ascii(text: &str) -> Option<Self> {
        let label = Self::decode(text.get(4..)?)?;
        let (written, len) = label.encode()?;
        let canonical = written.get(..len)?.eq_ignore_ascii_case(text.get(4..)?.as_bytes());
        (canonical && !label.chars().all(|c| c.is_ascii())).then_some(label)
    }

    fn chars(&self) -> impl DoubleEndedIterator<Item = char> + ExactSizeIterator + '_ {
        self.chars.iter().take(self.len).copied()
    }

    fn insert(&mut self, at: usize, c: char) -> Option<()> {
        let len = self.len.checked_add(1).filter(|&len| len <= MAX_LABEL)?;
        self.chars.get_mut(at..len)?.rotate_right(1);
        *self.chars.get_mut(at)? = c;
        self.len = len;
        Some(())
    }

    /// RFC 3492, section 6.2.
    fn decode(text: &str) -> Option<Self> {
        let (basic, extended) = text.rsplit_once('-').unwrap_or(("", text));
        let mut label = Self::unicode(basic)?;
        let (mut code, mut at, mut bias) = (128_u32, 0_u32, INITIAL_BIAS);
        let mut digits = extended.bytes();
        while digits.len() > 0 {
            let before = at;
            let mut weight = 1_u32;
            for k in (BASE..).step_by(BASE as usize) {
                let digit = match digits.next()? {
                    byte @ b'a'..=b'z' => byte - b'a',
                    byte @ b'A'..=b'Z' => byte - b'A',
                    byte @ b'0'..=b'9' => byte - b'0' + 26,
                    _ => return None,
                };
                let digit = u32::from(digit);
                at = at.checked_add(digit.checked_mul(weight)?)?;
                let threshold = threshold(k, bias);
                if digit < threshold {
                    break;
                }
                weight = weight.checked_mul(BASE - threshold)?;
            }
            let count = label.len as u32 + 1;
            bias = adapt(at - before, count, before == 0);
            code = code.checked_add(at / count)?;
            at %= count;
            label.insert(at as usize, char::from_u32(code)?)?;
            at += 1;
        }
        Some(label)
    }

    /// RFC 3492, section 6.3; none when the A-label would be longer than a label may be.
    fn encode(&self) -> Option<([u8; MAX_LABEL - 4], usize)> {
        let mut out = [0; MAX_LABEL - 4];
        let mut len = 0;
        let mut push = |byte| {
            *out.get_mut(len)? = byte;
            len += 1;
            Some(())
        };
        let basic = self.chars().filter(char::is_ascii).count() as u32;
        for c in self.chars().filter(char::is_ascii) {
            push(c as u8)?;
        }
        if basic > 0 {
            push(b'-')?;
        }
        let (mut code, mut delta, mut bias, mut done) = (128_u32, 0_u32, INITIAL_BIAS, basic);
        while (done as usize) < self.len {
            let next = self.chars().map(u32::from).filter(|&c| c >= code).min()?;
            delta = delta.checked_add((next - code).checked_mul(done + 1)?)?;
            code = next;
            for c in self.chars().map(u32::from) {
                delta += u32::from(c < code);
                if c != code {
                    continue;
                }
                let mut rest = delta;
                for k in (BASE..).step_by(BASE as usize) {
                    let threshold = threshold(k, bias);
                    if rest < threshold {
                        push(digit(rest))?;
                        break;
                    }
                    let span = BASE - threshold;
                    push(digit(threshold + (rest - threshold) % span))?;
                    rest = (rest - threshold) / span;
                }
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
            delta += 1;
            code += 1;
        }
        Some((out, len))
    }

    /// The length of the A-label; none when it would be longer than a label may be.
    pub(super) fn ascii_length(&self) -> Option<usize> {
        self.encode().map(|(_, len)| len + 4)
    }

    /// The rules for a U-label but for those on direction (RFC 5891, section 4.2.3).
    pub(super) fn is_valid(&self) -> bool {
        let nth = |at: usize| self.chars().nth(at);
        let hyphens = nth(2) == Some('-') && nth(3) == Some('-');
        let ends = nth(0) == Some('-') || self.chars().next_back() == Some('-');
        let marked = nth(0).is_none_or(|c| Class::of(c).is_mark());
        !hyphens
            && !ends
            && !marked
            && (0..self.len).zip(self.chars()).all(|(at, c)| self.allows(at, c))
    }

    /// Whether the character at `at` may stand there (RFC 5892, section 2.6 and appendix A).
    fn allows(&self, at: usize, c: char) -> bool {
        let before = || at.checked_sub(1).and_then(|at| self.chars.get(at)).copied();
        let after = || self.chars().nth(at + 1);
        let is_in = |c: Option<char>, script| c.is_some_and(|c| contains(script, c));
        match c {
            '\u{200c}' => is_virama(before()) || self.joins_around(at),
            '\u{200d}' => is_virama(before()),
            '\u{b7}' => before() == Some('l') && after() == Some('l'),
            '\u{375}' => is_in(after(), &GREEK),
            '\u{5f3}' | '\u{5f4}' => is_in(before(), &HEBREW),
            '\u{30fb}' => self
                .chars()
                .any(|c| contains(&HIRAGANA, c) || contains(&KATAKANA, c) || contains(&HAN, c)),
            '\u{660}'..='\u{669}' => !self.chars().any(|c| matches!(c, '\u{6f0}'..='\u{6f9}')),
            '\u{6f0}'..='\u{6f9}' => !self.chars().any(|c| matches!(c, '\u{660}'..='\u{669}')),
            _ => Class::of(c).is_allowed(),
        }
    }

    /// Whether the letters around the character at `at` would join without it (RFC 5892, appendix A.1).
    fn joins_around(&self, at: usize) -> bool {
        let first = |c: Option<char>| c.map(|c| Class::of(c).joining());
        let opaque = |c: &char| Class::of(*c).joining() == Joining::Transparent;
        let before = first(self.chars().take(at).rev().find(|c| !opaque(c)));
        let after = first(self.chars().skip(at + 1).find(|c| !opaque(c)));
        matches!(before, Some(Joining::Left | Joining::Dual))
            && matches!(after, Some(Joining::Right | Joining::Dual))
    }

    /// Whether a character in it is written from right to left (RFC 5893, section 1.4).
    pub(super) fn is_rtl(&self) -> bool {
        self.chars().any(|c| matches!(Class::of(c).bidi(), Bidi::Right | Bidi::ArabicNumber))
    }

    /// The Bidi rule (RFC 5893, section 2).
    pub(super) fn follows_bidi(&self) -> bool {
        let classes = || self.chars().map(|c| Class::of(c).bidi());
        let last = classes().rev().find(|&class| class != Bidi::Mark);
        let has = |class| classes().any(|other| other == class);
        match classes().next() {
            Some(Bidi::Right) => {
                let mixed = has(Bidi::Number) && has(Bidi::ArabicNumber);
                !has(Bidi::Left)
                    && !mixed
                    && matches!(last, Some(Bidi::Right | Bidi::Number | Bidi::ArabicNumber))
            }
            Some(Bidi::Left) => {
                !has(Bidi::Right)
                    && !has(Bidi::ArabicNumber)
                    && matches!(last, Some(Bidi::Left | Bidi::Number))
            }
            _ => false,
        }
    }
}

// The parameters of Punycode (RFC 3492, section 5).
const BASE: u32 = 36;
const INITIAL_BIAS: u32 = 72;

const fn threshold(k: u32, bias: u32) -> u32 {
    match k.saturating_sub(bias) {
        0 => 1,
        26.. => 26,
        between => between,
    }
}

/// RFC 3492, section 6.1.
const fn adapt(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += BASE;
    }
    k + 36 * delta / (delta + 38)
}

const fn digit(value: u32) -> u8 {
    if value < 26 { b'a' + value as u8 } else { b'0' + (value as u8).wrapping_sub(26) }
}

fn is_virama(c: Option<char>) -> bool {
    c.is_some_and(|c| Class::of(c).is_virama())
}

fn contains(script: &[(char, char)], c: char) -> bool {
    let at = script.partition_point(|&(_, last)| last < c);
    script.get(at).is_some_and(|&(first, _)| first <= c)
}

/// What a label needs to know of a character, as bits: see [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class(u32);

/// Bits of an entry of [`TABLE`] that are the class of its characters.
pub(super) const CLASS_BITS: u32 = 11;

/// Classes of direction, as far as the Bidi rule tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bidi {
    Left,
    Right,
    ArabicNumber,
    Number,
    Mark,
    Neutral,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joining {
    None,
    Left,
    Right,
    Dual,
    Transparent,
}

impl Class {
    /// The class of `c`; all bits are zero when no label may hold it.
    pub(super) fn of(c: char) -> Self {
        let next = TABLE.partition_point(|&entry| entry >> CLASS_BITS <= u32::from(c));
        let entry = next.checked_sub(1).and_then(|at| TABLE.get(at)).copied().unwrap_or(0);
        Self(entry & ((1 << CLASS_BITS) - 1))
    }

    /// PVALID of RFC 5892, or allowed in some contexts.
    const fn is_allowed(self) -> bool {
        self.0 & 1 != 0
    }

    const fn is_mark(self) -> bool {
        self.0 & 2 != 0
    }

    const fn is_virama(self) -> bool {
        self.0 & 4 != 0
    }

    const fn bidi(self) -> Bidi {
        match self.0 >> 3 & 7 {
            0 => Bidi::Left,
            1 => Bidi::Right,
            2 => Bidi::ArabicNumber,
            3 => Bidi::Number,
            4 => Bidi::Mark,
            _ => Bidi::Neutral,
        }
    }

    const fn joining(self) -> Joining {
        match self.0 >> 6 & 7 {
            1 => Joining::Left,
            2 => Joining::Right,
            3 => Joining::Dual,
            4 => Joining::Transparent,
            _ => Joining::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;
    use std::{format, println};

    use proptest::prelude::*;
    use regex_syntax::hir::{ClassUnicode, HirKind};
    use unicode_bidi::BidiClass;
    use unicode_joining_type::{JoiningType, get_joining_type};
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::canonical_combining_class;

    use super::*;

    fn label(text: &str) -> Label {
        Label::unicode(text).unwrap()
    }

    /// Samples of RFC 3492, section 7.1, and of RFC 5891.
    #[test]
    fn punycode_both_ways() {
        for (text, ascii) in [
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("bücher", "bcher-kva"),
            ("そのスピードで", "d9juau41awczczp"),
        ] {
            let (out, len) = label(text).encode().unwrap();
            assert_eq!(core::str::from_utf8(&out[..len]), Ok(ascii), "{text}");
            assert_eq!(Label::decode(ascii).unwrap().chars().collect::<String>(), text);
        }
        for bad in ["", "a-", "-", "99999999", "a\u{301}"] {
            assert!(Label::ascii(&format!("xn--{bad}")).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn punycode_is_undone(text in "[a-z0-9ßàéの-龠א-ת\u{10000}-\u{10400}]{1,20}") {
            if let Some((out, len)) = label(&text).encode() {
                let ascii = core::str::from_utf8(&out[..len]).unwrap();
                let back = Label::decode(ascii).unwrap();
                prop_assert_eq!(back.chars().collect::<String>(), text);
            }
        }

        #[test]
        fn any_text_has_an_answer(text in "(xn--)?[ -~]{0,70}") {
            let _ = Label::ascii(&text).map(|label| label.is_valid() && label.follows_bidi());
        }
    }

    fn class(pattern: &str) -> ClassUnicode {
        let hir = regex_syntax::parse(pattern).unwrap();
        match hir.into_kind() {
            HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => class,
            other => std::panic!("{pattern}: {other:?}"),
        }
    }

    fn flags(pattern: &str) -> Vec<bool> {
        let mut flags = std::vec![false; 0x11_0000];
        for range in class(pattern).iter() {
            flags[range.start() as usize..=range.end() as usize].fill(true);
        }
        flags
    }

    /// The derivation of RFC 5892, section 3, with what section 2.6 lists; characters that only some
    /// contexts allow are among the allowed.
    fn derive() -> Vec<u32> {
        const ALLOWED: [u32; 10] =
            [0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007, 0xb7, 0x375, 0x5f3, 0x5f4];
        const REFUSED: [u32; 10] =
            [0x640, 0x7fa, 0x302e, 0x302f, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303b];
        let letters = flags(r"[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]");
        let marks = flags(r"\p{M}");
        let folded = flags(r"\p{Changes_When_Casefolded}");
        let ignored = flags(
            r"[\p{Default_Ignorable_Code_Point}\p{White_Space}\x{20D0}-\x{20FF}\x{1D100}-\x{1D24F}]",
        );
        let jamo = flags(r"[\x{1100}-\x{11FF}\x{A960}-\x{A97C}\x{D7B0}-\x{D7C6}\x{D7CB}-\x{D7FB}]");
        let mut table = Vec::new();
        let mut last = 0;
        for code in 0..0x11_0000_u32 {
            let Some(c) = char::from_u32(code) else { continue };
            let at = code as usize;
            let stable = !folded[at] && core::iter::once(c).nfkc().eq(core::iter::once(c));
            let allowed = if ALLOWED.contains(&code) || code == 0x30fb {
                true
            } else if REFUSED.contains(&code) {
                false
            } else if c.is_ascii() {
                c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
            } else if matches!(code, 0x200c | 0x200d) {
                true
            } else {
                letters[at] && stable && !ignored[at] && !jamo[at]
            };
            let bidi = match unicode_bidi::bidi_class(c) {
                BidiClass::L => Bidi::Left,
                BidiClass::R | BidiClass::AL => Bidi::Right,
                BidiClass::AN => Bidi::ArabicNumber,
                BidiClass::EN => Bidi::Number,
                BidiClass::NSM => Bidi::Mark,
                _ => Bidi::Neutral,
            };
            let joining = match get_joining_type(c) {
                JoiningType::LeftJoining => Joining::Left,
                JoiningType::RightJoining => Joining::Right,
                JoiningType::DualJoining => Joining::Dual,
                JoiningType::Transparent => Joining::Transparent,
                _ => Joining::None,
            };
            let virama = canonical_combining_class(c) == 9;
            let (mark, virama) = (u32::from(marks[at]), u32::from(virama));
            let bits = 1 | mark << 1 | virama << 2 | (bidi as u32) << 3 | (joining as u32) << 6;
            let class = if allowed { bits } else { 0 };
            if class != last {
                table.push(code << CLASS_BITS | class);
                last = class;
            }
        }
        table
    }

    #[test]
    fn the_table_is_what_rfc_5892_derives() {
        let derived = derive();
        if derived != TABLE {
            for row in derived.chunks(8) {
                let row: Vec<_> = row.iter().map(|entry| format!("0x{entry:08x}")).collect();
                println!("    {},", row.join(", "));
            }
        }
        assert!(derived == TABLE, "replace the table by the {} entries above", derived.len());
    }

    #[test]
    fn the_scripts_are_those_of_unicode() {
        for (name, script) in [
            ("Greek", &GREEK[..]),
            ("Hebrew", &HEBREW),
            ("Hiragana", &HIRAGANA),
            ("Katakana", &KATAKANA),
            ("Han", &HAN),
        ] {
            let ranges: Vec<_> =
                class(&format!(r"\p{{{name}}}")).iter().map(|r| (r.start(), r.end())).collect();
            if ranges != script {
                println!("{name} {}", ranges.len());
                for row in ranges.chunks(4) {
                    let row: Vec<_> = row
                        .iter()
                        .map(|(a, b)| {
                            format!("('\\u{{{:x}}}', '\\u{{{:x}}}')", *a as u32, *b as u32)
                        })
                        .collect();
                    println!("    {},", row.join(", "));
                }
            }
            assert!(ranges == script, "replace {name} by the ranges above");
        }
    }
}
