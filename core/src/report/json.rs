//! The refusal as JSON: the contract with the model.

use core::fmt::{self, Write};

use super::text::Text;
use super::words::{Look, Shown};
use super::{Record, Report};
use crate::buf::Buf;
use crate::json::{Decimal, Str, write_escaped};
use crate::reason::Reason;

/// Most bytes of a refusal.
pub(crate) const MAX_REFUSAL: usize = 2048;
/// More violations than this never fit.
const MOST_TOLD: usize = 24;

/// What a refusal says beside its violations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) reason: Reason,
    pub(crate) tool: &'a str,
    /// A hint that belongs to no violation.
    pub(crate) hint: Option<&'a str>,
    /// The rule that decided, where the policy discloses it.
    pub(crate) rule: Option<&'a str>,
    pub(crate) retry_after_ms: Option<u64>,
}

/// Writes the refusal into `out`: at most [`MAX_REFUSAL`] bytes. Violations are dropped whole, from the
/// end, until the rest fits; `more` counts them.
pub(crate) fn write_refusal(report: &Report<'_>, notice: &Notice<'_>, out: &mut Buf<'_, u8>) {
    out.clear();
    let slots = out.reserve_most(MAX_REFUSAL);
    let most = slots.len().min(MAX_REFUSAL);
    let mut page = Page { slots: slots.get_mut(..most).unwrap_or(&mut []), len: 0, full: false };
    page.refusal(report, notice);
    if page.full {
        // What lent storage has no room for: say the least.
        page = Page { len: 0, full: false, ..page };
        page.put(r#"{"status":"blocked"}"#);
    }
    let len = page.len;
    out.commit(len);
}

/// The refusal as far as it is written. What does not fit is left out and makes the page full.
struct Page<'o> {
    slots: &'o mut [u8],
    len: usize,
    full: bool,
}

impl Page<'_> {
    fn refusal(&mut self, report: &Report<'_>, notice: &Notice<'_>) {
        self.put(r#"{"status":"blocked","reason":""#);
        self.put(notice.reason.name());
        self.put(r#"","tool":""#);
        self.text(notice.tool.as_bytes(), 64);
        self.put(r#"","message":""#);
        self.message(notice.reason, report.count());
        self.put(r#"","violations":["#);
        self.violations(report, notice);
    }

    /// What follows the violations.
    fn tail(&mut self, notice: &Notice<'_>, more: usize) {
        self.put(r#"],"fix_hints":["#);
        if let Some(hint) = notice.hint {
            self.quoted(hint, 200);
        }
        self.put(if notice.reason.is_retryable() {
            r#"],"retryable":true,"rule":"#
        } else {
            r#"],"retryable":false,"rule":"#
        });
        match notice.rule {
            Some(rule) => self.quoted(rule, 64),
            None => self.put("null"),
        }
        self.put(r#","retry_after_ms":"#);
        match notice.retry_after_ms {
            Some(ms) => self.number(ms),
            None => self.put("null"),
        }
        if more > 0 {
            self.put(r#","more":"#);
            self.number(more as u64);
        }
        self.put(r#","v":1}"#);
    }

    /// How many arguments are wrong, else what the reason means.
    fn message(&mut self, reason: Reason, count: usize) {
        match (reason, count) {
            (Reason::ValidationFailed | Reason::GhostArguments, 1) => {
                self.put("1 argument is wrong.");
            }
            (Reason::ValidationFailed | Reason::GhostArguments, count) => {
                self.number(count as u64);
                self.put(" arguments are wrong.");
            }
            _ => self.put(reason.message()),
        }
    }

    /// Writes the violations and what follows them; drops violations from the end until all fits.
    fn violations(&mut self, report: &Report<'_>, notice: &Notice<'_>) {
        let mut ends = [self.len; MOST_TOLD + 1];
        let mut told = 0;
        for (record, end) in report.violations.iter().zip(ends.iter_mut().skip(1)) {
            if told > 0 {
                self.put(",");
            }
            self.violation(record, &report.text);
            if self.full {
                break;
            }
            told += 1;
            *end = self.len;
        }
        for (told, &end) in ends.iter().enumerate().take(told + 1).rev() {
            self.len = end;
            self.full = false;
            self.tail(notice, report.count() - told);
            if !self.full {
                break;
            }
        }
    }

    fn violation(&mut self, record: &Record, all: &[u8]) {
        self.put(r#"{"path":""#);
        self.part(record.path, all, 120);
        self.put(r#"","keyword":""#);
        self.put(record.keyword.name());
        if let Some(property) = record.property {
            self.put(r#"","property":""#);
            self.part(property, all, 64);
        }
        self.put("\"");
        if let Some(offset) = record.offset {
            self.put(r#","offset":"#);
            self.number(offset.into());
        }
        self.put(r#","expected":""#);
        self.part(record.expected, all, 400);
        self.put(r#"","received":""#);
        self.put(record.received);
        self.put(r#"","message":""#);
        self.part(record.message, all, 400);
        self.put(r#"","fix_hint":""#);
        self.part(record.hint, all, 400);
        match record.fix {
            Some(fix) => {
                self.put(r#"","fix":{"op":""#);
                self.put(fix.op);
                self.put(r#"","path":""#);
                self.part(fix.path, all, 120);
                self.put(r#"","to":"#);
                match fix.to {
                    Some(to) => self.bytes(to.of(all)),
                    None => self.put("null"),
                }
                self.put("}}");
            }
            None => self.put(r#"","fix":null}"#),
        }
    }

    /// A text of the report as the inside of a JSON string.
    #[inline]
    fn part(&mut self, text: Text, all: &[u8], most: usize) {
        self.inside(text.of(all), text.look, most);
    }

    /// A JSON string.
    fn quoted(&mut self, text: &str, most: usize) {
        self.put("\"");
        self.text(text.as_bytes(), most);
        self.put("\"");
    }

    /// The inside of a JSON string.
    fn text(&mut self, text: &[u8], most: usize) {
        self.inside(text, Look::of(text), most);
    }

    /// The inside of a JSON string of at most `most` bytes before escaping, hidden characters replaced.
    #[inline]
    fn inside(&mut self, text: &[u8], look: Look, most: usize) {
        match look {
            Look::Plain if text.len() <= most => self.bytes(text),
            Look::Quoted if text.len() <= most => self.escape_quotes(text),
            _ => self.escape(text, most),
        }
    }

    /// Text in which nothing but quotes and backslashes needs escaping.
    fn escape_quotes(&mut self, text: &[u8]) {
        for &byte in text {
            if matches!(byte, b'"' | b'\\') {
                self.byte(b'\\');
            }
            self.byte(byte);
        }
    }

    fn escape(&mut self, text: &[u8], most: usize) {
        let written = if text.len() <= most && text.is_ascii() {
            // Escaping makes control characters visible.
            write_escaped(core::str::from_utf8(text).unwrap_or(""), self)
        } else {
            Shown::new(Str::new(text, false), most).write(&mut Escape(self))
        };
        // A page that is full knows it.
        let _ = written;
    }

    fn number(&mut self, number: u64) {
        self.bytes(Decimal::new(number).digits());
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        match self.slots.get_mut(self.len) {
            Some(slot) => {
                *slot = byte;
                self.len += 1;
            }
            None => self.full = true,
        }
    }

    #[inline]
    fn put(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        match self.slots.get_mut(self.len..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(slots) => {
                slots.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.full = true,
        }
    }
}

impl Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Escapes what is written to a page.
struct Escape<'a, 'o>(&'a mut Page<'o>);

impl Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(text, self.0)
    }
}
