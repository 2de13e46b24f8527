//! SHA-256 digests (FIPS 180-4), spelt `sha256:` and 64 hexadecimal digits.

use core::fmt;

use sha2::{Digest as _, Sha256};

/// A digest of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Whether its spelling begins with `text`, with or without `sha256:`.
    #[must_use]
    pub fn starts_with(&self, text: &str) -> bool {
        let text = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        let mut digits = self.0.iter().flat_map(|byte| [hex(byte >> 4), hex(byte & 15)]);
        text.len() <= 64 && text.iter().all(|byte| digits.next() == Some(*byte))
    }

    /// Whether `text` is its whole spelling.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        text.strip_prefix("sha256:").is_some_and(|digits| digits.len() == 64)
            && self.starts_with(text)
    }
}

const fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
