//! The automaton of a pattern: a table that takes one look-up a character.
//!
//! Characters that no class of the pattern tells apart are one *symbol*, so that a class costs the same
//! whether it has two members or all the letters of Unicode, and a counted repeat costs a state for each
//! count. The tree of the pattern becomes an NFA, and the NFA a table by the subset construction, where
//! a state also knows what stands before it, for `^` and `\b`.
//!
//! Worst case: a table is exponential in the pattern (`(?:a|b)*a(?:a|b){20}$`), so work is counted and a
//! pattern beyond the bound is refused.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::syntax::WORD;
use super::{PatternError, too_large};

type Result<T> = core::result::Result<T, PatternError>;

/// Most instructions of the NFA.
const MAX_INSTRUCTIONS: usize = 1 << 15;
/// Most entries of a table.
const MAX_TABLE: usize = 1 << 18;
/// Most work for one automaton, in look-ups: about 20 ms.
const MAX_WORK: usize = 1 << 21;
/// What it takes to find a state by one of its instructions, in look-ups.
const HASHING: usize = 4;

/// The states that every table has: nothing can match any more, and something has.
const DEAD: u16 = 0;
const MATCHED: u16 = 1;
const START: u16 = 2;

/// One automaton.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    symbols: Symbols,
    /// The next state for each state and symbol.
    table: Box<[u16]>,
    /// Whether the text may end in a state.
    ends: Box<[bool]>,
    /// What it took to build, in look-ups.
    pub(super) work: usize,
}

impl Machine {
    pub(super) fn new(hir: &Hir) -> Result<Self> {
        let mut nfa = Nfa { code: vec![Code::Match], classes: Vec::new(), known: HashMap::new() };
        let start = nfa.compile(hir, 0)?;
        let looks_at_words = nfa
            .code
            .iter()
            .any(|code| matches!(code, Code::Look(Look::WordAscii | Look::WordAsciiNegate, _)));
        let word = looks_at_words.then(|| nfa.class(WORD));
        let (symbols, members) = Symbols::new(&nfa.classes)?;
        let word = word.and_then(|class| members.get(class as usize));
        let is_word: Vec<bool> = (0..symbols.count)
            .map(|symbol| word.and_then(|word| word.get(symbol)).copied().unwrap_or(false))
            .collect();
        let work = nfa.code.len() + nfa.classes.len() * symbols.starts.len();
        let builder = Builder {
            code: &nfa.code,
            members: &members,
            is_word: &is_word,
            states: HashMap::new(),
            todo: Vec::new(),
            table: vec![DEAD; symbols.count],
            ends: vec![false, true],
            seen: vec![0; nfa.code.len()],
            round: 0,
            work,
        };
        builder.build(start, symbols)
    }

    pub(super) fn is_match(&self, chars: impl Iterator<Item = char>) -> bool {
        let mut state = START;
        for c in chars {
            let at = usize::from(state) * self.symbols.count + self.symbols.of(c);
            state = self.table.get(at).copied().unwrap_or(DEAD);
            if state <= MATCHED {
                return state == MATCHED;
            }
        }
        self.ends.get(usize::from(state)).copied().unwrap_or(false)
    }

    /// The memory that the tables take, in bytes.
    #[cfg(test)]
    pub(super) fn memory_usage(&self) -> usize {
        self.table.len() * 2 + self.ends.len() + self.symbols.starts.len() * 6 + 256
    }
}

/// Which symbol a character is.
#[derive(Clone, Debug)]
struct Symbols {
    ascii: [u16; 128],
    /// First character of each run of characters that are one symbol, and that symbol.
    starts: Box<[u32]>,
    ids: Box<[u16]>,
    count: usize,
}

impl Symbols {
    /// Tells apart what some class tells apart; and for each class, which symbols it holds.
    fn new(classes: &[Ranges]) -> Result<(Self, Vec<Vec<bool>>)> {
        let mut starts: Vec<u32> = vec![0];
        starts.extend(classes.iter().flatten().flat_map(|&(first, last)| [first, last + 1]));
        starts.sort_unstable();
        starts.dedup();
        if starts.len() * classes.len() > MAX_WORK {
            return Err(too_large(0));
        }
        // Each class splits the symbols that it holds a part of.
        let mut ids = vec![0_u16; starts.len()];
        let mut count = 1;
        for class in classes {
            let mut split = HashMap::new();
            let mut next = 0;
            for (id, holds) in ids.iter_mut().zip(held(class, &starts)) {
                *id = *split.entry((*id, holds)).or_insert_with(|| {
                    next += 1;
                    next - 1
                });
            }
            count = usize::from(next).max(1);
        }
        let members = classes.iter().map(|class| {
            let mut members = vec![false; count];
            for (&id, holds) in ids.iter().zip(held(class, &starts)) {
                if let Some(member) = members.get_mut(usize::from(id)) {
                    *member = holds;
                }
            }
            members
        });
        let members = members.collect();
        let mut symbols = Self { ascii: [0; 128], starts: starts.into(), ids: ids.into(), count };
        for c in 0..128_u8 {
            let id = symbols.find(c.into());
            if let Some(slot) = symbols.ascii.get_mut(usize::from(c)) {
                *slot = id;
            }
        }
        Ok((symbols, members))
    }

    #[inline]
    fn of(&self, c: char) -> usize {
        let id = match self.ascii.get(c as usize) {
            Some(&id) => id,
            None => self.find(c),
        };
        usize::from(id)
    }

    fn find(&self, c: char) -> u16 {
        let after = self.starts.partition_point(|&start| start <= u32::from(c));
        self.ids.get(after.wrapping_sub(1)).copied().unwrap_or(0)
    }
}

/// Whether each run of characters that begins at one of `starts` is in `class`.
fn held(class: &Ranges, starts: &[u32]) -> impl Iterator<Item = bool> {
    let mut ranges = class.iter().peekable();
    starts.iter().map(move |&start| {
        while ranges.next_if(|&&(_, last)| last < start).is_some() {}
        ranges.peek().is_some_and(|&&(first, _)| first <= start)
    })
}

/// A class as sorted ranges of code points, both ends included.
type Ranges = Box<[(u32, u32)]>;

/// One instruction of the NFA.
#[derive(Clone, Copy, Debug)]
enum Code {
    Match,
    /// One character of a class.
    Char(u32, u32),
    Look(Look, u32),
    Split(u32, u32),
}

struct Nfa {
    code: Vec<Code>,
    classes: Vec<Ranges>,
    known: HashMap<Ranges, u32>,
}

impl Nfa {
    /// The entry to what matches `hir` and goes on at `next`.
    fn compile(&mut self, hir: &Hir, next: u32) -> Result<u32> {
        match hir.kind() {
            HirKind::Empty => Ok(next),
            HirKind::Literal(literal) => {
                let text = core::str::from_utf8(&literal.0).map_err(|_| too_large(0))?;
                text.chars().rev().try_fold(next, |next, c| {
                    let class = self.class(&[(c.into(), c.into())]);
                    self.push(Code::Char(class, next))
                })
            }
            HirKind::Class(class) => {
                let ranges: Vec<(u32, u32)> = match class {
                    Class::Unicode(class) => {
                        let ranges = class.iter();
                        ranges.map(|range| (range.start().into(), range.end().into())).collect()
                    }
                    // How the tree spells what matches nothing.
                    Class::Bytes(_) => Vec::new(),
                };
                let class = self.class(&ranges);
                self.push(Code::Char(class, next))
            }
            HirKind::Look(look) => self.push(Code::Look(*look, next)),
            HirKind::Repetition(repetition) => self.repeat(repetition, next),
            HirKind::Capture(capture) => self.compile(&capture.sub, next),
            HirKind::Concat(parts) => {
                parts.iter().rev().try_fold(next, |next, part| self.compile(part, next))
            }
            HirKind::Alternation(parts) => {
                let mut entry = None;
                for part in parts.iter().rev() {
                    let part = self.compile(part, next)?;
                    entry = Some(match entry {
                        Some(rest) => self.push(Code::Split(part, rest))?,
                        None => part,
                    });
                }
                Ok(entry.unwrap_or(next))
            }
        }
    }

    fn repeat(&mut self, repetition: &Repetition, next: u32) -> Result<u32> {
        let Repetition { min, max, sub, .. } = repetition;
        let mut entry = next;
        match max {
            None => {
                let again = self.push(Code::Split(next, next))?;
                let body = self.compile(sub, again)?;
                if let Some(code) = self.code.get_mut(again as usize) {
                    *code = Code::Split(body, next);
                }
                entry = again;
            }
            Some(max) => {
                for _ in *min..*max {
                    let body = self.compile(sub, entry)?;
                    entry = self.push(Code::Split(body, next))?;
                }
            }
        }
        for _ in 0..*min {
            let before = entry;
            entry = self.compile(sub, entry)?;
            // What takes nothing may be repeated for ever.
            if entry == before {
                break;
            }
        }
        Ok(entry)
    }

    fn push(&mut self, code: Code) -> Result<u32> {
        if self.code.len() == MAX_INSTRUCTIONS {
            return Err(too_large(0));
        }
        self.code.push(code);
        Ok(self.code.len() as u32 - 1)
    }

    fn class(&mut self, ranges: &[(u32, u32)]) -> u32 {
        if let Some(&class) = self.known.get(ranges) {
            return class;
        }
        let class = self.classes.len() as u32;
        self.classes.push(ranges.into());
        self.known.insert(ranges.into(), class);
        class
    }
}

/// What stands before a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Before {
    Start,
    Word,
    Other,
}

/// What comes after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    End,
    Word,
    Other,
}

/// Instructions, sorted, and what stands before them.
type Set = (Box<[u32]>, Before);

struct Builder<'n> {
    code: &'n [Code],
    members: &'n [Vec<bool>],
    is_word: &'n [bool],
    states: HashMap<Set, u16>,
    /// States whose row is still empty.
    todo: Vec<(u16, Set)>,
    table: Vec<u16>,
    ends: Vec<bool>,
    /// In which round an instruction was last met.
    seen: Vec<u32>,
    round: u32,
    work: usize,
}

impl Builder<'_> {
    fn build(mut self, start: u32, symbols: Symbols) -> Result<Machine> {
        self.table.extend(vec![MATCHED; symbols.count]);
        self.state((Box::new([start]), Before::Start))?;
        while let Some((state, set)) = self.todo.pop() {
            self.fill(state, &set)?;
        }
        let Self { table, ends, work, .. } = self;
        Ok(Machine { symbols, table: table.into(), ends: ends.into(), work })
    }

    fn state(&mut self, set: Set) -> Result<u16> {
        if let Some(&state) = self.states.get(&set) {
            return Ok(state);
        }
        let symbols = self.is_word.len();
        let state = u16::try_from(self.ends.len()).map_err(|_| too_large(0))?;
        if self.table.len() + symbols > MAX_TABLE {
            return Err(too_large(0));
        }
        self.table.resize(self.table.len() + symbols, DEAD);
        self.ends.push(false);
        self.states.insert(set.clone(), state);
        self.todo.push((state, set));
        Ok(state)
    }

    fn fill(&mut self, state: u16, set: &Set) -> Result<()> {
        let (_, ends) = self.follow(set, After::End)?;
        if let Some(slot) = self.ends.get_mut(usize::from(state)) {
            *slot = ends;
        }
        let looks_at_words = self.is_word.contains(&true);
        for after in [After::Other, After::Word] {
            let is_word = after == After::Word;
            if is_word && !looks_at_words {
                continue;
            }
            let (chars, matched) = self.follow(set, after)?;
            for symbol in 0..self.is_word.len() {
                if self.is_word.get(symbol) != Some(&is_word) {
                    continue;
                }
                let next = if matched {
                    MATCHED
                } else {
                    self.pay(chars.len())?;
                    let holds = |class: u32| {
                        let members = self.members.get(class as usize);
                        members.and_then(|members| members.get(symbol)).copied().unwrap_or(false)
                    };
                    let taken = chars.iter().filter(|&&(class, _)| holds(class));
                    let mut targets: Vec<u32> = taken.map(|&(_, next)| next).collect();
                    targets.sort_unstable();
                    targets.dedup();
                    self.pay(targets.len() * HASHING)?;
                    let before = if is_word { Before::Word } else { Before::Other };
                    match targets.is_empty() {
                        true => DEAD,
                        false => self.state((targets.into(), before))?,
                    }
                };
                let at = usize::from(state) * self.is_word.len() + symbol;
                if let Some(slot) = self.table.get_mut(at) {
                    *slot = next;
                }
            }
        }
        Ok(())
    }

    /// What can be taken from `set` when `after` comes next: classes and where they lead; and whether
    /// the pattern has matched.
    fn follow(&mut self, (set, before): &Set, after: After) -> Result<(Vec<(u32, u32)>, bool)> {
        self.round += 1;
        let mut todo: Vec<u32> = set.to_vec();
        let mut chars = Vec::new();
        let mut matched = false;
        let mut met = 0;
        while let Some(at) = todo.pop() {
            match self.seen.get_mut(at as usize) {
                Some(round) if *round != self.round => *round = self.round,
                _ => continue,
            }
            met += 1;
            match self.code.get(at as usize) {
                Some(Code::Match) | None => matched = true,
                Some(&Code::Char(class, next)) => chars.push((class, next)),
                Some(&Code::Split(one, other)) => todo.extend([one, other]),
                Some(&Code::Look(look, next)) => {
                    let between = (*before == Before::Word) != (after == After::Word);
                    let holds = match look {
                        Look::Start => *before == Before::Start,
                        Look::End => after == After::End,
                        Look::WordAscii => between,
                        // No other one is ever built.
                        _ => !between,
                    };
                    if holds {
                        todo.push(next);
                    }
                }
            }
        }
        self.pay(met)?;
        Ok((chars, matched))
    }

    fn pay(&mut self, count: usize) -> Result<()> {
        self.work += count;
        if self.work > MAX_WORK { Err(too_large(0)) } else { Ok(()) }
    }
}
