//! Values that follow their names without a sign between: `the password is …`, `API key …`,
//! `ENV DB_PASSWORD …`, `requirepass …`.
//!
//! Two anchors lead here: a word that may be `password`, and a long word with a digit or a capital, which may
//! be the value. What nothing but a word names must look like a secret: words of prose follow words too.
//! Worst case: a look at 64 bytes before the value and at the first 128 of it.

use super::TypeId;
use super::assign::{NAME, is_letter_of_name, name_start};
use super::bytes::{Set, before, byte, run, run_back, skip_blank, slice};
use super::drawn::{chance, is_drawn};
use super::key::{Class, Meaning, may_have_meaning, meaning};
use super::mask::LONGEST_MASK;
use super::place::{is_line_end, place};
use super::scan::Scan;
use super::value::{holds_mask, is_keylike, is_mixed, is_name, is_placeholder};
use crate::buf::Full;

/// How much of a value is looked at.
const GLANCE: usize = 128;
/// How far before a value its name may begin.
const REACH: usize = 64;

/// What stands between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    /// A word that a value often follows: `password to …`.
    To,
    /// One behind which the value comes, or what it is like: `password is …`.
    Is,
}

/// Words between a name and its value.
const BETWEEN: [(&[u8], Told); 22] = [
    (b"is", Told::Is),
    (b"was", Told::Is),
    (b"ist", Told::Is),
    (b"est", Told::Is),
    (b"es", Told::Is),
    (b"jest", Told::Is),
    ("è".as_bytes(), Told::Is),
    ("é".as_bytes(), Told::Is),
    ("är".as_bytes(), Told::Is),
    (b"er", Told::Is),
    (b"to", Told::To),
    (b"as", Told::To),
    (b"be", Told::Nothing),
    (b"has", Told::Nothing),
    (b"been", Told::Nothing),
    (b"will", Told::Nothing),
    (b"now", Told::Nothing),
    (b"still", Told::Nothing),
    (b"set", Told::Nothing),
    (b"reset", Told::Nothing),
    (b"changed", Told::Nothing),
    (b"updated", Told::Nothing),
];

/// What `word` says of what follows it, if it may stand between a name and its value.
fn between(word: &[u8]) -> Option<Told> {
    BETWEEN.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|&(_, told)| told)
}

impl Scan<'_, '_, '_> {
    /// Looks at what follows the word that ends at `end`, if that names a password.
    #[inline(never)]
    pub(super) fn after_name(&mut self, end: usize) -> Result<(), Full> {
        let text = self.text;
        let name = slice(text, name_start(text, end), end);
        let Some(meaning) = meaning(name).filter(|m| m.class == Class::Password) else {
            return Ok(());
        };
        let (mut at, mut told) = (skip_blank(text, end), Told::Nothing);
        for _ in 0..4 {
            let head = slice(text, at, at + 8);
            let len = head.iter().take_while(|&&b| is_letter_of_name(b)).count();
            if matches!(head, [b'0'..=b'9', b' ', ..]) {
                at += 2;
                continue;
            }
            let Some(word) = between(slice(head, 0, len)) else { break };
            if word != Told::Nothing {
                told = word;
            }
            at = skip_blank(text, at + len);
        }
        // `A temporary password is generated for root@localhost: …`
        let rest = slice(text, at, at + REACH);
        if rest.starts_with(b"generated for ")
            && let Some(i) = memchr::memmem::find(rest, b": ")
        {
            at = skip_blank(text, at + i + 1);
        }
        self.told(meaning, at, told)
    }

    /// Looks at what stands before the long word that begins at `start`: it may be a value.
    #[inline(never)]
    pub(super) fn before_value(&mut self, start: usize) -> Result<(), Full> {
        const QUOTE: Set = Set::new(b"\"'`");
        let text = self.text;
        let open = run_back(text, start, QUOTE, 1);
        if !matches!(before(text, open), b' ' | b'\t') || start < self.state.decided {
            return Ok(());
        }
        let mut end = run_back(text, open, Set::new(b" \t"), 16);
        // How a router keeps it: `enable secret 5 …`.
        if before(text, end).is_ascii_digit() && end > 1 && byte(text, end - 2) == b' ' {
            end -= 2;
        }
        let word = name_start(text, end);
        if end - word <= 4
            && before(text, word) == b' '
            && let Some(told @ (Told::Is | Told::To)) = between(slice(text, word, end))
        {
            // `the API key of the service is …` is not followed that far.
            let end = word - 1;
            let from = end.saturating_sub(REACH);
            let head = slice(text, from, end);
            let words = head
                .iter()
                .rev()
                .take_while(|&&b| is_letter_of_name(b) || NAME.has(b) || b == b' ');
            let name = slice(text, end - words.count(), end);
            let named = meaning(name).filter(|m| m.is_secret());
            return match named.or_else(|| password_among(name)) {
                Some(meaning) => self.told(meaning, open, told),
                None => Ok(()),
            };
        }
        if !may_have_meaning(text, end) {
            return Ok(());
        }
        let mut begin = word;
        if slice(text, word, end).eq_ignore_ascii_case(b"key") && before(text, word) == b' ' {
            begin = name_start(text, word - 1);
        }
        match meaning(slice(text, begin, end)).filter(|m| m.is_secret()) {
            Some(meaning) => self.told(meaning, open, Told::Nothing),
            None => Ok(()),
        }
    }

    /// Masks the words of a key (BIP 39) at `at`.
    #[inline(never)]
    pub(super) fn phrase(&mut self, meaning: Meaning, at: usize) -> Result<(), Full> {
        let text = self.text;
        let start = place(text, at, true).start;
        let near = slice(text, start, start + 3 * GLANCE);
        let len = near.iter().take_while(|&&b| b.is_ascii_lowercase() || b == b' ').count();
        let words = slice(near, 0, len).trim_ascii_end();
        if !is_phrase(words) {
            return Ok(());
        }
        self.state.decided = start + words.len();
        self.push(meaning.id, start, start + words.len())
    }

    /// Looks at the line below the one that ends at `at` with a name and a colon: a value may fill it.
    #[inline(never)]
    pub(super) fn on_next_line(&mut self, meaning: Meaning, at: usize) -> Result<(), Full> {
        const BREAK: Set = Set::new(b" \t\r\n");
        let text = self.text;
        let start = run(slice(text, 0, at + 24), at, BREAK);
        let end = start
            + slice(text, start, start + GLANCE)
                .iter()
                .take_while(|b| !b.is_ascii_whitespace())
                .count();
        let value = slice(text, start, end);
        let alone = is_line_end(text, end)
            && value.len() < GLANCE
            && !matches!(value.last(), Some(b':' | b',' | b'{'));
        if !alone
            || start < self.state.decided
            || !is_telling(value, false)
            || value.contains(&b'=')
        {
            return Ok(());
        }
        self.state.decided = end;
        self.push(meaning.id, start, end)
    }

    /// Masks what begins at `at` if it looks like a secret: less of that is asked where words have `told` that
    /// the value comes.
    fn told(&mut self, meaning: Meaning, at: usize, told: Told) -> Result<(), Full> {
        let text = self.text;
        let place = place(text, at, true);
        if place.start < self.state.decided {
            return Ok(());
        }
        let end = place.end(slice(text, 0, place.start + GLANCE));
        let value = slice(text, place.start, end);
        let name = meaning.id != TypeId::PASSWORD;
        let hex = name && value.iter().all(u8::is_ascii_hexdigit);
        // A mask that begins in what is looked at counts.
        let more = slice(text, place.start, place.end(slice(text, 0, end + LONGEST_MASK)));
        let goes_on = place.quote == 0 && matches!(byte(text, end), b'(' | b'[' | b':' | b'=');
        if hex
            || goes_on
            || holds_mask(more)
            || !(is_telling(value, told != Told::Nothing)
                || told == Told::Is && is_word_and_digits(value))
        {
            return Ok(());
        }
        self.state.decided = if value.len() < GLANCE { end } else { place.end(text) };
        let end = self.state.decided;
        self.push(meaning.id, place.start, end)
    }
}

/// Whether a name or a word that may follow one stands before the value at `start`: a look at a few bytes.
#[inline]
pub(super) fn may_be_named(text: &[u8], start: usize) -> bool {
    let quoted = matches!(before(text, start), b'"' | b'\'' | b'`');
    let Some(end) = start.checked_sub(1 + usize::from(quoted)) else { return false };
    matches!(byte(text, end), b' ' | b'\t')
        && match text.get(..end).and_then(|head| head.last_chunk()) {
            // The ends of what is in BETWEEN.
            Some([b'i' | b'a' | b'e', b's'] | b"to" | b"st" | b"er" | [0xc3, _]) => true,
            Some([_, last]) => last.is_ascii_alphanumeric() && may_have_meaning(text, end),
            None => false,
        }
}

/// The meaning of the last of `words` that names a password: `password for bob set`.
fn password_among(words: &[u8]) -> Option<Meaning> {
    let found = words.rsplit(|&b| b == b' ').take(6).find_map(meaning);
    found.filter(|meaning| meaning.class == Class::Password)
}

/// Whether `value` looks like a secret by itself: no word, name, path, address or number.
pub(super) fn is_telling(value: &[u8], told: bool) -> bool {
    const SIGN: Set = Set::new(b"!#$%&*+?@^|~");
    const JOINT: Set = Set::new(b"/.:()[]{}<>=\\");
    let has = |set: Set| value.iter().any(|&b| set.has(b));
    let (first, odds) = (byte(value, 0), chance(value));
    let reference = first == b'$' && is_name(slice(value, 1, value.len()));
    let address = memchr::memchr(b'@', value)
        .is_some_and(|at| at > 0 && slice(value, at, value.len()).contains(&b'.'));
    if value.len() < 8
        || value.contains(&b' ')
        || reference
        || address
        || matches!(first, b'/' | b'-' | b'.' | b'~' | b'<' | b'(' | b'[' | b'{' | b'@')
        || value.len() < GLANCE && is_placeholder(value)
        || holds_mask(value)
        || !value.is_ascii()
    {
        return false;
    }
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let sign = has(SIGN) && (told || digits > 0);
    if has(JOINT) {
        return is_mixed(value) && (told && sign || odds >= 8) || is_keylike(value) && odds >= 4;
    }
    is_mixed(value) && (sign || odds >= if told { 1 } else { 3 })
        || is_drawn(value)
        || value.len() >= 10 && digits >= 2 && odds >= 8
}

/// Whether `value` is twelve words or more, as keys of wallets are written (BIP 39).
pub(super) fn is_phrase(value: &[u8]) -> bool {
    let mut words = value.split(|&b| b == b' ');
    (11..=25).contains(&words.clone().count())
        && words
            .all(|word| (3..=8).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase))
}

/// Whether `value` is a word and digits, as people choose passwords.
fn is_word_and_digits(value: &[u8]) -> bool {
    let letters = value.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let mut digits = value.iter().skip(letters);
    letters >= 5 && letters + 3 <= value.len() && digits.all(u8::is_ascii_digit)
}
