//! The key of masks that are hashes.

use std::fmt;

use airlock_core::redact::KeyedHash;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Fewest bytes of a key.
pub const LEAST_KEY: usize = 16;

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) under a key, for the mask style `hash`.
///
/// ```
/// use std::sync::Arc;
/// use airlock::core::{Guard, policy::Policy};
/// use airlock::mask::HmacSha256;
///
/// let policy = Policy::from_json(r#"{"output": {"*": {"style": "hash"}}}"#)?;
/// let key = HmacSha256::new(b"sixteen bytes or more").ok_or("too short")?;
/// let guard = Guard::builder().policy(policy)?.mask_hash(Arc::new(key)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HmacSha256 {
    /// What the key has become: it is not kept.
    state: Hmac<Sha256>,
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256")
    }
}

impl HmacSha256 {
    /// Under `key`; none when it has fewer than [`LEAST_KEY`] bytes, for it could be tried out.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() < LEAST_KEY {
            return None;
        }
        Hmac::new_from_slice(key).ok().map(|state| Self { state })
    }
}

impl KeyedHash for HmacSha256 {
    fn digest(&self, value: &[u8]) -> [u8; 6] {
        let whole = self.state.clone().chain_update(value).finalize().into_bytes();
        let mut head = [0; 6];
        for (slot, byte) in head.iter_mut().zip(whole) {
            *slot = byte;
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_4231() {
        // Section 4.2: key of twenty bytes 0x0b, data "Hi There".
        let hash = HmacSha256::new(&[0x0b; 20]).unwrap();
        assert_eq!(hash.digest(b"Hi There"), [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb]);
        assert!(HmacSha256::new(&[0x0b; 15]).is_none());
    }
}
