//! The refusal as JSON: the contract with the model.

use core::fmt::{self, Write};

use super::Report;
use super::words::{Shown, shown_name};
use crate::buf::Buf;
use crate::json::write_escaped;
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
    pub(crate) message: &'a str,
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
    if fill(report, notice, out).is_err() {
        // Only lent storage can refuse: say the least.
        out.clear();
        let _ = out.extend(br#"{"status":"blocked"}"#);
    }
}

fn fill(report: &Report<'_>, notice: &Notice<'_>, out: &mut Buf<'_, u8>) -> fmt::Result {
    write!(out, r#"{{"status":"blocked","reason":"{}","tool":"#, notice.reason.name())?;
    quoted(out, notice.tool, 64)?;
    out.write_str(r#","message":"#)?;
    quoted(out, notice.message, 300)?;
    out.write_str(r#","violations":["#)?;
    let mut ends = [out.len(); MOST_TOLD + 1];
    let mut told = 0;
    for (violation, end) in report.violations().zip(ends.iter_mut().skip(1)) {
        write_violation(&violation, told == 0, out)?;
        if out.len() > MAX_REFUSAL {
            break;
        }
        told += 1;
        *end = out.len();
    }
    let all = report.violations().count();
    for (told, &end) in ends.iter().enumerate().take(told + 1).rev() {
        out.truncate(end);
        write_tail(notice, all - told, out)?;
        if out.len() <= MAX_REFUSAL {
            break;
        }
    }
    Ok(())
}

/// What follows the violations.
fn write_tail(notice: &Notice<'_>, more: usize, out: &mut Buf<'_, u8>) -> fmt::Result {
    out.write_str(r#"],"fix_hints":["#)?;
    if let Some(hint) = notice.hint {
        quoted(out, hint, 200)?;
    }
    write!(out, r#"],"retryable":{},"rule":"#, notice.reason.is_retryable())?;
    match notice.rule {
        Some(rule) => quoted(out, rule, 64)?,
        None => out.write_str("null")?,
    }
    match notice.retry_after_ms {
        Some(ms) => write!(out, r#","retry_after_ms":{ms}"#)?,
        None => out.write_str(r#","retry_after_ms":null"#)?,
    }
    if more > 0 {
        write!(out, r#","more":{more}"#)?;
    }
    out.write_str(r#","v":1}"#)
}

fn write_violation(
    violation: &super::Violation<'_>,
    first: bool,
    out: &mut Buf<'_, u8>,
) -> fmt::Result {
    if !first {
        out.write_char(',')?;
    }
    out.write_str(r#"{"path":"#)?;
    quoted(out, violation.path, 120)?;
    write!(out, r#","keyword":"{}""#, violation.keyword)?;
    if let Some(property) = violation.property {
        out.write_str(r#","property":"#)?;
        quoted(out, property, 64)?;
    }
    if let Some(offset) = violation.offset {
        write!(out, r#","offset":{offset}"#)?;
    }
    let texts = [
        (r#","expected":"#, violation.expected),
        (r#","received":"#, violation.received),
        (r#","message":"#, violation.message),
        (r#","fix_hint":"#, violation.fix_hint),
    ];
    for (name, text) in texts {
        out.write_str(name)?;
        quoted(out, text, 400)?;
    }
    out.write_str(r#","fix":"#)?;
    match violation.fix {
        Some(fix) => {
            write!(out, r#"{{"op":"{}","path":"#, fix.op)?;
            quoted(out, fix.path, 120)?;
            write!(out, r#","to":{}}}"#, fix.to.unwrap_or("null"))?;
        }
        None => out.write_str("null")?,
    }
    out.write_char('}')
}

/// A JSON string of at most `most` bytes of `text`, hidden characters replaced.
fn quoted(out: &mut Buf<'_, u8>, text: &str, most: usize) -> fmt::Result {
    /// Escapes what passes through.
    struct Escape<'a, 'm>(&'a mut Buf<'m, u8>);
    impl Write for Escape<'_, '_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            write_escaped(text, self.0)
        }
    }
    out.write_char('"')?;
    if text.len() <= most && text.is_ascii() {
        // Escaping makes control characters visible.
        write_escaped(text, out)?;
    } else {
        write!(Escape(out), "{}", Shown { most, ..shown_name(text) })?;
    }
    out.write_char('"')
}
