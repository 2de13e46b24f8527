//! All text of a compiled policy in one allocation, and the hash that its tables use.

use alloc::string::String;

use crate::glob::Case;

/// Part of a [`Pool`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    start: u32,
    end: u32,
}

impl Text {
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The first `length` bytes and the rest.
    pub fn split_at(self, length: usize) -> (Self, Self) {
        let middle = self.start.saturating_add(length as u32).min(self.end);
        (Self { end: middle, ..self }, Self { start: middle, ..self })
    }
}

/// Texts side by side. A document bounds its text to 1 MiB before any is added, so offsets fit.
#[derive(Debug, Default)]
pub(super) struct Pool {
    bytes: String,
}

impl Pool {
    pub fn add(&mut self, text: &str) -> Text {
        let start = self.bytes.len() as u32;
        self.bytes.push_str(text);
        Text { start, end: self.bytes.len() as u32 }
    }

    #[inline]
    pub fn get(&self, text: Text) -> &str {
        self.bytes.get(text.start as usize..text.end as usize).unwrap_or("")
    }
}

/// FNV-1a, 64 bits: grows byte by byte, so that one pass over a name yields the hash of each of its
/// heads. It need not resist an attacker: what is in a table the operator wrote, and a look-up that
/// collides costs one comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash(u64);

impl Hash {
    pub const START: Self = Self(0xcbf2_9ce4_8422_2325);

    #[inline]
    pub const fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x100_0000_01b3);
    }

    /// The hash, its high bits mixed into the low ones and the low ones into the seven highest,
    /// which a hash table compares first.
    #[inline]
    pub const fn finish(self) -> u64 {
        (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    pub fn of(text: &str, case: Case) -> u64 {
        let mut hash = Self::START;
        text.bytes().for_each(|byte| hash.add(case.key(byte)));
        hash.finish()
    }
}
