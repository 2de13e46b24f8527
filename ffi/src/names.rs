//! The policy of names, without an allocator.

use airlock_core::Reason;
use airlock_core::policy::NamePolicy;

use crate::boundary::{airlock_status, guarded, put, shared};
use crate::codes::Status;
use crate::text::airlock_str;

/// How many patterns are looked at together.
const PART: usize = 8;

/// Decides on a tool by its name alone. A name is allowed that one of `allow` covers and none of
/// `deny`; `deny` does not tell letters of different case apart. In a pattern `*` is any text and
/// `?` one character. `*reason` becomes 0 when the name is allowed, else
/// `AIRLOCK_REASON_TOOL_DENIED` or `AIRLOCK_REASON_TOOL_NOT_ALLOWED`; a pattern that is not valid
/// is `AIRLOCK_POLICY_INVALID`. The arrays can be constants of the program. Allocates nothing. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_names_check(
    allow: *const airlock_str,
    allow_len: usize,
    deny: *const airlock_str,
    deny_len: usize,
    tool: airlock_str,
    reason: *mut u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `reason` to be null or to have room for a number, and the text to stay.
        let tool = unsafe {
            put(reason, Reason::InternalError as u32)?;
            tool.text()?
        };
        // SAFETY: the header wants arrays of these lengths.
        let denied = unsafe {
            any(deny, deny_len, |patterns| {
                let policy = NamePolicy::new(&[], patterns).map_err(|_| Status::POLICY_INVALID)?;
                Ok(policy.decide(tool) == Err(Reason::ToolDenied))
            })?
        };
        // SAFETY: as above.
        let allowed = unsafe {
            any(allow, allow_len, |patterns| {
                let policy = NamePolicy::new(patterns, &[]).map_err(|_| Status::POLICY_INVALID)?;
                Ok(policy.decide(tool).is_ok())
            })?
        };
        let decided = match (denied, allowed) {
            (true, _) => Reason::ToolDenied as u32,
            (false, false) => Reason::ToolNotAllowed as u32,
            (false, true) => 0,
        };
        // SAFETY: as above.
        unsafe { put(reason, decided) }
    })
}

/// Whether `holds` is true of some part of an array of patterns; every part is looked at, so that a
/// pattern that is not valid never goes unnoticed.
///
/// # Safety
/// `patterns` points to `len` texts that stay for the call, or is null.
unsafe fn any(
    patterns: *const airlock_str,
    len: usize,
    holds: impl Fn(&[&str]) -> Result<bool, Status>,
) -> Result<bool, Status> {
    if len == 0 {
        return Ok(false);
    }
    // SAFETY: the caller vouches for the first of the texts.
    unsafe { shared(patterns)? };
    if len > isize::MAX as usize / size_of::<airlock_str>() {
        return Err(Status::INVALID_ARGUMENT);
    }
    let mut found = false;
    for start in (0..len).step_by(PART) {
        let mut part = [""; PART];
        let count = PART.min(len - start);
        for (at, slot) in part.iter_mut().enumerate().take(count) {
            // SAFETY: the index is below `len`.
            *slot = unsafe { (*patterns.add(start + at)).text()? };
        }
        found |= holds(part.get(..count).unwrap_or(&[]))?;
    }
    Ok(found)
}
