//! How an export answers without making a JavaScript object: `bytes * 256 + code` in one number.
//!
//! The bytes are in the caller's buffer. Where they do not fit they wait, with the bit [`SPILLED`] set in
//! the code, until the caller comes back with a buffer of that size. Codes up to 31 belong to the export;
//! from [`REFUSED`] on it is a refusal and the rest is the number of its reason.

use airlock::core::Reason;

/// Added to the code: the bytes did not fit.
pub const SPILLED: u8 = 128;
/// Added to the number of a reason.
pub const REFUSED: u8 = 32;

/// The answer `code`, with `output` in `io`, or in `spill` when it does not fit.
pub fn with(code: u8, output: &[u8], io: &mut [u8], spill: &mut Vec<u8>) -> f64 {
    match io.get_mut(..output.len()) {
        Some(place) => {
            place.copy_from_slice(output);
            plain(code, output.len())
        }
        None => {
            spill.clear();
            spill.extend_from_slice(output);
            plain(code | SPILLED, output.len())
        }
    }
}

/// The answer `code` about `bytes`.
#[expect(clippy::cast_precision_loss, reason = "a buffer of Node is far below 2^45 bytes")]
pub fn plain(code: u8, bytes: usize) -> f64 {
    bytes as f64 * 256.0 + f64::from(code)
}

/// The code of a refusal.
pub fn refused(reason: Reason) -> u8 {
    u8::try_from(reason as u16).map_or(!SPILLED, |number| REFUSED.saturating_add(number))
}

/// Writes what has spilled into `io`, which is large enough now.
pub fn take(io: &mut [u8], spill: &mut Vec<u8>) {
    if let Some(place) = io.get_mut(..spill.len()) {
        place.copy_from_slice(spill);
    }
    *spill = Vec::new();
}
