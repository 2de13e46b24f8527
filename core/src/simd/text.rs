//! Where the plain part of a JSON string ends: sixteen bytes a step.
//!
//! A block of text becomes a mask with one bit for each byte, the first byte lowest. SSE2 is part of
//! every x86-64 processor, so nothing is asked at run time; wider registers would not help the strings of
//! most calls, which end in their first block. Worst case: linear in the bytes passed.

#[cfg(not(target_arch = "x86_64"))]
use portable::Block;
#[cfg(target_arch = "x86_64")]
use sse2::Block;

/// Bytes of one block.
pub(crate) const BLOCK: usize = 16;
/// Bytes that are looked at together once a text has turned out to be long.
pub(crate) const WINDOW: usize = 4 * BLOCK;

/// A bit for each of the bytes of the block at `at` that end plain ASCII text: quotes, backslashes, control
/// characters and whatever is not ASCII. Bits past the end of the input are clear.
#[inline(always)]
pub(crate) fn stops(bytes: &[u8], at: usize) -> u32 {
    mask(bytes, at, Block::stops)
}

/// The offset at or after `at` of the first quote, backslash or control character.
#[inline]
pub(crate) fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    // Most texts end in their first block.
    match mask(bytes, at, Block::specials) {
        0 => at += BLOCK,
        hits => return at + hits.trailing_zeros() as usize,
    }
    while at < bytes.len() {
        match wide_specials(bytes, at) {
            0 => at += WINDOW,
            hits => return at + hits.trailing_zeros() as usize,
        }
    }
    bytes.len()
}

/// The offset after the whole windows at `at` that are plain ASCII text: [`stops`] has no bit for them.
#[inline]
pub(crate) fn plain_windows(bytes: &[u8], mut at: usize) -> usize {
    while let Some(window) = at_least::<WINDOW>(bytes, at) {
        let blocks = window.as_chunks().0.iter().map(|block| Block::new(block).stop_marks());
        if blocks.reduce(Block::or).is_some_and(|marks| marks.mask() != 0) {
            break;
        }
        at += WINDOW;
    }
    at
}

/// [`stops`] of a whole window.
#[inline(never)]
pub(crate) fn wide_stops(bytes: &[u8], at: usize) -> u64 {
    wide_mask(bytes, at, Block::stops)
}

/// A bit for each quote, backslash and control character of the window at `at`.
#[inline(never)]
pub(crate) fn wide_specials(bytes: &[u8], at: usize) -> u64 {
    wide_mask(bytes, at, Block::specials)
}

/// `find` on the window at `at`, which may reach past the end.
#[inline(always)]
fn wide_mask(bytes: &[u8], at: usize, find: impl Fn(Block) -> u32 + Copy) -> u64 {
    let whole = |window: &[u8; WINDOW]| {
        let blocks = window.as_chunks().0.iter().rev();
        blocks.fold(0, |hits, block| hits << BLOCK | u64::from(find(Block::new(block))))
    };
    if let Some(window) = at_least(bytes, at) {
        return whole(window);
    }
    let left = bytes.len().saturating_sub(at);
    if let Some(window) = bytes.last_chunk()
        && left > 0
    {
        return whole(window) >> (WINDOW - left);
    }
    let blocks = (0..left).step_by(BLOCK);
    blocks.fold(0, |hits, skip| hits | u64::from(mask(bytes, at + skip, find)) << skip)
}

/// `find` on the block at `at`, which may reach past the end.
#[inline]
fn mask(bytes: &[u8], at: usize, find: impl Fn(Block) -> u32) -> u32 {
    match at_least(bytes, at) {
        Some(block) => find(Block::new(block)),
        None => last_mask(bytes, at, find),
    }
}

/// `find` on what is left after `at`, less than a block.
fn last_mask(bytes: &[u8], at: usize, find: impl Fn(Block) -> u32) -> u32 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    if let Some(block) = bytes.last_chunk() {
        // The last whole block, without what stands before `at`.
        return find(Block::new(block)) >> (BLOCK - rest.len());
    }
    let mut block = [b' '; BLOCK];
    block.iter_mut().zip(rest).for_each(|(slot, &byte)| *slot = byte);
    find(Block::new(&block))
}

#[inline]
fn at_least<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set1_epi8,
    };

    use super::BLOCK;

    #[derive(Clone, Copy)]
    pub(super) struct Block(__m128i);

    impl Block {
        #[inline]
        pub(super) fn new(bytes: &[u8; BLOCK]) -> Self {
            // SAFETY: `bytes` are sixteen readable bytes, and the load asks for no alignment.
            Self(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        #[inline]
        pub(super) fn stops(self) -> u32 {
            self.stop_marks().mask()
        }

        /// A block whose bytes are marked, all bits set, where this one has a stop, and zero elsewhere.
        #[inline]
        pub(super) fn stop_marks(self) -> Self {
            // SAFETY: SSE2 is part of the x86-64 baseline.
            Self(unsafe { stops(self.0) })
        }

        /// The marks of both.
        #[inline]
        pub(super) fn or(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of the x86-64 baseline.
            Self(unsafe { _mm_or_si128(self.0, other.0) })
        }

        /// One bit for each marked byte.
        #[inline]
        pub(super) fn mask(self) -> u32 {
            // SAFETY: SSE2 is part of the x86-64 baseline.
            unsafe { _mm_movemask_epi8(self.0) as u32 }
        }

        #[inline]
        pub(super) fn specials(self) -> u32 {
            // SAFETY: SSE2 is part of the x86-64 baseline.
            Self(unsafe { specials(self.0) }).mask()
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn stops(block: __m128i) -> __m128i {
        // As signed numbers, bytes from 0x80 on are below the control characters.
        marked(block, _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn specials(block: __m128i) -> __m128i {
        marked(block, _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block))
    }

    /// Marks each quote, each backslash and each byte marked in `others`.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn marked(block: __m128i, others: __m128i) -> __m128i {
        let quotes = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
        let slashes = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
        _mm_or_si128(_mm_or_si128(quotes, slashes), others)
    }
}

/// The same in words of eight bytes.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::BLOCK;

    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;

    #[derive(Clone, Copy)]
    pub(super) struct Block([u64; 2]);

    impl Block {
        #[inline]
        pub(super) fn new(bytes: &[u8; BLOCK]) -> Self {
            let words = bytes.as_chunks().0;
            let word = |n| words.get(n).copied().map_or(0, u64::from_le_bytes);
            Self([word(0), word(1)])
        }

        #[inline]
        pub(super) fn stops(self) -> u32 {
            self.stop_marks().mask()
        }

        #[inline]
        pub(super) fn specials(self) -> u32 {
            Self(self.0.map(specials)).mask()
        }

        /// A block whose bytes have their highest bit where this one has a stop.
        #[inline]
        pub(super) fn stop_marks(self) -> Self {
            Self(self.0.map(|word| specials(word) | word))
        }

        /// The marks of both.
        #[inline]
        pub(super) fn or(self, other: Self) -> Self {
            let ([a, b], [c, d]) = (self.0, other.0);
            Self([a | c, b | d])
        }

        /// One bit for the highest bit of each byte.
        #[inline]
        pub(super) fn mask(self) -> u32 {
            // The product moves the bits of the eight bytes side by side into the highest byte.
            let bits = |word: u64| ((word & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            let [low, high] = self.0.map(bits);
            (low | high << 8) as u32
        }
    }

    /// The highest bit of each byte that is a quote, a backslash or a control character. Carries cannot
    /// cross from byte to byte, for the highest bits are set apart.
    #[inline]
    fn specials(word: u64) -> u64 {
        let low = word & !HIGH;
        // Sums reach the highest bit where the seven low bits are at least what they are compared with.
        let below = |bound: u8| !(low + ONES * u64::from(0x80 - bound));
        let is = |byte: u8| below_one(low ^ (ONES * u64::from(byte)));
        (below(0x20) | is(b'"') | is(b'\\')) & !word
    }

    /// The highest bit of each byte that is zero; the highest bits of `low` are clear.
    #[inline]
    const fn below_one(low: u64) -> u64 {
        !(low + (ONES * 0x7f))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn is_special(byte: u8) -> bool {
        byte == b'"' || byte == b'\\' || byte < 0x20
    }

    fn first(bytes: &[u8], at: usize, found: impl Fn(u8) -> bool) -> usize {
        (at..bytes.len()).find(|&i| found(bytes[i])).unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_at_every_place_of_a_block() {
        for byte in 0..=255_u8 {
            for at in 0..BLOCK {
                let mut block = [b'x'; BLOCK];
                block[at] = byte;
                let bit = |set: bool| u32::from(set) << at;
                let wide = portable::Block::new(&block);
                assert_eq!(wide.specials(), bit(is_special(byte)), "{byte} {at}");
                assert_eq!(wide.stops(), bit(is_special(byte) || byte >= 0x80), "{byte} {at}");
                let own = Block::new(&block);
                assert_eq!((own.specials(), own.stops()), (wide.specials(), wide.stops()));
            }
        }
    }

    /// Mostly plain text, so that runs get long.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            60 => 0x20_u8..0x7f,
            1 => any::<u8>(),
            1 => Just(b'"'),
            1 => Just(b'\\'),
        ];
        prop::collection::vec(byte, 0..300)
    }

    proptest! {
        #[test]
        fn runs_end_where_a_plain_loop_ends_them(bytes in text(), at in 0_usize..310) {
            let at = at.min(bytes.len());
            prop_assert_eq!(plain_run(&bytes, at), first(&bytes, at, is_special));
            let stop = |byte| is_special(byte) || byte >= 0x80;
            prop_assert_eq!(u64::from(stops(&bytes, at)), wide_stops(&bytes, at) & 0xffff);
            let wide = |found: &dyn Fn(u8) -> bool| {
                let window = bytes[at..].iter().take(WINDOW).enumerate();
                window.fold(0, |hits, (i, &byte)| hits | u64::from(found(byte)) << i)
            };
            prop_assert_eq!(wide_stops(&bytes, at), wide(&stop));
            prop_assert_eq!(wide_specials(&bytes, at), wide(&is_special));
            let windows = (first(&bytes, at, stop) - at) / WINDOW;
            prop_assert_eq!(plain_windows(&bytes, at), at + windows * WINDOW);
        }

        #[test]
        fn blocks_agree_with_their_twin(bytes in any::<[u8; BLOCK]>(), more in any::<[u8; BLOCK]>()) {
            let (own, twin) = (Block::new(&bytes), portable::Block::new(&bytes));
            let both = own.stop_marks().or(Block::new(&more).stop_marks());
            let twins = twin.stop_marks().or(portable::Block::new(&more).stop_marks());
            prop_assert_eq!(both.mask(), twins.mask());
            prop_assert_eq!(both.mask(), own.stops() | Block::new(&more).stops());
            prop_assert_eq!(own.stops(), twin.stops());
            prop_assert_eq!(own.specials(), twin.specials());
        }
    }
}
