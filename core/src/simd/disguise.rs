//! Where 64 bytes at a time could hide a value: the first filter of what the detectors cannot read as it
//! stands.
//!
//! Vector code compares 16 or 32 bytes with each range at once. The twin in plain Rust compares byte by
//! byte without branches. Both take the same time for any input.

use super::classes::BLOCK;

/// What the bytes of a block are: bit `i` speaks of byte `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    /// Signs that escapes, references, brackets and quotes begin with, line breaks, control characters
    /// but the tab, and all beyond ASCII.
    pub(crate) signs: u64,
    /// Spaces.
    pub(crate) blanks: u64,
    /// The alphabets of base64 and base64url (RFC 4648), without the padding.
    pub(crate) codes: u64,
}

/// A function that tells the masks of a block.
pub(crate) type Mask = fn(&[u8; BLOCK]) -> Masks;

/// The fastest function that this processor runs.
#[inline]
pub(crate) fn fastest() -> Mask {
    #[cfg(target_arch = "x86_64")]
    {
        #[cfg(feature = "std")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return x86::with_avx2;
        }
        x86::with_sse2
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain
}

/// The twin in plain Rust.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) fn plain(block: &[u8; BLOCK]) -> Masks {
    let within = |byte: u8, first: u8, span: u8| byte.wrapping_sub(first) <= span;
    let mut all = Masks::default();
    for (i, &byte) in block.iter().enumerate() {
        let sign = byte >= 0x7f
            || byte < 0x20 && byte != b'\t'
            || within(byte, b'%', 3)
            || within(byte, b'[', 1)
            || byte == b'=';
        let code = within(byte | 0x20, b'a', 25)
            || within(byte, b'/', 10)
            || matches!(byte, b'+' | b'-' | b'_');
        all.signs |= u64::from(sign) << i;
        all.blanks |= u64::from(byte == b' ') << i;
        all.codes |= u64::from(code) << i;
    }
    all
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::{BLOCK, Masks};

    /// Writes the function out for one width of vectors: the names differ, the steps do not.
    macro_rules! mask {
        (
            $name:ident, $feature:literal, $vector:ty, $mask:ty, $load:ident, $set:ident, $or:ident,
            $andnot:ident, $sub:ident, $min:ident, $eq:ident, $bits:ident
        ) => {
            #[target_feature(enable = $feature)]
            fn $name(block: &[u8; BLOCK]) -> Masks {
                const STEP: usize = size_of::<$vector>();
                let mut all = Masks::default();
                for at in (0..BLOCK).step_by(STEP) {
                    // SAFETY: `at` is a multiple of STEP below BLOCK, and STEP divides BLOCK, so the
                    // load reads STEP bytes inside of the block. It is an unaligned load.
                    let bytes = unsafe { $load(block.as_ptr().add(at).cast::<$vector>()) };
                    let any = |byte: u8| $eq(bytes, $set(byte.cast_signed()));
                    // `min(x - first, span) == x - first` holds for first..=first + span alone.
                    let within = |x, first: u8, span: u8| {
                        let from = $sub(x, $set(first.cast_signed()));
                        $eq($min(from, $set(span.cast_signed())), from)
                    };
                    let bits = |x| u64::from($bits(x) as $mask) << at;
                    let control = $andnot(any(b'\t'), within(bytes, 0, 0x1f));
                    let brackets = $or(within(bytes, b'%', 3), within(bytes, b'[', 1));
                    let signs = $or($or(control, brackets), $or(any(b'='), any(0x7f)));
                    // The topmost bit of a byte says that it is beyond ASCII.
                    all.signs |= bits($or(signs, bytes));
                    all.blanks |= bits(any(b' '));
                    let letters = within($or(bytes, $set(0x20)), b'a', 25);
                    let joints = $or($or(any(b'+'), any(b'-')), any(b'_'));
                    all.codes |= bits($or($or(letters, joints), within(bytes, b'/', 10)));
                }
                all
            }
        };
    }

    mask!(
        sse2,
        "sse2",
        __m128i,
        u16,
        _mm_loadu_si128,
        _mm_set1_epi8,
        _mm_or_si128,
        _mm_andnot_si128,
        _mm_sub_epi8,
        _mm_min_epu8,
        _mm_cmpeq_epi8,
        _mm_movemask_epi8
    );
    #[cfg(feature = "std")]
    mask!(
        avx2,
        "avx2",
        __m256i,
        u32,
        _mm256_loadu_si256,
        _mm256_set1_epi8,
        _mm256_or_si256,
        _mm256_andnot_si256,
        _mm256_sub_epi8,
        _mm256_min_epu8,
        _mm256_cmpeq_epi8,
        _mm256_movemask_epi8
    );

    pub(super) fn with_sse2(block: &[u8; BLOCK]) -> Masks {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { sse2(block) }
    }

    #[cfg(feature = "std")]
    pub(super) fn with_avx2(block: &[u8; BLOCK]) -> Masks {
        // SAFETY: `fastest` hands this function out only where the processor has AVX2.
        unsafe { avx2(block) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the fields say, byte by byte.
    fn oracle(block: &[u8; BLOCK]) -> Masks {
        let mask = |kind: fn(u8) -> bool| {
            block.iter().enumerate().fold(0, |bits, (i, &b)| bits | u64::from(kind(b)) << i)
        };
        Masks {
            signs: mask(|b| {
                !b.is_ascii() || b.is_ascii_control() && b != b'\t' || b"%&'([\\=".contains(&b)
            }),
            blanks: mask(|b| b == b' '),
            codes: mask(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b)),
        }
    }

    fn agree(block: &[u8; BLOCK]) {
        let want = oracle(block);
        assert_eq!(plain(block), want);
        assert_eq!(fastest()(block), want);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(x86::with_sse2(block), want);
    }

    #[test]
    fn every_byte_in_every_place() {
        for first in 0..=255_u8 {
            agree(&core::array::from_fn(|i| first.wrapping_add(i as u8)));
        }
    }

    proptest! {
        #[test]
        fn any_block(block in prop::array::uniform32(any::<u8>()), low in any::<bool>()) {
            let half = block.map(|byte| if low { byte & 127 } else { byte });
            agree(&core::array::from_fn(|i| half[i % 32]));
        }
    }
}
