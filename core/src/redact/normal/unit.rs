//! One spelling of one character: an escape, a reference, an invisible or a foreign character.
//!
//! Escapes of JSON and of programs, percent-encoding (RFC 3986), references of HTML and XML,
//! quoted-printable (RFC 2045), control sequences of terminals (ECMA-48). Escapes that the detectors
//! read themselves (`\n`, `\"`) are left to them. Each look is bounded by 64 bytes.

use super::super::bytes::{Set, before, byte, run, slice, starts_folded};
use super::super::value::is_masked_left;
use super::fold::{Folded, fold};

/// What stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The character that it stands for, or nothing.
    pub(super) shows: Option<char>,
    /// How many bytes spell it.
    pub(super) len: usize,
}

/// Longest run of backslashes before an escape: JSON in a string of JSON, three times.
const DEEPEST: usize = 7;

/// The unusual spelling at `at`, if one is there.
#[inline]
pub(super) fn unit(text: &[u8], at: usize) -> Option<Unit> {
    match byte(text, at) {
        b'\\' => escape(text, at),
        b'%' => percent(text, at),
        b'&' => entity(text, at),
        b'=' => quoted_printable(text, at),
        b'[' | b'(' => spelt_out(text, at),
        0x1b => Some(Unit { shows: None, len: control_sequence(text, at) }),
        0..=8 | 0xb | 0xc | 0xe..=0x1f | 0x7f => Some(Unit { shows: None, len: 1 }),
        0x80.. => foreign(text, at),
        _ => None,
    }
}

/// `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\/` and the escapes of Markdown, however many backslashes.
fn escape(text: &[u8], at: usize) -> Option<Unit> {
    const SLASH: Set = Set::new(b"\\");
    let head = slice(text, 0, at + DEEPEST + 16);
    let sign = run(head, at, SLASH);
    if sign - at > DEEPEST || before(text, at) == b'\\' {
        return None;
    }
    let (code, end) = match byte(head, sign) {
        b'u' if byte(head, sign + 1) == b'{' => {
            let (code, end) = hex(head, sign + 2, 1, 6)?;
            (code, (byte(head, end) == b'}').then_some(end + 1)?)
        }
        b'u' => surrogates(text, sign + 1)?,
        b'U' => hex(head, sign + 1, 8, 8)?,
        b'x' => return sequence(text, at, sign - at + 1),
        b'0' => (0x1b, slice(head, sign, sign + 3).eq(b"033").then_some(sign + 3)?),
        b'e' if byte(head, sign + 1) == b'[' => (0x1b, sign + 1),
        sign_of @ (b'/' | b'-' | b'_' | b'.' | b'@' | b':' | b'=' | b'+') => {
            (u32::from(sign_of), sign + 1)
        }
        _ => return None,
    };
    decoded(code, end - at)
}

/// The character of the four hexadecimal digits at `at`, or of two such escapes for one.
fn surrogates(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let (high, end) = hex(text, at, 4, 4)?;
    if !matches!(high, 0xd800..=0xdbff) {
        return Some((high, end));
    }
    const SLASH: Set = Set::new(b"\\");
    let sign = run(slice(text, 0, end + DEEPEST), end, SLASH);
    let (low, end) = hex(text, (byte(text, sign) == b'u').then_some(sign + 1)?, 4, 4)?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((0x1_0000 + ((high - 0xd800) << 10) + low, end))
}

/// `%40`, and the bytes of one character so written.
#[inline]
pub(super) fn percent(text: &[u8], at: usize) -> Option<Unit> {
    match pair(text, at + 1)? {
        code @ 0..0x80 => Some(ascii(code, 3)),
        _ => sequence(text, at, 1),
    }
}

/// A byte written as `mark` bytes and two hexadecimal digits, or the bytes of one character so written.
fn sequence(text: &[u8], at: usize, mark: usize) -> Option<Unit> {
    // Nearly all of them are one byte of ASCII.
    let code = pair(text, at + mark)?;
    if code < 0x80 {
        return Some(ascii(code, mark + 2));
    }
    let sign = slice(text, at, at + mark);
    let mut bytes = [0_u8; 4];
    let (mut len, mut want, mut end) = (0, 1, at);
    while len < want {
        if slice(text, end, end + mark) != sign {
            return None;
        }
        let (code, next) = (pair(text, end + mark)?, end + mark + 2);
        if len == 0 {
            want = match code {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return None,
            };
        }
        *bytes.get_mut(len)? = code;
        (len, end) = (len + 1, next);
    }
    let c = core::str::from_utf8(bytes.get(..len)?).ok()?.chars().next()?;
    decoded(u32::from(c), end - at)
}

/// `&#64;`, `&#x40`, `&commat;`.
fn entity(text: &[u8], at: usize) -> Option<Unit> {
    const NAMES: &[(&[u8], u8)] = &[
        (b"amp", b'&'),
        (b"quot", b'"'),
        (b"apos", b'\''),
        (b"lt", b'<'),
        (b"gt", b'>'),
        (b"commat", b'@'),
        (b"period", b'.'),
        (b"lowbar", b'_'),
        (b"UnderBar", b'_'),
        (b"hyphen", b'-'),
        (b"dash", b'-'),
        (b"ndash", b'-'),
        (b"minus", b'-'),
        (b"nbsp", b' '),
        (b"colon", b':'),
        (b"equals", b'='),
        (b"sol", b'/'),
        (b"plus", b'+'),
        (b"num", b'#'),
        (b"percnt", b'%'),
        (b"excl", b'!'),
        (b"dollar", b'$'),
        (b"ast", b'*'),
        (b"lpar", b'('),
        (b"rpar", b')'),
    ];
    const BARE: &[&[u8]] =
        &[b"shy", b"zwj", b"zwnj", b"ZeroWidthSpace", b"NoBreak", b"lrm", b"rlm"];
    if byte(text, at + 1) == b'#' {
        let (code, end) = if matches!(byte(text, at + 2), b'x' | b'X') {
            hex(text, at + 3, 1, 6)?
        } else {
            decimal(text, at + 2)?
        };
        let closed = usize::from(byte(text, end) == b';');
        return decoded(code, end + closed - at);
    }
    const LETTERS: Set = Set::new(b"A-Za-z");
    let end = run(slice(text, 0, at + 24), at + 1, LETTERS);
    if byte(text, end) != b';' {
        return None;
    }
    let (name, len) = (slice(text, at + 1, end), end + 1 - at);
    if BARE.contains(&name) {
        return Some(Unit { shows: None, len });
    }
    let (_, c) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(Unit { shows: Some(char::from(*c)), len })
}

/// A sign as `=40`. Text is full of `=20`, so only signs that hold a value
/// together count, between what they hold together.
fn quoted_printable(text: &[u8], at: usize) -> Option<Unit> {
    let left = before(text, at);
    let (code, end) = hex(text, at + 1, 2, 2)?;
    let capital = !slice(text, at + 1, end).iter().any(u8::is_ascii_lowercase);
    let right = byte(text, end);
    let sign = matches!(code, 0x2b | 0x2d..=0x2f | 0x3a | 0x3d | 0x40 | 0x5f)
        && left.is_ascii_alphanumeric()
        // It is no part of a mask or of another escape.
        && !is_masked_left(text, at)
        && at.checked_sub(3).is_none_or(|at| byte(text, at) != b'=')
        && (right.is_ascii_alphanumeric() || right == b'=');
    match code {
        _ if !capital => None,
        0xc2.. => sequence(text, at, 1),
        _ if sign => decoded(code, end - at),
        _ => None,
    }
}

/// `ann [at] example (dot) org`.
fn spelt_out(text: &[u8], at: usize) -> Option<Unit> {
    let rest = slice(text, at + 1, at + 5);
    let (word, c) = if starts_folded(rest, b"at") {
        (2, '@')
    } else if starts_folded(rest, b"dot") {
        (3, '.')
    } else {
        return None;
    };
    let closing = if byte(text, at) == b'(' { b')' } else { b']' };
    let end = at + word + 2;
    if byte(text, end - 1) != closing {
        return None;
    }
    let skip = usize::from(byte(text, end) == b' ');
    let joins = byte(text, end + skip).is_ascii_alphanumeric()
        && match before(text, at) {
            b' ' => at > 1 && before(text, at - 1).is_ascii_alphanumeric(),
            other => other.is_ascii_alphanumeric(),
        };
    joins.then_some(Unit { shows: Some(c), len: end + skip - at })
}

/// The length of the control sequence (ECMA-48 section 5.4), or of the string that names a title or a
/// link, which begins at `at`.
fn control_sequence(text: &[u8], at: usize) -> usize {
    const PARAMETERS: Set = Set::new(b" !\"#$%&'()*+,./0-9:;<=>?-");
    let head = slice(text, 0, at + 64);
    match byte(head, at + 1) {
        b'[' => {
            let end = run(head, at + 2, PARAMETERS);
            end + usize::from(matches!(byte(head, end), 0x40..=0x7e)) - at
        }
        b']' => {
            let rest = head.get(at..).unwrap_or(&[]);
            rest.iter().position(|&c| c == 7).map_or(1, |bell| bell + 1)
        }
        _ => 1,
    }
}

/// A character beyond ASCII.
#[inline]
pub(super) fn foreign(text: &[u8], at: usize) -> Option<Unit> {
    let c = character(text, at)?;
    let len = c.len_utf8();
    let shows = match fold(c) {
        Folded::Nothing => None,
        Folded::As(byte) => Some(char::from(byte)),
        Folded::Like(like) if is_word(before(text, at)) || is_word(byte(text, at + len)) => {
            Some(char::from(like))
        }
        Folded::Like(_) | Folded::Itself => return None,
    };
    Some(Unit { shows, len })
}

/// Whether a character that folds could be part of a value or hold one together, judged by what
/// stands beside it. Dashes and blanks of prose are not worth a second look.
fn is_telling(text: &[u8], at: usize, unit: Unit) -> bool {
    let (left, right) = (before(text, at), byte(text, at + unit.len));
    let digit = left.is_ascii_digit() || right.is_ascii_digit();
    match unit.shows {
        None => is_word(left) || is_word(right),
        Some(' ' | '\n') => is_word(left) && is_word(right),
        Some('-') if matches!(character(text, at), Some('\u{2013}'..='\u{2015}')) => digit,
        Some('-') => is_word(left) && is_word(right),
        Some(c) if c.is_ascii_alphanumeric() => true,
        Some(_) => is_word(left) || is_word(right) || left >= 0x80 && right >= 0x80,
    }
}

/// Whether what stands at `at` is an unusual spelling that could hide a value.
pub(super) fn is_trigger(text: &[u8], at: usize) -> bool {
    unit(text, at).is_some_and(|unit| hides(text, at, unit))
}

/// Whether the unit at `at` could hide a value.
pub(super) fn hides(text: &[u8], at: usize, unit: Unit) -> bool {
    match byte(text, at) {
        0x80.. => is_telling(text, at, unit),
        0..=0x1f | 0x7f => is_word(before(text, at)) || is_word(byte(text, at + unit.len)),
        // Letters of other languages are no disguise, but for the name of a parameter.
        b'\\' | b'%' | b'&' => {
            unit.shows.is_none_or(|c| c.is_ascii()) || byte(text, at + unit.len) == b'='
        }
        _ => true,
    }
}

/// What is written for the character `code`, spelt in `len` bytes.
fn decoded(code: u32, len: usize) -> Option<Unit> {
    if let Ok(byte @ 0..0x80) = u8::try_from(code) {
        return Some(ascii(byte, len));
    }
    let c = char::from_u32(code)?;
    let shows = match fold(c) {
        Folded::Nothing => None,
        Folded::As(byte) => Some(char::from(byte)),
        Folded::Like(_) | Folded::Itself => Some(c),
    };
    Some(Unit { shows, len })
}

/// What is written for `byte`, spelt in `len` bytes: control characters show nothing, but for those of lines
/// and the one that escapes begin with.
#[inline]
const fn ascii(byte: u8, len: usize) -> Unit {
    let shows = match byte {
        b'\n' | b'\r' | b'\t' | 0x1b | b' '..=b'~' => Some(byte as char),
        _ => None,
    };
    Unit { shows, len }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_')
}

/// The character at `at`, as UTF-8 (RFC 3629) spells it.
#[inline]
pub(super) fn character(text: &[u8], at: usize) -> Option<char> {
    let bits = |byte: u8| u32::from(byte & 0x3f);
    let (code, len) = match *text.get(at..)? {
        [a @ 0..=0x7f, ..] => (u32::from(a), 1),
        [a @ 0xc0..=0xdf, b, ..] => (u32::from(a & 0x1f) << 6 | bits(b), 2),
        [a @ 0xe0..=0xef, b, c, ..] => (u32::from(a & 0x0f) << 12 | bits(b) << 6 | bits(c), 3),
        [a @ 0xf0..=0xf7, b, c, d, ..] => {
            (u32::from(a & 0x07) << 18 | bits(b) << 12 | bits(c) << 6 | bits(d), 4)
        }
        _ => return None,
    };
    char::from_u32(code).filter(|c| c.len_utf8() == len)
}

/// The byte that the two hexadecimal digits at `at` spell.
#[inline]
fn pair(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| DIGIT[usize::from(byte(text, at))];
    let (high, low) = (digit(at), digit(at + 1));
    (high | low < 16).then_some(high << 4 | low)
}

/// The values of hexadecimal digits, 16 for all else.
static DIGIT: [u8; 256] = {
    let mut values = [16; 256];
    let mut i = 0;
    while i < 16 {
        values[b"0123456789ABCDEF"[i] as usize] = i as u8;
        values[b"0123456789abcdef"[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// The number of `least` to `most` hexadecimal digits at `at`, and where they end.
fn hex(text: &[u8], at: usize, least: usize, most: usize) -> Option<(u32, usize)> {
    number(text, at, least, most, 16)
}

fn decimal(text: &[u8], at: usize) -> Option<(u32, usize)> {
    number(text, at, 1, 7, 10)
}

fn number(text: &[u8], at: usize, least: usize, most: usize, radix: u32) -> Option<(u32, usize)> {
    let head = slice(text, at, at + most);
    let digits = head.iter().map_while(|&c| char::from(c).to_digit(radix));
    let (value, len) = digits.fold((0, 0), |(value, len), digit| (value * radix + digit, len + 1));
    (len >= least).then_some((value, at + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text`, one unit and nothing else, shows.
    fn shows(text: &str) -> Option<Option<char>> {
        unit(text.as_bytes(), 0).filter(|unit| unit.len == text.len()).map(|unit| unit.shows)
    }

    #[test]
    fn spellings_of_one_sign() {
        for text in [
            r"\u0040",
            r"\\u0040",
            r"\\\\u0040",
            r"\u{40}",
            r"\U00000040",
            r"\x40",
            r"\@",
            "%40",
            "&#64;",
            "&#x40;",
            "&#0064",
            "&commat;",
            "＠",
            r"\uff20",
            "%EF%BC%A0",
            "&#65312;",
        ] {
            assert_eq!(shows(text), Some(Some('@')), "{text}");
        }
        for text in
            ["\u{200b}", r"\u200b", "%E2%80%8B", "&#8203;", "&shy;", "\u{1b}[1;31m", "\u{8}"]
        {
            assert_eq!(shows(text), Some(None), "{text}");
        }
        assert_eq!(shows(r"\ud83d\ude00"), Some(Some('😀')));
        assert_eq!(shows(r"\u00e9"), Some(Some('é')));
    }

    #[test]
    fn what_is_left_alone() {
        for text in [
            r"\n",
            r#"\""#,
            r"\u12",
            r"\ud83dx",
            "%4",
            "%zz",
            "%ff",
            "%C3x",
            "&foo;",
            "&#;",
            "&#x110000;",
            "é",
            "a",
            "[ato]",
            "(at",
        ] {
            assert_eq!(unit(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn quoted_printable_only_between_what_it_joins() {
        let at = |text: &str| unit(text.as_bytes(), text.find('=').unwrap());
        assert_eq!(at("ann=40example"), Some(Unit { shows: Some('@'), len: 3 }));
        assert_eq!(at("a=E2=80=8Bb"), Some(Unit { shows: None, len: 9 }));
        for text in ["took=20ms", "count=40 ", "a=4 0", "n=4012", "x=\n\n", "flag=\n"] {
            assert!(at(text).is_none() || text == "n=4012", "{text}");
        }
    }

    #[test]
    fn emoji_and_scripts_are_no_triggers() {
        for text in
            ["👩\u{200d}🚀", "✔\u{fe0f} done", "שלום\u{200f} עולם", "año — 5 o’clock", "\u{feff} x"]
        {
            let any = (0..text.len())
                .filter(|&at| text.is_char_boundary(at))
                .any(|at| is_trigger(text.as_bytes(), at));
            assert!(!any, "{text}");
        }
        for text in ["4111\u{200b}1111", "555\u{2013}1234", "a\u{ad}b", "１２", r"a\u0040b", "pаss"]
        {
            let any = (0..text.len())
                .filter(|&at| text.is_char_boundary(at))
                .any(|at| is_trigger(text.as_bytes(), at));
            assert!(any, "{text}");
        }
    }
}
