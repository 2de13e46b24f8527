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
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
        let is_name = digits <= MAX_DIGITS && name.len() <= most && name.chars().all(plain);
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
