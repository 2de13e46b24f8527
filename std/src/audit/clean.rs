//! Names that a model or a server wrote.
//!
//! A declared name is the tool's own. Any other can be a value in disguise: it is recorded when it looks
//! like a name and no detector knows better, and as its length when it does not.

use std::fmt::Write;

use airlock_core::Buf;
use airlock_core::json::write_string;
use airlock_core::mcp::Event;
use airlock_core::redact::{Finding, Redactor, Style, Types};

/// Most bytes of a name.
const MAX_NAME: usize = 64;
/// Most bytes of a sentence.
const MAX_TEXT: usize = 512;
/// Most digits of a name: what has more may be a number of something or someone.
const MAX_DIGITS: usize = 3;
/// Most letters of one word of a name.
const MAX_WORD: usize = 24;
/// Most capitals in a row of a word that has small letters too.
const MAX_ACRONYM: usize = 6;
/// Most digits of an index.
const MAX_INDEX: usize = 6;
/// How much of a sentence the detectors see: what is shown of it, and all that may decide on that.
const LOOKED_AT: usize = 16 << 10;

/// Memory to clean names with.
#[derive(Debug)]
pub(super) struct Cleaner {
    redactor: Redactor<'static>,
    findings: Buf<'static, Finding>,
    masked: Buf<'static, u8>,
    segment: String,
    name: String,
}

impl Cleaner {
    pub(super) fn new() -> Self {
        Self {
            redactor: Redactor::new(Types::ALL, Style::Full),
            findings: Buf::growable(),
            masked: Buf::growable(),
            segment: String::new(),
            name: String::new(),
        }
    }

    /// Writes the name of a tool as JSON.
    pub(super) fn tool(&mut self, event: &Event<'_>, out: &mut String) -> std::fmt::Result {
        let Some(tool) = event.tool else {
            return out.write_str("null");
        };
        if event.declared.is_some() {
            return write_string(cut(tool, 2 * MAX_NAME), out);
        }
        self.name.clear();
        self.undeclared(tool, 2 * MAX_NAME)?;
        write_string(&self.name, out)
    }

    /// Writes an RFC 6901 pointer as JSON, each of its names cleaned.
    pub(super) fn pointer(
        &mut self,
        pointer: &str,
        event: &Event<'_>,
        out: &mut String,
    ) -> std::fmt::Result {
        self.name.clear();
        for escaped in pointer.split('/').skip(1) {
            self.name.push('/');
            let mut segment = std::mem::take(&mut self.segment);
            segment.clear();
            unescape(escaped, &mut segment);
            let declared = event.declared.is_some_and(|names| names.contains(&segment));
            let start = self.name.len();
            let cleaned = if declared {
                self.name.push_str(cut(&segment, MAX_NAME));
                Ok(())
            } else {
                self.undeclared(&segment, MAX_NAME)
            };
            self.segment = segment;
            cleaned?;
            if self.name.get(start..).is_some_and(|name| name.contains(['~', '/'])) {
                let escaped = self.name.split_off(start).replace('~', "~0").replace('/', "~1");
                self.name.push_str(&escaped);
            }
            if self.name.len() > MAX_TEXT {
                self.name.push_str("/...");
                break;
            }
        }
        write_string(&self.name, out)
    }

    /// Writes a sentence of ours that may quote what a server wrote.
    pub(super) fn text(&mut self, text: &str, out: &mut String) -> std::fmt::Result {
        let text = cut(text, LOOKED_AT);
        let shown = self.masked(text).unwrap_or("[REDACTED]");
        write_string(cut(shown, MAX_TEXT), out)
    }

    /// Appends a name that nobody declares to the name in the making.
    fn undeclared(&mut self, name: &str, most: usize) -> std::fmt::Result {
        let digits = name.bytes().filter(u8::is_ascii_digit).count();
        let is_index = digits == name.len() && (1..=MAX_INDEX).contains(&digits);
        let mut words = name.split(['_', '-', '.', '/', '$']);
        let is_name = digits <= MAX_DIGITS && name.len() <= most && words.all(is_word);
        if (is_index || is_name) && self.masked(name) == Some(name) {
            self.name.push_str(name);
            return Ok(());
        }
        write!(self.name, "[{} bytes]", name.len())
    }

    /// `text` with everything masked that any detector finds.
    fn masked(&mut self, text: &str) -> Option<&str> {
        self.masked.clear();
        self.redactor.scan(text, &mut self.findings).ok()?;
        self.redactor.mask(text, &self.findings, &mut self.masked).ok()?;
        std::str::from_utf8(&self.masked).ok()
    }
}

/// Whether `word` is letters with a number behind them, in one case or in humps: what is made at random
/// hardly ever is.
fn is_word(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let small = letters.split(char::is_uppercase).filter(|run| !run.is_empty());
    let capital = letters.split(|c: char| !c.is_uppercase());
    // One small letter stands alone only at an end, as in `xAxis` and `IDs`.
    let is_hump = |run: &str| {
        run.chars().nth(1).is_some() || letters.starts_with(run) || letters.ends_with(run)
    };
    letters.chars().count() <= MAX_WORD
        && letters.chars().all(char::is_alphabetic)
        && small.clone().all(is_hump)
        && (small.count() == 0 || capital.map(str::len).all(|len| len <= MAX_ACRONYM))
}

/// Appends a segment of a pointer with its escapes undone.
fn unescape(escaped: &str, out: &mut String) {
    let mut rest = escaped;
    while let Some((plain, special)) = rest.split_once('~') {
        out.push_str(plain);
        rest = match special.split_at_checked(1) {
            Some(("0", rest)) => {
                out.push('~');
                rest
            }
            Some(("1", rest)) => {
                out.push('/');
                rest
            }
            _ => special,
        };
    }
    out.push_str(rest);
}

/// The first bytes of `text`, at most `most`.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> String {
        let mut cleaner = Cleaner::new();
        cleaner.undeclared(name, MAX_NAME).unwrap();
        cleaner.name
    }

    #[test]
    fn names_stand_as_they_are() {
        for name in [
            "text",
            "user_id2",
            "createdAt",
            "HTTPServer",
            "xAxis",
            "userIDs",
            "API_KEY",
            "a.b-c",
            "$ref",
            "0",
            "123456",
            "größe",
            "名前",
            "path/to",
            "",
        ] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn what_is_no_name_is_its_length() {
        let long = "ab_".repeat(30);
        for name in [
            "4111 1111",
            "1234567",
            "ann@example.org",
            "two words",
            "line\n",
            "7tjZGHQpuExYZQ",
            "sCPBByUhzgi",
            "abcdefghijklmnopqrstuvwxyz",
            "a1b2c3",
            &long,
        ] {
            assert_eq!(shown(name), format!("[{} bytes]", name.len()));
        }
    }
}
