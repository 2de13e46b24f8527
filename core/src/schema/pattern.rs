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

/// Most memory of the NFA, of the DFA, and of the work between them, in bytes each.
const MAX_MEMORY: usize = 1 << 20;

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
        write!(
            f,
            "{} (at byte {} of the pattern)",
            self.kind.message(),
            self.offset
        )
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
        let conditions: Result<Vec<_>, _> = parsed
            .conditions
            .iter()
            .map(|(hir, must)| Ok((Machine::new(hir)?, *must)))
            .collect();
        Ok(Self {
            main: Machine::new(&parsed.main)?,
            conditions: conditions?.into_boxed_slice(),
        })
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

    /// The memory that the tables take, in bytes.
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        let conditions = self
            .conditions
            .iter()
            .map(|(machine, _)| machine.dfa.memory_usage());
        self.main.dfa.memory_usage() + conditions.sum::<usize>()
    }

    #[inline]
    fn search<I: Iterator<Item = u8>>(&self, bytes: impl Fn() -> I) -> bool {
        self.main.is_match(bytes())
            && self
                .conditions
                .iter()
                .all(|(machine, must)| machine.is_match(bytes()) == *must)
    }
}

const fn too_large(offset: usize) -> PatternError {
    PatternError {
        kind: PatternErrorKind::TooLarge,
        offset,
    }
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
                    .determinize_size_limit(Some(MAX_MEMORY)),
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
