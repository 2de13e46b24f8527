//! Whether letters were drawn at random or chosen, as those of words and names are.
//!
//! Two things tell: which letters follow each other, and where capitals stand. For both there is a table of
//! how much rarer a step is in names of programs than where letters are drawn, in bits; their sum decides.
//! Worst case: a look at the first 64 bytes.

use super::bytes::{byte, looked_at, slice};

/// How much is looked at.
const GLANCE: usize = 64;

/// What a digit in [`PAIRS`] weighs.
const WEIGHTS: [i32; 4] = [-2, 0, 2, 4];

/// How rare in names a letter (column) is behind another (row), both from A to Z. Counted in the words of a
/// quarter of a million names in Rust, C, Go, Python and JavaScript.
const PAIRS: [&[u8; 26]; 26] = [
    b"31003313232000313000223223",
    b"03330333003033033113033313",
    b"03230330230023033020133323",
    b"03300323033133033112131323",
    b"13002223333110322000322023",
    b"03330033033032033011033323",
    b"13320321033020133002133333",
    b"03230333033313033121233323",
    b"22011213333010023200323231",
    b"03330333233333023303032333",
    b"11320323033231223302133333",
    b"02310333033033023321133323",
    b"01320333033113003323133333",
    b"03000103132232033300123333",
    b"22003223232000103021021333",
    b"03220332133033013020133323",
    b"33233333333233333223033333",
    b"03220223032312033110223313",
    b"13130331032223113300133312",
    b"03230330033333023012233303",
    b"11120123133000303000333333",
    b"03330333033333233332333333",
    b"02320332033220033003333333",
    b"13130233031303303320333323",
    b"32231333233100203300332332",
    b"03330333133333033333333322",
];

/// What one letter is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Small,
    Capital,
}

/// How rare a capital, or a small letter, is in names behind two of the kinds.
const fn step(before: Kind, last: Kind, this: Kind) -> i32 {
    use Kind::{Capital, None, Small};
    match (before, last, this) {
        (_, _, None) | (_, None, _) | (Capital, Capital, Capital) => 0,
        (Small, Small, Capital) | (Capital, Capital, Small) => 1,
        (None, Capital, Capital) => 2,
        (Small, Capital, Capital) | (None, Small, Capital) => 3,
        // A hump of one letter.
        (Capital, Small, Capital) => 4,
        (_, _, Small) => -1,
    }
}

/// How likely `value` was drawn at random, in bits: below zero it is a name or words. Each run of digits in it
/// counts a little for chance.
pub(super) fn chance(value: &[u8]) -> i32 {
    let head = slice(value, 0, GLANCE);
    looked_at(head.len());
    let (mut sum, mut before, mut last) = (0, Kind::None, Kind::None);
    for (at, &this) in head.iter().enumerate() {
        let kind = match this {
            b'a'..=b'z' => Kind::Small,
            b'A'..=b'Z' => Kind::Capital,
            _ => Kind::None,
        };
        let left = at.checked_sub(1).map_or(0, |at| byte(head, at));
        sum += step(before, last, kind);
        if kind == Kind::Small && last != Kind::None {
            sum += pair(left, this);
        }
        sum += i32::from(this.is_ascii_digit() && !left.is_ascii_digit());
        (before, last) = (last, kind);
    }
    sum
}

/// The weight of two letters.
fn pair(left: u8, right: u8) -> i32 {
    let index = |letter: u8| usize::from(letter.to_ascii_lowercase().wrapping_sub(b'a'));
    let level = PAIRS.get(index(left)).and_then(|row| row.get(index(right)));
    level.and_then(|level| WEIGHTS.get(usize::from(level & 3))).copied().unwrap_or(0)
}

/// Whether `value` is letters that were drawn at random, a digit at its end aside. Letters in one case must be
/// unlikelier as words, for those of all languages are.
pub(super) fn is_drawn(value: &[u8]) -> bool {
    let letters = match value {
        [letters @ .., b'0'..=b'9'] => letters,
        all => all,
    };
    let has = |test: fn(&u8) -> bool| letters.iter().any(test);
    let both = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    letters.len() >= 10
        && letters.iter().all(u8::is_ascii_alphabetic)
        && chance(letters) >= if both { 0 } else { 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn drawn(seed: &mut u64, len: usize) -> String {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let next = |_| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(letters[(*seed >> 33) as usize % letters.len()])
        };
        (0..len).map(next).collect()
    }

    #[test]
    fn random_letters_are_told_from_names() {
        let mut seed = 6;
        for (len, least) in [(12, 985), (16, 993), (24, 999)] {
            let found = (0..1000).filter(|_| is_drawn(drawn(&mut seed, len).as_bytes())).count();
            assert!(found >= least, "{found} of 1000 with {len} letters");
        }
        for name in [
            "passwordHash",
            "getUserPassword",
            "OAuthAccessToken",
            "xmlHttpRequest",
            "IdentityProviderToken",
            "vorläufigesKennwort",
            "TokenTypeReference",
            "getURLForHTTPRequest",
            "encryptedPassphrase",
            "SecretStorageServiceImpl",
            "ComSunNioFsPath",
            "einstellungen",
            "mypassphrase",
        ] {
            assert!(!is_drawn(name.as_bytes()), "{name}: {}", chance(name.as_bytes()));
        }
    }
}
