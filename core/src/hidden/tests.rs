//! The scanner of hidden text: samples and properties.
#![cfg(feature = "alloc")]

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::class::{is_invisible, is_pictograph};
use super::*;

fn stripped(text: &str, kinds: Kinds) -> String {
    let mut out = Buf::growable();
    strip(text, kinds, &mut Found::default(), &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

fn cleaned(text: &str) -> String {
    stripped(text, Kinds::ALL)
}

fn kinds(text: &str) -> Vec<&'static str> {
    find(text, Kinds::ALL).map(|span| span.kind.name()).collect()
}

/// Texts that must stay as they are.
const LIVING: &[&str] = &[
    "plain\ttext\r\nof two lines",
    "caf\u{e9} na\u{ef}ve \u{2014} \u{201c}quoted\u{201d}\u{2026} \u{20ac}5\u{a0}000",
    // Emoji: families, tones, professions, flags, keycaps, presentation, hearts, the black flag.
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
    "\u{1f469}\u{1f3fd}\u{200d}\u{1f680} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308} \u{1f3f4}\u{200d}\u{2620}\u{fe0f}",
    "\u{2764}\u{fe0f}\u{200d}\u{1f525} \u{1f9d1}\u{200d}\u{2695}\u{fe0f} \u{1f1e9}\u{1f1ea} 1\u{fe0f}\u{20e3} \u{260e}\u{fe0e} \u{a9}\u{fe0f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    // Persian "I go" and "books", both with ZWNJ; an abbreviation with ZWJ.
    "\u{645}\u{6cc}\u{200c}\u{631}\u{648}\u{645} \u{6a9}\u{62a}\u{627}\u{628}\u{200c}\u{647}\u{627} \u{647}\u{200d}.",
    // Hindi with an explicit half form, and Sinhala "Sri Lanka".
    "\u{915}\u{94d}\u{200d}\u{937} \u{930}\u{93e}\u{91c}\u{94d}\u{200c}\u{92f}",
    "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3} \u{dbd}\u{d82}\u{d9a}\u{dcf}",
    // Arabic and Hebrew; Hebrew with LRM behind a Latin word, Arabic with ALM.
    "\u{627}\u{644}\u{633}\u{644}\u{627}\u{645} \u{639}\u{644}\u{64a}\u{643}\u{645}",
    "\u{5d0}\u{5e0}\u{5d9} \u{5db}\u{5d5}\u{5ea}\u{5d1} C++\u{200e} \u{5d1}\u{5d1}\u{5d9}\u{5ea} \u{61c}",
    "\u{200f}\u{5e9}\u{5dc}\u{5d5}\u{5dd}!",
    // Khmer with zero-width spaces, Mongolian with a selector, a variant of a Han character.
    "\u{179f}\u{17bd}\u{179f}\u{17d2}\u{178f}\u{17b8}\u{200b}\u{1796}\u{17b7}\u{1797}\u{1796}",
    "\u{182d}\u{180b}\u{1820} \u{845b}\u{e0100}\u{57ce}\u{5e02} \u{2268}\u{fe00}",
    // Old Hangul with a filler.
    "\u{115f}\u{1161} \u{1112}\u{1161}\u{11ab}",
];

#[test]
fn emoji_and_languages_stay_byte_for_byte() {
    for text in LIVING {
        assert_eq!(cleaned(text), **text, "{}", text.escape_unicode());
    }
}

#[test]
fn invisible_characters_are_found_where_they_carry_nothing() {
    for (text, want) in [
        ("pass\u{200b}word", "password"),
        ("a\u{200d}b\u{200c}c", "abc"),
        ("a\u{ad}b\u{2060}c\u{feff}d\u{3164}e\u{180e}f", "abcdef"),
        ("\u{1f600}\u{200d} x", "\u{1f600} x"),
        ("\u{1f600}\u{200d}\u{200d}\u{1f600}", "\u{1f600}\u{200d}\u{1f600}"),
        ("a\u{fe0f}b", "ab"),
        // Bytes as selectors behind an emoji.
        ("\u{1f600}\u{fe0f}\u{fe01}\u{fe02}\u{e0150}\u{e0161}!", "\u{1f600}\u{fe0f}!"),
        ("\u{1f600}\u{e0150}\u{e0161}", "\u{1f600}"),
        // ASCII as tags, alone and behind a flag.
        ("hi\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}", "hi"),
        ("\u{1f3f4}\u{e0068}\u{e0069}\u{e007f}", "\u{1f3f4}"),
        ("\u{e0001}\u{e0065}\u{e006e}x", "x"),
        ("\u{627}\u{200c}\u{200c}\u{200d}\u{628}", "\u{627}\u{200c}\u{628}"),
        ("\u{179f}\u{200b}\u{200b}\u{179f}", "\u{179f}\u{200b}\u{179f}"),
        ("a\u{200b}\u{179f}", "a\u{179f}"),
        ("\u{115f}\u{1160}\u{115f}", ""),
    ] {
        assert_eq!(stripped(text, Kinds::of(Hidden::Invisible)), want, "{}", text.escape_unicode());
        assert!(kinds(text).iter().all(|kind| *kind == "invisible"));
    }
}

#[test]
fn bidi_controls_are_found_and_marks_of_rtl_lines_are_not() {
    // As in "Trojan Source": an override, isolates, embeddings.
    let trojan =
        "if \u{202e}\u{2066}admin\u{2069} \u{2066}// check\u{2069}\u{202c}\u{202a}x\u{202b}";
    assert_eq!(stripped(trojan, Kinds::of(Hidden::Bidi)), "if admin // checkx");
    assert!(kinds(trojan).iter().all(|kind| *kind == "bidi"));
    assert_eq!(cleaned("a\u{200e}b\u{200f}c\u{61c}"), "abc", "no letter from right to left");
    assert_eq!(cleaned("\u{5d0}\n\u{200e}a"), "\u{5d0}\na", "in another line");
    assert_eq!(cleaned("\u{5d0}\u{200e}\u{200f}\u{200e}"), "\u{5d0}\u{200e}", "bits as marks");
    assert_eq!(cleaned("\u{5d0}\u{202e}\u{5d1}\u{202c}"), "\u{5d0}\u{5d1}", "also between letters");
}

#[test]
fn escape_sequences_are_found_whole() {
    for (text, want) in [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}[38;2;1;2;3m\u{1b}[?25lx\u{1b}[ q", "x"),
        ("\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{1b}]0;title\u{7}text", "text"),
        ("\u{1b}]0;caf\u{e9} \u{a9}\u{9c}text", "text"),
        ("\u{9b}31mred\u{9d}0;t\u{9c}", "red"),
        ("\u{1b}Pq#0\u{1b}\\\u{1b}_x\u{1b}\\\u{1b}(Ba\u{1b}cb\u{1b}7", "ab"),
        // What does not end gives up its beginning alone.
        ("\u{1b}]0;the rest\nstays", "0;the rest\nstays"),
        ("\u{1b}[12\u{e9}", "12\u{e9}"),
        ("\u{1b}", ""),
        ("\u{1b}\u{1b}[1m\u{1b}]\u{1b}]x\u{7}", ""),
    ] {
        assert_eq!(stripped(text, Kinds::of(Hidden::Ansi)), want, "{}", text.escape_unicode());
    }
    let long = format!("\u{1b}]{}\u{7}", "x".repeat(5000));
    assert_eq!(stripped(&long, Kinds::of(Hidden::Ansi)).len(), 5001, "too long for one");
    assert_eq!(kinds("a\u{8}\u{0}b\u{7f}\u{85}\t\r\n"), ["control"; 4]);
}

#[test]
fn kinds_that_are_not_asked_for_stay() {
    let text = "\u{1b}[1ma\u{200b}\u{202e}\u{0}";
    assert_eq!(kinds(text), ["ansi", "invisible", "bidi", "control"]);
    assert_eq!(stripped(text, Kinds::NONE), text);
    assert_eq!(stripped(text, Kinds::of(Hidden::Bidi)), "\u{1b}[1ma\u{200b}\u{0}");
    assert_eq!(stripped(text, Kinds::ALL.without(Kinds::of(Hidden::Bidi))), "a\u{202e}");
}

#[test]
fn all_that_unicode_calls_ignorable_hides() {
    let class = |name: &str| {
        use regex_syntax::hir::{Class, HirKind};
        let hir = regex_syntax::parse(&format!("\\p{{{name}}}")).unwrap();
        match hir.into_kind() {
            HirKind::Class(Class::Unicode(class)) => class,
            other => panic!("{other:?}"),
        }
    };
    for range in class("Default_Ignorable_Code_Point").iter() {
        for c in range.start()..=range.end() {
            assert!(is_invisible(c) || matches!(kinds(&c.to_string())[..], ["bidi"]), "{c:?}");
        }
    }
    for range in class("Bidi_Control").iter() {
        for c in range.start()..=range.end() {
            assert_eq!(kinds(&c.to_string()), ["bidi"], "{c:?}");
        }
    }
    let pictographs = class("Extended_Pictographic");
    let listed =
        |c: char| pictographs.iter().any(|range| (range.start()..=range.end()).contains(&c));
    for c in (0..0x2_0000).filter_map(char::from_u32) {
        assert_eq!(is_pictograph(c), listed(c), "{c:?}");
    }
}

#[test]
fn every_character_that_hides_is_looked_at() {
    // The first look must stop at all that the second could find.
    for c in ('\0'..=char::MAX).filter(|&c| c != '\t' && c != '\n' && c != '\r') {
        let mut utf8 = [0; 4];
        let bytes = c.encode_utf8(&mut utf8).as_bytes();
        let hides = matches!(Context::new("").judge(c, 0), Verdict::Hidden { .. });
        if hides {
            assert!(class::is_candidate(c) && may_hide_in_json(bytes), "{c:?}");
            assert!(class::is_sign(bytes[0]) && may_hide(bytes), "{c:?}");
        }
        assert_eq!(may_hide(bytes), !(' '..='~').contains(&c), "{c:?}");
    }
}

#[test]
fn hidden_text_is_shown_as_what_it_is() {
    let text = "a\u{202e}b\u{1b}[1mc\u{200b}\n\u{1f468}\u{200d}\u{1f469}\u{e9}\u{7f}";
    let shown = "a\\u{202e}b\\u{1b}\\u{5b}\\u{31}\\u{6d}c\\u{200b}\\n\u{1f468}\u{200d}\u{1f469}\u{e9}\\u{7f}";
    assert_eq!(Visible(text).to_string(), shown);
}

#[test]
fn a_clean_text_needs_one_look() {
    let clean = "The quick brown fox,\tjumps.\r\n".repeat(100);
    assert!(!may_hide(clean.as_bytes()));
    for at in [0, 1, 63, 64, 65, 2899] {
        let mut text = clean.clone().into_bytes();
        text[at] = 0x1b;
        assert!(may_hide(&text), "{at}");
    }
    assert!(!may_hide_in_json(br#"{"a":"b\n\"\\\/c"}"#));
    for at in [0, 60, 61, 62, 63, 64] {
        let text = format!("\"{}\\u200b\"", "x".repeat(at));
        assert!(may_hide_in_json(text.as_bytes()), "{at}");
    }
}

/// Text of pieces that hide and pieces among which they do not.
fn some_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(LIVING.to_vec()).prop_map(String::from),
        3 => prop::sample::select(vec!["\u{200b}", "\u{200c}", "\u{200d}", "\u{fe0f}", "\u{fe00}",
            "\u{200e}", "\u{200f}", "\u{202e}", "\u{2066}", "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{9b}",
            "\u{7}", "\u{1b}\\", "31m", "\u{e0067}", "\u{e0062}", "\u{e007f}", "\u{1f3f4}",
            "\u{1f600}", "\u{627}", "\u{915}", "\u{179f}", "\u{115f}", "\u{1160}", "\u{11a8}",
            "\u{180b}", "\u{182d}", "\u{845b}", "\u{e0100}", "\u{34f}", "\u{5d0}", "\n", "a", "1", " "])
            .prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn stripping_twice_strips_no_more(text in some_text(), mask in 0_u8..16) {
        let once = stripped(&text, Kinds(mask));
        prop_assert_eq!(stripped(&once, Kinds(mask)), once.clone(), "{}", text.escape_unicode());
        prop_assert!(find(&once, Kinds(mask)).next().is_none());
        prop_assert!(!once.is_empty() || text.is_empty() || mask != 0);
    }

    #[test]
    fn languages_survive_beside_what_hides(index in 0..LIVING.len(), hidden in "[\u{202a}-\u{202e}\u{2060}\u{e0020}\u{0}]{0,5}") {
        let text = format!("{} {hidden} {}", LIVING[index], LIVING[index]);
        prop_assert_eq!(cleaned(&text), format!("{0}  {0}", LIVING[index]));
    }

    #[test]
    fn text_that_may_not_hide_does_not(text in some_text()) {
        prop_assert!(may_hide(text.as_bytes()) || kinds(&text).is_empty());
    }
}
