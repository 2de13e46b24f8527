//! The identifiers of fixed shape that are known: cards, national ids, account numbers, dates of birth.
//!
//! A row is all that an identifier needs; [`identifier`](super::identifier) matches it.

use super::verify;

/// One kind of identifier.
pub(super) struct Identifier {
    /// `group.type`.
    pub(super) id: &'static str,
    /// The shapes.
    pub(super) forms: &'static [Form],
    /// Whether letters and digits, separators removed, satisfy the issuer's rules.
    pub(super) verify: fn(&[u8]) -> bool,
    /// Words that name it, in lower case.
    pub(super) words: &'static [&'static str],
}

/// A shape: `9` is a digit, `A` a capital, `X` either; anything else is itself.
pub(super) enum Form {
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
/// Those of them that name nothing else.
const TELEPHONE: &[&str] = &["phone", "telephone", "tel", "mobile", "fax", "whatsapp"];
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
        TELEPHONE,
    ),
];
