//! The key of an installation.
//!
//! Two keys are derived from it, so that what is shown of one use tells nothing about the other: one for
//! the hashes of the chain, one for the digests of argument values. HMAC-SHA-256 (RFC 2104, FIPS 180-4).

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use airlock_core::policy::AuditPolicy;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::mask::LEAST_KEY;

/// The environment variable whose text is the key where no file is named. `airlock run` keeps it from the
/// server that it starts.
pub const KEY_VARIABLE: &str = "AIRLOCK_AUDIT_KEY";
/// Most bytes of a key file.
const MAX_KEY: u64 = 4096;
/// Bytes of a digest that stand in a record: enough to tell values apart, and to find one again.
const SHOWN: usize = 8;

/// What the hashes of a log are made with, and the digests of argument values in it.
#[derive(Clone)]
pub struct AuditKey {
    // What the keys have become: they are not kept.
    chain: Hmac<Sha256>,
    values: Hmac<Sha256>,
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}

impl AuditKey {
    /// From `secret`; none when it has fewer than [`LEAST_KEY`] bytes, for it could be tried out.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < LEAST_KEY {
            return None;
        }
        let root = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        let derive = |purpose: &str| {
            let key = root.clone().chain_update(purpose).finalize().into_bytes();
            Hmac::new_from_slice(&key).ok()
        };
        Some(Self { chain: derive("airlock audit chain")?, values: derive("airlock audit value")? })
    }

    /// From the content of the file at `path`, without the line end behind it.
    ///
    /// # Errors
    /// When it cannot be read, or holds fewer than [`LEAST_KEY`] or more than 4,096 bytes.
    pub fn read(path: &Path) -> io::Result<Self> {
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let mut secret = Vec::new();
        File::open(path)?.take(MAX_KEY + 1).read_to_end(&mut secret)?;
        if secret.len() as u64 > MAX_KEY {
            return Err(wrong("an audit key has at most 4,096 bytes"));
        }
        let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        Self::new(secret).ok_or_else(|| wrong("an audit key has at least 16 bytes"))
    }

    /// From the text of [`KEY_VARIABLE`], if it is set.
    ///
    /// # Errors
    /// When it is too short to be a key.
    pub fn from_env() -> io::Result<Option<Self>> {
        let Some(secret) = env::var_os(KEY_VARIABLE).filter(|secret| !secret.is_empty()) else {
            return Ok(None);
        };
        match Self::new(secret.as_encoded_bytes()) {
            Some(key) => Ok(Some(key)),
            None => Err(io::Error::other(format!("{KEY_VARIABLE} has fewer than 16 bytes"))),
        }
    }

    /// The key that `policy` names, else that of the environment.
    pub(super) fn of(policy: &AuditPolicy) -> io::Result<Option<Self>> {
        let Some(path) = &policy.key_file else { return Self::from_env() };
        let key = Self::read(Path::new(&**path));
        key.map(Some).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
    }

    /// The digest that stands for a string in the records of this key, or for the spelling of a number.
    #[must_use]
    pub fn digest(&self, value: &str) -> String {
        let mut digest = self.begin_digest();
        digest.add(value);
        digest.finish()
    }

    /// A digest of what will come in pieces.
    pub(super) fn begin_digest(&self) -> ValueDigest {
        ValueDigest(self.values.clone())
    }

    pub(super) fn chain(&self) -> Hmac<Sha256> {
        self.chain.clone()
    }
}

/// A digest of a value in the making.
pub(super) struct ValueDigest(Hmac<Sha256>);

impl ValueDigest {
    pub(super) fn add(&mut self, text: &str) {
        self.0.update(text.as_bytes());
    }

    pub(super) fn finish(self) -> String {
        let whole = self.0.finalize().into_bytes();
        let mut shown = String::with_capacity(2 * SHOWN);
        super::chain::write_hex(whole.get(..SHOWN).unwrap_or(&[]), &mut shown);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_depend_on_key_and_value_and_not_on_pieces() {
        let key = AuditKey::new(b"sixteen bytes or more").unwrap();
        let other = AuditKey::new(b"sixteen bytes or other").unwrap();
        let digest = key.digest("ann");
        assert_eq!(digest.len(), 16);
        let mut pieces = key.begin_digest();
        pieces.add("a");
        pieces.add("nn");
        assert_eq!(pieces.finish(), digest);
        assert_ne!(key.digest("bob"), digest);
        assert_ne!(other.digest("ann"), digest);
        assert!(AuditKey::new(&[7; 15]).is_none());
    }
}
