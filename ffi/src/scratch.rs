//! The memory of one thread.

use alloc::boxed::Box;

use airlock_core::{Buf, Scratch};

use crate::boundary::{airlock_status, exclusive, guarded, put, quietly};

/// What calls are decided in; it is reused from call to call, and after the first calls nothing
/// allocates. One thread at a time; it serves any guard.
pub struct airlock_scratch {
    pub(crate) core: Scratch<'static>,
    /// What `airlock_details` hands out.
    pub(crate) details: Buf<'static, u8>,
}

/// Makes a scratch. Free it with `airlock_scratch_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_scratch_new(scratch: *mut *mut airlock_scratch) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `scratch` to be null or to have room for a pointer.
        unsafe { put(scratch, core::ptr::null_mut())? };
        let made = airlock_scratch { core: Scratch::new(), details: Buf::growable() };
        // SAFETY: as above.
        unsafe { put(scratch, Box::into_raw(Box::new(made))) }
    })
}

/// Gives memory above `bytes` a buffer back, after an unusually large call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_scratch_shrink(
    scratch: *mut airlock_scratch,
    bytes: usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a scratch that no other thread uses, or null.
        let scratch = unsafe { exclusive(scratch)? };
        scratch.core.shrink_to(bytes);
        scratch.details.clear();
        scratch.details.shrink_to(bytes);
        Ok(())
    })
}

/// Frees a scratch; NULL is nothing. No call that uses it may be under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_scratch_free(scratch: *mut airlock_scratch) {
    if !scratch.is_null() {
        // SAFETY: the header wants what `airlock_scratch_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(scratch) }));
    }
}
