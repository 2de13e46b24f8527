//! Masking and cutting an output.

use core::ffi::c_char;
use core::mem::MaybeUninit;

use crate::boundary::{Output, Place, airlock_status, exclusive, guarded, shared};
use crate::check::{
    AIRLOCK_ALLOW, AIRLOCK_CHANGED, AIRLOCK_TRUNCATED, MAX_REFUSAL, airlock_call, airlock_verdict,
    setting,
};
use crate::codes::Status;
use crate::guard::airlock_guard;
use crate::redact::airlock_redact_bound;
use crate::scratch::airlock_scratch;
use crate::text::airlock_str;

/// An output is text; what is a JSON object or array in it stays JSON.
pub const AIRLOCK_TEXT: u32 = 0;
/// An output is a JSON document.
pub const AIRLOCK_JSON: u32 = 1;

/// The size of a buffer that always suffices for `airlock_filter` with an output of `len` bytes. It
/// is far more than most outputs need: begin with `len` and a little. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_filter_bound(len: usize) -> usize {
    airlock_redact_bound(len).max(MAX_REFUSAL)
}

/// Masks, then cuts what a tool returned, before anybody reads it.
///
/// `tool` is an id of this guard, or 0 and the name is in `call`, of which nothing else is looked
/// at. `format` is `AIRLOCK_TEXT` or `AIRLOCK_JSON`. If the verdict is `AIRLOCK_ALLOW`, show what
/// is in `out` when it has the flag `AIRLOCK_CHANGED`, else `output` itself; `count` is how many
/// values were masked. If it is `AIRLOCK_REFUSE`, show nothing of the output; `out` holds a refusal
/// for the model. Otherwise as `airlock_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_filter(
    guard: *const airlock_guard,
    scratch: *mut airlock_scratch,
    tool: u32,
    format: u32,
    output: airlock_str,
    call: *const airlock_call,
    out: *mut c_char,
    out_cap: usize,
    verdict: *mut airlock_verdict,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `verdict` to be null or as long as it says.
        let place = unsafe { Place::new(verdict)? };
        place.set(&airlock_verdict::DENY);
        let out = Output::new(out, out_cap)?;
        // SAFETY: the header wants a guard, a scratch that no other thread uses, and the output to stay
        // for the call; each may be null.
        let (guard, scratch, output) =
            unsafe { (shared(guard)?, exclusive(scratch)?, output.bytes()?) };
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `call` to be null, or as long as it says and its texts to stay.
        let setting = unsafe { setting(&guard.tools.names, tool, &[], call, &mut room)? };
        let wrapped = wrap(format, output)?;
        let (verdict, bytes) = match guard.guard.filter(setting.tool, wrapped, &mut scratch.core) {
            Ok(filtered) => {
                let changed = !core::ptr::eq(filtered.bytes, output);
                let verdict = shown(changed, filtered.truncated, filtered.masked);
                (verdict, if changed { filtered.bytes } else { &[] })
            }
            Err(refusal) => (airlock_verdict::refuse(refusal.reason()), refusal.json()),
        };
        // SAFETY: the header wants `out` to have its room and to overlap none of the inputs; what is
        // written is in the scratch.
        unsafe { verdict.write(bytes, out, &place) }
    })
}

/// The output as core has it.
pub(crate) fn wrap(format: u32, output: &[u8]) -> Result<airlock_core::Output<'_>, Status> {
    match format {
        AIRLOCK_TEXT => Ok(airlock_core::Output::Text(output)),
        AIRLOCK_JSON => Ok(airlock_core::Output::Json(output)),
        _ => Err(Status::INVALID_ARGUMENT),
    }
}

/// What is said of an output that may be shown.
pub(crate) fn shown(changed: bool, truncated: bool, masked: usize) -> airlock_verdict {
    let flags = if changed { AIRLOCK_CHANGED } else { 0 };
    let flags = if truncated { flags | AIRLOCK_TRUNCATED } else { flags };
    let count = u32::try_from(masked).unwrap_or(u32::MAX);
    airlock_verdict { decision: AIRLOCK_ALLOW, reason: 0, flags, count, ..airlock_verdict::DENY }
}
