//! Check digits and checksums, over digits (or letters) without separators.
//!
//! Each takes what a pattern has matched; a byte outside of the expected alphabet makes it false.

use super::bytes::byte;

/// The value of a decimal digit; far out of range for anything else, so that sums fail.
fn digit(digits: &[u8], at: usize) -> u32 {
    u32::from(byte(digits, at).wrapping_sub(b'0'))
}

/// The sum of digit times weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    weights.iter().enumerate().map(|(at, weight)| digit(digits, at) * weight).sum()
}

/// The last digit.
pub(super) fn last(digits: &[u8]) -> u32 {
    digit(digits, digits.len().saturating_sub(1))
}

/// The number that `digits[start..end]` spells, modulo 2^32.
pub(super) fn number(digits: &[u8], start: usize, end: usize) -> u32 {
    (start..end).fold(0_u32, |n, at| n.wrapping_mul(10).wrapping_add(digit(digits, at)))
}

/// ISO/IEC 7812-1 annex B, the check of cards, IMEI, SIN and others.
pub(super) fn luhn(digits: &[u8]) -> bool {
    /// Digit sums of the doubles.
    const DOUBLE: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let mut sum = 0;
    for (i, byte) in digits.iter().rev().enumerate() {
        let value = usize::from(byte.wrapping_sub(b'0'));
        let Some(&double) = DOUBLE.get(value) else {
            return false;
        };
        sum += if i % 2 == 1 { double } else { value as u32 };
    }
    sum.is_multiple_of(10)
}

/// The remainder modulo 97 of the number that digits and letters (A = 10) spell (ISO 7064).
pub(super) fn mod97(text: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0;
    for byte in text {
        let value = char::from(byte).to_digit(36)?;
        rest = if value > 9 { rest * 100 + value } else { rest * 10 + value } % 97;
    }
    Some(rest)
}

/// ISO 7064 MOD 11,10, the check of the German tax id and the Croatian OIB.
pub(super) fn mod11_10(digits: &[u8]) -> bool {
    let body = digits.len().saturating_sub(1);
    let product = (0..body).fold(10, |product, at| {
        let sum = (digit(digits, at) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == last(digits)
}

/// J. Verhoeff, Error Detecting Decimal Codes (1969): the check of the Indian Aadhaar number.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    let mut check = 0;
    for (step, &c) in STEPS.iter().cycle().zip(digits.iter().rev()) {
        let products = PRODUCTS.get(check);
        let value = step.get(usize::from(c.wrapping_sub(b'0'))).copied();
        let Some(product) = products.zip(value).and_then(|(row, value)| row.get(value)) else {
            return false;
        };
        check = *product;
    }
    check == 0
}

/// The products in the dihedral group D5.
static PRODUCTS: [[usize; 10]; 10] = {
    let mut table = [[0; 10]; 10];
    let mut at = 0;
    while at < 100 {
        let (a, b) = (at / 10, at % 10);
        table[a][b] = match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b - 5) % 5,
            (false, true) => 5 + (a - b) % 5,
            (false, false) => (a + 5 - b) % 5,
        };
        at += 1;
    }
    table
};

/// The powers of Verhoeff's permutation.
static STEPS: [[usize; 10]; 8] = {
    const STEP: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut table = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let mut at = 10;
    while at < 80 {
        table[at / 10][at % 10] = STEP[table[at / 10 - 1][at % 10]];
        at += 1;
    }
    table
};

/// SHA-256 (FIPS 180-4) of up to 55 bytes, one block: all that Base58Check needs.
fn sha256(message: &[u8]) -> [u8; 32] {
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    ];
    let mut state: [u32; 8] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    ];
    let mut block = [0_u8; 64];
    for (slot, &byte) in block.iter_mut().zip(message.iter().take(55).chain(&[0x80])) {
        *slot = byte;
    }
    let bits = (message.len().min(55) as u64 * 8).to_be_bytes();
    for (slot, byte) in block.iter_mut().skip(56).zip(bits) {
        *slot = byte;
    }
    let mut w = [0_u32; 64];
    for (slot, chunk) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *slot = u32::from_be_bytes(*chunk);
    }
    for i in 16..64 {
        let (a, b) = (w[i - 15], w[i - 2]);
        let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    for (k, w) in K.iter().zip(w) {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choose = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(s1).wrapping_add(choose).wrapping_add(*k).wrapping_add(w);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = s0.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
    }
    let mut out = [0; 32];
    for (value, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *value = value.wrapping_add(add);
    }
    for (slot, value) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *slot = value.to_be_bytes();
    }
    out
}

/// Whether `text` is 25 bytes in Base58Check (the Bitcoin wiki's page of that name): version 0 or 5,
/// a 20-byte hash, and the first four bytes of its double SHA-256.
pub(super) fn base58check(text: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 25];
    for &c in text {
        let Some(value) = ALPHABET.iter().position(|&a| a == c) else {
            return false;
        };
        let mut carry = value as u32;
        for slot in bytes.iter_mut().rev() {
            carry += u32::from(*slot) * 58;
            *slot = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (Some(body), Some(check)) = (bytes.get(..21), bytes.get(21..)) else {
        return false;
    };
    matches!(bytes[0], 0 | 5) && sha256(&sha256(body)).starts_with(check)
}

/// Whether `text`, in one case, is a segwit address: bech32 (BIP 173) or bech32m (BIP 350) under the
/// human-readable part `bc`.
pub(super) fn segwit(text: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    static STEPS: [u32; 5] = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
    let step = |check: u32, value: u32| {
        let top = check >> 25;
        STEPS.iter().enumerate().fold((check & 0x1ff_ffff) << 5 ^ value, |check, (i, step)| {
            if top >> i & 1 == 1 { check ^ step } else { check }
        })
    };
    // "bc" spread as the BIP prescribes: high bits, zero, low bits.
    let mut check = [3, 3, 0, 2, 3].into_iter().fold(1, step);
    for c in text.iter().skip(3) {
        let c = c.to_ascii_lowercase();
        let Some(value) = ALPHABET.iter().position(|&a| a == c) else {
            return false;
        };
        check = step(check, value as u32);
    }
    matches!(check, 1 | 0x2bc8_30a3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_their_neighbours_fail() {
        assert!(luhn(b"79927398713") && !luhn(b"79927398710"), "ISO 7812's usual example");
        assert!(verhoeff(b"2363") && !verhoeff(b"2364"), "Verhoeff's own example");
        assert_eq!(mod97(b"WEST12345698765432GB82".iter().copied()), Some(1), "the IBAN standard");
        assert_eq!(mod97(b"-".iter().copied()), None);
        assert!(base58check(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), "the genesis block");
        assert!(!base58check(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(segwit(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), "BIP 173");
        assert!(
            segwit(b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
            "BIP 350"
        );
        assert!(!segwit(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
        assert!(mod11_10(b"86095742719") && !mod11_10(b"86095742718"), "the tax office's example");
    }

    #[test]
    fn every_single_digit_error_is_caught() {
        let valid = *b"2363";
        for at in 0..4 {
            for other in b'0'..=b'9' {
                let mut wrong = valid;
                wrong[at] = other;
                assert_eq!(verhoeff(&wrong), wrong == valid);
            }
        }
    }
}
