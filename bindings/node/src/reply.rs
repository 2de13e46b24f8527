//! How an export answers without making a JavaScript object: with a code, and what it wrote on request.
//!
//! Codes up to 31 belong to the export; from [`REFUSED`] on it is a refusal and the rest is the number of its
//! reason.

use airlock::core::Reason;
use napi::bindgen_prelude::Uint8Array;

/// Added to the number of a reason.
pub const REFUSED: u32 = 32;
/// Output that is kept for the next one, in bytes.
const KEEP: usize = 64 << 10;

/// The code of a refusal.
pub fn refused(reason: Reason) -> u32 {
    REFUSED.saturating_add(u32::from(reason as u16))
}

/// What the last call has written.
#[derive(Default)]
pub struct Output(Vec<u8>);

impl Output {
    pub fn set(&mut self, bytes: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(bytes);
    }

    /// Memory to write into.
    pub fn begin(&mut self) -> &mut Vec<u8> {
        self.0.clear();
        &mut self.0
    }

    /// Text, which it is but for bytes that came in as none.
    pub fn text(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.shrink();
        text
    }

    pub fn bytes(&mut self) -> Uint8Array {
        let bytes = self.0.as_slice().into();
        self.shrink();
        bytes
    }

    fn shrink(&mut self) {
        self.0.clear();
        self.0.shrink_to(KEEP);
    }
}
