//! Everything that is known of the last verdict, as JSON.
//!
//! The names are those of the lines of `airlock check`. Texts are written as they are, so that a host of
//! any language shows the same bytes.

use core::ffi::c_char;
use core::fmt::{self, Write};

use airlock_core::json::write_string;
use airlock_core::{Verdict, Violation, Would};

use crate::boundary::{Output, airlock_status, guarded, put, shared};
use crate::codes::Status;
use crate::scratch::airlock_scratch;

/// Writes what is known of the last call that was checked in `scratch` with the flag
/// `AIRLOCK_KEEP_DETAILS`: one JSON object with `decision`, `reason`, `rule`, `stripped`,
/// `repaired`, `violations`, `suggest`, `charges`, `would` and `approval_ms`. For the operator, not
/// for the model: it names rules that a refusal does not. Always writes the length that is needed
/// to `*out_len`. `AIRLOCK_NOT_FOUND` when nothing was kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_details(
    scratch: *const airlock_scratch,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `out_len` to be null or to have room for a number.
        unsafe { put(out_len, 0)? };
        let out = Output::new(out, out_cap)?;
        // SAFETY: the header wants a scratch that no other thread uses, or null.
        let details = &*unsafe { shared(scratch)? }.details;
        if details.is_empty() {
            return Err(Status::NOT_FOUND);
        }
        // SAFETY: as above; the buffer is not in the scratch.
        unsafe {
            put(out_len, details.len())?;
            out.write(details)
        }
    })
}

/// Renders `verdict`.
pub(crate) fn write(verdict: &Verdict<'_>, out: &mut impl Write) -> fmt::Result {
    match verdict {
        Verdict::Allow(allowed) => {
            out.write_str(r#"{"v":1,"decision":"allow","reason":null,"rule":null,"stripped":"#)?;
            list(out, allowed.stripped(), |out, pointer| write_string(pointer, out))?;
            out.write_str(r#","repaired":"#)?;
            list(out, allowed.repaired(), |out, pointer| write_string(pointer, out))?;
            out.write_str(r#","violations":[],"suggest":"#)?;
            list(out, allowed.suggestions(), suggestion)?;
            out.write_str(r#","charges":"#)?;
            list(out, allowed.charges(), |out, charge| {
                out.write_str(r#"{"limit":"#)?;
                write_string(charge.limit.id, out)?;
                // A key is bytes that mean nothing but equality.
                out.write_str(r#","key":""#)?;
                charge.key.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
                write!(out, "\",\"cost\":{}}}", charge.cost)
            })?;
            would(out, allowed.would())?;
            out.write_str(r#","approval_ms":null}"#)
        }
        Verdict::Refuse(refusal) => {
            out.write_str(r#"{"v":1,"decision":"block","reason":"#)?;
            write_string(refusal.reason().name(), out)?;
            out.write_str(r#","rule":"#)?;
            optional(out, refusal.rule(), |out, rule| write_string(rule, out))?;
            out.write_str(r#","stripped":"#)?;
            list(out, refusal.stripped(), |out, pointer| write_string(pointer, out))?;
            out.write_str(r#","repaired":[],"violations":"#)?;
            list(out, refusal.violations(), violation)?;
            out.write_str(r#","suggest":"#)?;
            list(out, refusal.suggestions(), suggestion)?;
            out.write_str(r#","charges":[]"#)?;
            would(out, refusal.would())?;
            out.write_str(r#","approval_ms":"#)?;
            optional(out, refusal.approval_ms(), |out, ms| write!(out, "{ms}"))?;
            out.write_char('}')
        }
    }
}

fn violation(out: &mut impl Write, violation: Violation<'_>) -> fmt::Result {
    member(out, "{", "path", violation.path)?;
    member(out, ",", "keyword", violation.keyword)?;
    if let Some(property) = violation.property {
        member(out, ",", "property", property)?;
    }
    if let Some(offset) = violation.offset {
        write!(out, ",\"offset\":{offset}")?;
    }
    member(out, ",", "expected", violation.expected)?;
    member(out, ",", "received", violation.received)?;
    member(out, ",", "message", violation.message)?;
    member(out, ",", "fix_hint", violation.fix_hint)?;
    out.write_str(r#","fix":"#)?;
    optional(out, violation.fix, |out, fix| {
        member(out, "{", "op", fix.op)?;
        member(out, ",", "path", fix.path)?;
        out.write_str(r#","to":"#)?;
        out.write_str(fix.to.unwrap_or("null"))?;
        out.write_char('}')
    })?;
    if let Some(variants) = violation.variants {
        out.write_str(r#","variants":"#)?;
        out.write_str(variants)?;
    }
    out.write_char('}')
}

fn suggestion(out: &mut impl Write, (path, to): (&str, &str)) -> fmt::Result {
    member(out, "{", "path", path)?;
    member(out, ",", "to", to)?;
    out.write_char('}')
}

fn would(out: &mut impl Write, would: Option<Would<'_>>) -> fmt::Result {
    out.write_str(r#","would":"#)?;
    optional(out, would, |out, Would { reason, rule }| {
        out.write_str(r#"{"reason":"#)?;
        optional(out, reason, |out, reason| write_string(reason.name(), out))?;
        out.write_str(r#","rule":"#)?;
        optional(out, rule, |out, rule| write_string(rule, out))?;
        out.write_char('}')
    })
}

/// A member whose value is a text, behind `before`.
fn member(out: &mut impl Write, before: &str, name: &str, value: &str) -> fmt::Result {
    write!(out, "{before}\"{name}\":")?;
    write_string(value, out)
}

fn optional<W: Write, T>(
    out: &mut W,
    value: Option<T>,
    write: impl FnOnce(&mut W, T) -> fmt::Result,
) -> fmt::Result {
    match value {
        Some(value) => write(out, value),
        None => out.write_str("null"),
    }
}

fn list<W: Write, T>(
    out: &mut W,
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut W, T) -> fmt::Result,
) -> fmt::Result {
    out.write_char('[')?;
    for (nth, item) in items.enumerate() {
        if nth > 0 {
            out.write_char(',')?;
        }
        write(out, item)?;
    }
    out.write_char(']')
}
