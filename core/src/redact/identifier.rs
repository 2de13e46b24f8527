//! Identifiers of fixed shape: cards, national ids, account numbers, dates of birth.
//!
//! A form spells the shape (`999-99-9999`); its first run of letters and digits must be a whole word
//! of the text, and the forms are indexed by the length of that run. What matches is verified without
//! its separators by check digits, ranges and dates; a form that numbers of other kinds also have
//! counts only beside one of the row's words. Worst case: a word is compared with the forms of its
//! length, about ten, each at most 24 bytes long.

use super::bytes::{ALNUM, DIGITS, before, byte, slice};
use super::value::{is_joined_left, is_joined_right};
use super::verify;

/// One kind of identifier.
pub(super) struct Identifier {
    /// `group.type`.
    pub(super) id: &'static str,
    /// The shapes.
    forms: &'static [Form],
    /// Whether letters and digits, separators removed, satisfy the issuer's rules.
    verify: fn(&[u8]) -> bool,
    /// Words that name it, in lower case.
    words: &'static [&'static str],
}

/// A shape: `9` is a digit, `A` a capital, `X` either; anything else is itself.
enum Form {
    /// Telling by itself.
    Alone(&'static str),
    /// Telling only beside a word.
    Beside(&'static str),
}

use Form::{Alone, Beside};

const fn row(
    id: &'static str,
    forms: &'static [Form],
    verify: fn(&[u8]) -> bool,
    words: &'static [&'static str],
) -> Identifier {
    Identifier { id, forms, verify, words }
}

const CARD: &[&str] = &["card", "credit", "debit", "visa", "mastercard", "amex", "pan", "cc"];
const PHONE: &[&str] =
    &["phone", "telephone", "tel", "mobile", "cell", "fax", "call", "contact", "whatsapp", "sms"];
const ACCOUNT: &[&str] = &["account", "acct", "bank", "kontonummer", "konto", "compte", "cuenta"];
const BIRTH: &[&str] = &["dob", "birth", "birthday", "birthdate", "born", "geburtsdatum"];

/// The kinds. Facts: ISO/IEC 7812 and the networks' BIN tables; NANPA; SSA and IRS for the United
/// States; elsewhere the issuing authority, as collected in the OECD's TIN descriptions.
pub(super) const IDENTIFIERS: &[Identifier] = &[
    row(
        "pii.core.credit_card",
        &[
            Alone("9999999999999999"),
            Alone("999999999999999"),
            Alone("99999999999999"),
            Beside("9999999999999"),
            Beside("99999999999999999"),
            Beside("999999999999999999"),
            Beside("9999999999999999999"),
            Alone("9999 9999 9999 9999"),
            Alone("9999-9999-9999-9999"),
            Alone("9999.9999.9999.9999"),
            Alone("9999 999999 99999"),
            Alone("9999-999999-99999"),
            Alone("9999 999999 9999"),
            Alone("9999-999999-9999"),
            Alone("9999 9999 9999 9999 999"),
            Alone("9999-9999-9999-9999-999"),
        ],
        verify::card,
        CARD,
    ),
    row(
        "pii.core.us_ssn",
        &[Alone("999-99-9999"), Beside("999 99 9999"), Beside("999999999")],
        verify::us_ssn,
        &["ssn", "social", "security", "tax_id"],
    ),
    row(
        "pii.core.phone",
        &[
            Alone("(999) 999-9999"),
            Alone("(999)999-9999"),
            Alone("(999) 999 9999"),
            Alone("(999) 999.9999"),
            Alone("999-999-9999"),
            Alone("999.999.9999"),
            Alone("1-999-999-9999"),
            Alone("1.999.999.9999"),
            Alone("1 (999) 999-9999"),
            Beside("1 999 999 9999"),
            Beside("999 999 9999"),
        ],
        verify::nanp,
        PHONE,
    ),
    row(
        "pii.national.us_itin",
        &[Alone("999-99-9999"), Beside("999999999"), Beside("999 99 9999")],
        verify::us_itin,
        &["itin", "taxpayer"],
    ),
    row(
        "pii.national.us_aba",
        &[Beside("999999999")],
        verify::us_aba,
        &["routing", "aba", "rtn", "transit"],
    ),
    row("pii.national.us_npi", &[Beside("9999999999")], verify::us_npi, &["npi", "provider"]),
    row(
        "pii.national.imei",
        &[Beside("999999999999999"), Alone("99-999999-999999-9")],
        verify::imei,
        &["imei", "device"],
    ),
    row("pii.national.vin", &[Alone("XXXXXXXXXXXXXXXXX")], verify::vin, &[]),
    row(
        "pii.national.ca_sin",
        &[Alone("999-999-999"), Alone("999 999 999"), Beside("999999999")],
        verify::ca_sin,
        &["sin", "insurance", "nas"],
    ),
    row(
        "pii.national.uk_nhs",
        &[Alone("999 999 9999"), Alone("999-999-9999"), Beside("9999999999")],
        verify::uk_nhs,
        &["nhs"],
    ),
    row(
        "pii.national.uk_nino",
        &[Alone("AA999999A"), Alone("AA 99 99 99 A"), Alone("AA-99-99-99-A")],
        verify::uk_nino,
        &[],
    ),
    row(
        "pii.national.de_tax_id",
        &[Beside("99999999999"), Beside("99 999 999 999")],
        verify::de_tax_id,
        &["steuer", "steuerid", "idnr", "tin", "tax", "identifikationsnummer"],
    ),
    row(
        "pii.national.fr_nir",
        &[
            Alone("999999999999999"),
            Alone("9 99 99 99 999 999 99"),
            Alone("999992A99999999"),
            Alone("999992B99999999"),
            Alone("9999999999999 99"),
        ],
        verify::fr_nir,
        &[],
    ),
    row("pii.national.es_nif", &[Alone("99999999A"), Alone("99999999-A")], verify::es_nif, &[]),
    row("pii.national.es_nie", &[Alone("A9999999A"), Alone("A-9999999-A")], verify::es_nie, &[]),
    row("pii.national.it_cf", &[Alone("AAAAAA99A99A999A")], verify::it_cf, &[]),
    row(
        "pii.national.fi_hetu",
        &[Alone("999999-999X"), Alone("999999+999X"), Alone("999999A999X")],
        verify::fi_hetu,
        &[],
    ),
    row(
        "pii.national.se_personnummer",
        &[
            Alone("999999-9999"),
            Alone("99999999-9999"),
            Beside("9999999999"),
            Beside("999999999999"),
        ],
        verify::se_personnummer,
        &["personnummer", "pnr", "samordningsnummer"],
    ),
    row(
        "pii.national.no_fnr",
        &[Beside("99999999999"), Beside("999999 99999")],
        verify::no_fnr,
        &["fødselsnummer", "fodselsnummer", "fnr", "personnummer"],
    ),
    row(
        "pii.national.dk_cpr",
        &[Beside("999999-9999"), Beside("9999999999")],
        verify::day_month_year,
        &["cpr", "personnummer"],
    ),
    row("pii.national.pl_pesel", &[Beside("99999999999")], verify::pl_pesel, &["pesel"]),
    row(
        "pii.national.nl_bsn",
        &[Beside("999999999"), Beside("9999.99.999")],
        verify::nl_bsn,
        &["bsn", "burgerservicenummer", "sofinummer"],
    ),
    row(
        "pii.national.be_nrn",
        &[Alone("99.99.99-999.99"), Beside("99999999999")],
        verify::be_nrn,
        &["nrn", "rijksregister", "rijksregisternummer", "insz", "niss"],
    ),
    row(
        "pii.national.cz_rc",
        &[Beside("999999/9999"), Beside("9999999999")],
        verify::cz_rc,
        &["rodné", "rodne", "rc", "birth"],
    ),
    row("pii.national.ro_cnp", &[Beside("9999999999999")], verify::ro_cnp, &["cnp"]),
    row("pii.national.bg_egn", &[Beside("9999999999")], verify::bg_egn, &["egn"]),
    row("pii.national.ee_isikukood", &[Beside("99999999999")], verify::ee_id, &["isikukood"]),
    row("pii.national.hr_oib", &[Beside("99999999999")], verify::hr_oib, &["oib"]),
    row(
        "pii.national.pt_nif",
        &[Beside("999999999"), Beside("999 999 999")],
        verify::pt_nif,
        &["nif", "contribuinte"],
    ),
    row(
        "pii.national.at_svnr",
        &[Beside("9999999999"), Beside("9999 999999")],
        verify::at_svnr,
        &["svnr", "sozialversicherungsnummer", "svnummer"],
    ),
    row(
        "pii.national.tr_tckn",
        &[Beside("99999999999")],
        verify::tr_tckn,
        &["tckn", "kimlik", "tc"],
    ),
    row("pii.national.gr_amka", &[Beside("99999999999")], verify::gr_amka, &["amka"]),
    row(
        "pii.national.ch_ahv",
        &[Alone("756.9999.9999.99"), Beside("7569999999999")],
        verify::ch_ahv,
        &["ahv", "avs"],
    ),
    row(
        "pii.national.th_id",
        &[Alone("9-9999-99999-99-9"), Beside("9999999999999")],
        verify::th_id,
        &["thai", "national"],
    ),
    row("pii.national.kr_rrn", &[Alone("999999-9999999")], verify::kr_rrn, &[]),
    row("pii.national.cn_id", &[Alone("99999999999999999X")], verify::cn_id, &[]),
    row("pii.national.mx_curp", &[Alone("AAAA999999AAAAAAX9")], verify::mx_curp, &[]),
    row(
        "pii.national.br_cpf",
        &[Alone("999.999.999-99"), Beside("99999999999"), Beside("999999999-99")],
        verify::br_cpf,
        &["cpf"],
    ),
    row(
        "pii.national.br_cnpj",
        &[Alone("99.999.999/9999-99"), Beside("99999999999999")],
        verify::br_cnpj,
        &["cnpj"],
    ),
    row(
        "pii.national.in_aadhaar",
        &[Alone("9999 9999 9999"), Alone("9999-9999-9999"), Beside("999999999999")],
        verify::in_aadhaar,
        &["aadhaar", "aadhar", "uidai", "uid"],
    ),
    row("pii.national.in_pan", &[Alone("AAAAA9999A")], verify::in_pan, &[]),
    row(
        "pii.national.au_tfn",
        &[Beside("999999999"), Beside("999 999 999"), Beside("99999999")],
        verify::au_tfn,
        &["tfn", "tax"],
    ),
    row(
        "pii.national.au_abn",
        &[Beside("99999999999"), Beside("99 999 999 999")],
        verify::au_abn,
        &["abn"],
    ),
    row(
        "pii.national.au_medicare",
        &[Beside("9999999999"), Beside("9999 99999 9")],
        verify::au_medicare,
        &["medicare"],
    ),
    row("pii.national.sg_nric", &[Alone("A9999999A")], verify::sg_nric, &[]),
    row(
        "pii.national.za_id",
        &[Beside("9999999999999")],
        verify::za_id,
        &["id", "identity", "rsa"],
    ),
    row("pii.national.il_id", &[Beside("999999999")], verify::il_id, &["teudat", "zehut"]),
    row(
        "pii.weak.passport",
        &[
            Beside("A99999999"),
            Beside("999999999"),
            Beside("AA9999999"),
            Beside("AA999999"),
            Beside("A9999999"),
            Beside("99AA99999"),
        ],
        verify::any,
        &["passport", "reisepass", "passeport", "pasaporte"],
    ),
    row(
        "pii.weak.driving_licence",
        &[
            Beside("A9999999"),
            Beside("A99999999"),
            Beside("A999999999999"),
            Beside("A999-9999-9999"),
            Beside("99999999"),
            Beside("999999999"),
            Beside("AA999999"),
            Beside("AAAAA999999XX9XX"),
        ],
        verify::any,
        &["licence", "license", "driver", "drivers", "dl", "führerschein"],
    ),
    row(
        "pii.weak.bank_account",
        &[
            Beside("9999999"),
            Beside("99999999"),
            Beside("999999999"),
            Beside("9999999999"),
            Beside("99999999999"),
            Beside("999999999999"),
            Beside("9999999999999"),
            Beside("99999999999999"),
        ],
        verify::any,
        ACCOUNT,
    ),
    row(
        "pii.weak.birth_date",
        &[
            Beside("9999-99-99"),
            Beside("9999/99/99"),
            Beside("99/99/9999"),
            Beside("99.99.9999"),
            Beside("99-99-9999"),
        ],
        verify::any,
        BIRTH,
    ),
    row(
        "pii.weak.phone",
        &[
            Beside("9999999999"),
            Beside("1999999999"),
            Beside("099 9999 9999"),
            Beside("099 9999999"),
            Beside("09999 999999"),
            Beside("0999 9999999"),
            Beside("0999 999 9999"),
            Beside("0999 99999999"),
            Beside("09999 99999"),
            Beside("09999999999"),
            Beside("09 99 99 99 99"),
            Beside("09 9999 9999"),
            Beside("999-9999"),
        ],
        verify::varied,
        PHONE,
    ),
];

/// A form beside its row.
#[derive(Clone, Copy)]
struct Entry {
    pattern: &'static str,
    row: u8,
    alone: bool,
}

const FORMS: [Entry; count()] = {
    let mut all = [Entry { pattern: "", row: 0, alone: false }; count()];
    let (mut row, mut len) = (0, 0);
    while row < IDENTIFIERS.len() {
        let forms = IDENTIFIERS[row].forms;
        let mut at = 0;
        while at < forms.len() {
            let (pattern, alone) = match forms[at] {
                Alone(pattern) => (pattern, true),
                Beside(pattern) => (pattern, false),
            };
            all[len] = Entry { pattern, row: row as u8, alone };
            len += 1;
            at += 1;
        }
        row += 1;
    }
    all
};

const fn count() -> usize {
    let (mut row, mut sum) = (0, 0);
    while row < IDENTIFIERS.len() {
        sum += IDENTIFIERS[row].forms.len();
        row += 1;
    }
    sum
}

/// Longest first run of a form.
const LONGEST: usize = 19;

/// The forms by the length of their first run: `heads` has the first, `next` the one after, both
/// counted from one.
struct Index {
    heads: [u8; LONGEST + 1],
    next: [u8; count()],
}

static INDEX: Index = {
    assert!(count() < 256, "an index entry is one byte");
    let mut index = Index { heads: [0; LONGEST + 1], next: [0; count()] };
    // From the last to the first, so that a bucket lists its forms in the table's order.
    let mut at = FORMS.len();
    while at > 0 {
        at -= 1;
        let pattern = FORMS[at].pattern.as_bytes();
        let mut len = 0;
        while len < pattern.len() && pattern[len].is_ascii_alphanumeric() {
            len += 1;
        }
        index.next[at] = index.heads[len];
        index.heads[len] = at as u8 + 1;
    }
    index
};

/// Calls `found` with the row and the end of each identifier that begins at `at`, where a word of
/// `len` bytes (or an opening parenthesis, `len` 0) is; `beside` answers whether one of some words
/// stands near.
pub(super) fn find<E>(
    text: &[u8],
    at: usize,
    len: usize,
    beside: impl Fn(&[&str]) -> bool,
    mut found: impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = INDEX.heads.get(len).copied().unwrap_or(0);
    while let Some(i) = usize::from(next).checked_sub(1) {
        next = INDEX.next.get(i).copied().unwrap_or(0);
        let Some(entry) = FORMS.get(i) else { break };
        // Most forms already differ in the sign behind the first run.
        let sign = entry.pattern.as_bytes().get(len).copied();
        if sign.is_some_and(|sign| sign != byte(text, at + len)) {
            continue;
        }
        let mut digits = [0; 24];
        let Some(compact) = matched(text, at, entry.pattern.as_bytes(), &mut digits) else {
            continue;
        };
        let end = at + entry.pattern.len();
        let Some(row) = IDENTIFIERS.get(usize::from(entry.row)) else {
            break;
        };
        if is_bounded(text, at, end) && (row.verify)(compact) && (entry.alone || beside(row.words))
        {
            found(usize::from(entry.row), end)?;
        }
    }
    Ok(())
}

/// The letters and digits of what `pattern` matches at `at`.
fn matched<'d>(
    text: &[u8],
    at: usize,
    pattern: &[u8],
    digits: &'d mut [u8; 24],
) -> Option<&'d [u8]> {
    let head = text.get(at..at + pattern.len())?;
    let mut len = 0;
    for (&want, &byte) in pattern.iter().zip(head) {
        let fits = match want {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'X' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            other => byte == other,
        };
        if !fits {
            return None;
        }
        if ALNUM.has(byte) {
            *digits.get_mut(len)? = byte;
            len += 1;
        }
    }
    digits.get(..len)
}

/// Whether `text[at..end]` is not a piece of something longer: a decimal fraction, a dotted or dashed
/// number, a time, a UUID.
fn is_bounded(text: &[u8], at: usize, end: usize) -> bool {
    let joins = |byte| matches!(byte, b'-' | b'.' | b'/' | b':' | b'+');
    let (left, right) = (before(text, at), byte(text, end));
    let cut_left = joins(left)
        && at >= 2
        && match left {
            b'-' => is_joined_left(text, at - 1),
            _ => DIGITS.has(before(text, at - 1)),
        };
    let cut_right = match right {
        b'-' => is_joined_right(text, end + 1),
        b'.' | b'/' | b':' => DIGITS.has(byte(text, end + 1)) && slice(text, at, end).len() < 24,
        _ => is_joined_right(text, end),
    };
    !cut_left && !cut_right && left != b'.' && !is_joined_left(text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str, len: usize) -> std::vec::Vec<&'static str> {
        let mut ids = std::vec::Vec::new();
        let beside = |words: &[&str]| words.iter().any(|word| text.contains(word));
        find(text.as_bytes(), 0, len, beside, |row, _| {
            ids.push(IDENTIFIERS[row].id);
            Ok::<(), ()>(())
        })
        .unwrap();
        ids
    }

    #[test]
    fn forms_alone_and_beside_their_words() {
        assert_eq!(ids("123-45-6789", 3), ["pii.core.us_ssn"]);
        assert!(ids("000-45-6789", 3).is_empty() && ids("666-45-6789", 3).is_empty());
        assert!(ids("123456789", 9).is_empty());
        assert_eq!(ids("123456789 ssn", 9), ["pii.core.us_ssn"]);
        assert_eq!(ids("4111111111111111", 16), ["pii.core.credit_card"]);
        assert_eq!(ids("4111 1111 1111 1111 12/27", 4), ["pii.core.credit_card"]);
        assert!(ids("4111111111111112", 16).is_empty());
    }

    #[test]
    fn pieces_of_longer_numbers_are_none() {
        assert!(ids("123-45-6789-1", 3).is_empty());
        assert!(ids("123-45-6789x", 3).is_empty());
        assert!(!is_bounded(b"0.4111111111111111", 2, 18));
        assert!(is_bounded(b"card: 4111111111111111.", 6, 22));
    }
}
