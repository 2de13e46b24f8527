//! The kinds of 64 bytes at a time, one bit a byte: the first filter of the redactor.
//!
//! Vector code compares 16 or 32 bytes with each kind's range at once; the twin in plain Rust looks every
//! byte up in a table and transposes eight answers at a time. Both take the same time for any input.

/// How many bytes a block has.
pub(crate) const BLOCK: usize = 64;

/// Which bytes of a block are of which kind: bit `i` speaks of byte `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    /// `0` to `9`.
    pub(crate) digit: u64,
    /// `A` to `Z`.
    pub(crate) upper: u64,
    /// `a` to `z`.
    pub(crate) lower: u64,
    /// `:` and `=`.
    pub(crate) operator: u64,
    /// `-`
    pub(crate) hyphen: u64,
    /// `_` and `.`
    pub(crate) joint: u64,
    /// `@`, `+`, `(`, `>` and `~`.
    pub(crate) sign: u64,
    /// `/` and `$`
    pub(crate) path: u64,
    /// `\`, `%` and ESC.
    pub(crate) escape: u64,
    /// `b`, `p` and `r` in either case, and what the same bits make: `@` and the backtick.
    pub(crate) initial: u64,
    /// `a` and `e` in either case.
    pub(crate) vowel: u64,
}

/// Which bytes of a block could belong to a value in disguise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disguises {
    /// `\`, `(`, `'` and the line feed, which say more than one thing.
    pub(crate) sign: u64,
    /// `%`, `&`, `=`, `[`, the other control characters but the tab, DEL, the first bytes of characters beyond
    /// ASCII.
    pub(crate) mark: u64,
    /// Spaces.
    pub(crate) blank: u64,
    /// The alphabets of base64 and base64url but the padding.
    pub(crate) code: u64,
}

/// Functions that tell the kinds of a block.
#[derive(Clone, Copy)]
pub(crate) struct Classify {
    pub(crate) classes: fn(&[u8; BLOCK]) -> Classes,
    pub(crate) disguises: fn(&[u8; BLOCK]) -> Disguises,
}

/// The fastest functions that this processor runs.
#[inline]
pub(crate) fn fastest() -> Classify {
    #[cfg(target_arch = "x86_64")]
    {
        #[cfg(feature = "std")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return x86::AVX2;
        }
        x86::SSE2
    }
    #[cfg(not(target_arch = "x86_64"))]
    PLAIN
}

/// The twins in plain Rust.
#[cfg(any(test, not(target_arch = "x86_64")))]
const PLAIN: Classify = Classify { classes: plain, disguises: plain_disguises };

/// What every byte is: bits 0 and 1 tell a digit (1), a capital (2) and a small letter (3) apart, the
/// others are the remaining fields of [`Classes`] in order.
#[cfg(any(test, not(target_arch = "x86_64")))]
static TABLE: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let word = match byte {
            b'0'..=b'9' => 1,
            b'A'..=b'Z' => 2,
            b'a'..=b'z' => 3,
            _ => 0,
        };
        let other = match byte {
            b':' | b'=' => 1,
            b'-' => 1 << 1,
            b'_' | b'.' => 1 << 2,
            b'@' | b'+' | b'(' | b'>' | b'~' => 1 << 3,
            b'\\' | b'%' | 0x1b => 1 << 4,
            _ => 0,
        };
        let initial = if byte | 0x32 == 0x72 { 1 << 7 } else { 0 };
        table[i] = word | other << 2 | initial;
        i += 1;
    }
    table
};

/// The twin in plain Rust.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(block: &[u8; BLOCK]) -> Classes {
    let mut planes = [0_u64; 8];
    for (i, chunk) in block.as_chunks::<8>().0.iter().enumerate() {
        let kinds = u64::from_le_bytes(chunk.map(|byte| TABLE[usize::from(byte)]));
        for (plane, bits) in planes.iter_mut().zip(transposed(kinds).to_le_bytes()) {
            *plane |= u64::from(bits) << (8 * i);
        }
    }
    let [low, high, operator, hyphen, joint, sign, escape, initial] = planes;
    let bits =
        |kind: fn(u8) -> bool| (0..BLOCK).fold(0, |bits, i| bits | u64::from(kind(block[i])) << i);
    let path = bits(|byte| matches!(byte, b'/' | b'$'));
    let vowel = bits(|byte| byte & !0x24 == b'A');
    Classes {
        digit: low & !high,
        upper: high & !low,
        lower: low & high,
        operator,
        hyphen,
        joint,
        sign,
        path,
        escape,
        initial,
        vowel,
    }
}

/// The twin in plain Rust.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_disguises(block: &[u8; BLOCK]) -> Disguises {
    let bits = |kind: fn(u8) -> bool| {
        let (eights, _) = block.as_chunks::<8>();
        eights.iter().rev().fold(0, |bits, eight| {
            let flags = u64::from_le_bytes(eight.map(|byte| u8::from(kind(byte))));
            // The product brings the lowest bit of byte i to bit 56 + i.
            bits << 8 | flags.wrapping_mul(0x0102_0408_1020_4080) >> 56
        })
    };
    Disguises {
        sign: bits(|byte| matches!(byte, b'\\' | b'(' | b'\'' | b'\n')),
        mark: bits(|byte| {
            matches!(byte, b'%' | b'&' | b'=' | b'[' | 0x7f | 0xc0..)
                || byte < 0x20 && !matches!(byte, b'\t' | b'\n')
        }),
        blank: bits(|byte| byte == b' '),
        code: bits(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)),
    }
}

/// The 8 by 8 bits of `x` with rows and columns exchanged (H. S. Warren, Hacker's Delight, 7-3).
#[cfg(any(test, not(target_arch = "x86_64")))]
const fn transposed(mut x: u64) -> u64 {
    let mut t = (x ^ (x >> 7)) & 0x00aa_00aa_00aa_00aa;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000_cccc_0000_cccc;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x0000_0000_f0f0_f0f0;
    x ^ t ^ (t << 28)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::{BLOCK, Classes, Classify, Disguises};

    /// Writes the function out for one width of vectors: the names differ, the steps do not.
    macro_rules! classify {
        (
            $name:ident, $disguises:ident, $feature:literal, $vector:ty, $mask:ty, $load:ident, $set:ident, $or:ident,
            $sub:ident, $min:ident, $eq:ident, $shift:ident, $bits:ident, $and:ident, $and_not:ident
        ) => {
            #[target_feature(enable = $feature)]
            fn $name(block: &[u8; BLOCK]) -> Classes {
                const STEP: usize = size_of::<$vector>();
                let mut all = Classes::default();
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
                    let letter = bits(within($or(bytes, $set(0x20)), b'a', 25));
                    // Bit 5 of a byte, which parts small letters from capitals, becomes its sign.
                    let small = bits($shift::<2>(bytes));
                    all.digit |= bits(within(bytes, b'0', 9));
                    all.upper |= letter & !small;
                    all.lower |= letter & small;
                    all.operator |= bits($or(any(b':'), any(b'=')));
                    all.hyphen |= bits(any(b'-'));
                    all.joint |= bits($or(any(b'_'), any(b'.')));
                    let pair = $or($or(any(b'@'), any(b'+')), $or(any(b'('), any(b'>')));
                    all.sign |= bits($or(pair, any(b'~')));
                    all.path |= bits($or(any(b'/'), any(b'$')));
                    all.escape |= bits($or($or(any(b'\\'), any(b'%')), any(0x1b)));
                    all.initial |= bits($eq($or(bytes, $set(0x32)), $set(0x72)));
                    // Bit 5 parts small letters from capitals, bit 2 `e` from `a`.
                    all.vowel |= bits($eq($or(bytes, $set(0x24)), $set(0x65)));
                }
                all
            }

            #[target_feature(enable = $feature)]
            fn $disguises(block: &[u8; BLOCK]) -> Disguises {
                const STEP: usize = size_of::<$vector>();
                let mut all = Disguises::default();
                for at in (0..BLOCK).step_by(STEP) {
                    // SAFETY: as above.
                    let bytes = unsafe { $load(block.as_ptr().add(at).cast::<$vector>()) };
                    let any = |byte: u8| $eq(bytes, $set(byte.cast_signed()));
                    let within = |x, first: u8, span: u8| {
                        let from = $sub(x, $set(first.cast_signed()));
                        $eq($min(from, $set(span.cast_signed())), from)
                    };
                    let bits = |x| u64::from($bits(x) as $mask) << at;
                    let feed = any(b'\n');
                    all.sign |= bits($or($or(any(b'\\'), any(b'(')), $or(any(b'\''), feed)));
                    let pair = $or($or(any(b'%'), any(b'&')), $or(any(b'='), any(b'[')));
                    let control = $or(within(bytes, 0, 0x1f), any(0x7f));
                    let ascii = $and_not($or(any(b'\t'), feed), $or(pair, control));
                    // The two highest bits are set in the first bytes of characters beyond ASCII.
                    all.mark |= bits($or(ascii, $and(bytes, $shift::<1>(bytes))));
                    all.blank |= bits(any(b' '));
                    let word =
                        $or(within($or(bytes, $set(0x20)), b'a', 25), within(bytes, b'/', 10));
                    all.code |= bits($or(word, $or($or(any(b'+'), any(b'-')), any(b'_'))));
                }
                all
            }
        };
    }

    classify!(
        sse2,
        sse2_disguises,
        "sse2",
        __m128i,
        u16,
        _mm_loadu_si128,
        _mm_set1_epi8,
        _mm_or_si128,
        _mm_sub_epi8,
        _mm_min_epu8,
        _mm_cmpeq_epi8,
        _mm_slli_epi16,
        _mm_movemask_epi8,
        _mm_and_si128,
        _mm_andnot_si128
    );
    #[cfg(feature = "std")]
    classify!(
        avx2,
        avx2_disguises,
        "avx2",
        __m256i,
        u32,
        _mm256_loadu_si256,
        _mm256_set1_epi8,
        _mm256_or_si256,
        _mm256_sub_epi8,
        _mm256_min_epu8,
        _mm256_cmpeq_epi8,
        _mm256_slli_epi16,
        _mm256_movemask_epi8,
        _mm256_and_si256,
        _mm256_andnot_si256
    );

    pub(super) const SSE2: Classify = Classify {
        // SAFETY: SSE2 is part of x86-64.
        classes: |block| unsafe { sse2(block) },
        // SAFETY: the same.
        disguises: |block| unsafe { sse2_disguises(block) },
    };

    #[cfg(feature = "std")]
    pub(super) const AVX2: Classify = Classify {
        // SAFETY: `fastest` hands this out only where the processor has AVX2, and nobody else does.
        classes: |block| unsafe { avx2(block) },
        // SAFETY: the same.
        disguises: |block| unsafe { avx2_disguises(block) },
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(block: &[u8; BLOCK], kind: fn(u8) -> bool) -> u64 {
        block.iter().enumerate().fold(0, |bits, (i, &b)| bits | u64::from(kind(b)) << i)
    }

    /// What the fields say, byte by byte.
    fn oracle_of_disguises(block: &[u8; BLOCK]) -> Disguises {
        Disguises {
            sign: mask(block, |b| b"\\('\n".contains(&b)),
            mark: mask(block, |b| {
                b >= 0xc0 || b == 0x7f || b < 0x20 && !b"\t\n".contains(&b) || b"%&=[".contains(&b)
            }),
            blank: mask(block, |b| b == b' '),
            code: mask(block, |b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b)),
        }
    }

    fn oracle(block: &[u8; BLOCK]) -> Classes {
        let mask = |kind| mask(block, kind);
        Classes {
            digit: mask(|b| b.is_ascii_digit()),
            upper: mask(|b| b.is_ascii_uppercase()),
            lower: mask(|b| b.is_ascii_lowercase()),
            operator: mask(|b| matches!(b, b':' | b'=')),
            hyphen: mask(|b| b == b'-'),
            joint: mask(|b| matches!(b, b'_' | b'.')),
            sign: mask(|b| matches!(b, b'@' | b'+' | b'(' | b'>' | b'~')),
            path: mask(|b| matches!(b, b'/' | b'$')),
            escape: mask(|b| matches!(b, b'\\' | b'%' | 0x1b)),
            initial: mask(|b| b"bprBPR@`".contains(&b)),
            vowel: mask(|b| b"aeAE".contains(&b)),
        }
    }

    fn agree(block: &[u8; BLOCK]) {
        let (classes, disguises) = (oracle(block), oracle_of_disguises(block));
        let mut all = std::vec![PLAIN, fastest()];
        #[cfg(target_arch = "x86_64")]
        all.push(x86::SSE2);
        for twin in all {
            assert_eq!((twin.classes)(block), classes);
            assert_eq!((twin.disguises)(block), disguises);
        }
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
