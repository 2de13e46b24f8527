//! `pattern`: ECMA-262 regular expressions in linear time.
//!
//! JSON Schema means the syntax of ECMA-262 with the `u` flag, searched for anywhere in the text. The
//! syntax is read here, built into the tree of `regex-syntax`, and made a dense DFA: a match costs one
//! table look-up a byte, needs no memory, and stops at the first match. A back-reference cannot be
//! matched so and is refused, and so is look-around, but for look-aheads right after a leading `^`
//! (`^(?=.*\d)(?!admin).*$`): those are conditions on the whole text, hence automata of their own.
//!
//! Worst case: every byte once for each automaton, of which there are at most nine. Compiling is
//! bounded by the length of the pattern, its nesting, and the memory of the automata.

mod syntax;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::{primitives::StateID, start};
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;

use crate::json::Str;

/// Longest pattern, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// Most memory of the NFA, and of the DFA, in bytes each.
const MAX_MEMORY: usize = 1 << 20;

/// Most memory of the work between them. It bounds the time: about 30 ms for the worst pattern known.
const MAX_WORK: usize = 1 << 18;

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
        self.search(|| text.bytes())
    }

    /// Whether the pattern matches somewhere in `text` as it reads once its escapes are undone.
    #[must_use]
    pub fn is_match_str(&self, text: Str<'_>) -> bool {
        match text.as_plain() {
            Some(plain) => self.is_match(plain),
            None => self.search(|| text.bytes()),
        }
    }

    /// How many automata a match runs at most.
    pub(super) fn machines(&self) -> usize {
        self.conditions.len() + 1
    }

    /// The memory that the tables take, in bytes.
    pub(super) fn memory_usage(&self) -> usize {
        let conditions = self.conditions.iter().map(|(machine, _)| machine.dfa.memory_usage());
        self.main.dfa.memory_usage() + conditions.sum::<usize>()
    }

    #[inline]
    fn search<I: Iterator<Item = u8>>(&self, bytes: impl Fn() -> I) -> bool {
        self.main.is_match(bytes())
            && self.conditions.iter().all(|(machine, must)| machine.is_match(bytes()) == *must)
    }
}

const fn too_large(offset: usize) -> PatternError {
    PatternError { kind: PatternErrorKind::TooLarge, offset }
}

/// One automaton and where it starts.
#[derive(Clone, Debug)]
struct Machine {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Machine {
    fn new(hir: &Hir) -> Result<Self, PatternError> {
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .nfa_size_limit(Some(MAX_MEMORY))
                    .which_captures(WhichCaptures::None),
            )
            .build_from_hir(hir)
            .map_err(|_| too_large(0))?;
        // Where to begin is part of the tree, so that a match begins between two characters, never
        // inside one. Leftmost-first drops what can only match later, which keeps the table small.
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .accelerate(false)
                    .match_kind(MatchKind::LeftmostFirst)
                    .start_kind(StartKind::Anchored)
                    .dfa_size_limit(Some(MAX_MEMORY))
                    .determinize_size_limit(Some(MAX_WORK)),
            )
            .build_from_nfa(&nfa)
            .map_err(|_| too_large(0))?;
        let start = dfa
            .start_state(&start::Config::new().anchored(Anchored::Yes))
            .map_err(|_| too_large(0))?;
        Ok(Self { dfa, start })
    }

    #[inline]
    fn is_match(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut state = self.start;
        for byte in bytes {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    return true;
                }
                if self.dfa.is_dead_state(state) {
                    return false;
                }
            }
        }
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }
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
                .map(|pattern| pattern.memory_usage())
                .map_err(|error| (error.kind, std::format!("{pattern:.40}")));
            let spent = start.elapsed();
            std::println!("{spent:>10.1?} {pattern:?}");
            if let Ok(memory) = pattern {
                assert!(memory <= 10 * MAX_MEMORY);
            }
            assert!(spent.as_secs() < 10, "even without optimisation");
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
