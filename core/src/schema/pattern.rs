//! `pattern`: ECMA-262 regular expressions in linear time.
//!
//! JSON Schema means the syntax of ECMA-262 with the `u` flag, searched for anywhere in the text. The
//! syntax is read here, built into the tree of `regex-syntax`, and made an automaton: a match costs one
//! table look-up a character, needs no memory, and stops at the first match. A back-reference cannot be
//! matched so and is refused, and so is look-around, but for look-aheads right after a leading `^`
//! (`^(?=.*\d)(?!admin).*$`): those are conditions on the whole text, hence automata of their own.
//!
//! Worst case: every character once for each automaton, of which there are at most nine. Compiling is
//! bounded by the length of the pattern, its nesting, and the work for the automata.

mod machine;
mod syntax;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use machine::Machine;

use crate::json::Str;

/// Longest pattern, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// Look-ups of compiling for one step: a step takes about a quarter of a microsecond.
const WORK_A_STEP: usize = 64;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    main: Machine,
    /// Conditions on the whole text: must (true) or must not (false) match.
    conditions: Box<[(Machine, bool)]>,
}

/// Why a pattern cannot be compiled, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub kind: PatternErrorKind,
    /// Byte offset in the pattern; 0 when it is wrong as a whole.
    pub offset: usize,
}

/// What is wrong at the offset of a [`PatternError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// A reference to what a group matched.
    BackReference,
    /// An escape that ECMA-262 does not know.
    BadEscape,
    /// The name of a group is not an identifier.
    BadGroupName,
    /// A brace that begins no quantifier.
    BadQuantifier,
    /// A range whose ends are in the wrong order, or are no characters.
    BadRange,
    /// A look-ahead or look-behind where it cannot be matched in linear time.
    LookAround,
    /// Inline flags.
    Modifiers,
    /// Groups are nested too deeply.
    Nesting,
    /// A quantifier that follows nothing it could repeat.
    NothingToRepeat,
    /// The automaton is above the bounds, or the pattern is too long.
    TooLarge,
    /// A class that is not closed.
    UnclosedClass,
    /// A group that is not closed.
    UnclosedGroup,
    /// A Unicode property that is not known.
    UnknownProperty,
    /// A closing parenthesis without an opening one.
    UnopenedGroup,
}

impl PatternErrorKind {
    /// What is wrong, in words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::BackReference => "back-references cannot be matched in linear time",
            Self::BadEscape => "ECMA-262 has no such escape in unicode mode",
            Self::BadGroupName => "the name of a group must be an identifier",
            Self::BadQuantifier => "this brace begins no quantifier; escape it",
            Self::BadRange => "the ends of this range are not two characters in order",
            Self::LookAround => {
                "look-around cannot be matched in linear time, except look-ahead right after a \
                 leading ^"
            }
            Self::Modifiers => "inline flags are not supported",
            Self::Nesting => "the groups are nested too deeply",
            Self::NothingToRepeat => "nothing stands before this quantifier that it could repeat",
            Self::TooLarge => "the pattern needs more memory than the limit",
            Self::UnclosedClass => "this class is not closed",
            Self::UnclosedGroup => "this group is not closed",
            Self::UnknownProperty => "Unicode has no such property",
            Self::UnopenedGroup => "this parenthesis closes no group",
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {} of the pattern)", self.kind.message(), self.offset)
    }
}

impl core::error::Error for PatternError {}

impl Pattern {
    /// Compiles `text`. It takes time and memory by the size of the automaton, never more than a
    /// fixed bound.
    ///
    /// # Errors
    /// When it is no pattern of ECMA-262, or one that cannot be matched in linear time within the
    /// bounds.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_LENGTH {
            return Err(too_large(MAX_LENGTH));
        }
        let parsed = syntax::parse(text)?;
        let conditions: Result<Vec<_>, _> =
            parsed.conditions.iter().map(|(hir, must)| Ok((Machine::new(hir)?, *must))).collect();
        Ok(Self { main: Machine::new(&parsed.main)?, conditions: conditions?.into_boxed_slice() })
    }

    /// Whether the pattern matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.search(|| text.chars())
    }

    /// Whether the pattern matches somewhere in `text` as it reads once its escapes are undone.
    #[must_use]
    pub fn is_match_str(&self, text: Str<'_>) -> bool {
        match text.as_plain() {
            Some(plain) => self.is_match(plain),
            None => self.search(|| text.chars()),
        }
    }

    /// How many automata a match runs at most.
    pub(super) fn machines(&self) -> usize {
        self.conditions.len() + 1
    }

    /// The steps that compiling took.
    pub(super) fn steps(&self) -> usize {
        let conditions = self.conditions.iter().map(|(machine, _)| machine.work);
        (self.main.work + conditions.sum::<usize>()) / WORK_A_STEP
    }

    #[inline]
    fn search<I: Iterator<Item = char>>(&self, chars: impl Fn() -> I) -> bool {
        self.main.is_match(chars())
            && self.conditions.iter().all(|(machine, must)| machine.is_match(chars()) == *must)
    }
}

const fn too_large(offset: usize) -> PatternError {
    PatternError { kind: PatternErrorKind::TooLarge, offset }
}

#[cfg(test)]
mod peer;

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::time::Instant;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::json::{self, Limits, Tape};
    use crate::shared;

    fn compiled(text: &str) -> Pattern {
        Pattern::compile(text).unwrap_or_else(|error| std::panic!("{text}: {error}"))
    }

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = compiled(pattern);
        for text in yes {
            assert!(compiled.is_match(text), "{pattern} must match {text:?}");
        }
        for text in no {
            assert!(!compiled.is_match(text), "{pattern} must not match {text:?}");
        }
    }

    #[test]
    fn searched_for_anywhere() {
        check("es", &["expression", "es"], &["", "s e"]);
        check("", &["", "x"], &[]);
        check("^a|b$", &["ax", "xb"], &["xa", "bx"]);
        check("(?:^|,)a", &["a", "b,a"], &["ba"]);
        check("a$^", &[], &["a", ""]);
    }

    #[test]
    fn the_end_is_the_very_end() {
        check("^abc$", &["abc"], &["abc\n", "\nabc", "abc\nabc"]);
        check("^.*$", &["", "a b"], &["a\n", "a\rb", "\u{2028}", "\u{2029}"]);
        check("^.$", &["\u{1f432}", "\u{85}", "\0"], &["ab"]);
    }

    #[test]
    fn classes_have_the_meaning_of_ecma() {
        check(r"^\d$", &["0"], &["\u{7c0}", "x"]);
        check(r"^\w+$", &["aZ_9"], &["\u{e9}", "-"]);
        check(
            r"^\s$",
            &["\u{feff}", "\u{b}", "\u{a0}", "\u{3000}", "\u{2029}"],
            &["\u{85}", "\u{180e}"],
        );
        check(r"^\S$", &["\u{85}"], &["\u{feff}"]);
        check(r"^[^\d\s]$", &["x"], &["1", " "]);
        check(r"^[\W]$", &["-", "\u{e9}"], &["a"]);
        check(
            r"^\p{Lu}\p{Script=Greek}\p{sc=Cyrl}\P{L}$",
            &["A\u{3b1}\u{436}1"],
            &["a\u{3b1}\u{436}1"],
        );
        check(r"^[\p{L}\p{Nd}]+$", &["\u{fc}1"], &["-"]);
        check(r"^\p{Emoji_Presentation}$", &["\u{1f600}"], &["a"]);
        check("[^]", &["\n", "x"], &[""]);
        check("[]", &[], &["", "x"]);
        check("^[]?a$", &["a"], &["]a"]);
    }

    #[test]
    fn nothing_else_is_special_in_a_class() {
        check(r"^[[]$", &["["], &["[]", "]"]);
        check(r"^[a&&b]+$", &["a&b"], &["&&c"]);
        check(r"^[a~~b]+$", &["a~b"], &["c"]);
        check(r"^[+--]+$", &["+,-"], &["."]);
        check(r"^[a-]+$", &["a-"], &["b"]);
        check(r"^[-a]+$", &["a-"], &["b"]);
        check(r"^[^-a]+$", &["b"], &["-"]);
        check(r"^[.*+?(){}|/$^]+$", &[".*+?(){}|/$^"], &["\\"]);
        check(r"^[\]\\\-\b\^]+$", &["]\\-\u{8}^"], &["b"]);
        check(r"^[[:alpha:]]$", &["a]", ":]"], &["z]", "a"]);
    }

    #[test]
    fn escapes() {
        check(r"^\t\n\v\f\r\0$", &["\t\n\u{b}\u{c}\r\0"], &[]);
        check(r"^\cC\cc\cZ$", &["\u{3}\u{3}\u{1a}"], &["CcZ"]);
        check(r"^\x41\u0042\u{43}\u{0001F432}$", &["ABC\u{1f432}"], &[]);
        check(r"^\ud83d\udc32*$", &["\u{1f432}\u{1f432}", ""], &["\u{1f409}"]);
        check(r"^[\ud83d\udc32-\ud83d\udc34]$", &["\u{1f433}"], &["\u{1f435}"]);
        check(r"^\^\$\\\.\*\+\?\(\)\[\]\{\}\|\/$", &["^$\\.*+?()[]{}|/"], &[]);
        check(r"^[^\uD800-\uDFFF]+$", &["a\u{1f432}"], &[]);
        check(r"\ud800", &[], &["\u{fffd}", "a"]);
        check(r"^[\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$", &["a\u{10ffff}"], &["\n"]);
    }

    #[test]
    fn what_every_engine_reads_alike_is_read() {
        check(r"^\d{3}\-\d{4}$", &["555-1234"], &["5551234"]);
        check(r"^a\@b\#\ \!$", &["a@b# !"], &["a@b#!"]);
        check(r"^x]}$", &["x]}"], &["x"]);
    }

    #[test]
    fn words_are_ascii() {
        check(r"\bcat\b", &["a cat.", "cat", "\u{e9}cat"], &["cats", "_cat"]);
        check(r"\Bat\B", &["rate"], &["at", "rat"]);
        check(r"\B", &["", "--", "aa", "\u{e9}"], &["a", "a\u{e9}b"]);
        check(r"^\b", &["a"], &["", "-a"]);
    }

    #[test]
    fn quantifiers() {
        check("^a{2}$", &["aa"], &["a", "aaa"]);
        check("^a{2,}?$", &["aa", "aaaa"], &["a"]);
        check("^(?:ab|c){1,3}?$", &["abcab"], &["", "cccc"]);
        check("^(?<pair>a(b)?)+$", &["aab"], &["b"]);
        check("^(a*)*$", &["", "aaa"], &["b"]);
        check("^(|a)+$", &["", "aaa"], &["b"]);
    }

    #[test]
    fn look_ahead_at_the_start() {
        check(r"^(?=.*[A-Z])(?=.*\d).{8,}$", &["Passw0rdX"], &["passw0rdx", "Password", "P0"]);
        check(r"^(?!admin$)[a-z]+$", &["admins", "x"], &["admin", "X"]);
        check(r"^(?!.*\.\.)[a-z.]+$", &["a.b"], &["a..b"]);
        check(r"^(?!a|b)", &["c", ""], &["a", "bc"]);
        // As the most used schema library writes an e-mail address.
        let email = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$";
        check(email, &["a.b@c.de"], &[".a@b.cd", "a..b@c.de", "a@b"]);
    }

    #[test]
    fn errors_name_the_place() {
        use PatternErrorKind::*;
        for (pattern, kind, offset) in [
            (r"(a)\1", BackReference, 3),
            (r"(?<n>a)\k<n>", BackReference, 7),
            (r"a(?=b)", LookAround, 1),
            (r"(?=b)b", LookAround, 0),
            (r"^(?=b)|c", LookAround, 1),
            (r"c|^(?=b)", LookAround, 3),
            (r"^(?:(?!x).)*$", LookAround, 4),
            (r"^(?=(?!x).)", LookAround, 4),
            (r"(?<=b)a", LookAround, 0),
            (r"b(?<!b)a", LookAround, 1),
            (r"^(?=b)*", NothingToRepeat, 6),
            (r"x\a", BadEscape, 1),
            (r"\Z", BadEscape, 0),
            (r"\A", BadEscape, 0),
            (r"\_", BadEscape, 0),
            (r"\c1", BadEscape, 0),
            (r"\x4", BadEscape, 0),
            (r"\u12", BadEscape, 0),
            (r"\u{110000}", BadEscape, 0),
            (r"\u{}", BadEscape, 0),
            (r"\u{+41}", BadEscape, 0),
            (r"\01", BadEscape, 0),
            (r"[\1]", BadEscape, 1),
            (r"[\B]", BadEscape, 1),
            ("\\", BadEscape, 0),
            (r"\p{Nope}", UnknownProperty, 0),
            (r"\p{^L}", UnknownProperty, 0),
            (r"\pL", BadEscape, 0),
            (r"(?i)a", Modifiers, 0),
            (r"(?P<n>a)", Modifiers, 0),
            (r"(?#c)a", Modifiers, 0),
            (r"(?<1>a)", BadGroupName, 3),
            (r"(?<n", BadGroupName, 3),
            (r"a**", NothingToRepeat, 2),
            (r"^*", NothingToRepeat, 1),
            (r"\b+", NothingToRepeat, 2),
            (r"+a", NothingToRepeat, 0),
            (r"a|?", NothingToRepeat, 2),
            (r"a{,5}", BadQuantifier, 1),
            (r"a{5,2}", BadQuantifier, 1),
            (r"a{b}", BadQuantifier, 1),
            (r"{", BadQuantifier, 0),
            (r"[z-a]", BadRange, 1),
            (r"[a\d-z]", BadRange, 2),
            (r"[a-\w]", BadRange, 1),
            (r"x[a", UnclosedClass, 1),
            (r"x(a", UnclosedGroup, 1),
            (r"x)a", UnopenedGroup, 1),
        ] {
            let error = Pattern::compile(pattern).unwrap_err();
            assert_eq!((error.kind, error.offset), (kind, offset), "{pattern}");
        }
        let deep = ["(".repeat(100), ")".repeat(100)].concat();
        assert_eq!(Pattern::compile(&deep).unwrap_err().kind, Nesting);
    }

    /// Patterns as the schemas of tools have them.
    #[test]
    fn what_tools_ask_for_is_cheap() {
        for (pattern, yes, no) in [
            (r"^[\p{L} .'-]{1,100}$", "Ren\u{e9} O'Neill", "x2"),
            (r"^[\p{L}\p{N}_ -]{3,255}$", "b\u{e9}ta 2", "!"),
            (r"^\p{L}[\p{L}\p{M}' -]*$", "Zo\u{eb}", "1"),
            (r"^[^\x00-\x1f]{1,500}$", "a b", "a\nb"),
            (r"^.{1,2000}$", "a", ""),
            (r"^\S+(?: \S+){0,15}$", "one two", "one  two"),
            (r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "a-slug-1", "a--b"),
            (r"^[a-zA-Z0-9_-]{1,64}$", "tool_name", "tool name"),
            (
                r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$",
                "a-b.example.org",
                "-a.b",
            ),
            (r"^(?:[^@]{1,64})@(?:[^@]{1,255})$", "a@b", "a@b@c"),
            (r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$", "a.b+c@d-e.org", "a@b"),
            (
                r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
                "01234567-89ab-4cde-8f01-23456789abcd",
                "0123",
            ),
            (r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$", "2024-02-29", "2024-13-01"),
            (r"^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$", "1.2.3-rc.1+b5", "1.2"),
            (r"^(?:/[^/\0]{1,255})+$", "/usr/lib/a b", "usr"),
            (r"^#(?:[0-9a-fA-F]{3}){1,2}$", "#a1B2c3", "#abcd"),
            (r"^\+[1-9]\d{1,14}$", "+4930123456", "030123"),
            (r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}", "192.168.0.1", "256.1.1.1"),
            (r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$", "DE89370400440532013000", "de89"),
            (r"^https?://[^\s/$.?#].[^\s]*$", "https://example.org/a", "ftp://a"),
            (r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", "aGVsbG8=", "a"),
        ] {
            check(pattern, &[yes], &[no]);
            let steps = compiled(pattern).steps();
            assert!(steps < 4_000, "a millisecond at most: {pattern} takes {steps} steps");
        }
    }

    #[test]
    fn compiling_is_bounded() {
        let wide = r"[\p{L}\p{N}]".repeat(300);
        let sets = r"[\p{L}\p{N}\p{Emoji}]|".repeat(180);
        for pattern in [
            r"(?:a.{0,60}b){20}",
            r"(x+x+)+y.{900}",
            r"((a{1000}){1000}){1000}",
            r"(?:){1000000000}",
            r"(?:a?){4000000000}",
            r"[]{4000000000}",
            r"(?:(?:(?:a|b)?c?)*d?){500}",
            r"[01]*1[01]{14}$",
            r"^(?=.*1.{13}$)(?=.*0.{13}$)(?=.*2.{13}$)(?=.*3.{13}$)(?=.*4.{13}$)x",
            r"\p{L}{1,200}",
            &wide,
            &sets,
            &"a".repeat(MAX_LENGTH),
            &"a".repeat(MAX_LENGTH + 1),
            &"(a|".repeat(60),
            r"^[\p{L}\p{N} .'-]{1,100}$",
            r"^[^\x00-\x1f]{1,500}$",
            r"[^\x00-\x1f]{1,500}x",
            r"^.{1,500}$",
            r"^(?:[^@]{1,64})@(?:[^@]{1,255})$",
            r"^\p{L}[\p{L}\p{M}' -]*$",
            r"^(\p{Extended_Pictographic}|\p{Emoji_Component})+$",
            r"^.{1,2000}$",
            r"^[a-zA-Z0-9_-]{1,64}$",
            r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
            r"^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}",
            r"^\w[\w.+-]*@([\w-]+\.)+\w{2,24}$",
        ] {
            let start = Instant::now();
            let pattern = Pattern::compile(pattern)
                .map(|pattern| {
                    let machines = pattern.conditions.iter().map(|(machine, _)| machine);
                    machines.chain([&pattern.main]).map(Machine::memory_usage).sum::<usize>()
                })
                .map_err(|error| (error.kind, std::format!("{pattern:.40}")));
            let spent = start.elapsed();
            std::println!("{spent:>10.1?} {pattern:?}");
            if let Ok(memory) = pattern {
                assert!(memory <= 9 << 20);
            }
            assert!(spent.as_secs() < 60, "even without optimisation, on a busy machine");
        }
    }

    #[test]
    fn a_text_reads_as_its_escapes_mean() {
        let mut tape = Tape::growable();
        let text = br#"["\u0061\ud83d\udc32\n\"", "plain"]"#;
        let doc = json::parse(text, Limits::ARGUMENTS, &mut tape).unwrap();
        let strings: Vec<Str<'_>> =
            doc.root().elements().filter_map(|value| value.as_str()).collect();
        assert!(compiled("^a\u{1f432}\\n\"$").is_match_str(strings[0]));
        assert!(!compiled("u0061").is_match_str(strings[0]));
        assert!(compiled("^pl.*n$").is_match_str(strings[1]));
    }

    #[test]
    fn the_common_suite() {
        let folder = "json-schema-test-suite/tests/draft2020-12";
        let mut count = 0;
        for file in
            ["pattern", "patternProperties", "optional/ecmascript-regex", "optional/non-bmp-regex"]
        {
            let Some(text) = shared::text(&std::format!("{folder}/{file}.json")) else {
                return;
            };
            let groups: Value = serde_json::from_str(&text).unwrap();
            for group in groups.as_array().unwrap() {
                let schema = &group["schema"];
                for test in group["tests"].as_array().unwrap() {
                    let data = &test["data"];
                    let valid = if let (Some(pattern), Some(text)) =
                        (schema["pattern"].as_str(), data.as_str())
                    {
                        compiled(pattern).is_match(text)
                    } else if let (Some(patterns), Some(members), false) = (
                        schema["patternProperties"].as_object(),
                        data.as_object(),
                        schema["additionalProperties"].is_null(),
                    ) {
                        // Closed by patterns: every name must match one.
                        members
                            .keys()
                            .all(|name| patterns.keys().any(|p| compiled(p).is_match(name)))
                    } else {
                        continue;
                    };
                    count += 1;
                    assert_eq!(valid, test["valid"], "{file}: {schema} {data}");
                }
            }
        }
        std::println!("{count} tests of the suite");
        assert!(count > 60);
    }

    proptest! {
        #[test]
        fn no_pattern_panics(text in r"[\^$\\.*+?()\[\]{}|a-c0-3dwspuxk<>=!:,\-&~é]{0,24}", on in any::<String>()) {
            if let Ok(pattern) = Pattern::compile(&text) {
                let _ = pattern.is_match(&on);
            }
        }

        /// The naive matcher: patterns of literals, dots, stars and classes mean what it finds.
        #[test]
        fn agrees_with_backtracking(atoms in prop::collection::vec(("[ab.]|\\[ab\\]|\\[\\^a\\]", "[*?]?"), 0..6), text in "[abcé]{0,8}") {
            let pattern: String = atoms.iter().flat_map(|(a, q)| [a.as_str(), q.as_str()]).collect();
            let text: Vec<char> = text.chars().collect();
            let whole: String = text.iter().collect();
            let found = (0..=text.len()).any(|at| naive(&atoms, &text[at..], false));
            prop_assert_eq!(compiled(&pattern).is_match(&whole), found, "{}", pattern);
            let anchored = std::format!("^{pattern}$");
            prop_assert_eq!(compiled(&anchored).is_match(&whole), naive(&atoms, &text, true), "{}", anchored);
        }
    }

    fn naive(atoms: &[(String, String)], text: &[char], to_end: bool) -> bool {
        let Some(((atom, quantifier), rest)) = atoms.split_first() else {
            return !to_end || text.is_empty();
        };
        let one = |c: char| match atom.as_str() {
            "." => true,
            "[ab]" => c == 'a' || c == 'b',
            "[^a]" => c != 'a',
            literal => literal.starts_with(c),
        };
        let most = match quantifier.as_str() {
            "" | "?" => 1,
            _ => text.len(),
        };
        let least = usize::from(quantifier.is_empty());
        let run = text.iter().take(most).take_while(|&&c| one(c)).count();
        (least..=run).any(|n| naive(rest, &text[n..], to_end))
    }
}
