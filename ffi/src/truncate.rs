//! Cutting without a guard, over lent memory.

use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;

use airlock_core::Buf;
use airlock_core::json::{self, Limits, ParseErrorKind, Tape};
use airlock_core::truncate::{Keep, Limit, truncate_json, truncate_text};

use crate::boundary::{Output, airlock_status, guarded, put, versioned, view};
use crate::codes::Status;
use crate::json::split;
use crate::memory::Memory;
use crate::redact::AIRLOCK_AS_JSON;
use crate::text::airlock_str;

/// Of what is cut the beginning is kept.
pub const AIRLOCK_KEEP_HEAD: u32 = 0;
/// Of what is cut the end is kept.
pub const AIRLOCK_KEEP_TAIL: u32 = 1;
/// Of what is cut the beginning and the end are kept.
pub const AIRLOCK_KEEP_ENDS: u32 = 2;

/// What is left of a text. Set `struct_size`; zero is no limit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_truncate_options {
    /// `sizeof(airlock_truncate_options)`.
    pub struct_size: u32,
    /// `AIRLOCK_AS_JSON`, or 0.
    pub flags: u32,
    /// Most characters (Unicode scalar values).
    pub max_chars: usize,
    /// Most bytes.
    pub max_bytes: usize,
    /// Most lines.
    pub max_lines: usize,
    /// Most tokens, estimated.
    pub max_tokens: usize,
    /// `AIRLOCK_KEEP_HEAD` and the like.
    pub keep: u32,
    /// Zero.
    pub reserved: u32,
}

versioned!(airlock_truncate_options, reserved: u32);

/// The size of a buffer that always suffices for `airlock_truncate` with `len` bytes. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_truncate_bound(len: usize) -> usize {
    // A notice of what is missing.
    len.saturating_add(64)
}

/// Cuts a text to its limits, between characters, with a notice of what is missing; JSON stays
/// JSON. Mask first, then cut. `memory` is for JSON alone: 24 bytes for each value and each member
/// name suffice; else it may be NULL. Writes the text to `out`, its length to `*out_len`, and to
/// `*truncated`, which may be NULL, whether something was cut off.
///
/// On any failure nothing may be shown; with `AIRLOCK_BUFFER_TOO_SMALL` `*out_len` is a length that
/// suffices. Allocates nothing. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_truncate(
    options: *const airlock_truncate_options,
    text: airlock_str,
    memory: *mut c_void,
    memory_len: usize,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
    truncated: *mut u32,
) -> airlock_status {
    guarded(|| {
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants each to be null or what it is, the text to stay for the call, and the
        // buffers to overlap nothing.
        let (options, text, mut memory, slots) = unsafe {
            put(out_len, 0)?;
            if !truncated.is_null() {
                put(truncated, 0)?;
            }
            let memory = Memory::new(memory, memory_len)?;
            let out = Output::new(out, out_cap)?;
            (view(options, &mut room)?, text.text()?, memory, out.slots())
        };
        let limit = limit(options)?;
        let mut out = Buf::lent(slots);
        let cut = if options.flags & AIRLOCK_AS_JSON != 0 {
            json(text, &limit, &mut memory, &mut out)
        } else {
            truncate_text(text, &limit, &mut out).map_err(|_| Status::BUFFER_TOO_SMALL)
        };
        let needed = match cut {
            Err(Status::BUFFER_TOO_SMALL) => airlock_truncate_bound(text.len()),
            _ => out.len(),
        };
        // SAFETY: as above.
        unsafe {
            put(out_len, needed)?;
            let cut = cut?;
            if !truncated.is_null() {
                put(truncated, u32::from(cut))?;
            }
        }
        Ok(())
    })
}

fn limit(options: &airlock_truncate_options) -> Result<Limit<'static>, Status> {
    let most = |limit: usize| if limit == 0 { usize::MAX } else { limit };
    let keep = match options.keep {
        AIRLOCK_KEEP_HEAD => Keep::Head,
        AIRLOCK_KEEP_TAIL => Keep::Tail,
        AIRLOCK_KEEP_ENDS => Keep::Ends,
        _ => return Err(Status::INVALID_ARGUMENT),
    };
    if options.flags & !AIRLOCK_AS_JSON != 0 || options.reserved != 0 {
        return Err(Status::INVALID_ARGUMENT);
    }
    Ok(Limit {
        chars: most(options.max_chars),
        bytes: most(options.max_bytes),
        lines: most(options.max_lines),
        tokens: most(options.max_tokens),
        keep,
        ..Limit::NONE
    })
}

fn json(
    text: &str,
    limit: &Limit<'_>,
    memory: &mut Memory,
    out: &mut Buf<'_, u8>,
) -> Result<bool, Status> {
    let (nodes, order) = split(memory);
    let mut tape = Tape::lent(nodes, order);
    let limits = Limits { bytes: usize::MAX, ..Limits::OUTPUT };
    let doc =
        json::parse(text.as_bytes(), limits, &mut tape).map_err(|error| match error.kind {
            ParseErrorKind::Storage => Status::MEMORY_TOO_SMALL,
            _ => Status::JSON_INVALID,
        })?;
    truncate_json(doc, limit, out).map_err(|_| Status::BUFFER_TOO_SMALL)
}
