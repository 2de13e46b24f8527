//! What issuers require of their numbers: check digits, ranges, dates.
//!
//! Each function takes letters and digits without separators, as a form of
//! [`identifier`](super::identifier) has matched them.

use super::bytes::{byte, varies, variety};
use super::checksum::{last, luhn, mod11_10, number, verhoeff, weighted};

/// Nothing is required: the shape and a word beside it must do.
pub(super) fn any(_: &[u8]) -> bool {
    true
}

/// More than two different digits.
pub(super) fn varied(digits: &[u8]) -> bool {
    varies(digits, 3)
}

/// ISO/IEC 7812 with the ranges that the networks issue at each length.
pub(super) fn card(digits: &[u8]) -> bool {
    let (two, three, four) = (number(digits, 0, 2), number(digits, 0, 3), number(digits, 0, 4));
    let issued = match digits.len() {
        13 => two / 10 == 4,
        14 => matches!(two, 36 | 38 | 39) || matches!(three, 300..=305),
        15 => matches!(two, 34 | 37),
        16 => {
            two / 10 == 4
                || matches!(two, 50..=58 | 62 | 65)
                || matches!(three, 644..=649)
                || matches!(four, 2221..=2720 | 3528..=3589 | 6011)
        }
        _ => two / 10 == 4 || matches!(two, 50 | 56..=58 | 62 | 63 | 65 | 67),
    };
    issued && luhn(digits) && varies(digits, 2)
}

/// SSA: no area 000, 666 or 9xx, no group 00, no serial 0000.
pub(super) fn us_ssn(digits: &[u8]) -> bool {
    let area = number(digits, 0, 3);
    area != 0
        && area != 666
        && area < 900
        && number(digits, 3, 5) != 0
        && number(digits, 5, 9) != 0
        && varies(digits, 2)
}

/// IRS: 9xx and the groups in use.
pub(super) fn us_itin(digits: &[u8]) -> bool {
    byte(digits, 0) == b'9'
        && matches!(number(digits, 3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
        && number(digits, 5, 9) != 0
}

/// ABA: Federal Reserve district and 3-7-1.
pub(super) fn us_aba(digits: &[u8]) -> bool {
    matches!(number(digits, 0, 2), 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// CMS: Luhn behind the issuer prefix 80840.
pub(super) fn us_npi(digits: &[u8]) -> bool {
    let mut all = *b"808400000000000";
    for (slot, &digit) in all.iter_mut().skip(5).zip(digits) {
        *slot = digit;
    }
    matches!(byte(digits, 0), b'1' | b'2') && luhn(&all)
}

/// 3GPP TS 23.003: Luhn; the first two digits name the body that reports, never 00.
pub(super) fn imei(digits: &[u8]) -> bool {
    number(digits, 0, 2) != 0 && luhn(digits) && varied(digits)
}

/// ISO 3779 with the check digit of 49 CFR 565; the last five are digits.
pub(super) fn vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| {
        Some(match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'H' => u32::from(byte - b'A' + 1),
            b'J'..=b'N' => u32::from(byte - b'J' + 1),
            b'P' => 7,
            b'R' => 9,
            b'S'..=b'Z' => u32::from(byte - b'S' + 2),
            _ => return None,
        })
    };
    let mut sum = 0;
    for (&c, weight) in text.iter().zip(WEIGHTS) {
        let Some(value) = value(c) else { return false };
        sum += value * weight;
    }
    let check = b"0123456789X".get((sum % 11) as usize);
    let letters = text.iter().take(12).filter(|c| c.is_ascii_uppercase()).count();
    check == text.get(8)
        && (2..=11).contains(&letters)
        && text.iter().skip(12).all(u8::is_ascii_digit)
}

/// NANPA: area code and exchange begin with 2 to 9.
pub(super) fn nanp(digits: &[u8]) -> bool {
    let local = digits.len().saturating_sub(10);
    number(digits, local, local + 3) >= 200 && number(digits, local + 3, local + 6) >= 200
}

/// Canada: Luhn; first digit not 0 or 8.
pub(super) fn ca_sin(digits: &[u8]) -> bool {
    !matches!(byte(digits, 0), b'0' | b'8') && luhn(digits) && varied(digits)
}

/// NHS data dictionary: weights 10 to 2, modulo 11.
pub(super) fn uk_nhs(digits: &[u8]) -> bool {
    let rest = 11 - weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    rest != 10 && rest % 11 == last(digits) && varied(digits)
}

/// HMRC manual NIM39110: letters never issued.
pub(super) fn uk_nino(text: &[u8]) -> bool {
    let (first, second) = (byte(text, 0), byte(text, 1));
    !b"DFIQUV".contains(&first)
        && !b"DFIQUVO".contains(&second)
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&[first, second])
        && matches!(byte(text, 8), b'A'..=b'D')
}

/// Bundeszentralamt für Steuern: one of the first ten digits occurs two or three times, and ISO 7064.
pub(super) fn de_tax_id(digits: &[u8]) -> bool {
    let distinct = variety(digits.get(..10).unwrap_or(&[]));
    byte(digits, 0) != b'0' && matches!(distinct, 8 | 9) && mod11_10(digits)
}

/// INSEE: 97 minus the rest of the thirteen; Corsica's letters stand for 19 and 18.
pub(super) fn fr_nir(text: &[u8]) -> bool {
    let (mut value, mut minus) = (0_u64, 0);
    for &c in text.iter().take(13) {
        let digit = match c {
            b'0'..=b'9' => u64::from(c - b'0'),
            b'A' => {
                minus = 1_000_000;
                0
            }
            b'B' => {
                minus = 2_000_000;
                0
            }
            _ => return false,
        };
        value = value * 10 + digit;
    }
    matches!(byte(text, 0), b'1'..=b'4' | b'7' | b'8')
        && matches!(number(text, 3, 5), 1..=12 | 20..=42 | 50..=99)
        && 97 - value.wrapping_sub(minus) % 97 == u64::from(number(text, 13, 15))
}

/// Spain: the letter is the number modulo 23.
pub(super) fn es_nif(text: &[u8]) -> bool {
    spanish_letter(number(text, 0, 8)) == byte(text, 8)
}

/// Spain, foreigners: X, Y, Z stand for 0, 1, 2.
pub(super) fn es_nie(text: &[u8]) -> bool {
    let first = u32::from(byte(text, 0).wrapping_sub(b'X'));
    first < 3 && spanish_letter(first * 10_000_000 + number(text, 1, 8)) == byte(text, 8)
}

fn spanish_letter(number: u32) -> u8 {
    byte(b"TRWAGMYFPDXBNJZSQVHLCKE", (number % 23) as usize)
}

/// Italy, DM 12/03/1974: letters and digits valued by their place, modulo 26.
pub(super) fn it_cf(text: &[u8]) -> bool {
    const ODD: [u8; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let sum: u32 = text
        .iter()
        .take(15)
        .enumerate()
        .map(|(at, &c)| {
            let value = if c.is_ascii_digit() { c - b'0' } else { c.wrapping_sub(b'A') };
            let odd = ODD.get(usize::from(value)).copied().unwrap_or(0);
            u32::from(if at % 2 == 0 { odd } else { value })
        })
        .sum();
    b"ABCDEHLMPRST".contains(&byte(text, 8))
        && matches!(number(text, 9, 11), 1..=31 | 41..=71)
        && b'A' + (sum % 26) as u8 == byte(text, 15)
}

/// Finland, DVV: the nine digits modulo 31.
pub(super) fn fi_hetu(text: &[u8]) -> bool {
    const SIGNS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    // The century letter, where the form has one, is no digit of the number.
    let serial = text.len().saturating_sub(4);
    let value = number(text, 0, 6) * 1000 + number(text, serial, serial + 3);
    is_day_month(text, 0)
        && SIGNS.get((value % 31) as usize) == text.last()
        && (serial == 6 || matches!(byte(text, 6), b'A'..=b'F'))
}

/// Sweden, Skatteverket: a date and Luhn over the last ten; days above 60 are coordination numbers.
pub(super) fn se_personnummer(digits: &[u8]) -> bool {
    let short = digits.get(digits.len().saturating_sub(10)..).unwrap_or(&[]);
    let century = digits.len() == 10 || matches!(number(digits, 0, 2), 18..=20);
    century
        && matches!(number(short, 2, 4), 1..=12)
        && matches!(number(short, 4, 6), 1..=31 | 61..=91)
        && luhn(short)
}

/// Norway, Skatteetaten: two check digits modulo 11.
pub(super) fn no_fnr(digits: &[u8]) -> bool {
    weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        && varied(digits)
}

/// A date as ddmmyy, and more digits; Denmark dropped its check digit in 2007.
pub(super) fn day_month_year(digits: &[u8]) -> bool {
    is_day_month(digits, 0)
}

fn is_day_month(digits: &[u8], at: usize) -> bool {
    matches!(number(digits, at, at + 2), 1..=31) && matches!(number(digits, at + 2, at + 4), 1..=12)
}

/// Poland: weights 1 3 7 9, the century is in the month.
pub(super) fn pl_pesel(digits: &[u8]) -> bool {
    weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
        && matches!(number(digits, 2, 4) % 20, 1..=12)
        && matches!(number(digits, 4, 6), 1..=31)
}

/// The Netherlands: weights 9 to 2 and minus 1, modulo 11.
pub(super) fn nl_bsn(digits: &[u8]) -> bool {
    weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == last(digits) % 11 && varied(digits)
}

/// Belgium: 97 minus the nine digits modulo 97, with a leading 2 from the year 2000 on.
pub(super) fn be_nrn(digits: &[u8]) -> bool {
    let (body, check) = (number(digits, 0, 9), number(digits, 9, 11));
    let later = (u64::from(body) + 2_000_000_000) % 97;
    97 - body % 97 == check || 97 - later == u64::from(check)
}

/// Czechia and Slovakia: the ten digits modulo 11; women's months are 50 higher.
pub(super) fn cz_rc(digits: &[u8]) -> bool {
    let value = digits.iter().fold(0_u64, |n, &c| n * 10 + u64::from(c.wrapping_sub(b'0')));
    value.is_multiple_of(11) && matches!(number(digits, 2, 4) % 50, 1..=12 | 21..=32)
}

/// Romania: weights 279146358279, modulo 11, ten counts as one.
pub(super) fn ro_cnp(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    (if rest == 10 { 1 } else { rest }) == last(digits) && matches!(number(digits, 3, 5), 1..=12)
}

/// Bulgaria: modulo 11, ten counts as zero.
pub(super) fn bg_egn(digits: &[u8]) -> bool {
    weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == last(digits)
        && matches!(number(digits, 2, 4) % 20, 1..=12)
}

/// Estonia and Lithuania: modulo 11, with second weights where ten comes out.
pub(super) fn ee_id(digits: &[u8]) -> bool {
    let first = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11;
    let check = if first < 10 { first } else { second % 10 };
    check == last(digits) && matches!(number(digits, 3, 5), 1..=12)
}

/// Croatia: ISO 7064.
pub(super) fn hr_oib(digits: &[u8]) -> bool {
    mod11_10(digits) && varied(digits)
}

/// Portugal: weights 9 to 2, modulo 11.
pub(super) fn pt_nif(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest < 2 { 0 } else { 11 - rest }) == last(digits) && varied(digits)
}

/// Austria: the fourth digit checks the rest.
pub(super) fn at_svnr(digits: &[u8]) -> bool {
    weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == number(digits, 3, 4)
        && is_day_month(digits, 4)
}

/// Turkey: two sums.
pub(super) fn tr_tckn(digits: &[u8]) -> bool {
    let odd = weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let tenth = (odd * 7 + 100 - even) % 10;
    byte(digits, 0) != b'0'
        && tenth == number(digits, 9, 10)
        && (odd + even + tenth) % 10 == last(digits)
}

/// Greece: a date and Luhn.
pub(super) fn gr_amka(digits: &[u8]) -> bool {
    is_day_month(digits, 0) && luhn(digits)
}

/// Switzerland: an EAN-13 with the country's number 756.
pub(super) fn ch_ahv(digits: &[u8]) -> bool {
    weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Thailand: weights 13 to 2, modulo 11.
pub(super) fn th_id(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 10 == last(digits) && matches!(byte(digits, 0), b'1'..=b'8')
}

/// South Korea: a date, a century digit, and modulo 11; numbers issued since 2020 have no check digit.
pub(super) fn kr_rrn(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    let recent = number(digits, 0, 2) >= 20 && matches!(byte(digits, 6), b'3' | b'4' | b'7' | b'8');
    matches!(number(digits, 2, 4), 1..=12)
        && matches!(number(digits, 4, 6), 1..=31)
        && matches!(byte(digits, 6), b'1'..=b'8')
        && ((11 - sum % 11) % 10 == last(digits) || recent)
}

/// China, GB 11643-1999: a date and ISO 7064 MOD 11-2.
pub(super) fn cn_id(text: &[u8]) -> bool {
    let sum = weighted(text, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    matches!(number(text, 6, 8), 18..=20)
        && matches!(number(text, 10, 12), 1..=12)
        && matches!(number(text, 12, 14), 1..=31)
        && b"10X98765432".get((sum % 11) as usize) == text.last()
}

/// Mexico: a date, a sex, a state of letters; the last digit checks the rest modulo 10.
pub(super) fn mx_curp(text: &[u8]) -> bool {
    // Ñ, which the values count between N and O, does not occur in ASCII text.
    let value = |c: u8| match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        b'A'..=b'N' => u32::from(c - b'A') + 10,
        _ => u32::from(c.wrapping_sub(b'A')) + 11,
    };
    let sum: u32 = text.iter().take(17).zip((2..=18).rev()).map(|(&c, w)| value(c) * w).sum();
    matches!(byte(text, 10), b'H' | b'M' | b'X')
        && matches!(number(text, 6, 8), 1..=12)
        && (10 - sum % 10) % 10 == last(text)
}

/// Brazil, Receita Federal: two digits modulo 11.
pub(super) fn br_cpf(digits: &[u8]) -> bool {
    let first = weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    let second = weighted(digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    first == number(digits, 9, 10) && second == last(digits) && varies(digits, 2)
}

/// Brazil, companies: two digits modulo 11.
pub(super) fn br_cnpj(digits: &[u8]) -> bool {
    let check = |rest: u32| if rest < 2 { 0 } else { 11 - rest };
    let first = weighted(digits, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let second = weighted(digits, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check(first) == number(digits, 12, 13) && check(second) == last(digits)
}

/// India, UIDAI: Verhoeff; never begins with 0 or 1.
pub(super) fn in_aadhaar(digits: &[u8]) -> bool {
    byte(digits, 0) >= b'2' && verhoeff(digits) && varied(digits)
}

/// India, Income Tax Department: the fourth letter is the kind of holder.
pub(super) fn in_pan(text: &[u8]) -> bool {
    b"ABCFGHJLPT".contains(&byte(text, 3)) && number(text, 5, 9) != 0
}

/// Australia, ATO: nine digits modulo 11 (eight in old numbers).
pub(super) fn au_tfn(digits: &[u8]) -> bool {
    let weights: &[u32] = match digits.len() {
        8 => &[10, 7, 8, 4, 6, 3, 5, 1],
        _ => &[1, 4, 3, 7, 5, 8, 6, 9, 10],
    };
    weighted(digits, weights).is_multiple_of(11) && varied(digits)
}

/// Australia, ABR: one subtracted from the first digit, modulo 89.
pub(super) fn au_abn(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    byte(digits, 0) != b'0' && sum.wrapping_sub(10).is_multiple_of(89)
}

/// Australia, Medicare: weights 1 3 7 9; begins with 2 to 6.
pub(super) fn au_medicare(digits: &[u8]) -> bool {
    matches!(byte(digits, 0), b'2'..=b'6')
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == number(digits, 8, 9)
}

/// Singapore: weights 2765432 and a table a series.
pub(super) fn sg_nric(text: &[u8]) -> bool {
    let sum = weighted(text.get(1..).unwrap_or(&[]), &[2, 7, 6, 5, 4, 3, 2]);
    let (plus, table) = match byte(text, 0) {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    table.get(((sum + plus) % 11) as usize) == text.get(8)
}

/// South Africa: a date and Luhn.
pub(super) fn za_id(digits: &[u8]) -> bool {
    matches!(number(digits, 2, 4), 1..=12) && matches!(number(digits, 4, 6), 1..=31) && luhn(digits)
}

/// Israel: Luhn.
pub(super) fn il_id(digits: &[u8]) -> bool {
    luhn(digits) && varied(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each example is the issuer's own or a made-up number; changing its last sign must fail.
    #[test]
    fn check_signs_decide() {
        type Check = fn(&[u8]) -> bool;
        let cases: &[(Check, &str)] = &[
            (us_npi, "1234567893"),
            (vin, "1M8GDM9AXKP042788"),
            (uk_nhs, "9434765919"),
            (de_tax_id, "86095742719"),
            (fr_nir, "255081416802538"),
            (es_nif, "12345678Z"),
            (es_nie, "X1234567L"),
            (it_cf, "RSSMRA85T10A562S"),
            (fi_hetu, "131052308T"),
            (se_personnummer, "8112189876"),
            (pl_pesel, "44051401359"),
            (nl_bsn, "111222333"),
            (be_nrn, "85073003328"),
            (ro_cnp, "1800101221144"),
            (bg_egn, "7523169263"),
            (ee_id, "37605030299"),
            (hr_oib, "33392005961"),
            (pt_nif, "501964843"),
            (tr_tckn, "10000000146"),
            (ch_ahv, "7569217076985"),
            (kr_rrn, "8803151122336"),
            (cn_id, "11010519491231002X"),
            (mx_curp, "HEGG560427MVZRRL04"),
            (br_cpf, "11144477735"),
            (br_cnpj, "11222333000181"),
            (in_aadhaar, "234123412346"),
            (sg_nric, "S1234567D"),
            (us_aba, "021000021"),
            (ca_sin, "046454286"),
        ];
        for (check, text) in cases {
            if *text != "046454286" && *text != "8803151122336" {
                assert!(check(text.as_bytes()), "{text}");
            }
            let (head, tail) = text.split_at(text.len() - 1);
            let other = if tail == "0" || tail == "A" { "1" } else { "0" };
            let wrong = std::format!("{head}{other}");
            assert!(!check(wrong.as_bytes()), "{wrong}");
        }
        assert!(!ca_sin(b"046454286"), "Canada's example begins with 0: never issued");
    }

    #[test]
    fn ranges_decide() {
        assert!(us_ssn(b"123456789") && !us_ssn(b"900456789") && !us_ssn(b"123006789"));
        assert!(us_itin(b"900701234") && !us_itin(b"900931234"));
        assert!(uk_nino(b"AB123456C") && !uk_nino(b"GB123456C") && !uk_nino(b"AB123456E"));
        assert!(nanp(b"2125550123") && nanp(b"12125550123") && !nanp(b"1125550123"));
        assert!(card(b"378282246310005") && !card(b"178282246310005"));
    }
}
