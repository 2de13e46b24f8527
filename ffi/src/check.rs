//! Deciding on a call.

use core::ffi::c_char;
use core::mem::MaybeUninit;

use airlock_core::{Allowed, Call, Caller, Refusal, Verdict};

use crate::boundary::{Output, Place, airlock_status, exclusive, guarded, shared, versioned, view};
use crate::caller::airlock_caller;
use crate::codes::Status;
use crate::details;
use crate::guard::airlock_guard;
use crate::scratch::airlock_scratch;
use crate::text::airlock_str;
use crate::tools::Names;

/// Most bytes of a refusal.
pub(crate) const MAX_REFUSAL: usize = 2048;

/// The call must not run, the output must not be shown.
pub const AIRLOCK_REFUSE: u32 = 0;
/// The call may run, the output may be shown.
pub const AIRLOCK_ALLOW: u32 = 1;

/// `out` holds `out_len` bytes to pass on in place of the input. Without this flag an allowed input
/// is passed on as it is, and nothing was written to `out`.
pub const AIRLOCK_CHANGED: u32 = 1;
/// The model may send a corrected call.
pub const AIRLOCK_RETRYABLE: u32 = 2;
/// Something of the output was cut off.
pub const AIRLOCK_TRUNCATED: u32 = 4;
/// Rules in shadow mode would have decided otherwise; `airlock_details` says how.
pub const AIRLOCK_SHADOWED: u32 = 8;

/// In a call: keep details for `airlock_details`.
pub const AIRLOCK_KEEP_DETAILS: u32 = 1;

/// The circumstances of a call. Set `struct_size`; zero is a good value for all the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_call {
    /// `sizeof(airlock_call)`.
    pub struct_size: u32,
    /// `AIRLOCK_KEEP_DETAILS`, or 0.
    pub flags: u32,
    /// The name of the tool, for a call whose tool id is 0.
    pub tool_name: airlock_str,
    /// Who calls; NULL is nobody in particular.
    pub caller: *const airlock_caller,
    /// The name of the server that has the tool; absent is none.
    pub server: airlock_str,
    /// The session that the call belongs to; absent is none.
    pub session: airlock_str,
    /// The moment in Unix milliseconds; 0 is unknown, and rules about time cannot hold then. A
    /// firewall looks at the clock instead.
    pub now_ms: u64,
}

versioned!(airlock_call, now_ms: u64);

/// What was decided. Set `struct_size` before you pass it. Whatever goes wrong, it says
/// `AIRLOCK_REFUSE`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct airlock_verdict {
    /// `sizeof(airlock_verdict)`.
    pub struct_size: u32,
    /// `AIRLOCK_REFUSE` or `AIRLOCK_ALLOW`; there will never be a third.
    pub decision: u32,
    /// Why it was refused, `AIRLOCK_REASON_...`; 0 when it was not.
    pub reason: u32,
    /// `AIRLOCK_CHANGED` and the like, joined with `|`.
    pub flags: u32,
    /// How many bytes were written to `out`, or how many it must have room for.
    pub out_len: usize,
    /// How many values were masked in an output, violations found in a call.
    pub count: u32,
    /// Zero.
    pub reserved: u32,
    /// When to try again, in milliseconds; 0 where nothing is known of that.
    pub retry_after_ms: u64,
}

versioned!(airlock_verdict, retry_after_ms: u64);

impl airlock_verdict {
    /// What stands there until something is decided.
    pub(crate) const DENY: Self = Self {
        struct_size: 0,
        decision: AIRLOCK_REFUSE,
        reason: airlock_core::Reason::InternalError as u32,
        flags: 0,
        out_len: 0,
        count: 0,
        reserved: 0,
        retry_after_ms: 0,
    };

    /// Writes `bytes` to `out`, then the verdict.
    ///
    /// # Safety
    /// As [`Output::write`].
    #[inline(always)]
    pub(crate) unsafe fn write(
        self,
        bytes: &[u8],
        out: Output,
        to: &Place<Self>,
    ) -> Result<(), Status> {
        // SAFETY: the caller vouches for it.
        let written = unsafe { out.write(bytes) };
        match written {
            Ok(()) => to.set(&Self { out_len: bytes.len(), ..self }),
            Err(_) => to.set(&Self { out_len: bytes.len(), ..Self::DENY }),
        }
        written
    }

    /// What is said of an allowed call, and what is passed on in place of its arguments.
    #[inline(always)]
    pub(crate) fn of_allowed<'s>(allowed: &Allowed<'s>) -> (Self, &'s [u8]) {
        let changed = if allowed.is_changed() { AIRLOCK_CHANGED } else { 0 };
        let flags = changed | shadowed(allowed.would().is_some());
        let verdict = Self { decision: AIRLOCK_ALLOW, reason: 0, flags, ..Self::DENY };
        (verdict, if changed == 0 { &[] } else { allowed.arguments() })
    }

    /// What is said of a refusal, and what the model reads.
    #[inline(always)]
    pub(crate) fn of_refusal<'s>(refusal: &Refusal<'s>) -> (Self, &'s [u8]) {
        let verdict = Self::refuse(refusal.reason());
        let flags = verdict.flags | shadowed(refusal.would().is_some());
        let retry_after_ms = refusal.retry_after_ms().unwrap_or(0);
        let count = refusal.count() as u32;
        (Self { flags, count, retry_after_ms, ..verdict }, refusal.json())
    }

    pub(crate) fn refuse(reason: airlock_core::Reason) -> Self {
        let flags = if reason.is_retryable() { AIRLOCK_RETRYABLE } else { 0 };
        Self { reason: reason as u32, flags, ..Self::DENY }
    }
}

const fn shadowed(would: bool) -> u32 {
    if would { AIRLOCK_SHADOWED } else { 0 }
}

/// The circumstances of a call as core has them.
pub(crate) struct Setting<'a> {
    pub tool: &'a str,
    pub call: Call<'a>,
    pub keep_details: bool,
}

/// Reads the circumstances of a call.
///
/// # Safety
/// `call` is null or points to a call whose texts and caller stay for `'a`.
#[inline(always)]
pub(crate) unsafe fn setting<'a>(
    names: &'a Names,
    tool: u32,
    arguments: &'a [u8],
    call: *const airlock_call,
    room: &'a mut MaybeUninit<airlock_call>,
) -> Result<Setting<'a>, Status> {
    let (mut name, mut keep_details) = (names.name(tool), false);
    let mut made = Call { arguments, ..Call::default() };
    if !call.is_null() {
        // SAFETY: the caller vouches for it.
        let call = unsafe { view(call, room)? };
        if call.flags & !AIRLOCK_KEEP_DETAILS != 0 {
            return Err(Status::INVALID_ARGUMENT);
        }
        keep_details = call.flags & AIRLOCK_KEEP_DETAILS != 0;
        // SAFETY: the caller vouches for the texts and the caller in it.
        unsafe {
            if tool == 0 {
                name = call.tool_name.optional()?;
            }
            made.server = call.server.optional()?;
            made.session = call.session.optional()?;
            made.caller = match call.caller.is_null() {
                true => Caller::default(),
                false => shared(call.caller)?.as_caller(),
            };
        }
        made.now = (call.now_ms > 0).then_some(call.now_ms);
    }
    let tool = name.ok_or(Status::INVALID_ARGUMENT)?;
    Ok(Setting { tool, call: Call { tool, ..made }, keep_details })
}

/// The size of a buffer that always suffices for `airlock_check` with arguments of `len` bytes. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_check_bound(len: usize) -> usize {
    len.max(MAX_REFUSAL)
}

/// Decides on a call, before the tool runs. Nothing is charged or remembered.
///
/// `tool` is an id of this guard, or 0 and the name is in `call`. `arguments` are the bytes as the
/// model wrote them. `call` may be NULL. If the verdict is `AIRLOCK_ALLOW`, pass on what is in
/// `out` when it has the flag `AIRLOCK_CHANGED`, else `arguments` themselves. If it is
/// `AIRLOCK_REFUSE`, `out` holds the refusal for the model, a JSON object of at most
/// `AIRLOCK_MAX_REFUSAL` bytes. `out` overlaps none of the inputs.
///
/// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, `out_len` is the size that suffices, and the call
/// must not run. The guard may serve other threads meanwhile; the scratch may not. No allocation
/// after the first calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_check(
    guard: *const airlock_guard,
    scratch: *mut airlock_scratch,
    tool: u32,
    arguments: airlock_str,
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
        // SAFETY: the header wants a guard, a scratch that no other thread uses, and the arguments to
        // stay for the call; each may be null.
        let (guard, scratch, arguments) =
            unsafe { (shared(guard)?, exclusive(scratch)?, arguments.bytes()?) };
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `call` to be null, or as long as it says and its texts to stay.
        let setting = unsafe { setting(&guard.tools.names, tool, arguments, call, &mut room)? };
        let airlock_scratch { core, details } = scratch;
        details.clear();
        let answer = guard.guard.check_in(&guard.tools.catalog, &setting.call, core);
        if setting.keep_details {
            details::write(&answer, details).map_err(|_| Status::MEMORY_TOO_SMALL)?;
        }
        let (verdict, bytes) = match &answer {
            Verdict::Allow(allowed) => airlock_verdict::of_allowed(allowed),
            Verdict::Refuse(refusal) => airlock_verdict::of_refusal(refusal),
        };
        // SAFETY: the header wants `out` to have its room and to overlap none of the inputs; what is
        // written is in the scratch.
        unsafe { verdict.write(bytes, out, &place) }
    })
}
