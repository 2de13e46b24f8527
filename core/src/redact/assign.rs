//! Values that are known from what stands before them: `password=…`, `"token": "…"`, headers, cookies,
//! flags, elements.
//!
//! An operator is the anchor; the name is read backwards from it, and only a name that means something
//! leads to the value. Quotes are honoured at any depth of escaping, so that JSON inside a JSON string
//! reads like JSON. Worst case: linear; a refused value costs a look at its first 128 bytes, an
//! accepted one is read to its end and not searched again.

use super::TypeId;
use super::bytes::{Set, before, byte, decode64, looked_at, run, run_back, skip_blank, slice};
use super::key::{Class, Meaning, is_session, meaning};
use super::mask::LONGEST_MASK;
use super::scan::Scan;
use super::value::{
    begins_with_mask, holds_mask, is_code, is_joined_left, is_joined_right, is_keylike,
    is_mask_right, is_mixed, is_name, is_path, is_placeholder, is_reference, is_unlike_code,
    is_word_and_digit, is_wordy,
};
use crate::buf::Full;

/// What names consist of.
const NAME: Set = Set::new(b"0-9A-Za-z_.$-");
/// How long a name may be.
const LONGEST_NAME: usize = 64;
/// Within so many bytes the cookies of a header are told apart. It is less than what a stream keeps of
/// the text before.
const MOST_COOKIES: usize = 768;
/// Longest content of an element.
const LONGEST_ELEMENT: usize = 4096;
/// A value longer than this is no placeholder.
const GLANCE: usize = 128;

/// A value as it stands in the text.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    /// The quote around it, or NUL.
    quote: u8,
    /// How many backslashes stand before that quote.
    level: usize,
    /// Unquoted, it ends at the signs that part fields too.
    inline: bool,
    /// Between the name and the value is nothing but `=`.
    tight: bool,
    /// It is one of several settings that semicolons part.
    listed: bool,
}

impl Scan<'_, '_, '_> {
    /// Looks at the `:` or `=` at `op`.
    pub(super) fn assignment(&mut self, op: usize) -> Result<(), Full> {
        let text = self.text;
        if op < self.state.decided {
            return Ok(());
        }
        let (last, next) = (before(text, op), byte(text, op + 1));
        let colon = byte(text, op) == b':';
        // `::` and `:=` are decided at their last sign, comparisons are none.
        let other = if colon {
            last == b':' || matches!(next, b':' | b'=')
        } else {
            matches!(next, b'=' | b'~') || matches!(last, b'=' | b'!' | b'<' | b'>' | b'~' | b'+')
        };
        if other {
            return Ok(());
        }
        let mut at = op + 1;
        if !colon && next == b'>' {
            at += 1;
        }
        let tight = !colon && !matches!(byte(text, at), b' ' | b'\t');
        let at = skip_blank(text, at);
        // A reference is known by its beginning, whatever names it.
        if matches!(slice(text, at, at + 2), b"${" | b"$(" | b"{{") {
            return Ok(());
        }
        let Some((name, start)) = name_before(text, op) else {
            return Ok(());
        };
        let named = meaning(name);
        let beside = named.is_none();
        let Some(meaning) = named.or_else(|| self.meaning_beside(name, start, colon)) else {
            return Ok(());
        };
        let tight = tight && last != b' ';
        // In `let token: T = …` only a literal is a secret.
        if beside && place(text, at, true).quote == 0 && !name.eq_ignore_ascii_case(b"value") {
            return Ok(());
        }
        match meaning.class {
            Class::Personal => Ok(()),
            _ if !self.types.contains(meaning.id) => Ok(()),
            Class::Authorization => self.credential(at),
            Class::Cookie => self.cookies(at),
            _ => {
                let place = place(text, at, !begins_line(text, start));
                let place = Place { tight, listed: tight && before(text, start) == b';', ..place };
                self.value(meaning, place)
            }
        }
    }

    /// The meaning of a field called `value` or of a typed name: it is said elsewhere.
    fn meaning_beside(&self, name: &[u8], start: usize, colon: bool) -> Option<Meaning> {
        let text = self.text;
        if name.eq_ignore_ascii_case(b"value") {
            // `name: DB_PASSWORD, value: …`, as in Kubernetes and in tables of settings.
            const SIGNS: Set = Set::new(b" \t\r\n,;:=\"'{}-");
            let end = run_back(text, start, SIGNS, 32);
            let begin = name_start(text, end);
            let label = run_back(text, begin, SIGNS, 16);
            let label = slice(text, run_back(text, label, NAME, 8), label);
            let named = label.eq_ignore_ascii_case(b"name") || label.eq_ignore_ascii_case(b"key");
            return meaning(slice(text, begin, end)).filter(|_| named);
        }
        // `let password: &str = …`
        const TYPE: Set = Set::new(b" &'");
        let end = run_back(text, start, TYPE, 4);
        if !colon && before(text, end) == b':' {
            let end = run_back(text, end - 1, TYPE, 2);
            return meaning(slice(text, run_back(text, end, NAME, LONGEST_NAME), end));
        }
        None
    }

    /// Masks the value at `place` unless it is none.
    fn value(&mut self, meaning: Meaning, place: Place) -> Result<(), Full> {
        // What is not looked for is not read, and a reference is known by its beginning.
        if !self.types.contains(meaning.id)
            || matches!(slice(self.text, place.start, place.start + 2), b"${" | b"$(" | b"{{")
        {
            return Ok(());
        }
        let glance = slice(self.text, 0, place.start + GLANCE);
        let end = place.end(glance);
        let value = slice(self.text, place.start, end);
        // A name of code follows an operator, prose a word and a colon.
        let bare = place.quote == 0;
        let long = end >= place.start + GLANCE;
        // `KEY=…` that fills its line is a setting: what is drawn at random there is no code.
        let setting = bare && !place.inline && is_line_end(self.text, end);
        let drawn = is_mixed(value) && (place.tight || is_unlike_code(value));
        let code = bare && !place.listed && !(setting && drawn);
        let rest = skip_blank(self.text, end);
        let mask_end = match long {
            true => place.end(slice(self.text, 0, end + LONGEST_MASK)),
            false => end,
        };
        let refused = is_reference(value)
            // One that begins in what is looked at counts.
            || holds_mask(slice(self.text, place.start, mask_end))
            // `token: Token = …`
            || code && !place.tight && end < rest && byte(self.text, rest) == b'='
            // Another field, whose value is masked.
            || bare
                && matches!(value, [.., b':' | b'='] | [b'-', ..])
                && is_mask_right(self.text, rest)
            || code && is_code(slice(self.text, place.start, place.start + GLANCE))
            || match meaning.class {
                Class::Password => value.len() < 4,
                Class::Pin => {
                    !(3..=8).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit)
                }
                Class::Key => !is_keylike(value),
                _ => value.len() < 6 || value.len() < 20 && is_wordy(value),
            }
            || !long
                && (is_placeholder(value)
                    || bare
                        && is_name(value)
                        && !(place.tight && is_alone(self.text, end))
                        && !(!place.inline
                            && is_word_and_digit(value)
                            && is_line_end(self.text, end)));
        let structure = match byte(value, 0) {
            b'{' | b'(' | b'|' => code,
            b'/' => code && is_path(value),
            _ => false,
        };
        if refused || structure {
            return Ok(());
        }
        let end = if long { place.end(self.text) } else { end };
        self.state.decided = end;
        self.push(meaning.id, place.start, end)
    }

    /// Masks the credential at `at`, behind its scheme (RFC 9110 section 11.6.2) if it has one.
    pub(super) fn credential(&mut self, at: usize) -> Result<(), Full> {
        const SCHEME: Set = Set::new(b"0-9A-Za-z-");
        let text = self.text;
        let place = place(text, at, true);
        let head = slice(text, place.start, place.start + GLANCE);
        if is_reference(head) || begins_with_mask(head) {
            return Ok(());
        }
        let scheme = run(slice(text, 0, place.start + 32), place.start, SCHEME);
        let (start, end) = if byte(text, scheme) == b' ' && scheme - place.start <= 24 {
            let start = skip_blank(text, scheme);
            let name = slice(text, place.start, scheme);
            let listed = name.eq_ignore_ascii_case(b"digest") || name.starts_with(b"AWS4");
            // Schemes with parameters fill the line.
            let end = if listed { line_end(text, start) } else { word_end(text, start) };
            (start, end)
        } else {
            (place.start, word_end(text, place.start))
        };
        let value = slice(text, start, end);
        let short = value.len() <= GLANCE;
        if value.len() < 6 || short && (is_placeholder(value) || is_wordy(value)) {
            return Ok(());
        }
        self.state.decided = end;
        self.push(TypeId::AUTHORIZATION, start, end)
    }

    /// Masks the sessions in the cookies (RFC 6265) at `at`.
    pub(super) fn cookies(&mut self, at: usize) -> Result<(), Full> {
        // Brackets are those of masks.
        const COOKIE: Set = Set::new(b"0-9A-Za-z_.!#$%&*+^`|~[]-");
        const VALUE: Set = Set::new(b"0-9A-Za-z!#$%&()*+./:<=>?@^_`{|}~[]-");
        let text = self.text;
        let begin = place(text, at, true).start;
        let near = slice(text, 0, begin + MOST_COOKIES);
        let mut at = begin;
        loop {
            let name = run(near, at, COOKIE);
            let start = name + 1;
            if name < near.len() && (name == at || byte(text, name) != b'=') {
                break;
            }
            let end = run(near, start, VALUE);
            if end >= near.len() && near.len() < text.len() {
                // Nobody looks at the rest, so all of it goes.
                const REST: Set = Set::new(b"0-9A-Za-z!#$%&()*+./:;<=>?@^_`{|}~[] -");
                let start = if name < near.len() { start } else { at };
                self.state.decided = run(text, start, REST);
                return self.push(TypeId::COOKIE, start, self.state.decided);
            }
            let (label, value) = (slice(text, at, name), slice(text, start, end));
            let telling = is_session(label) && value.len() >= 6 || is_keylike(value);
            if telling && !(value.len() <= GLANCE && is_placeholder(value)) {
                self.push(TypeId::COOKIE, start, end)?;
            }
            self.state.decided = end;
            if byte(text, end) != b';' {
                break;
            }
            at = skip_blank(text, end + 1);
        }
        Ok(())
    }

    /// Masks what follows the word `Bearer` or `Basic` at `start..end` in running text.
    pub(super) fn scheme(&mut self, start: usize, end: usize) -> Result<(), Full> {
        if start < self.state.decided || !self.types.contains(TypeId::AUTHORIZATION) {
            return Ok(());
        }
        let from = skip_blank(self.text, end);
        let to = word_end(self.text, from);
        let value = slice(self.text, from, to);
        let head = slice(value, 0, GLANCE);
        let telling = if byte(self.text, start).eq_ignore_ascii_case(&b'b') && end - start == 6 {
            value.len() >= 12 && head.iter().any(u8::is_ascii_digit)
        } else {
            let mut decoded = [0; 96];
            decode64(head, &mut decoded).contains(&b':')
        };
        if !telling || is_placeholder(head) {
            return Ok(());
        }
        self.state.decided = to;
        self.push(TypeId::AUTHORIZATION, from, to)
    }

    /// Masks the argument of the flag at `at`: `--password …`, `-u user:…`.
    pub(super) fn flag(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let name = if byte(text, at + 1) == b'-' { at + 2 } else { at + 1 };
        let end = run(slice(text, 0, name + LONGEST_NAME), name, NAME);
        let cut = before(text, at);
        if at < self.state.decided
            || byte(text, end) != b' '
            || !(cut == 0 || cut.is_ascii_whitespace() || matches!(cut, b'"' | b'\'' | b'`'))
        {
            return Ok(());
        }
        let start = skip_blank(text, end);
        let label = slice(text, name, end);
        let place = place(text, start, true);
        if label == b"u" || label == b"user" || label == b"proxy-user" {
            let stop = word_end(slice(text, 0, place.start + GLANCE), place.start);
            let argument = slice(text, place.start, stop);
            if let Some(colon) = memchr::memchr(b':', argument)
                && argument.len() - colon > 4
                && !is_placeholder(slice(argument, colon + 1, argument.len()))
            {
                return self.push(TypeId::PASSWORD, place.start + colon + 1, stop);
            }
            return Ok(());
        }
        match meaning(label) {
            Some(meaning)
                if !matches!(meaning.class, Class::Personal | Class::Cookie)
                    && byte(text, place.start) != b'-' =>
            {
                self.value(meaning, Place { tight: true, ..place })
            }
            _ => Ok(()),
        }
    }

    /// Masks the content of the element whose start tag ends at `at`.
    pub(super) fn element(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        // `<password>` or `<property name="password">`.
        let quote = before(text, at);
        let quoted = matches!(quote, b'"' | b'\'');
        let at_name = at - usize::from(quoted);
        let start = run_back(text, at_name, NAME, LONGEST_NAME);
        let named = if quoted {
            let equals = start.saturating_sub(2);
            let label = run_back(text, equals, NAME, 8);
            let label = slice(text, label, equals);
            slice(text, equals, start) == [b'=', quote]
                && (label.eq_ignore_ascii_case(b"name") || label.eq_ignore_ascii_case(b"key"))
        } else {
            before(text, start) == b'<'
        };
        if at < self.state.decided || !named {
            return Ok(());
        }
        let end =
            memchr::memchr2(b'<', b'\n', slice(text, at + 1, at + LONGEST_ELEMENT)).unwrap_or(0);
        if slice(text, at + 1 + end, at + 3 + end) != b"</" {
            return Ok(());
        }
        match meaning(slice(text, start, at_name)) {
            Some(meaning) if meaning.class != Class::Personal => self.value(
                meaning,
                Place {
                    start: at + 1,
                    quote: b'<',
                    level: 0,
                    inline: true,
                    tight: true,
                    listed: false,
                },
            ),
            _ => Ok(()),
        }
    }

    /// Masks the password in the quotes at `at`.
    pub(super) fn set_password(&mut self, at: usize) -> Result<(), Full> {
        let meaning = Meaning { id: TypeId::PASSWORD, class: Class::Password };
        let place = place(self.text, at, true);
        let value = slice(self.text, place.start, place.end(slice(self.text, 0, at + GLANCE)));
        if value.contains(&b' ') { Ok(()) } else { self.value(meaning, place) }
    }

    /// Masks the word after `password` in a line of a netrc file.
    pub(super) fn netrc(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let line = slice(self.text, start.saturating_sub(160), start);
        let login = memchr::memmem::find(line, b"login ").is_some()
            && memchr::memmem::find(line, b"machine ").is_some();
        if start < self.state.decided || !login {
            return Ok(());
        }
        let place = place(self.text, skip_blank(self.text, end), true);
        let meaning = Meaning { id: TypeId::PASSWORD, class: Class::Password };
        self.value(meaning, Place { tight: true, ..place })
    }
}

impl Place {
    /// Where the value ends in `text`, which may be cut short.
    fn end(self, text: &[u8]) -> usize {
        if self.quote != 0 { self.closing(text) } else { self.bare_end(text) }
    }

    /// The offset of the closing quote, or of the line's end where it has none.
    fn closing(self, text: &[u8]) -> usize {
        let mut at = self.start;
        while let Some(i) = memchr::memchr2(self.quote, b'\n', text.get(at..).unwrap_or(&[])) {
            let stop = at + i;
            looked_at(i);
            if byte(text, stop) == b'\n' {
                return stop;
            }
            const SLASH: Set = Set::new(b"\\");
            let slashes = stop - run_back(text, stop, SLASH, (stop - self.start).min(32));
            let closes =
                if self.level == 0 { slashes.is_multiple_of(2) } else { slashes <= self.level };
            // SQL doubles a quote instead of escaping it.
            let doubled = self.quote == b'\''
                && stop > self.start
                && byte(text, stop + 1) == b'\''
                && byte(text, stop + 2) != b'\'';
            if closes && !doubled {
                return stop - slashes.min(self.level);
            }
            at = stop + if doubled { 2 } else { 1 };
        }
        text.len()
    }

    /// The end of a value without quotes.
    fn bare_end(self, text: &[u8]) -> usize {
        let rest = text.get(self.start..).unwrap_or(&[]);
        let ends = |i: usize, c: u8| match c {
            b'"' | b'\'' | b'`' => true,
            b'\\' => matches!(byte(rest, i + 1), b'n' | b'r' | b't' | b'"' | b'\''),
            b';' if self.listed => true,
            _ if self.listed => matches!(c, b'\r' | b'\n'),
            b'<' => is_tag(rest, i),
            b',' | b';' => self.inline || begins_field(rest, i + 1),
            // Passwords hold it too: it ends a value only before another parameter, or as an entity.
            b'&' => begins_parameter(rest, i + 1) || is_entity(slice(rest, i + 1, i + 6)),
            b']' => self.inline && !is_joined_left(rest, i + 1) && closes(rest, i),
            b')' | b'}' => self.inline && closes(rest, i),
            _ => c.is_ascii_whitespace(),
        };
        let len = rest.iter().enumerate().position(|(i, &c)| ends(i, c)).unwrap_or(rest.len());
        looked_at(len);
        let mut end = self.start + len;
        // What ends a sentence is no part of a value in it.
        while end > self.start
            && (matches!(before(text, end), b',' | b';')
                || self.inline && before(text, end) == b'.')
        {
            end -= 1;
        }
        end
    }
}

/// Whether a tag begins at `at`: a closing one, or a name and what ends it or parts its attributes.
fn is_tag(text: &[u8], at: usize) -> bool {
    const TAG: Set = Set::new(b"0-9A-Za-z_:.-");
    let end = run(slice(text, 0, at + 48), at + 1, TAG);
    if holds_mask(slice(text, at + 1, end)) {
        return false;
    }
    byte(text, at + 1) == b'/'
        || end == at + 1 && matches!(byte(text, end), b'!' | b'?')
        || end > at + 1 && matches!(byte(text, end), b'>' | b' ' | b'/')
}

/// Whether the bracket at `at` closes something that was opened before the value: nothing but other
/// brackets and the ends of sentences follows.
fn closes(text: &[u8], at: usize) -> bool {
    const CLOSING: Set = Set::new(b")}],;.>");
    let end = run(slice(text, 0, at + 16), at, CLOSING);
    let next = byte(text, end);
    next == 0
        || next.is_ascii_whitespace()
        || matches!(next, b'"' | b'\'' | b'`' | b'{' | b'(' | b'<')
        || next == b'[' && !is_joined_right(text, end)
}

/// Whether `text`, after an ampersand, is what HTML and XML escape a character as.
fn is_entity(text: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"amp;", b"quot;", b"lt;", b"gt;", b"apos;", b"#"];
    names.into_iter().any(|name| text.starts_with(name))
}

/// Reads the quotes at `at`.
fn place(text: &[u8], at: usize, inline: bool) -> Place {
    const SLASH: Set = Set::new(b"\\");
    let is_quote = |c| matches!(c, b'"' | b'\'' | b'`');
    let mut open = at;
    // The prefixes of string literals in Python, Rust and C#.
    while open < at + 2
        && matches!(byte(text, open), b'b' | b'r' | b'f' | b'u' | b'@' | b'$')
        && (is_quote(byte(text, open + 1)) || is_quote(byte(text, open + 2)))
    {
        open += 1;
    }
    let slashes = run(slice(text, 0, open + 16), open, SLASH) - open;
    let quote = byte(text, open + slashes);
    if !is_quote(quote) {
        return Place { start: at, quote: 0, level: 0, inline, tight: false, listed: false };
    }
    let mut start = open + slashes + 1;
    if slashes == 0 && slice(text, start, start + 2) == [quote, quote] {
        start += 2;
    }
    Place { start, quote, level: slashes, inline, tight: false, listed: false }
}

/// The name that ends before the operator at `op`, and its start.
fn name_before(text: &[u8], op: usize) -> Option<(&[u8], usize)> {
    const BLANK: Set = Set::new(b" \t");
    const SLASH: Set = Set::new(b"\\");
    const OPERATOR: Set = Set::new(b":?");
    let mut end = run_back(text, op, OPERATOR, 2);
    end = run_back(text, end, BLANK, 16);
    let subscript = before(text, end) == b']' && matches!(before(text, end - 1), b'"' | b'\'');
    end -= usize::from(subscript);
    if matches!(before(text, end), b'"' | b'\'' | b'`') {
        end = run_back(text, end - 1, SLASH, 8);
    }
    let mut start = name_start(text, end);
    // `the api key is: …`
    if slice(text, start, end).eq_ignore_ascii_case(b"is") && before(text, start) == b' ' {
        let head = slice(text, start.saturating_sub(41), start - 1);
        let words = head.iter().rev().take_while(|&&b| NAME.has(b) || b == b' ' || b >= 0x80);
        return Some((head.get(head.len() - words.count()..).unwrap_or(&[]), start));
    }
    // The letter of an escape is no part of the name.
    if before(text, start) == b'\\' && matches!(byte(text, start), b'n' | b'r' | b't') {
        start += 1;
    }
    // `API key: …`
    if slice(text, start, end).eq_ignore_ascii_case(b"key") && before(text, start) == b' ' {
        start = name_start(text, start - 1);
    }
    (start < end).then(|| (slice(text, start, end), start))
}

/// The start of the name that ends at `end`. Letters beyond ASCII are part of it.
fn name_start(text: &[u8], end: usize) -> usize {
    let head = slice(text, end.saturating_sub(LONGEST_NAME), end);
    end - head.iter().rev().take_while(|&&byte| NAME.has(byte) || byte >= 0x80).count()
}

/// Whether only indentation, a list mark, a diff mark or `export` stands before `at` on its line.
fn begins_line(text: &[u8], at: usize) -> bool {
    const INDENT: Set = Set::new(b" \t+>\"'-");
    let start = run_back(text, at, INDENT, 64);
    let start = start - if slice(text, 0, start).ends_with(b"export") { 6 } else { 0 };
    matches!(before(text, start), 0 | b'\n' | b'\r')
}

/// Whether another `name=` or `name:` begins at `at`, or nothing does.
fn begins_field(text: &[u8], at: usize) -> bool {
    const FIELD: Set = Set::new(b"0-9A-Za-z_. -");
    let end = run(slice(text, 0, at + 48), at, FIELD);
    matches!(byte(text, end), b'=' | b':') || is_line_end(text, skip_blank(text, at))
}

/// Whether the line ends at `at`.
fn is_line_end(text: &[u8], at: usize) -> bool {
    matches!(byte(text, at), b'\r' | b'\n' | 0)
}

/// Whether another parameter of a query string, `name=`, begins at `at`.
fn begins_parameter(text: &[u8], at: usize) -> bool {
    const PARAMETER: Set = Set::new(b"0-9A-Za-z_.%-");
    let end = run(slice(text, 0, at + 48), at, PARAMETER);
    end > at && byte(text, end) == b'='
}

/// Whether what ends at `end` is followed by nothing of a program.
fn is_alone(text: &[u8], end: usize) -> bool {
    let next = byte(text, end);
    next == 0 || next.is_ascii_whitespace() || matches!(next, b'&' | b';' | b'"' | b'\'' | b'<')
}

/// The end of the run of bytes that can be in a credential.
fn word_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'`\\<>,;".contains(b);
    let len = rest.iter().position(ends).unwrap_or(rest.len());
    looked_at(len);
    at + len
}

/// The end of the line or of the quotes.
fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    let len = memchr::memchr3(b'\n', b'\'', b'\r', rest).unwrap_or(rest.len());
    looked_at(len);
    at + len
}
