//! Numbers by value.
//!
//! A JSON number is a decimal of any length, so it is compared as one: sign, significant digits and
//! the place of the point, read from the spelling. No float, no rounding, no storage. Integers of up
//! to 18 digits, which is nearly all, take a path through `i64`.
//!
//! Worst case: linear in the digits. An exponent beyond ±10^17 is read as ±10^17.

use core::cmp::Ordering;
#[cfg(feature = "alloc")]
use core::fmt::{self, Write};

/// A JSON number as it is spelt.
#[derive(Clone, Copy, Debug)]
pub struct Number<'t> {
    raw: &'t [u8],
}

impl<'t> Number<'t> {
    /// `raw` is a number by the grammar of RFC 8259, section 6.
    pub(crate) const fn new(raw: &'t [u8]) -> Self {
        Self { raw }
    }

    /// The spelling.
    #[must_use]
    pub const fn raw(self) -> &'t [u8] {
        self.raw
    }

    /// Orders by value: `1.0` equals `1`, `1e2` equals `100`, `-0` equals `0`.
    #[inline]
    #[must_use]
    #[allow(
        clippy::should_implement_trait,
        reason = "`Ord` asks for an equality, and there are two: of the value and of the spelling"
    )]
    pub fn cmp(self, other: Number<'_>) -> Ordering {
        match (self.small(), other.small()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => Decimal::read(self.raw).cmp(Decimal::read(other.raw)),
        }
    }

    /// Writes the value as RFC 8785, section 3.2.2.3 has it, one spelling for each value; but every digit
    /// of it, where the RFC rounds to what a double holds.
    ///
    /// # Errors
    /// When `out` refuses.
    #[cfg(feature = "alloc")]
    pub(crate) fn write_canonical(self, out: &mut impl Write) -> fmt::Result {
        /// Decimal places beyond which ECMAScript writes an exponent (ECMA-262, Number::toString).
        const WIDEST: i64 = 21;
        const NARROWEST: i64 = -6;
        let value = Decimal::read(self.raw);
        if value.is_zero() {
            return out.write_char('0');
        }
        if value.negative {
            out.write_char('-')?;
        }
        let zeros =
            |count: i64, out: &mut _| (0..count).try_for_each(|_| Write::write_char(out, '0'));
        let (point, written) = match value.point {
            point @ 1..=WIDEST => (point, None),
            point if NARROWEST < point && point <= 0 => {
                out.write_str("0.")?;
                zeros(-point, out)?;
                (i64::MAX, None)
            }
            point => (1, Some(point - 1)),
        };
        for (at, digit) in (0..).zip(value.iter()) {
            if at == point {
                out.write_char('.')?;
            }
            out.write_char(char::from(b'0' + digit))?;
        }
        match written {
            Some(exponent) => write!(out, "e{exponent:+}"),
            None if point <= WIDEST => zeros(point - value.digits() as i64, out),
            None => Ok(()),
        }
    }

    /// Whether the value has no fractional part, however it is spelt.
    #[inline]
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.small().is_some() || Decimal::read(self.raw).scale() >= 0
    }

    /// Whether the value is an integer times `divisor`, exactly.
    #[must_use]
    pub fn is_multiple_of(self, divisor: Divisor) -> bool {
        if divisor.scale == 0
            && let Some(value) = self.small()
        {
            return value.unsigned_abs() % divisor.digits == 0;
        }
        let value = Decimal::read(self.raw);
        // Neither side ends in a zero digit. What is left to multiply in is a power of ten; were it
        // to divide instead, ten would have to divide the digits of the value.
        let Ok(zeros) = u64::try_from(value.scale() - divisor.scale) else {
            return value.is_zero();
        };
        let remainder = value.remainder(divisor.digits);
        multiply(remainder, power_of_ten(zeros, divisor.digits), divisor.digits) == 0
    }

    /// The value, when it is an integer from 0 to `u64::MAX`. `2.0` and `2e0` are.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.small() {
            Some(value) => u64::try_from(value).ok(),
            None => {
                let value = Decimal::read(self.raw);
                let integer = value.integer()?;
                (integer == 0 || !value.negative).then_some(integer)
            }
        }
    }

    /// The value, when it is an integer that `i64` holds.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        if let Some(value) = self.small() {
            return Some(value);
        }
        let value = Decimal::read(self.raw);
        let integer = i128::from(value.integer()?);
        i64::try_from(if value.negative { -integer } else { integer }).ok()
    }

    /// The value as a multiple of `10^-places`, when it is one that `u128` holds.
    #[cfg(feature = "alloc")]
    pub(crate) fn units(self, places: u32) -> Option<u128> {
        let value = Decimal::read(self.raw);
        if value.is_zero() {
            return Some(0);
        }
        let zeros = u32::try_from(value.scale() + i64::from(places)).ok()?;
        let digit = |sum: u128, digit| sum.checked_mul(10)?.checked_add(u128::from(digit));
        let digits = value.iter().try_fold(0, digit)?;
        (!value.negative).then(|| digits.checked_mul(10_u128.checked_pow(zeros)?))?
    }

    /// Hands the value to `add`, the same bytes for every spelling of it: sign, place of the point, and
    /// significant digits.
    #[cfg(feature = "alloc")]
    pub(crate) fn canonical(self, mut add: impl FnMut(&[u8])) {
        let value = Decimal::read(self.raw);
        if value.is_zero() {
            return;
        }
        add(&[u8::from(value.negative)]);
        add(&value.point.to_le_bytes());
        add(value.head);
        add(value.tail);
    }

    /// The value, when it is spelt as an integer of at most 18 digits.
    #[inline]
    fn small(self) -> Option<i64> {
        let (negative, digits) = match self.raw {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() > 18 {
            return None;
        }
        let mut value = 0_i64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        Some(if negative { -value } else { value })
    }
}

/// What values must be a multiple of: a positive decimal, prepared once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// The significant digits as an integer: not zero, not a multiple of ten, below 10^18.
    digits: u64,
    /// The divisor is `digits` times ten to this power.
    scale: i64,
}

impl Divisor {
    /// `None` when the number is not above zero, or has more than 18 significant digits.
    #[must_use]
    pub fn new(number: Number<'_>) -> Option<Self> {
        let value = Decimal::read(number.raw);
        if value.negative || value.is_zero() || value.digits() > 18 {
            return None;
        }
        let digits = value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit));
        Some(Self { digits, scale: value.scale() })
    }
}

/// Where an exponent stops to count. Offsets into the input are far smaller, so sums cannot overflow.
const MAX_EXPONENT: i64 = 100_000_000_000_000_000;

/// A number taken apart: 0.d₁d₂d₃… times ten to the power of `point`, where the significant digits
/// d₁d₂d₃… are those of `head` and then of `tail`, and neither the first nor the last of them is zero.
#[derive(Clone, Copy, Debug)]
struct Decimal<'t> {
    negative: bool,
    head: &'t [u8],
    tail: &'t [u8],
    point: i64,
}

impl<'t> Decimal<'t> {
    fn read(raw: &'t [u8]) -> Self {
        let (negative, rest) = match raw {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (head, rest) = split_digits(rest);
        let (tail, rest) = match rest {
            [b'.', rest @ ..] => split_digits(rest),
            rest => (&[][..], rest),
        };
        let exponent = match rest {
            [b'e' | b'E', b'-', digits @ ..] => -exponent(digits),
            [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => exponent(digits),
            _ => 0,
        };
        let whole = trim_start(head);
        let tail = trim_end(tail);
        let (head, tail, point) = if whole.is_empty() {
            let fraction = trim_start(tail);
            (fraction, &[][..], -((tail.len() - fraction.len()) as i64))
        } else if tail.is_empty() {
            (trim_end(whole), tail, whole.len() as i64)
        } else {
            (whole, tail, whole.len() as i64)
        };
        Self { negative, head, tail, point: point + exponent }
    }

    const fn is_zero(self) -> bool {
        self.head.is_empty()
    }

    /// How many significant digits there are.
    const fn digits(self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The power of ten by which the significant digits, read as an integer, are multiplied.
    const fn scale(self) -> i64 {
        if self.is_zero() { 0 } else { self.point - self.digits() as i64 }
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        self.head.iter().chain(self.tail).map(|byte| byte.wrapping_sub(b'0'))
    }

    fn cmp(self, other: Decimal<'_>) -> Ordering {
        // Zero has no sign.
        let side = |d: Decimal<'_>| match (d.is_zero(), d.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (mine, theirs) = (side(self), side(other));
        if mine != theirs || mine == 0 {
            return mine.cmp(&theirs);
        }
        let size = self.point.cmp(&other.point).then_with(|| self.iter().cmp(other.iter()));
        if self.negative { size.reverse() } else { size }
    }

    /// The absolute value, when it is an integer that `u64` holds.
    fn integer(self) -> Option<u64> {
        let zeros = u32::try_from(self.scale()).ok()?;
        if self.is_zero() {
            return Some(0);
        }
        if self.point > 20 {
            return None;
        }
        let digits = self
            .iter()
            .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit)))?;
        digits.checked_mul(10_u64.checked_pow(zeros)?)
    }

    /// The significant digits, read as an integer, modulo `modulus`.
    fn remainder(self, modulus: u64) -> u64 {
        // 19 digits at a time, since a division of 128 bits costs more than all else.
        let (mut remainder, mut group, mut weight) = (0, 0_u64, 1_u64);
        for digit in self.iter() {
            group = group * 10 + u64::from(digit);
            weight *= 10;
            if weight == 10_000_000_000_000_000_000 {
                remainder = step(remainder, weight, group, modulus);
                (group, weight) = (0, 1);
            }
        }
        step(remainder, weight, group, modulus)
    }
}

/// `(remainder * weight + group) % modulus`
fn step(remainder: u64, weight: u64, group: u64, modulus: u64) -> u64 {
    let sum = u128::from(remainder) * u128::from(weight) + u128::from(group);
    (sum % u128::from(modulus)) as u64
}

/// `a * b % modulus`
fn multiply(a: u64, b: u64, modulus: u64) -> u64 {
    step(a, b, 0, modulus)
}

/// `10^exponent % modulus`, by squaring.
fn power_of_ten(mut exponent: u64, modulus: u64) -> u64 {
    let (mut power, mut square) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = multiply(power, square, modulus);
        }
        square = multiply(square, square, modulus);
        exponent >>= 1;
    }
    power
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let run = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.split_at_checked(run).unwrap_or((bytes, &[]))
}

fn exponent(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |sum, byte| {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        (sum * 10 + digit).min(MAX_EXPONENT)
    })
}

fn trim_start(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

fn trim_end(mut digits: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::*;

    fn number(raw: &str) -> Number<'_> {
        Number::new(raw.as_bytes())
    }

    fn multiple(value: &str, divisor: &str) -> bool {
        number(value).is_multiple_of(Divisor::new(number(divisor)).unwrap())
    }

    /// The value times ten to the power of 700, an integer for every number that the tests make.
    fn scaled(raw: &str) -> BigInt {
        let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: BigInt = [whole, fraction].concat().parse().unwrap();
        let exponent = exponent.parse::<i64>().unwrap() - fraction.len() as i64 + 700;
        digits * BigInt::from(10).pow(u32::try_from(exponent).unwrap())
    }

    #[test]
    fn spelling_does_not_matter() {
        for group in [
            &["0", "-0", "0.0", "-0.000", "0e9", "0E-99999999999999999999999"][..],
            &["1", "1.0", "10e-1", "0.1e1", "0.001E+3", "1e0", "1e-0"],
            &["100", "1e2", "1.00e2", "100.00", "1000e-1"],
            &["-12.5", "-125e-1", "-1.25e1", "-12.50"],
            &["9007199254740993", "9007199254740993.0", "9.007199254740993e15"],
        ] {
            for a in group {
                for b in group {
                    assert_eq!(number(a).cmp(number(b)), Ordering::Equal, "{a} {b}");
                    #[cfg(feature = "alloc")]
                    {
                        let bytes = |number: Number<'_>| {
                            let mut bytes = std::vec::Vec::new();
                            number.canonical(|part| bytes.extend_from_slice(part));
                            bytes
                        };
                        assert_eq!(bytes(number(a)), bytes(number(b)), "{a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn order_is_exact_where_floats_round() {
        for ascending in [
            &["9007199254740992", "9007199254740993", "9007199254740993.0000000001"][..],
            &["-1e400", "-2", "-1.0000000000000000000000000001", "-1", "0", "1e-400", "0.1"],
            &["0.1", "0.10000000000000000000000000001", "0.2"],
            &["999999999999999999", "1000000000000000000", "1e18001"],
            &["1e-99999999999999999999", "1e-400", "1", "1e9999999999999999999999"],
            &["9", "10", "99", "99.5", "100"],
        ] {
            for pair in ascending.windows(2) {
                let (a, b) = (number(pair[0]), number(pair[1]));
                assert_eq!(a.cmp(b), Ordering::Less, "{pair:?}");
                assert_eq!(b.cmp(a), Ordering::Greater, "{pair:?}");
            }
        }
    }

    #[test]
    fn integers_by_value() {
        for raw in ["0", "-0.0", "1.0", "1e2", "12.50e1", "1e308", "123456789012345678901234567890"]
        {
            assert!(number(raw).is_integer(), "{raw}");
        }
        for raw in ["0.5", "1e-1", "12.55e1", "1e-400", "123456789012345678901.5"] {
            assert!(!number(raw).is_integer(), "{raw}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(number("2.0").as_u64(), Some(2));
        assert_eq!(number("2e0").as_u64(), Some(2));
        assert_eq!(number("-0.0").as_u64(), Some(0));
        assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(number("18446744073709551615.000").as_u64(), Some(u64::MAX));
        assert_eq!(number("1e19").as_u64(), Some(10_000_000_000_000_000_000));
        for raw in ["18446744073709551616", "-1", "-1.0", "0.5", "1e20", "1e99999999999999999999"] {
            assert_eq!(number(raw).as_u64(), None, "{raw}");
        }
        assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(number("9223372036854775807.0").as_i64(), Some(i64::MAX));
        assert_eq!(number("-1.5e1").as_i64(), Some(-15));
        for raw in ["9223372036854775808", "-9223372036854775809", "1.5"] {
            assert_eq!(number(raw).as_i64(), None, "{raw}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (value, divisor) in [
            ("0.3", "0.1"),
            ("4.02", "0.01"),
            ("0.0075", "0.0001"),
            ("19.99", "0.01"),
            ("1e308", "0.123456789"),
            ("1e308", "0.5"),
            ("12391239123", "1e-8"),
            ("-15", "2.5"),
            ("0.0", "7"),
            ("0", "1e300"),
            ("9007199254740993", "3.0"),
        ] {
            let want = scaled(value) % scaled(divisor) == BigInt::ZERO;
            assert_eq!(multiple(value, divisor), want, "{value} {divisor}");
        }
        assert!(multiple("19.99", "0.01"));
        assert!(!multiple("0.00751", "0.0001"));
        assert!(!multiple("0.5", "1e300"));
    }

    #[test]
    fn divisors_that_cannot_be() {
        for raw in ["0", "-1", "-0.0", "1234567890123456789"] {
            assert_eq!(Divisor::new(number(raw)), None, "{raw}");
        }
        assert!(Divisor::new(number("123456789012345678000e-30")).is_some());
    }

    #[test]
    fn a_million_digits_and_a_huge_exponent_take_no_time() {
        let long = "7".repeat(1_000_000);
        assert!(multiple(&long, "7"));
        assert!(multiple(&long, "0.007"));
        assert!(!multiple(&long, "49.3"));
        assert_eq!(number(&long).cmp(number(&[&long, ".5"].concat())), Ordering::Less);
        assert!(multiple("1e99999999999999999999", "4294967296"));
        assert!(!multiple("1e99999999999999999999", "3"));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_value_has_one_canonical_spelling() {
        // The examples of RFC 8785, appendix B, as far as their spelling is exact.
        for (raw, want) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("10E-1", "1"),
            ("-120", "-120"),
            ("1e2", "100"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1e21", "1e+21"),
            ("999999999999999900000", "999999999999999900000"),
            ("1.5e-27", "1.5e-27"),
            ("9007199254740993", "9007199254740993"),
        ] {
            let mut out = String::new();
            number(raw).write_canonical(&mut out).unwrap();
            assert_eq!(out, want, "{raw}");
        }
    }

    fn spelling() -> impl Strategy<Value = String> {
        // Few different digits, so that equal and nearly equal pairs come up.
        let digits = "[1-9][0-9]{0,24}|0|[1-9]0{0,22}";
        (any::<bool>(), digits, "(\\.[0-9]{1,12}|\\.0{1,9}5?)?", "([eE][+-]?[0-9]{1,2})?").prop_map(
            |(minus, whole, fraction, exponent)| {
                [if minus { "-" } else { "" }, &whole, &fraction, &exponent].concat()
            },
        )
    }

    /// Another spelling of the same value, or of one close to it.
    fn respelled(raw: &str, zeros: usize, nudge: &str) -> String {
        let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
        let exponent: i64 = exponent.parse().unwrap();
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let sign = if whole.starts_with('-') { "-" } else { "" };
        let digits = [whole.trim_start_matches('-'), fraction].concat();
        let digits = match digits.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        let exponent = exponent - fraction.len() as i64;
        std::format!("{sign}{digits}.{}{nudge}e{exponent}", "0".repeat(zeros + 1))
    }

    proptest! {
        #[test]
        fn agrees_with_big_integers(a in spelling(), b in spelling(), zeros in 0_usize..20, nudge in "[01]?") {
            let (x, y) = (scaled(&a), scaled(&b));
            prop_assert_eq!(number(&a).cmp(number(&b)), x.cmp(&y));
            let near = respelled(&a, zeros, &nudge);
            prop_assert_eq!(number(&a).cmp(number(&near)), x.cmp(&scaled(&near)), "{} {}", a, near);
            let one = BigInt::from(10).pow(700);
            prop_assert_eq!(number(&a).is_integer(), &x % &one == BigInt::ZERO);
            let integer = (&x % &one == BigInt::ZERO).then(|| &x / &one);
            let as_u64 = integer.clone().and_then(|i| u64::try_from(i).ok());
            prop_assert_eq!(number(&a).as_u64(), as_u64);
            let as_i64 = integer.and_then(|i| i64::try_from(i).ok());
            prop_assert_eq!(number(&a).as_i64(), as_i64);
            if let Some(divisor) = Divisor::new(number(&b)) {
                prop_assert_eq!(number(&a).is_multiple_of(divisor), &x % &y == BigInt::ZERO);
            }
        }

        #[test]
        fn products_are_multiples(factor in any::<u64>(), digits in 1_u64..1_000_000_000_000_000_000, shift in 0_usize..30) {
            let divisor = std::format!("{digits}e-{shift}");
            let product = BigInt::from(factor) * digits;
            let value = std::format!("{product}e-{shift}");
            prop_assert!(multiple(&value, &divisor), "{} {}", value, divisor);
            let off = std::format!("{}e-{shift}", product + 1);
            prop_assert_eq!(multiple(&off, &divisor), digits == 1, "{} {}", off, divisor);
        }

        #[test]
        fn agrees_with_floats_where_they_are_exact(a in -(1_i64 << 52)..1 << 52, b in -(1_i64 << 52)..1 << 52, halves in 0_i32..40) {
            let (x, y) = (a as f64 / 2_f64.powi(halves), b as f64 / 2_f64.powi(halves));
            // Sixty places print a fraction of at most forty binary digits exactly.
            let (s, t) = (std::format!("{x:.60}"), std::format!("{y:.60}"));
            prop_assert_eq!(number(&s).cmp(number(&t)), x.partial_cmp(&y).unwrap());
            prop_assert_eq!(number(&s).is_integer(), x.fract() == 0.0);
        }
    }
}
