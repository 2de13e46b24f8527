//! Secrets and personal data of every type that has a form, made at random: none stands in this file.

use std::collections::BTreeMap;

use airlock::core::Buf;
use airlock::core::redact::{Detector, Redactor, Style, Types};

/// A value and a text around it in which a detector sees it.
pub struct Planted {
    pub id: &'static str,
    pub value: String,
    pub text: String,
}

/// xorshift64* (S. Vigna): the same values on every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn text(&mut self, set: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(set[self.below(set.len())])).collect()
    }

    fn filled(&mut self, form: &str, detector: &Detector) -> String {
        for _ in 0..4_000_000 {
            let value: String = form
                .chars()
                .map(|c| match c {
                    '9' => char::from(DIGITS[self.below(10)]),
                    'N' => char::from(DIGITS[2 + self.below(8)]),
                    'A' => char::from(CAPITALS[self.below(26)]),
                    'X' => char::from(UPPER[self.below(36)]),
                    other => other,
                })
                .collect();
            let compact: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
            if detector.accepts(&compact) {
                return value;
            }
        }
        panic!("{form} is never valid");
    }
}

const DIGITS: &[u8] = b"0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const UPPER: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &[u8] = b"0123456789abcdef";
const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

/// At least one of each detector.
pub fn planted() -> Vec<Planted> {
    let mut random = Random(20_261_122);
    let mut all = Vec::new();
    for detector in Detector::all() {
        let id = detector.id();
        if let Some((prefixes, class, least, _)) = detector.beginnings() {
            let class = regex_set(&class.to_string());
            for prefix in prefixes {
                let value = format!("{prefix}{}", random.text(&class, usize::from(least) + 2));
                all.push(Planted { id, text: value.clone(), value });
            }
        }
        let (alone, beside) = detector.forms();
        for (form, word) in alone
            .iter()
            .map(|form| (form, None))
            .chain(beside.iter().map(|form| (form, detector.words().first())))
        {
            let value = random.filled(form, &detector);
            let text = word.map_or_else(|| value.clone(), |word| format!("{word} {value}"));
            all.push(Planted { id, value, text });
        }
    }
    written(&mut random, &mut all);
    // What a checksum or a look at the whole refuses is no secret.
    let redactor = Redactor::new(Types::ALL, Style::Full);
    let mut found = Buf::growable();
    all.retain(|planted| {
        redactor.scan(&planted.text, &mut found).unwrap();
        let start = planted.text.find(&planted.value).unwrap();
        let end = start + planted.value.len();
        found.iter().any(|f| f.start as usize <= start && f.end as usize >= end)
    });
    // One of a type will do.
    let mut count = BTreeMap::new();
    all.retain(|planted| {
        let count: &mut u32 = count.entry(planted.id).or_default();
        *count += 1;
        *count <= 1
    });
    all
}

/// The characters of a class like `[A-Z\-]`.
fn regex_set(class: &str) -> Vec<u8> {
    let mut bytes = class.bytes().skip(1).peekable();
    let mut set: Vec<u8> = Vec::new();
    while let Some(byte) = bytes.next().filter(|&byte| byte != b']') {
        match byte {
            b'\\' => set.extend(bytes.next()),
            b'-' => {
                let last = bytes.next().unwrap();
                set.extend(set.last().unwrap() + 1..=last);
            }
            other => set.push(other),
        }
    }
    set.retain(u8::is_ascii_alphanumeric);
    set
}

/// Those whose detectors are written out.
fn written(r: &mut Random, all: &mut Vec<Planted>) {
    let mut plant = |id, before: &str, value: String, after: &str| {
        let text = format!("{before}{value}{after}");
        all.push(Planted { id, value, text });
    };
    let pairs = |r: &mut Random| (0..6).map(|_| r.text(HEX, 2)).collect::<Vec<_>>().join(":");
    let body = (0..12).map(|_| r.text(ALNUM, 64)).collect::<Vec<_>>();
    let dashes = "-".repeat(5);
    let key = "PRIVATE KEY";
    for line in body {
        let before = format!("{dashes}BEGIN RSA {key}{dashes}\n");
        let after = format!("\n{dashes}END RSA {key}{dashes}\n");
        plant("secret.auth.private_key", &before, line, &after);
    }
    plant("secret.auth.url_password", "postgres://app:", r.text(ALNUM, 16), "@db.example.com/x");
    plant("secret.auth.authorization", "Authorization: Bearer ", r.text(ALNUM, 40), "");
    plant("secret.auth.cookie", "Cookie: sessionid=", r.text(ALNUM, 32), "");
    plant("secret.auth.signature", "https://a.example/b?sig=", r.text(ALNUM, 43), "");
    plant("secret.assigned.password", "password=", r.text(ALNUM, 14), "");
    plant("secret.assigned.secret", "client_secret: ", r.text(ALNUM, 32), "");
    let jwt = format!("eyJ{}.eyJ{}.{}", r.text(ALNUM, 33), r.text(ALNUM, 40), r.text(ALNUM, 43));
    plant("secret.prefixed.jwt", "", jwt, "");
    plant(
        "secret.prefixed.telegram",
        "",
        format!("91{}:A{}", r.text(DIGITS, 7), r.text(ALNUM, 34)),
        "",
    );
    plant("secret.prefixed.twilio", "", format!("SK{}", r.text(HEX, 32)), "");
    let mail = format!("{}.{}@{}.org", r.text(LOWER, 5), r.text(LOWER, 3), r.text(LOWER, 6));
    plant("pii.core.email", "", mail, "");
    plant("pii.core.phone", "", format!("+44 20 7{} {}", r.text(DIGITS, 3), r.text(DIGITS, 4)), "");
    plant("pii.core.ip", "", format!("203.0.113.{}", 1 + r.below(254)), "");
    plant("pii.core.mac", "", pairs(r), "");
    plant("pii.core.eth", "", format!("0x{}", r.text(HEX, 40)), "");
}
