//! Text and bytes of JavaScript, copied once and at once into memory that the thread keeps.
//!
//! The type `String` of napi asks for the length first, which reads the whole text once more and crosses the
//! boundary twice. Here the text is written into memory that is large enough for nearly all, and only where it was
//! not it is asked for again. Worst case: a text of more than [`ROOM`] bytes is read three times.

use std::cell::Cell;
use std::ops::Deref;
use std::ptr;

use napi::bindgen_prelude::FromNapiValue;
use napi::{Error, Status, sys};

/// Memory that is there from the start, in bytes.
const ROOM: usize = 64 << 10;
/// More memory than this is given back.
const KEEP: usize = 1 << 20;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A string as UTF-8, or the bytes of a `Uint8Array`.
pub struct Text(Vec<u8>);

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() <= KEEP {
            bytes.clear();
            // A thread that is ending keeps nothing.
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        bytes.reserve(ROOM);
        // SAFETY: napi calls this with an environment and a value that live as long as the call.
        match unsafe { read_string(env, value, &mut bytes) } {
            sys::Status::napi_string_expected => {
                // SAFETY: as above.
                unsafe { read_bytes(env, value, &mut bytes) }?;
            }
            status => checked(status)?,
        }
        Ok(Self(bytes))
    }
}

/// Writes the string `value` into `bytes`, which is empty.
///
/// # Safety
/// `env` and `value` are those of the call that runs.
unsafe fn read_string(
    env: sys::napi_env,
    value: sys::napi_value,
    bytes: &mut Vec<u8>,
) -> sys::napi_status {
    loop {
        let (room, mut written) = (bytes.capacity(), 0);
        // SAFETY: `bytes` has memory for `room` bytes, of which at most that many are written, the last a zero.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                env,
                value,
                bytes.as_mut_ptr().cast(),
                room,
                &raw mut written,
            )
        };
        if status != sys::Status::napi_ok {
            return status;
        }
        // Only whole characters are written, and one has at most four bytes.
        if written.saturating_add(5) <= room {
            // SAFETY: so many bytes were written.
            unsafe { bytes.set_len(written) };
            return status;
        }
        let mut length = 0;
        // SAFETY: without a buffer the length is asked for.
        let status = unsafe {
            sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut length)
        };
        if status != sys::Status::napi_ok {
            return status;
        }
        bytes.reserve(length.saturating_add(5).max(room.saturating_add(1)));
    }
}

/// Copies the bytes of the `Uint8Array` `value` into `bytes`.
///
/// # Safety
/// As of [`read_string`].
unsafe fn read_bytes(
    env: sys::napi_env,
    value: sys::napi_value,
    bytes: &mut Vec<u8>,
) -> napi::Result<()> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: what is asked for is written, nothing else is wanted.
    checked(unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    })?;
    if kind != sys::TypedarrayType::uint8_array {
        return Err(Error::from_reason("neither a string nor a Uint8Array"));
    }
    if length > 0 {
        // SAFETY: the array has `length` bytes at `data`, and no JavaScript runs while they are copied.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(data.cast(), length) });
    }
    Ok(())
}

fn checked(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::new(Status::from(status), "neither a string nor a Uint8Array"))
}
