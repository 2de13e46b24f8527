//! Calls and outputs that a firewall decides on.

use alloc::boxed::Box;
use core::ffi::c_char;
use core::mem::MaybeUninit;

use airlock::Outcome;
use airlock::firewall::Running;
use airlock_core::Verdict;

use crate::boundary::{Output, Place, airlock_status, exclusive, guarded, put, quietly, shared};
use crate::check::{airlock_call, airlock_check_bound, airlock_verdict, setting};
use crate::codes::Status;
use crate::details;
use crate::filter::{shown, wrap};
use crate::firewall::airlock_firewall;
use crate::scratch::airlock_scratch;
use crate::text::airlock_str;

/// Nobody knows what the tool did.
pub const AIRLOCK_OUTCOME_UNKNOWN: u32 = 0;
/// The tool did what it was asked.
pub const AIRLOCK_OUTCOME_OK: u32 = 1;
/// The tool did nothing.
pub const AIRLOCK_OUTCOME_FAILED: u32 = 2;

/// A call that was let through and has not ended. It keeps neither its firewall nor the arguments.
/// One thread at a time.
pub struct airlock_permit {
    running: Running,
}

/// Decides on a call, charges the limits of the policy, and records the decision.
///
/// As `airlock_check`, but for this: what allows a call is also a `*permit`, to be ended with
/// `airlock_permit_finish`; else `*permit` is NULL. The agent of `call->caller` has the roles and the
/// tenant that `[agents]` of the policy says, where the caller has none of its own. Where the policy has rules
/// about sessions, the call belongs to the session that `call->session` names among those of the caller, and
/// how it ends is for that session too; rules about sessions allow nothing without a name. A tool that the
/// firewall does not have passes where the policy says `unknown_tool = "forward"`, as the preset
/// `permissive` does, with its arguments unchecked but for being JSON. A call that a limit refuses may
/// be made again after `retry_after_ms`. With `AIRLOCK_KEEP_DETAILS` the details go to `scratch`, which
/// may be NULL without the flag.
///
/// `out` must have the room that `airlock_check_bound` says: with less the status is
/// `AIRLOCK_BUFFER_TOO_SMALL`, and nothing is charged, counted or recorded. On any other failure the
/// call must not run either. What cannot be recorded is refused with
/// `AIRLOCK_REASON_INTERNAL_ERROR`. Allocates the permit alone once as many calls ran at a time
/// before. Any thread, but that no other uses the scratch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_call(
    firewall: *const airlock_firewall,
    scratch: *mut airlock_scratch,
    tool: u32,
    arguments: airlock_str,
    call: *const airlock_call,
    out: *mut c_char,
    out_cap: usize,
    verdict: *mut airlock_verdict,
    permit: *mut *mut airlock_permit,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `verdict` to be null or as long as it says, and `permit` to be null or
        // to have room for a pointer.
        let place = unsafe {
            let place = Place::new(verdict)?;
            place.set(&airlock_verdict::DENY);
            put(permit, core::ptr::null_mut())?;
            place
        };
        let out = Output::new(out, out_cap)?;
        // SAFETY: the header wants a firewall and the arguments to stay for the call; each may be null.
        let (firewall, arguments) = unsafe { (shared(firewall)?, arguments.bytes()?) };
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `call` to be null, or as long as it says and its texts to stay.
        let setting = unsafe { setting(&firewall.names, tool, arguments, call, &mut room)? };
        let details = match setting.keep_details {
            // SAFETY: the header wants a scratch that no other thread uses, or null.
            true => Some(unsafe { &mut exclusive(scratch)?.details }),
            false => None,
        };
        let bound = airlock_check_bound(arguments.len());
        if out_cap < bound {
            place.set(&airlock_verdict { out_len: bound, ..airlock_verdict::DENY });
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let keep = |answer: &Verdict<'_>| match details {
            Some(details) => {
                details.clear();
                details::write(answer, details).map_err(|_| Status::MEMORY_TOO_SMALL)
            }
            None => Ok(()),
        };
        let current = firewall.live.load();
        match current.call(&setting.call) {
            Ok(allowed) => {
                keep(&Verdict::Allow(allowed.allowed()))?;
                let (verdict, bytes) = airlock_verdict::of_allowed(&allowed.allowed());
                // SAFETY: the header wants `out` to have its room and to overlap none of the inputs; what
                // is written is in memory of the firewall.
                unsafe { out.write(bytes)? };
                let out_len = bytes.len();
                let running = allowed.into_running();
                // SAFETY: as above.
                unsafe { put(permit, Box::into_raw(Box::new(airlock_permit { running })))? };
                place.set(&airlock_verdict { out_len, ..verdict });
                Ok(())
            }
            Err(refused) => {
                let refusal = refused.refusal();
                let (verdict, bytes) = airlock_verdict::of_refusal(&refusal);
                keep(&Verdict::Refuse(refusal))?;
                // SAFETY: as above.
                unsafe { verdict.write(bytes, out, &place) }
            }
        }
    })
}

/// Ends a call and frees its permit. `outcome` is `AIRLOCK_OUTCOME_OK` and the like; with one that is
/// not known the status is `AIRLOCK_INVALID_ARGUMENT`, and the permit is as it was. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_permit_finish(
    permit: *mut airlock_permit,
    outcome: u32,
) -> airlock_status {
    guarded(|| {
        let outcome = match outcome {
            AIRLOCK_OUTCOME_UNKNOWN => Outcome::Unknown,
            AIRLOCK_OUTCOME_OK => Outcome::Ok,
            AIRLOCK_OUTCOME_FAILED => Outcome::Failed,
            _ => return Err(Status::INVALID_ARGUMENT),
        };
        // SAFETY: the header wants a permit that is the caller's alone, or null.
        let permit: *mut airlock_permit = unsafe { exclusive(permit)? };
        // SAFETY: the header wants what `airlock_firewall_call` made, once.
        unsafe { Box::from_raw(permit) }.running.finish(outcome);
        Ok(())
    })
}

/// Ends a call of which nobody knows what became, and frees its permit; NULL is nothing. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_permit_free(permit: *mut airlock_permit) {
    if !permit.is_null() {
        // SAFETY: the header wants what `airlock_firewall_call` made, once.
        quietly(|| drop(unsafe { Box::from_raw(permit) }));
    }
}

/// Masks, then cuts what a tool returned, and records it. As `airlock_filter`, without a scratch.
/// When `AIRLOCK_BUFFER_TOO_SMALL` is returned it is recorded all the same, and once more when you
/// ask again: begin with a buffer that is larger than the output. An output that cannot be recorded
/// is refused. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_filter(
    firewall: *const airlock_firewall,
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
        // SAFETY: the header wants a firewall and the output to stay for the call; each may be null.
        let (firewall, output) = unsafe { (shared(firewall)?, output.bytes()?) };
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `call` to be null, or as long as it says and its texts to stay.
        let setting = unsafe { setting(&firewall.names, tool, &[], call, &mut room)? };
        let output = wrap(format, output)?;
        // SAFETY: the header wants `out` to have its room and to overlap none of the inputs; what is
        // written is in memory of the firewall.
        unsafe {
            match firewall.live.load().filter(setting.call.tool, output) {
                Ok(filtered) => {
                    let changed = !filtered.is_unchanged();
                    let verdict = shown(changed, filtered.is_truncated(), filtered.masked());
                    verdict.write(if changed { filtered.bytes() } else { &[] }, out, &place)
                }
                Err(refused) => {
                    let verdict = airlock_verdict::refuse(refused.reason());
                    verdict.write(refused.json(), out, &place)
                }
            }
        }
    })
}
