//! The syntax of ECMA-262 regular expressions with the `u` flag (section 22.2.1), read into the tree
//! of `regex-syntax`.
//!
//! By recursive descent, a bounded number of groups deep. Read beyond the grammar, because every
//! engine that accepts them gives them the same meaning: an escaped space or ASCII punctuation, and a
//! `]` or `}` that closes nothing. Captures are not kept: whether a text matches does not depend on them.

use alloc::vec::Vec;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use super::{PatternError, PatternErrorKind};

type Result<T> = core::result::Result<T, PatternError>;

/// Deepest nesting of groups.
const MAX_NESTING: u32 = 64;
/// Most look-aheads.
const MAX_CONDITIONS: usize = 8;

/// A pattern taken apart into what must be found from the start of the text on.
pub(super) struct Parsed {
    pub(super) main: Hir,
    /// Look-aheads at the start of the text; true for `(?=`, false for `(?!`.
    pub(super) conditions: Vec<(Hir, bool)>,
}

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Parsed> {
    let mut parser = Parser {
        text,
        at: 0,
        nesting: 0,
        alternatives: 0,
        conditions: Vec::new(),
        condition_at: 0,
    };
    let hir = parser.disjunction()?;
    if parser.peek().is_some() {
        return Err(parser.error(PatternErrorKind::UnopenedGroup));
    }
    Ok(Parsed { main: searched(hir), conditions: parser.conditions })
}

/// What finds `hir` anywhere: it, behind as few characters as possible.
fn searched(hir: Hir) -> Hir {
    if hir.properties().look_set_prefix().contains(Look::Start) {
        return hir;
    }
    let any = Hir::class(Class::Unicode(ranges(&[(0, MAX_CODE)])));
    let skip = Repetition { min: 0, max: None, greedy: false, sub: any.into() };
    Hir::concat([Hir::repetition(skip), hir].into())
}

const MAX_CODE: u32 = 0x10_ffff;

const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
pub(super) const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
/// WhiteSpace and LineTerminator of ECMA-262, sections 12.2 and 12.3.
const SPACE: &[(u32, u32)] = &[
    (0x09, 0x0d),
    (0x20, 0x20),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
    (0xfeff, 0xfeff),
];
/// LineTerminator, which `.` does not match.
const LINE_END: &[(u32, u32)] = &[(0x0a, 0x0a), (0x0d, 0x0d), (0x2028, 0x2029)];

/// What one escape or one character of a class stands for.
enum Atom {
    /// A code point; half a surrogate pair, which no text holds, is possible.
    Code(u32),
    Class(ClassUnicode),
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    /// How many groups are open.
    nesting: u32,
    /// How many alternatives of the whole pattern are complete.
    alternatives: u32,
    conditions: Vec<(Hir, bool)>,
    /// Offset of the first look-ahead.
    condition_at: usize,
}

impl<'p> Parser<'p> {
    fn disjunction(&mut self) -> Result<Hir> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.alternative()?);
            if !self.take("|") {
                return Ok(Hir::alternation(alternatives));
            }
            if self.nesting == 0 {
                self.alternatives += 1;
                // The look-aheads that were read bind their own alternative only.
                if !self.conditions.is_empty() {
                    return Err(fault(PatternErrorKind::LookAround, self.condition_at));
                }
            }
        }
    }

    fn alternative(&mut self) -> Result<Hir> {
        let mut terms = Vec::new();
        while let Some(c) = self.peek() {
            let start = self.at;
            let term = match c {
                '|' | ')' => break,
                '^' | '$' => {
                    self.at += 1;
                    self.refuse_quantifier()?;
                    Hir::look(if c == '^' { Look::Start } else { Look::End })
                }
                '(' if self.rest().starts_with("(?=") || self.rest().starts_with("(?!") => {
                    let leads = self.nesting == 0
                        && self.alternatives == 0
                        && !terms.is_empty()
                        && terms.iter().all(|term| *term == Hir::look(Look::Start));
                    if !leads {
                        return Err(self.error(PatternErrorKind::LookAround));
                    }
                    self.look_ahead()?;
                    continue;
                }
                '\\' if self.rest().starts_with("\\b") || self.rest().starts_with("\\B") => {
                    let look = if self.rest().starts_with("\\b") {
                        Look::WordAscii
                    } else {
                        Look::WordAsciiNegate
                    };
                    self.at += 2;
                    self.refuse_quantifier()?;
                    Hir::look(look)
                }
                _ => {
                    let atom = self.atom(c)?;
                    self.quantified(atom)?
                }
            };
            debug_assert!(self.at > start, "every term takes something");
            terms.push(term);
        }
        Ok(Hir::concat(terms))
    }

    fn atom(&mut self, c: char) -> Result<Hir> {
        let start = self.at;
        match c {
            '(' => return self.group(),
            '[' => return Ok(Hir::class(Class::Unicode(self.class()?))),
            '*' | '+' | '?' => return Err(fault(PatternErrorKind::NothingToRepeat, start)),
            '{' => return Err(fault(PatternErrorKind::BadQuantifier, start)),
            _ => {}
        }
        self.at += c.len_utf8();
        let class = match c {
            '.' => negated(ranges(LINE_END)),
            '\\' => match self.escape(start, false)? {
                Atom::Code(code) => ranges(&[(code, code)]),
                Atom::Class(class) => class,
            },
            c => ranges(&[(c.into(), c.into())]),
        };
        Ok(Hir::class(Class::Unicode(class)))
    }

    /// A group that is no look-ahead, from its parenthesis on.
    fn group(&mut self) -> Result<Hir> {
        let start = self.at;
        self.at += 1;
        if self.take("?") {
            if self.rest().starts_with("<=") || self.rest().starts_with("<!") {
                return Err(fault(PatternErrorKind::LookAround, start));
            }
            if self.take("<") {
                self.group_name()?;
            } else if !self.take(":") {
                return Err(fault(PatternErrorKind::Modifiers, start));
            }
        }
        self.body(start)
    }

    /// The inside of a group and its closing parenthesis. `start` is that of the opening one.
    fn body(&mut self, start: usize) -> Result<Hir> {
        if self.nesting == MAX_NESTING {
            return Err(fault(PatternErrorKind::Nesting, start));
        }
        self.nesting += 1;
        let inside = self.disjunction()?;
        self.nesting -= 1;
        if !self.take(")") {
            return Err(fault(PatternErrorKind::UnclosedGroup, start));
        }
        Ok(inside)
    }

    fn look_ahead(&mut self) -> Result<()> {
        let start = self.at;
        if self.conditions.len() == MAX_CONDITIONS {
            return Err(fault(PatternErrorKind::TooLarge, start));
        }
        if self.conditions.is_empty() {
            self.condition_at = start;
        }
        let must = self.rest().starts_with("(?=");
        self.at += 3;
        let inside = self.body(start)?;
        self.refuse_quantifier()?;
        self.conditions.push((Hir::concat([Hir::look(Look::Start), inside].into()), must));
        Ok(())
    }

    fn group_name(&mut self) -> Result<()> {
        let start = self.at;
        let name = self.rest().split_once('>').map_or("", |(name, _)| name);
        let identifier = |(at, c): (usize, char)| {
            c == '_' || c == '$' || c.is_alphabetic() || at > 0 && c.is_alphanumeric()
        };
        if name.is_empty() || !name.char_indices().all(identifier) {
            return Err(fault(PatternErrorKind::BadGroupName, start));
        }
        self.at += name.len() + 1;
        Ok(())
    }

    /// `atom` under the quantifier that follows, if one does.
    fn quantified(&mut self, atom: Hir) -> Result<Hir> {
        let Some((min, max)) = self.quantifier()? else {
            return Ok(atom);
        };
        // Greed decides what matches, never whether something does.
        let greedy = !self.take("?");
        self.refuse_quantifier()?;
        Ok(Hir::repetition(Repetition { min, max, greedy, sub: atom.into() }))
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let start = self.at;
        Ok(match self.peek() {
            Some('*') => {
                self.at += 1;
                Some((0, None))
            }
            Some('+') => {
                self.at += 1;
                Some((1, None))
            }
            Some('?') => {
                self.at += 1;
                Some((0, Some(1)))
            }
            Some('{') => {
                let bad = fault(PatternErrorKind::BadQuantifier, start);
                self.at += 1;
                let min = self.count().ok_or(bad)?;
                let max = match self.take(",") {
                    true if self.peek() == Some('}') => None,
                    true => Some(self.count().ok_or(bad)?),
                    false => Some(min),
                };
                if !self.take("}") || max.is_some_and(|max| max < min) {
                    return Err(bad);
                }
                Some((min, max))
            }
            _ => None,
        })
    }

    /// A decimal; one that `u32` cannot hold is above every bound anyway.
    fn count(&mut self) -> Option<u32> {
        let run = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.rest().get(..run).filter(|digits| !digits.is_empty())?;
        self.at += run;
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    /// After what cannot be repeated.
    fn refuse_quantifier(&self) -> Result<()> {
        match self.peek() {
            Some('*' | '+' | '?' | '{') => Err(self.error(PatternErrorKind::NothingToRepeat)),
            _ => Ok(()),
        }
    }

    /// A bracketed class.
    fn class(&mut self) -> Result<ClassUnicode> {
        let start = self.at;
        self.at += 1;
        let negate = self.take("^");
        let mut class = ranges(&[]);
        loop {
            let from = self.at;
            if self.take("]") {
                return Ok(if negate { negated(class) } else { class });
            }
            let first = self.class_atom(start)?;
            if !self.rest().starts_with('-') || self.rest().starts_with("-]") {
                class.union(&match first {
                    Atom::Code(code) => ranges(&[(code, code)]),
                    Atom::Class(class) => class,
                });
                continue;
            }
            self.at += 1;
            match (first, self.class_atom(start)?) {
                (Atom::Code(a), Atom::Code(b)) if a <= b => class.union(&ranges(&[(a, b)])),
                _ => return Err(fault(PatternErrorKind::BadRange, from)),
            }
        }
    }

    /// One member of the class that opens at `class`.
    fn class_atom(&mut self, class: usize) -> Result<Atom> {
        let start = self.at;
        let c = self.peek().ok_or(fault(PatternErrorKind::UnclosedClass, class))?;
        self.at += c.len_utf8();
        if c == '\\' { self.escape(start, true) } else { Ok(Atom::Code(c.into())) }
    }

    /// The escape whose backslash at `start` was taken.
    fn escape(&mut self, start: usize, in_class: bool) -> Result<Atom> {
        let bad = fault(PatternErrorKind::BadEscape, start);
        let c = self.peek().ok_or(bad)?;
        self.at += c.len_utf8();
        let class = |set: &[(u32, u32)], negate: bool| {
            Ok(Atom::Class(if negate { negated(ranges(set)) } else { ranges(set) }))
        };
        let code = match c {
            'd' | 'D' => return class(DIGIT, c == 'D'),
            's' | 'S' => return class(SPACE, c == 'S'),
            'w' | 'W' => return class(WORD, c == 'W'),
            'p' | 'P' => {
                let set = self.property(start)?;
                return Ok(Atom::Class(if c == 'P' { negated(set) } else { set }));
            }
            'b' if in_class => 0x08,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'c' => {
                let letter = self.peek().filter(char::is_ascii_alphabetic).ok_or(bad)?;
                self.at += 1;
                u32::from(letter) % 32
            }
            '0' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => 0,
            '1'..='9' | 'k' if !in_class => {
                return Err(fault(PatternErrorKind::BackReference, start));
            }
            'x' => self.hex(2).ok_or(bad)?,
            'u' => self.unicode_escape().ok_or(bad)?,
            c if c == ' ' || c.is_ascii_punctuation() && c != '_' => c.into(),
            _ => return Err(bad),
        };
        Ok(Atom::Code(code))
    }

    /// What follows `\u`: four digits, twice for a surrogate pair, or a code point in braces.
    fn unicode_escape(&mut self) -> Option<u32> {
        if self.take("{") {
            let run = self.rest().find('}')?;
            let digits = self.rest().get(..run)?.trim_start_matches('0');
            let valid =
                run > 0 && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let code = if digits.is_empty() { 0 } else { u32::from_str_radix(digits, 16).ok()? };
            self.at += run + 1;
            return (valid && code <= MAX_CODE).then_some(code);
        }
        let high = self.hex(4)?;
        let after = self.at;
        if (0xd800..0xdc00).contains(&high) && self.take("\\u") {
            match self.hex(4) {
                Some(low @ 0xdc00..=0xdfff) => {
                    return Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                }
                _ => self.at = after,
            }
        }
        Some(high)
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest().get(..digits)?;
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += digits;
        u32::from_str_radix(text, 16).ok()
    }

    /// What follows `\p`, which begins at `start`: a name, or a property and its value, in braces.
    fn property(&mut self, start: usize) -> Result<ClassUnicode> {
        let bad = fault(PatternErrorKind::BadEscape, start);
        if !self.take("{") {
            return Err(bad);
        }
        let end = self.rest().find('}').ok_or(bad)?;
        let name = self.rest().get(..end).unwrap_or("");
        let unknown = fault(PatternErrorKind::UnknownProperty, start);
        // The tables come from `regex-syntax`; it must see nothing but a name.
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'=') {
            return Err(unknown);
        }
        self.at += end + 1;
        let property = alloc::format!("\\p{{{name}}}");
        let hir = regex_syntax::parse(&property).map_err(|_| unknown)?;
        match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => Ok(class.clone()),
            HirKind::Class(Class::Bytes(class)) if class.ranges().is_empty() => Ok(ranges(&[])),
            HirKind::Literal(literal) => {
                let text = core::str::from_utf8(&literal.0).map_err(|_| unknown)?;
                Ok(ClassUnicode::new(text.chars().map(|c| ClassUnicodeRange::new(c, c))))
            }
            _ => Err(unknown),
        }
    }

    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn error(&self, kind: PatternErrorKind) -> PatternError {
        fault(kind, self.at)
    }
}

const fn fault(kind: PatternErrorKind, offset: usize) -> PatternError {
    PatternError { kind, offset }
}

/// The class of these code points. Surrogates drop out: no text holds them.
fn ranges(set: &[(u32, u32)]) -> ClassUnicode {
    ClassUnicode::new(set.iter().flat_map(|&(first, last)| {
        let below = (first, last.min(0xd7ff));
        let above = (first.max(0xe000), last);
        [below, above].into_iter().filter_map(|(first, last)| {
            let range = ClassUnicodeRange::new(char::from_u32(first)?, char::from_u32(last)?);
            (first <= last).then_some(range)
        })
    }))
}

fn negated(mut class: ClassUnicode) -> ClassUnicode {
    class.negate();
    class
}
