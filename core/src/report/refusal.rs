//! The refusal as JSON: the contract with the model.

use super::Report;
use super::line::Line;
use super::words::Shown;
use crate::buf::Buf;
use crate::reason::Reason;

/// Most bytes of a refusal.
pub(crate) const MAX_REFUSAL: usize = 2048;
/// Most violations that are told.
const MOST_TOLD: usize = 16;

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

impl<'a> Notice<'a> {
    /// One that says no more than the reason.
    pub(crate) const fn of(reason: Reason, tool: &'a str) -> Self {
        Self { reason, tool, hint: None, rule: None, retry_after_ms: None }
    }
}

/// Writes the refusal into `out`: at most [`MAX_REFUSAL`] bytes. Violations are dropped whole, from the
/// end, until the rest fits; `more` counts them.
pub(crate) fn write_refusal(report: &Report<'_>, notice: &Notice<'_>, out: &mut Buf<'_, u8>) {
    out.clear();
    let mut page = Line::new(out, MAX_REFUSAL);
    let count = report.count();
    head(&mut page, notice, count);
    if !page.full {
        let start = page.len();
        for told in (0..=count.min(MOST_TOLD)).rev() {
            page.truncate(start);
            page.bytes(report.first(told));
            tail(&mut page, notice, count - told);
            if !page.full {
                break;
            }
        }
    }
    if page.full {
        // What lent storage has no room for: say the least.
        page.truncate(0);
        page.put(r#"{"status":"blocked"}"#);
    }
    let len = page.len();
    out.commit(len);
}

/// What stands before the violations: how many arguments are wrong, else what the reason means.
fn head(page: &mut Line<'_>, notice: &Notice<'_>, count: usize) {
    page.put(r#"{"status":"blocked","reason":""#).bytes(notice.reason.name().as_bytes());
    page.put(r#"","tool":""#).shown(Shown::new(notice.tool.into(), 64));
    page.put(r#"","message":""#);
    match (notice.reason, count) {
        (Reason::ValidationFailed | Reason::GhostArguments, 1) => page.put("1 argument is wrong."),
        (Reason::ValidationFailed | Reason::GhostArguments, count) => {
            page.number(count as u64).put(" arguments are wrong.")
        }
        (reason, _) => page.bytes(reason.message().as_bytes()),
    };
    page.put(r#"","violations":["#);
}

/// What follows the violations.
fn tail(page: &mut Line<'_>, notice: &Notice<'_>, more: usize) {
    if let Notice {
        reason: Reason::ValidationFailed,
        hint: None,
        rule: None,
        retry_after_ms: None,
        ..
    } = notice
        && more == 0
    {
        page.put(r#"],"fix_hints":[],"retryable":true,"rule":null,"retry_after_ms":null,"v":1}"#);
        return;
    }
    page.put(r#"],"fix_hints":["#);
    if let Some(hint) = notice.hint {
        page.quoted(Shown::new(hint.into(), 200));
    }
    page.put(if notice.reason.is_retryable() {
        r#"],"retryable":true,"rule":"#
    } else {
        r#"],"retryable":false,"rule":"#
    });
    match notice.rule {
        Some(rule) => page.quoted(Shown::new(rule.into(), 64)),
        None => page.put("null"),
    };
    page.put(r#","retry_after_ms":"#);
    match notice.retry_after_ms {
        Some(ms) => page.number(ms),
        None => page.put("null"),
    };
    if more > 0 {
        page.put(r#","more":"#).number(more as u64);
    }
    page.put(r#","v":1}"#);
}
