//! The refusal as JSON: the contract with the model.

use core::fmt::{self, Write};

use super::words::{Shown, shown_name};
use super::{Report, Violation};
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
    out.write_str(r#"{"status":"blocked","reason":""#)?;
    out.write_str(notice.reason.name())?;
    member(out, r#"","tool":"#, notice.tool, 64)?;
    member(out, r#","message":"#, notice.message, 300)?;
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
        member(out, "", hint, 200)?;
    }
    out.write_str(if notice.reason.is_retryable() {
        r#"],"retryable":true,"rule":"#
    } else {
        r#"],"retryable":false,"rule":"#
    })?;
    match notice.rule {
        Some(rule) => member(out, "", rule, 64)?,
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

fn write_violation(violation: &Violation<'_>, first: bool, out: &mut Buf<'_, u8>) -> fmt::Result {
    if !first {
        out.write_char(',')?;
    }
    member(out, r#"{"path":"#, violation.path, 120)?;
    out.write_str(r#","keyword":""#)?;
    out.write_str(violation.keyword)?;
    out.write_char('"')?;
    if let Some(property) = violation.property {
        member(out, r#","property":"#, property, 64)?;
    }
    if let Some(offset) = violation.offset {
        write!(out, r#","offset":{offset}"#)?;
    }
    member(out, r#","expected":"#, violation.expected, 400)?;
    member(out, r#","received":"#, violation.received, 64)?;
    member(out, r#","message":"#, violation.message, 400)?;
    member(out, r#","fix_hint":"#, violation.fix_hint, 400)?;
    match violation.fix {
        Some(fix) => {
            out.write_str(r#","fix":{"op":""#)?;
            out.write_str(fix.op)?;
            member(out, r#"","path":"#, fix.path, 120)?;
            out.write_str(r#","to":"#)?;
            out.write_str(fix.to.unwrap_or("null"))?;
            out.write_str("}}")
        }
        None => out.write_str(r#","fix":null}"#),
    }
}

/// `name`, and `text` as a JSON string of at most `most` bytes, hidden characters replaced.
fn member(out: &mut Buf<'_, u8>, name: &str, text: &str, most: usize) -> fmt::Result {
    /// Escapes what passes through.
    struct Escape<'a, 'm>(&'a mut Buf<'m, u8>);
    impl Write for Escape<'_, '_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            write_escaped(text, self.0)
        }
    }
    out.write_str(name)?;
    out.write_char('"')?;
    if text.len() <= most && text.is_ascii() {
        // Escaping makes control characters visible.
        write_escaped(text, out)?;
    } else {
        write!(Escape(out), "{}", Shown { most, ..shown_name(text) })?;
    }
    out.write_char('"')
}
