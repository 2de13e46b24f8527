//! The C library for programs without an operating system.
//!
//! The program supplies `airlock_panic`, and with the feature `alloc` an allocator: `airlock_alloc` and
//! `airlock_dealloc`.
#![no_std]

pub use airlock_ffi as c_abi;

unsafe extern "C" {
    /// The program's answer to a panic: reset the board, end the process. Must not return.
    safe fn airlock_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    airlock_panic()
}

#[cfg(feature = "alloc")]
mod host {
    use core::alloc::{GlobalAlloc, Layout};
    use core::ffi::c_void;

    unsafe extern "C" {
        /// Memory of `size` bytes, aligned to `align`, a power of two; NULL when there is none.
        fn airlock_alloc(size: usize, align: usize) -> *mut c_void;
        /// Takes back what `airlock_alloc` gave for the same size and alignment.
        fn airlock_dealloc(memory: *mut c_void, size: usize, align: usize);
    }

    /// The program's allocator.
    struct Host;

    // SAFETY: the program promises what its functions are documented to do.
    unsafe impl GlobalAlloc for Host {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: a layout has an alignment that is a power of two.
            unsafe { airlock_alloc(layout.size(), layout.align()) }.cast()
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            // SAFETY: the caller gives back what it was given, with the same layout.
            unsafe { airlock_dealloc(memory.cast(), layout.size(), layout.align()) };
        }
    }

    #[global_allocator]
    static HOST: Host = Host;

    /// The toolchain's own `alloc` was compiled for unwinding and names these two. Here panics do not
    /// unwind, so that nothing calls them.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {
        super::airlock_panic()
    }

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() {
        super::airlock_panic()
    }
}
