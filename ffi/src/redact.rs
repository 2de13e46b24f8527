//! Masking without a guard, over lent memory.

use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;

use airlock_core::Buf;
use airlock_core::json::{self, Limits, ParseErrorKind, Tape};
use airlock_core::redact::{Finding, Redactor, Style, Types, Work};

use crate::boundary::{Output, airlock_status, guarded, put, versioned, view};
use crate::codes::Status;
use crate::json::split;
use crate::memory::Memory;
use crate::text::airlock_str;

/// In options of masks and cuts: the text is a JSON document, and stays one.
pub const AIRLOCK_AS_JSON: u32 = 1;

/// The longest mask, and what JSON may need around it.
const MOST_MASK: usize = 64;

/// What is masked, and how. Set `struct_size`; zero is a good value for all the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_redact_options {
    /// `sizeof(airlock_redact_options)`.
    pub struct_size: u32,
    /// `AIRLOCK_AS_JSON`, or 0.
    pub flags: u32,
    /// Types between commas, like `secret,pii.core,-pii.core.ip`; absent is what a guard masks by
    /// default.
    pub types: airlock_str,
    /// The style of the masks, like `type`; absent is `default`. `hash` needs a guard, and is
    /// `type` here.
    pub style: airlock_str,
}

versioned!(airlock_redact_options, style: airlock_str);

/// The size of a buffer that always suffices for `airlock_redact` with `len` bytes. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_redact_bound(len: usize) -> usize {
    len.saturating_mul(MOST_MASK / 2).saturating_add(MOST_MASK)
}

/// How much memory `airlock_redact` needs for most texts of `len` bytes; a text that is nothing but
/// values may need more. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_redact_memory(len: usize, flags: u32) -> usize {
    let each = if flags & AIRLOCK_AS_JSON != 0 { 16 } else { 4 };
    len.saturating_mul(each).saturating_add(4096)
}

/// Masks secrets and personal data in a text. `options` may be NULL. `memory` needs no alignment.
/// Writes the masked text to `out`, its length to `*out_len` and the number of values that were
/// masked to `*masked`, which may be NULL.
///
/// On any failure nothing of the text may be shown: `AIRLOCK_MEMORY_TOO_SMALL`,
/// `AIRLOCK_INVALID_UTF8`, `AIRLOCK_JSON_INVALID`, or `AIRLOCK_BUFFER_TOO_SMALL` with a length in
/// `*out_len` that suffices. Allocates nothing. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_redact(
    options: *const airlock_redact_options,
    text: airlock_str,
    memory: *mut c_void,
    memory_len: usize,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
    masked: *mut usize,
) -> airlock_status {
    guarded(|| {
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants each to be null or what it is, the texts to stay for the call, and the
        // buffers to overlap nothing.
        let (redactor, as_json, text, mut memory, slots) = unsafe {
            put(out_len, 0)?;
            if !masked.is_null() {
                put(masked, 0)?;
            }
            let (redactor, as_json) = match options.is_null() {
                true => (Redactor::new(Types::GUARD_DEFAULT, Style::Default), false),
                false => redactor(view(options, &mut room)?)?,
            };
            let memory = Memory::new(memory, memory_len)?;
            (redactor, as_json, text.text()?, memory, Output::new(out, out_cap)?.slots())
        };
        let mut out = Buf::lent(slots);
        let count = if as_json {
            json(&redactor, text, &mut memory, &mut out, out_cap)
        } else {
            plain(&redactor, text, &mut memory, &mut out)
        };
        let needed = match count {
            Err(Status::BUFFER_TOO_SMALL) => airlock_redact_bound(text.len()),
            _ => out.len(),
        };
        // SAFETY: as above.
        unsafe {
            put(out_len, needed)?;
            let count = count?;
            if !masked.is_null() {
                put(masked, count)?;
            }
        }
        Ok(())
    })
}

/// # Safety
/// The texts of `options` stay for the call.
unsafe fn redactor(options: &airlock_redact_options) -> Result<(Redactor<'static>, bool), Status> {
    // SAFETY: the caller vouches for the texts.
    let (types, style) =
        unsafe { (options.types.bytes()?, core::str::from_utf8(options.style.bytes()?)) };
    let types = core::str::from_utf8(types).map_err(|_| Status::INVALID_UTF8)?;
    let style = style.map_err(|_| Status::INVALID_UTF8)?;
    if options.flags & !AIRLOCK_AS_JSON != 0 {
        return Err(Status::INVALID_ARGUMENT);
    }
    let types = match types {
        "" => Types::GUARD_DEFAULT,
        named => Types::parse(named.split(',')).map_err(|_| Status::INVALID_ARGUMENT)?,
    };
    let style = match style {
        "" => Style::Default,
        named => Style::parse(named).ok_or(Status::INVALID_ARGUMENT)?,
    };
    Ok((Redactor::new(types, style), options.flags & AIRLOCK_AS_JSON != 0))
}

fn plain(
    redactor: &Redactor<'_>,
    text: &str,
    memory: &mut Memory,
    out: &mut Buf<'_, u8>,
) -> Result<usize, Status> {
    let mut findings = Buf::lent(memory.take::<Finding>(usize::MAX));
    redactor.scan(text, &mut findings).map_err(|_| Status::MEMORY_TOO_SMALL)?;
    redactor.mask(text, &findings, out).map_err(|_| Status::BUFFER_TOO_SMALL)?;
    Ok(findings.len())
}

fn json(
    redactor: &Redactor<'_>,
    text: &str,
    memory: &mut Memory,
    out: &mut Buf<'_, u8>,
    slots: usize,
) -> Result<usize, Status> {
    // One literal at a time, and what was found in it.
    let literal = memory.take::<u8>(text.len().min(memory.left() / 4));
    let findings = memory.take::<Finding>(memory.left() / 4);
    let (nodes, order) = split(memory);
    let mut tape = Tape::lent(nodes, order);
    let limits = Limits { bytes: usize::MAX, ..Limits::OUTPUT };
    let doc =
        json::parse(text.as_bytes(), limits, &mut tape).map_err(|error| match error.kind {
            ParseErrorKind::Storage => Status::MEMORY_TOO_SMALL,
            _ => Status::JSON_INVALID,
        })?;
    let mut work = Work::lent(literal, findings);
    redactor.redact_json(doc, &mut work, out).map_err(|_| {
        // Both are lent, and which of them is full is not said.
        if slots < airlock_redact_bound(text.len()) {
            Status::BUFFER_TOO_SMALL
        } else {
            Status::MEMORY_TOO_SMALL
        }
    })
}
