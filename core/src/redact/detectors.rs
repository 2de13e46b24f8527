//! The list of detectors, for reference and for tools: what each looks for, and where that is from.

use core::fmt;

use super::bytes::Set;
use super::identifiers::{IDENTIFIERS, Identifier};
use super::tokens::{TOKENS, Token};
use super::types::{TypeId, WRITTEN};

/// What one detector looks for.
#[derive(Clone, Copy)]
pub struct Detector(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Written(&'static str, &'static str, &'static str),
    Identifier(&'static Identifier),
    Token(&'static Token),
}

/// Detectors that are written out: type, shape, facts.
const SHAPES: &[(TypeId, &str, &str)] = &[
    (
        TypeId::PRIVATE_KEY,
        "`-----BEGIN … PRIVATE KEY…-----` to its END or the end of the text, `\\n` for line breaks too; \
         `PuTTY-User-Key-File-`",
        "RFC 7468, RFC 4880; PuTTY manual, appendix C",
    ),
    (TypeId::URL_PASSWORD, "`scheme://user:PASSWORD@host`", "RFC 3986 section 3.2.1"),
    (
        TypeId::AUTHORIZATION,
        "`Authorization: scheme CREDENTIAL`, `Bearer CREDENTIAL`, `Basic CREDENTIAL`",
        "RFC 9110 section 11.6.2, RFC 6750, RFC 7617",
    ),
    (TypeId::COOKIE, "`Cookie: name=VALUE`, `Set-Cookie:`; names of sessions", "RFC 6265"),
    (
        TypeId::SIGNATURE,
        "`sig=`, `signature=`, `X-Amz-Signature=`",
        "Azure SAS; AWS signature version 4",
    ),
    (
        TypeId::JWT,
        "`eyJ…` `.` `eyJ…` `.` …, or a header with `alg`, `enc`, `typ` or `kid`",
        "RFC 7515, RFC 7516",
    ),
    (
        TypeId::AZURE_SECRET,
        "3 characters, a digit, `Q~`, 31 to 34 more",
        "Microsoft, secret scanning patterns",
    ),
    (TypeId::TELEGRAM, "5 to 16 digits, `:A`, 34 more", "Telegram Bot API, Authorizing your bot"),
    (
        TypeId::DISCORD,
        "a number in base64, `.`, 6 characters, `.`, 27 or more",
        "Discord Developers, Authentication",
    ),
    (
        TypeId::MAILCHIMP,
        "32 hexadecimal digits, `-us`, a number",
        "Mailchimp Marketing API, Authentication",
    ),
    (TypeId::TWILIO, "`SK`, 32 hexadecimal digits", "Twilio REST API, API keys"),
    (TypeId::TERRAFORM, "14 characters, `.atlasv1.`, 60 or more", "HCP Terraform, API tokens"),
    (TypeId::VAULT, "`s.`, 24 letters and digits", "HashiCorp Vault up to 1.9"),
    (
        TypeId::PASSWORD,
        "`password = VALUE` in settings, JSON, YAML, XML, SQL, query strings, flags, tables",
        "by the name, see `redact::key`",
    ),
    (
        TypeId::SECRET,
        "`secret`, `token`, `api_key`, … `= VALUE`, likewise",
        "by the name, see `redact::key`",
    ),
    (TypeId::EMAIL, "`local@domain.top`", "RFC 5321, RFC 6531"),
    (TypeId::PHONE, "`+`, a country code that is assigned, 8 to 15 digits", "ITU-T E.164"),
    (TypeId::IBAN, "a country's length, modulo 97", "ISO 13616, SWIFT's registry"),
    (TypeId::IP, "public IPv4; IPv6 in 2000::/3", "RFC 6890, RFC 4291"),
    (TypeId::MAC, "six pairs with `:` or `-`, three groups with `.`", "EUI-48, IEEE 802"),
    (
        TypeId::BTC,
        "Base58Check of version 0 or 5; bech32, bech32m",
        "Bitcoin wiki, BIP 173, BIP 350",
    ),
    (TypeId::ETH, "`0x`, 40 hexadecimal digits", "Ethereum yellow paper"),
    (TypeId::CARD, "`cvv`, `cvc`, `card_number`: VALUE", "by the name, see `redact::key`"),
    (TypeId::SSN, "`ssn`, `social_security`: VALUE", "by the name, see `redact::key`"),
    (TypeId::NATIONAL_ID, "`tax_id`, `national_id`: VALUE", "by the name, see `redact::key`"),
    (TypeId::PASSPORT, "`passport`: VALUE", "by the name, see `redact::key`"),
    (
        TypeId::BANK_ACCOUNT,
        "`account_number`, `routing_number`: VALUE",
        "by the name, see `redact::key`",
    ),
    (TypeId::LICENCE, "`drivers_license`: VALUE", "by the name, see `redact::key`"),
    (TypeId::BIRTH_DATE, "`dob`, `birthdate`: VALUE", "by the name, see `redact::key`"),
];

const _: () = assert!(SHAPES.len() == WRITTEN.len(), "each type that is written out is described");

impl Detector {
    /// Every detector.
    pub fn all() -> impl Iterator<Item = Self> {
        let written = SHAPES.iter().map(|&(id, shape, facts)| Kind::Written(id.id(), shape, facts));
        let tables = IDENTIFIERS.iter().map(Kind::Identifier).chain(TOKENS.iter().map(Kind::Token));
        written.chain(tables).map(Self)
    }

    /// `group.type`; several detectors may find one type.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self.0 {
            Kind::Written(id, ..) => id,
            Kind::Identifier(row) => row.id,
            Kind::Token(row) => row.id,
        }
    }

    /// Who defines the format, and what of it is checked.
    #[must_use]
    pub const fn facts(&self) -> &'static str {
        match self.0 {
            Kind::Written(_, _, facts) => facts,
            Kind::Identifier(row) => row.facts,
            Kind::Token(row) => row.facts,
        }
    }

    /// The words of which one must stand near, where the shape alone does not tell.
    #[must_use]
    pub const fn words(&self) -> &'static [&'static str] {
        match self.0 {
            Kind::Identifier(row) => row.words,
            _ => &[],
        }
    }

    /// The shapes that tell by themselves, then those that need a word near: `9` is a digit, `N` one from 2
    /// on, `A` a capital, `X` a digit or a capital. None where the detector has a beginning or is written out.
    #[must_use]
    pub const fn forms(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self.0 {
            Kind::Identifier(row) => (row.alone, row.beside),
            _ => (&[], &[]),
        }
    }

    /// The fixed beginnings, with what may follow as a class of a regular expression and how many of it;
    /// none where the detector has a shape.
    #[must_use]
    pub fn beginnings(
        &self,
    ) -> Option<(&'static [&'static str], impl fmt::Display, u16, Option<u16>)> {
        match self.0 {
            Kind::Token(row) => {
                let most = (row.most != u16::MAX).then_some(row.most);
                Some((row.prefixes, Class(row.body), row.least, most))
            }
            _ => None,
        }
    }

    /// The shape in words, of a detector that has neither beginnings nor forms.
    #[must_use]
    pub const fn shape(&self) -> &'static str {
        match self.0 {
            Kind::Written(_, shape, _) => shape,
            _ => "",
        }
    }

    /// Whether the check behind the shape accepts `value`: the letters and digits of a form, or what follows
    /// a beginning. A detector that is written out accepts anything here.
    #[must_use]
    pub fn accepts(&self, value: &[u8]) -> bool {
        match self.0 {
            Kind::Written(..) => true,
            Kind::Identifier(row) => (row.verify)(value),
            Kind::Token(row) => (row.verify)(value),
        }
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A set of bytes as a class of a regular expression.
struct Class(Set);

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        let mut at = 0_u8;
        while at < 128 {
            let first = at;
            while self.0.has(at) {
                at += 1;
            }
            match at - first {
                0 => {}
                len => {
                    if !first.is_ascii_alphanumeric() {
                        f.write_str("\\")?;
                    }
                    write!(f, "{}", char::from(first))?;
                    if len > 1 {
                        write!(f, "-{}", char::from(at - 1))?;
                    }
                }
            }
            at += 1;
        }
        f.write_str("]")
    }
}
