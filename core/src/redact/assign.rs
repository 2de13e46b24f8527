//! Values that are known from what stands before them: `password=…`, `"token": "…"`, headers, cookies,
//! flags, elements.
//!
//! An operator is the anchor; the name is read backwards from it, and only a name that means something
//! leads to the value. Quotes are honoured at any depth of escaping, so that JSON inside a JSON string
//! reads like JSON. Worst case: linear; a refused value costs a look at its first 128 bytes, an
//! accepted one is read to its end and not searched again.

use super::TypeId;
use super::bytes::{Set, before, byte, decode64, looked_at, run, run_back, skip_blank, slice};
use super::command::after_flag;
use super::drawn::is_drawn;
use super::key::{Class, Meaning, is_session, meaning};
use super::mask::LONGEST_MASK;
use super::place::{Place, is_line_end, place};
use super::scan::Scan;
use super::value::{
    begins_with_mask, holds_mask, is_code, is_keylike, is_mask_right, is_mixed, is_name, is_path,
    is_placeholder, is_reference, is_unlike_code, is_word_and_digit, is_wordy,
};
use crate::buf::Full;

/// What names consist of.
pub(super) const NAME: Set = Set::new(b"0-9A-Za-z_.$-");
/// How long a name may be.
const LONGEST_NAME: usize = 64;
/// Within so many bytes the cookies of a header are told apart. It is less than what a stream keeps of
/// the text before.
const MOST_COOKIES: usize = 768;
/// Longest content of an element.
const LONGEST_ELEMENT: usize = 4096;
/// A value longer than this is no placeholder.
const GLANCE: usize = 128;

impl Scan<'_, '_, '_> {
    /// Looks at the `:` or `=` at `op`.
    pub(super) fn assignment(&mut self, op: usize) -> Result<(), Full> {
        let text = self.text;
        if op < self.state.decided {
            return Ok(());
        }
        let (last, next) = (before(text, op), byte(text, op + 1));
        let colon = byte(text, op) == b':';
        if colon && matches!(last, b'p' | b'P' | b'n') {
            self.colon(op)?;
        }
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
        let marked = colon && matches!(byte(text, at), b'*' | b'<' | b'&' | b'!' | b'|' | b'>');
        let at = if marked { behind_marks(text, at) } else { at };
        // A reference is known by its beginning, whatever names it.
        if matches!(slice(text, at, at + 2), b"${" | b"$(" | b"{{") {
            return Ok(());
        }
        let Some((name, start)) = name_before(text, op) else {
            return Ok(());
        };
        if name == b"kind" && colon && slice(text, at, at + 4).contains(&b'S') {
            return self.kind(start, at);
        }
        let named = meaning(name);
        let beside = named.is_none();
        let Some(meaning) = named.or_else(|| self.meaning_beside(name, start, at, colon)) else {
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
            Class::Phrase => self.phrase(meaning, at),
            _ if colon && is_line_end(text, at) => self.on_next_line(meaning, at),
            Class::Cookie => self.cookies(at),
            _ => {
                let place = place(text, at, !begins_line(text, start));
                let place = Place { tight, listed: tight && before(text, start) == b';', ..place };
                let place = if place.listed { braced(text, place) } else { place };
                self.value(meaning, name, place)
            }
        }
    }

    /// The meaning of a field called `value` or of a typed name: it is said elsewhere.
    #[inline(never)]
    fn meaning_beside(&self, name: &[u8], start: usize, at: usize, colon: bool) -> Option<Meaning> {
        let text = self.text;
        if name.eq_ignore_ascii_case(b"value") {
            // `name: DB_PASSWORD, value: …`, as in Kubernetes and in tables of settings.
            const SIGNS: Set = Set::new(b" \t\r\n,;:=\"'{}-");
            let end = run_back(text, start, SIGNS, 32);
            let begin = name_start(text, end);
            let label = run_back(text, begin, SIGNS, 16);
            let label = slice(text, run_back(text, label, NAME, 8), label);
            let named = label.eq_ignore_ascii_case(b"name") || label.eq_ignore_ascii_case(b"key");
            return match meaning(slice(text, begin, end)) {
                Some(meaning) if named => Some(meaning),
                _ if matches!(before(text, start), b'"' | b'\'')
                    || place(text, at, true).quote != 0 =>
                {
                    self.meaning_of_record(start, at)
                }
                _ => None,
            };
        }
        if name == b"default" {
            return meaning_of_variable(text, start);
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
    pub(super) fn value(
        &mut self,
        meaning: Meaning,
        name: &[u8],
        mut place: Place,
    ) -> Result<(), Full> {
        // What says how a key is written is no part of it.
        if byte(self.text, place.start) == b'b'
            && slice(self.text, place.start, place.start + 7) == b"base64:"
        {
            place.start += 7;
        }
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
            // `generate_key: x25519_generate_key`
            || bare && named_after(value, name)
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
                        && !is_drawn(value)
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
            let stop = word_end(text, start);
            let listed = name.eq_ignore_ascii_case(b"digest")
                || name.starts_with(b"AWS4")
                || byte(text, stop) == b'"' && slice(text, start, stop).ends_with(b"token=");
            // Schemes with parameters fill the line.
            let end = if listed { line_end(text, start) } else { stop };
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
            // `Basic Open Source`: a name and a password are text.
            let mut decoded = [0; 96];
            let decoded = decode64(head, &mut decoded);
            head.len() >= 8 && decoded.contains(&b':') && !decoded.iter().any(u8::is_ascii_control)
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
        if slice(text, name, end).ends_with(b"stdin") {
            return self.piped(at);
        }
        if at < self.state.decided
            || !matches!(byte(text, end), b' ' | b'"' | b'\'' | b'\\')
            || !(cut == 0 || cut.is_ascii_whitespace() || matches!(cut, b'"' | b'\'' | b'`'))
        {
            return Ok(());
        }
        let start = after_flag(text, end);
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
        if label == b"value" {
            return self.value_of_secret(at, place);
        }
        match meaning(label) {
            Some(meaning)
                if !matches!(meaning.class, Class::Personal | Class::Cookie | Class::Phrase)
                    && byte(text, place.start) != b'-' =>
            {
                self.value(meaning, label, Place { tight: true, ..place })
            }
            _ => Ok(()),
        }
    }

    /// Masks the content of the element whose start tag ends at `at`.
    #[inline(never)]
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
        let named = meaning(slice(text, start, at_name));
        if slice(text, at + 1 + end, at + 3 + end) != b"</" {
            // `<setting name="ApiKey"><value>…`
            return match named.filter(|m| m.class != Class::Personal && m.class != Class::Cookie) {
                Some(meaning) => self.inner(meaning, at + 1),
                None => Ok(()),
            };
        }
        match named {
            Some(meaning) if meaning.class != Class::Personal => self.value(
                meaning,
                b"",
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
        let place = place(self.text, at, true);
        let value = slice(self.text, place.start, place.end(slice(self.text, 0, at + GLANCE)));
        if value.contains(&b' ') { Ok(()) } else { self.value(Meaning::PASSWORD, b"", place) }
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
        self.value(Meaning::PASSWORD, b"", Place { tight: true, ..place })
    }
}

/// Whether `value` is a name that ends in `name`, as fields and what they are set to have in programs.
fn named_after(value: &[u8], name: &[u8]) -> bool {
    let before = value.len().checked_sub(name.len() + 1);
    name.len() >= 8
        && before.is_some_and(|at| {
            byte(value, at) == b'_' && slice(value, at + 1, value.len()).eq_ignore_ascii_case(name)
        })
        && run(value, 0, NAME) == value.len()
}

/// The name that ends before the operator at `op`, and its start.
#[inline(never)]
fn name_before(text: &[u8], op: usize) -> Option<(&[u8], usize)> {
    const BLANK: Set = Set::new(b" \t");
    const SLASH: Set = Set::new(b"\\");
    const OPERATOR: Set = Set::new(b":?");
    let mut end = run_back(text, op, OPERATOR, 2);
    end = run_back(text, end, BLANK, 16);
    match before(text, end) {
        // Emphasis of Markdown.
        b'*' => end = run_back(text, end, Set::new(b"*"), 2),
        b'}' => end = accessors(text, end),
        _ => {}
    }
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
    // `API key: …`, `verification code: …`
    let last = slice(text, start, end);
    let joined = before(text, start) == b' ' && (3..=6).contains(&last.len());
    let part = |word: &[u8]| joined && last.eq_ignore_ascii_case(word);
    if part(b"key") || part(b"code") || part(b"codes") || part(b"phrase") {
        start = name_start(text, start - 1);
    } else if part(b"passe") {
        start = name_start(text, name_start(text, start - 1).saturating_sub(1));
    }
    (start < end).then(|| (slice(text, start, end), start))
}

/// Where the value begins behind the marks at `at`: emphasis of Markdown that ends with the name, an end tag,
/// and behind a colon the anchors, tags and block signs of YAML.
#[cold]
fn behind_marks(text: &[u8], at: usize) -> usize {
    const MARK: Set = Set::new(b"0-9A-Za-z_.!&:/-");
    const SIGN: Set = Set::new(b"0-9+-");
    const WHITE: Set = Set::new(b" \t\r\n");
    let near = slice(text, 0, at + 80);
    let blank = |end: usize| matches!(byte(near, end), b' ' | b'\t');
    let end = match byte(near, at) {
        b'*' => run(near, at, Set::new(b"*")),
        b'<' if byte(near, at + 1) == b'/' => {
            let end = run(near, at, Set::new(b"0-9A-Za-z</"));
            if byte(near, end) == b'>' { end + 1 } else { at }
        }
        b'&' | b'!' => run(near, at, MARK),
        b'|' | b'>' => {
            let end = run(near, at + 1, SIGN);
            let start = run(near, end, WHITE);
            // The block is indented.
            let line = is_line_end(near, end) && blank(start - 1);
            return if line { start } else { at };
        }
        _ => at,
    };
    if end > at && blank(end) { skip_blank(near, end) } else { at }
}

/// The value at `place` within the braces that connection strings of ODBC have.
#[inline(never)]
fn braced(text: &[u8], place: Place) -> Place {
    let close = memchr::memchr(b'}', slice(text, place.start, place.start + GLANCE));
    let ends = |i: usize| {
        matches!(byte(text, place.start + i + 1), b';' | b'"' | b'\'' | b'\r' | b'\n' | 0)
    };
    match close {
        Some(i) if byte(text, place.start) == b'{' && ends(i) => {
            Place { start: place.start + 1, quote: b'}', ..place }
        }
        _ => place,
    }
}

/// The end of the name of a property before the accessors that end at `end`: `Password { get; set; } = …`.
#[inline(never)]
fn accessors(text: &[u8], end: usize) -> usize {
    let head = slice(text, end.saturating_sub(48), end);
    match memchr::memrchr(b'{', head) {
        Some(open) if super::bytes::contains(slice(head, open, head.len()), b"get;") => {
            run_back(text, end - head.len() + open, Set::new(b" \t"), 4)
        }
        _ => end,
    }
}

/// What the name of a variable says whose `default` is at `at`, in HCL: `variable "db_password" { … }`.
#[inline(never)]
fn meaning_of_variable(text: &[u8], at: usize) -> Option<Meaning> {
    let head = slice(text, at.saturating_sub(512), at);
    let open = memchr::memrchr2(b'{', b'}', head).filter(|&i| byte(head, i) == b'{')?;
    let name = slice(head, 0, open).trim_ascii_end().strip_suffix(b"\"")?;
    let start = memchr::memrchr(b'"', name)?;
    slice(name, 0, start)
        .ends_with(b"variable ")
        .then(|| meaning(slice(name, start + 1, name.len())))?
}

/// Whether names hold `byte`: letters beyond ASCII too.
pub(super) const fn is_letter_of_name(byte: u8) -> bool {
    NAME.has(byte) || byte >= 0x80
}

/// The start of the name that ends at `end`. Letters beyond ASCII are part of it.
pub(super) fn name_start(text: &[u8], end: usize) -> usize {
    let head = slice(text, end.saturating_sub(LONGEST_NAME), end);
    end - head.iter().rev().take_while(|&&byte| is_letter_of_name(byte)).count()
}

/// Whether only indentation, a list mark, a diff mark or `export` stands before `at` on its line.
fn begins_line(text: &[u8], at: usize) -> bool {
    const INDENT: Set = Set::new(b" \t+>\"'-");
    let start = run_back(text, at, INDENT, 64);
    let start = start - if slice(text, 0, start).ends_with(b"export") { 6 } else { 0 };
    matches!(before(text, start), 0 | b'\n' | b'\r')
}

/// Whether what ends at `end` is followed by nothing of a program.
fn is_alone(text: &[u8], end: usize) -> bool {
    let next = byte(text, end);
    next == 0 || next.is_ascii_whitespace() || matches!(next, b'&' | b';' | b'"' | b'\'' | b'<')
}

/// The end of the run of bytes that can be in a credential.
pub(super) fn word_end(text: &[u8], at: usize) -> usize {
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
