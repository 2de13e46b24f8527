//! The syntax of regular expressions (ECMA-262, section 22.2.1, with the `u` flag).
//!
//! Only read, never run: look-around and back-references are in order here, unlike in `pattern`. What
//! every engine reads alike is taken although the `u` flag forbids it: a lone `]` or `}`, and a backslash
//! before any punctuation. One pass without a stack: what an open group was is one bit. Bounds: groups
//! nested 128 deep, 32 names and 32 references to names.

/// Most named groups, and most references to them.
const MAX_NAMES: usize = 32;

pub(super) fn is_regex(text: &str) -> bool {
    let mut reader = Reader { rest: text, ..Reader::default() };
    reader.pattern().is_some() && reader.references_are_right()
}

#[derive(Default)]
struct Reader<'t> {
    rest: &'t str,
    /// For each open group one bit: whether what it holds cannot be repeated.
    fixed: u128,
    depth: u32,
    groups: u32,
    /// The highest number that a reference has.
    highest: u32,
    names: Names<'t>,
    referred: Names<'t>,
}

#[derive(Default)]
struct Names<'t> {
    list: [&'t str; MAX_NAMES],
    len: usize,
}

impl<'t> Names<'t> {
    fn push(&mut self, name: &'t str) -> Option<()> {
        *self.list.get_mut(self.len)? = name;
        self.len += 1;
        Some(())
    }

    fn iter(&self) -> impl Iterator<Item = &'t str> {
        self.list.iter().take(self.len).copied()
    }
}

/// A member of a class: a character, or a set that begins no range.
#[derive(Clone, Copy)]
enum Atom {
    One(u32),
    Set,
}

/// Each method reads on, or says by none that the text is no regular expression.
impl<'t> Reader<'t> {
    fn references_are_right(&self) -> bool {
        self.highest <= self.groups
            && self.referred.iter().all(|name| self.names.iter().any(|known| known == name))
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn takes(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn pattern(&mut self) -> Option<()> {
        // Whether a quantifier may follow.
        let mut repeatable = false;
        while let Some(c) = self.next() {
            repeatable = match c {
                '|' | '^' | '$' => false,
                '*' | '+' | '?' if repeatable => {
                    self.takes("?");
                    false
                }
                '{' if repeatable => {
                    self.quantifier()?;
                    self.takes("?");
                    false
                }
                '*' | '+' | '?' | '{' => return None,
                '(' => {
                    self.open()?;
                    false
                }
                ')' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.fixed >> self.depth & 1 == 0
                }
                '[' => {
                    self.class()?;
                    true
                }
                '\\' if self.rest.starts_with(['b', 'B']) => {
                    self.next();
                    false
                }
                '\\' => {
                    self.escape(false)?;
                    true
                }
                _ => true,
            };
        }
        (self.depth == 0).then_some(())
    }

    fn open(&mut self) -> Option<()> {
        let fixed = if self.takes("?") {
            if ["=", "!", "<=", "<!"].into_iter().any(|kind| self.takes(kind)) {
                true
            } else if self.takes("<") {
                let name = self.name()?;
                self.names.push(name)?;
                self.groups += 1;
                false
            } else {
                self.flags()?;
                false
            }
        } else {
            self.groups += 1;
            false
        };
        let bit = 1_u128.checked_shl(self.depth)?;
        self.fixed = if fixed { self.fixed | bit } else { self.fixed & !bit };
        self.depth += 1;
        Some(())
    }

    /// Flags that are set and, after a dash, unset in a group (ECMA-262, 2025), up to the colon.
    fn flags(&mut self) -> Option<()> {
        let (flags, rest) = self.rest.split_once(':')?;
        self.rest = rest;
        let mut known = "ims-".chars().map(|flag| flags.chars().filter(|&c| c == flag).count());
        let right = flags.chars().all(|c| "ims-".contains(c)) && known.all(|count| count <= 1);
        (right && flags != "-").then_some(())
    }

    /// The name of a group, up to its closing bracket.
    fn name(&mut self) -> Option<&'t str> {
        let (name, rest) = self.rest.split_once('>')?;
        self.rest = rest;
        let letter = |c: char| c.is_alphabetic() || c == '$' || c == '_';
        let right =
            name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_alphanumeric());
        right.then_some(name)
    }

    /// `n}`, `n,}` or `n,m}`.
    fn quantifier(&mut self) -> Option<()> {
        let (bounds, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // Numbers of any length: without leading zeros the longer is the greater.
        let (low, high) = (least.trim_start_matches('0'), most.trim_start_matches('0'));
        let ordered = most.is_empty() || (low.len(), low) <= (high.len(), high);
        (is_number(least) && (most.is_empty() || is_number(most)) && ordered).then_some(())
    }

    fn class(&mut self) -> Option<()> {
        self.takes("^");
        while !self.takes("]") {
            let first = self.class_atom()?;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                match (first, self.class_atom()?) {
                    (Atom::One(first), Atom::One(last)) if first <= last => {}
                    _ => return None,
                }
            }
        }
        Some(())
    }

    fn class_atom(&mut self) -> Option<Atom> {
        match self.next()? {
            '\\' => self.escape(true),
            c => Some(Atom::One(c.into())),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) -> Option<Atom> {
        let c = self.next()?;
        Some(match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Atom::Set,
            'p' | 'P' => {
                let (property, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
                self.rest = rest;
                let word = |text: &str| {
                    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                };
                let right = match property.split_once('=') {
                    Some((name, value)) => word(name) && word(value),
                    None => word(property),
                };
                right.then_some(Atom::Set)?
            }
            'b' if in_class => Atom::One(8),
            't' => Atom::One(9),
            'n' => Atom::One(10),
            'v' => Atom::One(11),
            'f' => Atom::One(12),
            'r' => Atom::One(13),
            '0' if !self.rest.starts_with(|c: char| c.is_ascii_digit()) => Atom::One(0),
            'c' => Atom::One(u32::from(self.next().filter(char::is_ascii_alphabetic)?) % 32),
            'x' => Atom::One(self.digits(2)?),
            'u' => Atom::One(self.unicode()?),
            'k' if !in_class => {
                let name = self.rest.strip_prefix('<')?;
                self.rest = name;
                let name = self.name()?;
                self.referred.push(name)?;
                Atom::Set
            }
            '1'..='9' if !in_class => {
                let more = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                let (more, rest) = self.rest.split_at_checked(more)?;
                self.rest = rest;
                let first = c.to_digit(10)?;
                let number = more.bytes().fold(first, |number, digit| {
                    number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
                });
                self.highest = self.highest.max(number);
                Atom::Set
            }
            c if c.is_ascii_punctuation() => Atom::One(c.into()),
            _ => return None,
        })
    }

    /// `u` and four digits, twice for a surrogate pair, or up to six digits in braces.
    fn unicode(&mut self) -> Option<u32> {
        if self.takes("{") {
            let (digits, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits.trim_start_matches('0'), 16);
            let code = if hex {
                code.unwrap_or(if digits.ends_with('0') { 0 } else { u32::MAX })
            } else {
                u32::MAX
            };
            return (code <= 0x10_ffff).then_some(code);
        }
        let high = self.digits(4)?;
        if (0xd800..0xdc00).contains(&high) && self.rest.starts_with("\\u") {
            let before = self.rest;
            self.takes("\\u");
            match self.digits(4) {
                Some(low @ 0xdc00..0xe000) => {
                    return Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                }
                _ => self.rest = before,
            }
        }
        Some(high)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        let right = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| right)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::pattern::{Pattern, PatternErrorKind};

    #[test]
    fn what_is_a_regular_expression() {
        for text in [
            "",
            "a|b|",
            "^a$",
            "(a(b)c)*?",
            "a{2}",
            "a{2,}",
            "a{2,10}?",
            "[]",
            "[^]",
            "[a-z\\d-]",
            "(?:a)(?=b)(?!c)(?<=d)(?<!e)",
            "(?<n>a)\\k<n>",
            "\\k<n>(?<n>)",
            "(a)\\1",
            "\\1(a)",
            "\\p{Lu}\\P{Script=Greek}",
            "\\u{1F600}\\ud83d\\ude00\\x41\\cZ\\0",
            "[\\b\\-]",
            "\\-\\@",
            "(?i:a)(?s-m:b)",
            "]}",
            "a{00002,3}",
            "[\\ud83d\\ude00-\\ud83d\\ude01]",
            "\\u{0}",
        ] {
            assert!(is_regex(text), "{text}");
        }
        for text in [
            "(",
            ")",
            "(a",
            "a)",
            "[",
            "[a",
            "*",
            "a**",
            "a{2",
            "a{,2}",
            "{2}",
            "a{3,2}",
            "a{10,9}",
            "[b-a]",
            "[\\d-z]",
            "\\",
            "\\a",
            "\\Z",
            "\\z",
            "\\1",
            "(a)\\2",
            "\\k<n>",
            "(?<n>)\\k<m>",
            "(?<1>a)",
            "(?P<n>a)",
            "(?#c)",
            "(?i)",
            "(?ii:a)",
            "(?-:a)",
            "(?=a)*",
            "\\b+",
            "^*",
            "\\x4",
            "\\u12",
            "\\u{110000}",
            "\\u{}",
            "\\p",
            "\\p{}",
            "\\01",
            "\\c1",
            "[\\1]",
            "\\é",
        ] {
            assert!(!is_regex(text), "{text}");
        }
    }

    #[test]
    fn the_bounds_hold() {
        let nested = |depth| "(".repeat(depth) + &")".repeat(depth);
        assert!(is_regex(&nested(128)) && !is_regex(&nested(129)));
        let named = |count| {
            (0..count).map(|at| std::format!("(?<n{at}>)")).collect::<std::string::String>()
        };
        assert!(is_regex(&named(32)) && !is_regex(&named(33)));
    }

    proptest! {
        /// What `pattern` can run is a regular expression, and what it refuses for its syntax is none.
        #[test]
        fn agrees_with_the_engine(text in r"([a-c|^$*+?(){}\[\],\\dDpwbBu0-9:=!<>-]|\(\?){0,12}") {
            let error = Pattern::compile(&text).err().map(|error| error.kind);
            let unsure = matches!(
                error,
                Some(
                    PatternErrorKind::BackReference
                        | PatternErrorKind::LookAround
                        | PatternErrorKind::Modifiers
                        | PatternErrorKind::Nesting
                        | PatternErrorKind::TooLarge
                        | PatternErrorKind::UnknownProperty
                )
            );
            if !unsure {
                prop_assert_eq!(is_regex(&text), error.is_none(), "{:?}", error);
            }
        }
    }
}
