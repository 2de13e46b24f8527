//! Values beside a name that is a text of its own: `("password", "…")`, `setPassword("…")`,
//! `<td>Password</td><td>…</td>`, `name="password"` and `value="…"`.
//!
//! Worst case: a bounded look around the parenthesis, the end tag or the name.

use super::assign::NAME;
use super::bytes::{Set, byte, run, run_back, skip_blank, slice};
use super::drawn::chance;
use super::key::{Class, Meaning, may_have_meaning, meaning};
use super::place::{Place, place};
use super::prose::is_telling;
use super::scan::Scan;
use super::value::is_keylike;
use crate::buf::Full;

/// How long a name may be.
const LONGEST: usize = 64;
/// How much of a value is looked at.
const GLANCE: usize = 128;
/// How far apart the name and the value of one record may be.
const APART: usize = 192;

const WHITE: Set = Set::new(b" \t\r\n");

impl Scan<'_, '_, '_> {
    /// Looks at the call whose parenthesis is at `at`: `define('DB_PASSWORD', '…')`, `setPassword("…")`.
    #[inline(never)]
    pub(super) fn call(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let first = place(text, skip_blank(text, at + 1), true);
        if at < self.state.decided || first.quote == 0 {
            return Ok(());
        }
        let close = first.end(slice(text, 0, first.start + LONGEST));
        let next = skip_blank(text, close + first.level + 1);
        if byte(text, next) == b',' {
            let name = slice(text, first.start, close);
            let second = place(text, skip_blank(text, next + 1), true);
            if let Some(meaning) = meaning(name).filter(|m| m.is_secret())
                && second.quote != 0
            {
                return self.pair(meaning, second);
            }
        }
        if !may_have_meaning(text, at) {
            return Ok(());
        }
        let name = slice(text, run_back(text, at, NAME, LONGEST), at);
        match meaning(name).filter(|m| m.is_secret()) {
            Some(meaning) if !name.starts_with(b"get") => self.pair(meaning, first),
            _ => Ok(()),
        }
    }

    /// Looks at the arrow of R whose hyphen is at `at`: `password <- "…"`.
    #[inline(never)]
    pub(super) fn assigned(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let value = place(text, skip_blank(text, at + 1), true);
        let end = run_back(text, at.saturating_sub(1), Set::new(b" "), 4);
        if at < self.state.decided || value.quote == 0 || !may_have_meaning(text, end) {
            return Ok(());
        }
        let name = slice(text, run_back(text, end, NAME, LONGEST), end);
        match meaning(name).filter(|m| m.is_secret()) {
            Some(meaning) => self.pair(meaning, value),
            None => Ok(()),
        }
    }

    /// Masks the value at `place` if it looks like a secret by itself.
    fn pair(&mut self, meaning: Meaning, place: Place) -> Result<(), Full> {
        let value =
            slice(self.text, place.start, place.end(slice(self.text, 0, place.start + GLANCE)));
        // In quotes a parenthesis is no sign of a call.
        let body = value.trim_ascii_end().strip_suffix(b")").unwrap_or(value);
        if is_telling(body, true) || is_keylike(value) && chance(value) >= 4 {
            // Of one that is drawn at random less is asked than its name would.
            let drawn = chance(body) >= 4;
            let class = if drawn { Class::Secret } else { meaning.class };
            let meaning = Meaning { class, ..meaning };
            self.value(meaning, b"", Place { tight: true, ..place })
        } else {
            Ok(())
        }
    }

    /// Looks at the end tag that ends at `at`: what it closes may name what the next element holds.
    #[inline(never)]
    pub(super) fn labelled(&mut self, at: usize) -> Result<(), Full> {
        const TAG: Set = Set::new(b"0-9A-Za-z");
        const LABEL: Set = Set::new(b" \t\r\n:*");
        let text = self.text;
        let open = run_back(text, at, TAG, 8);
        if at < self.state.decided || slice(text, open.saturating_sub(2), open) != b"</" {
            return Ok(());
        }
        let end = run_back(text, open - 2, LABEL, 8);
        if !may_have_meaning(text, end) {
            return Ok(());
        }
        let line = slice(text, end.saturating_sub(LONGEST), end);
        let Some(start) = memchr::memrchr(b'>', line).map(|i| end - line.len() + i + 1) else {
            return Ok(());
        };
        let label = slice(text, start, end).trim_ascii_start();
        let Some(meaning) = meaning(label).filter(|m| m.is_secret()) else { return Ok(()) };
        self.inner(meaning, run(slice(text, 0, at + APART), at + 1, LABEL))
    }

    /// Masks what stands behind the tags at `at`.
    #[inline(never)]
    pub(super) fn inner(&mut self, meaning: Meaning, at: usize) -> Result<(), Full> {
        let text = self.text;
        let near = slice(text, 0, at + APART);
        let mut next = run(near, at, WHITE);
        for _ in 0..4 {
            if byte(near, next) != b'<' {
                break;
            }
            let Some(len) = memchr::memchr(b'>', slice(near, next, next + LONGEST)) else {
                return Ok(());
            };
            next = run(near, next + len + 1, WHITE);
        }
        if next >= near.len() {
            return Ok(());
        }
        let place = Place { start: next, quote: b'<', ..place(text, next, true) };
        let place = Place { level: 0, ..place };
        self.pair(meaning, place)
    }

    /// Looks at the field of a form (RFC 7578) whose headers end at `end`; it begins behind an empty line.
    pub(super) fn form_field(&mut self, end: usize) -> Result<(), Full> {
        let text = self.text;
        let head = slice(text, end.saturating_sub(APART), end);
        let Some(i) = memchr::memmem::rfind(head, b"; name=\"") else { return Ok(()) };
        let name = slice(head, i + 8, head.len());
        let name = slice(name, 0, memchr::memchr(b'"', name).unwrap_or(0));
        let headers = slice(head, i, head.len());
        let begin = run(slice(text, 0, end + 8), end, Set::new(b"\r\n"));
        let split =
            super::bytes::contains(headers, b"\n\n") || super::bytes::contains(headers, b"\n\r");
        match meaning(name).filter(|m| m.is_secret()) {
            Some(meaning) if !split => self.value(
                meaning,
                b"",
                Place { quote: 0, level: 0, tight: true, ..place(text, begin, false) },
            ),
            _ => Ok(()),
        }
    }

    /// The meaning of the field called `value` that begins at `start`, as another field of its record says
    /// it: `{"name": "DB_PASSWORD", "type": "String", "value": …}`. Its value stands at `at`.
    #[inline(never)]
    pub(super) fn meaning_of_record(&self, start: usize, at: usize) -> Option<Meaning> {
        let text = self.text;
        let head = slice(text, start.saturating_sub(APART), start);
        let begin = memchr::memrchr3(b'{', b'}', b'>', head).map_or(0, |i| i + 1);
        if let Some(meaning) = named_in(slice(head, begin, head.len())) {
            return Some(meaning);
        }
        let value = place(text, at, true);
        if value.quote == 0 {
            return None;
        }
        let end = value.end(slice(text, 0, value.start + GLANCE)) + value.level + 1;
        let tail = slice(text, end, end + APART);
        let stop = memchr::memchr3(b'{', b'}', b'<', tail).unwrap_or(tail.len());
        named_in(slice(tail, 0, stop))
    }
}

/// What the field `name` or `key` of a record says, whose other fields are `fields`.
fn named_in(fields: &[u8]) -> Option<Meaning> {
    const SIGNS: Set = Set::new(b" \t\\\"':=");
    const VALUE: Set = Set::new(b"0-9A-Za-z_.$/:-");
    let mut at = 0;
    // Quotes stand around names, or an equals sign behind them.
    while let Some(i) = memchr::memchr2(b':', b'=', fields.get(at..).unwrap_or(&[])) {
        let op = at + i;
        let end = run_back(fields, op, Set::new(b" \\\"'"), 8);
        let label = slice(fields, run_back(fields, end, NAME, 8), end);
        at = op + 1;
        if end < op && (label.eq_ignore_ascii_case(b"name") || label.eq_ignore_ascii_case(b"key"))
            || label == b"name" && byte(fields, op) == b'='
        {
            let start = run(fields, op, SIGNS);
            let end = run(fields, start, VALUE);
            return meaning(slice(fields, start, end)).filter(|m| m.is_secret());
        }
    }
    None
}
