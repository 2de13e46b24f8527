//! Valid values of every type, made at random, and the places where they must be found.
#![cfg(feature = "alloc")]

use std::format;
use std::string::String;
use std::vec::Vec;

use super::identifiers::IDENTIFIERS;
use super::tokens::{TOKENS, Token};
use super::*;

/// xorshift64* (S. Vigna): the same values on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn one_of(&mut self, bytes: &[u8]) -> char {
        char::from(bytes[self.below(bytes.len())])
    }

    fn text(&mut self, bytes: &[u8], len: usize) -> String {
        (0..len).map(|_| self.one_of(bytes)).collect()
    }

    /// What `pattern` spells, filled until `verify` accepts it.
    fn filled(&mut self, pattern: &str, verify: fn(&[u8]) -> bool) -> String {
        for _ in 0..4_000_000 {
            let value: String = pattern
                .chars()
                .map(|c| match c {
                    '9' => self.one_of(b"0123456789"),
                    'N' => self.one_of(b"23456789"),
                    'A' => self.one_of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                    'X' => self.one_of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                    other => other,
                })
                .collect();
            let compact: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
            if verify(&compact) {
                return value;
            }
        }
        panic!("{pattern} is never valid");
    }

    fn token(&mut self, prefix: &str, token: &Token) -> String {
        let set: Vec<u8> = (0..128).filter(|&byte| token.body.has(byte)).collect();
        let most = usize::from(token.most).min(usize::from(token.least) + 8);
        for _ in 0..4_000_000 {
            let len = usize::from(token.least) + self.below(most + 1 - usize::from(token.least));
            let mut body = self.text(&set, len);
            if prefix == "A3-" {
                body = self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 36);
                for at in [6, 18, 24, 30] {
                    body.replace_range(at..=at, "-");
                }
            }
            // Signs at the ends may belong to what stands around.
            let ends = [body.as_bytes()[0], body.as_bytes()[body.len() - 1]];
            if ends.iter().all(u8::is_ascii_alphanumeric) && (token.verify)(body.as_bytes()) {
                return format!("{prefix}{body}");
            }
        }
        panic!("{prefix} has no valid body");
    }
}

/// Where values are found, `§` for the value.
const CONTAINERS: &[&str] = &[
    "§",
    "the value is § today",
    "ends with §.",
    "(§), and more",
    "key: §\nnext: 1",
    "KEY=§\nNEXT=1\n",
    r#"{"a": "§", "b": 1}"#,
    r#"{\"a\": \"§\", \"b\": 1}"#,
    "a\t§\tb",
    "| 1 | § | x |",
    "<a>§</a>",
    "2026-01-31T10:30:00Z INFO found=§ status=200",
    "x\n§\ny",
];

/// Asserts that `value` is masked in each container, with `word` before it where it needs one.
fn assert_found(value: &str, id: &str, word: Option<&str>) {
    let mut found = Buf::growable();
    for container in CONTAINERS {
        let before = word.map(|word| format!("{word} ")).unwrap_or_default();
        let text = container.replace('§', &format!("{before}{value}"));
        let redactor = Redactor::new(Types::NONE.with(id), Style::Full);
        redactor.scan(&text, &mut found).unwrap();
        let start = text.find(value).unwrap();
        let covers = |finding: &Finding| {
            finding.start as usize <= start && finding.end as usize >= start + value.len()
        };
        assert!(found.iter().any(covers), "{id}: {text:?} {:?}", &*found);
    }
}

#[test]
fn every_token_is_found_in_every_container() {
    let mut random = Random(20_261_122);
    for token in TOKENS {
        for prefix in token.prefixes {
            for _ in 0..3 {
                let value = random.token(prefix, token);
                // A longer prefix may name another vendor.
                assert_found(&value, "secret.prefixed", None);
                assert!(token::public_prefix(value.as_bytes()) >= prefix.len());
            }
        }
    }
}

#[test]
fn every_identifier_is_found_in_every_container() {
    let mut random = Random(4);
    for row in IDENTIFIERS {
        for form in row.alone {
            assert_found(&random.filled(form, row.verify), row.id, None);
        }
        for form in row.beside {
            let word = row.words[random.below(row.words.len())];
            assert_found(&random.filled(form, row.verify), row.id, Some(word));
        }
    }
}

#[test]
fn every_written_detector_finds_its_examples() {
    const DIGITS: &[u8] = b"0123456789";
    const HEX: &[u8] = b"0123456789abcdef";
    const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    let mut random = Random(7);
    for _ in 0..20 {
        let r = &mut random;
        let pairs = |r: &mut Random, mark: &str| {
            (0..6).map(|_| r.text(HEX, 2)).collect::<Vec<_>>().join(mark)
        };
        let claims = format!("eyJ{}", r.text(ALNUM, 40));
        let mut iban = format!("DE00{}", r.text(DIGITS, 18));
        let rest = checksum::mod97(format!("{}DE00", &iban[4..]).bytes()).unwrap();
        iban.replace_range(2..4, &format!("{:02}", 98 - rest));
        // A letter in a group, as a machine's addresses have.
        let groups = format!("a{}.{}.{}", r.text(HEX, 3), r.text(HEX, 4), r.text(HEX, 4));
        let values = [
            (
                "pii.core.email",
                format!("{}.{}@{}.org", r.text(LOWER, 5), r.text(ALNUM, 3), r.text(LOWER, 6)),
            ),
            ("pii.core.phone", format!("+44 20 {} {}", r.text(DIGITS, 4), r.text(DIGITS, 4))),
            ("pii.core.iban", iban.clone()),
            ("pii.core.ip", format!("203.0.113.{}", 1 + r.below(254))),
            ("pii.core.ip", format!("2001:db8:{}::{}", 1 + r.below(900), 1 + r.below(900))),
            ("pii.core.mac", pairs(r, ":")),
            ("pii.core.mac", groups),
            ("pii.core.eth", format!("0x{}", r.text(HEX, 40))),
            (
                "secret.prefixed.jwt",
                format!("eyJ{}.{claims}.{}", r.text(ALNUM, 33), r.text(ALNUM, 43)),
            ),
            (
                "secret.prefixed.telegram",
                format!("{}:A{}", r.text(b"123456789", 9), r.text(ALNUM, 34)),
            ),
            (
                "secret.prefixed.azure_client_secret",
                format!("{}8Q~{}", r.text(ALNUM, 3), r.text(ALNUM, 34)),
            ),
            ("secret.prefixed.mailchimp", format!("{}-us{}", r.text(HEX, 32), 1 + r.below(20))),
            ("secret.prefixed.twilio", format!("SK{}", r.text(HEX, 32))),
            (
                "secret.prefixed.terraform",
                format!("{}.atlasv1.{}", r.text(ALNUM, 14), r.text(ALNUM, 64)),
            ),
            ("secret.prefixed.vault", format!("s.{}aB123", r.text(ALNUM, 19))),
        ];
        for (id, value) in &values {
            assert_found(value, id, None);
        }
    }
}

/// What `docs/detectors.md` lists is what the tables have.
#[test]
fn every_type_has_a_detector() {
    let listed: Vec<&str> = Detector::all().map(|detector| detector.id()).collect();
    for id in TypeId::all() {
        assert!(listed.contains(&id.id()), "{}", id.id());
    }
    assert!(listed.iter().all(|&id| TypeId::all().any(|known| known.id() == id)));
}
