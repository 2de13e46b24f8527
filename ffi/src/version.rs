//! Versions, and the names of numbers.

use airlock_core::Reason;

use crate::boundary::airlock_status;
use crate::codes::STATUSES;
use crate::text::airlock_str;

/// The version of this interface. It changes when a program that was written for an earlier one
/// could break; additions do not change it.
pub const AIRLOCK_ABI_VERSION: u32 = 1;

/// The version of the interface that the library has: compare it with `AIRLOCK_ABI_VERSION` at the
/// start. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_abi_version() -> u32 {
    AIRLOCK_ABI_VERSION
}

/// The version of the library, like `0.1.0`. It lives as long as the program. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_version() -> airlock_str {
    airlock_str::of(env!("CARGO_PKG_VERSION"))
}

/// The name of a status, like `BUFFER_TOO_SMALL`; empty for a number that this library does not
/// know. It lives as long as the program. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_status_name(status: airlock_status) -> airlock_str {
    let code = STATUSES.iter().find(|code| code.number == status);
    code.map_or(airlock_str::NONE, |code| airlock_str::of(code.name))
}

/// The name of a reason as refusals have it, like `ghost_arguments`; empty for a number that this
/// library does not know. It lives as long as the program. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn airlock_reason_name(reason: u32) -> airlock_str {
    let known = Reason::ALL.iter().find(|&&known| known as u32 == reason);
    known.map_or(airlock_str::NONE, |known| airlock_str::of(known.name()))
}
