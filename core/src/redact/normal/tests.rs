//! Values in disguise as a whole: every trick finds them, and nothing else is found for it.
#![cfg(feature = "alloc")]

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::super::bytes::LOOKED_AT;
use super::super::{Redactor, Style};
use super::*;

const ALL: Redactor = Redactor::new(Types::ALL, Style::Default);

fn masked(text: &str) -> String {
    let (mut found, mut out) = (Buf::growable(), Buf::growable());
    ALL.scan(text, &mut found).unwrap();
    ALL.mask(text, &found, &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

/// Numbers that look random and are the same every time.
fn draw(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

fn random(state: &mut u64, alphabet: &[u8], len: usize) -> String {
    (0..len).map(|_| char::from(alphabet[draw(state, alphabet.len())])).collect()
}

fn luhn(body: &str) -> String {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, c)| {
            let digit = u32::from(c - b'0') * if i % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A value and the name of the field it is in.
fn values(state: &mut u64) -> Vec<(&'static str, String)> {
    const DIGITS: &[u8] = b"0123456789";
    const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digits = random(state, DIGITS, 14);
    let card = luhn(&format!("4{digits}"));
    let groups: Vec<&str> = (0..4).map(|i| &card[i * 4..i * 4 + 4]).collect();
    let local = random(state, b"abcdefghkmnp", 6);
    let key = format!("{}7Q", random(state, ALNUM, 34));
    std::vec![
        ("card_number", groups.join(" ")),
        ("pan", groups.join("-")),
        ("credit_card", card.clone()),
        ("contact_email", format!("{local}.lee@mail.example.org")),
        ("ssn", format!("2{}-4{}-7{}", &digits[..2], &digits[2..3], &digits[3..6])),
        ("phone", format!("+44 20 7{} {}", &digits[..3], &digits[3..7])),
        ("github_token", format!("{}{key}", ["gh", "p_"].concat())),
        ("stripe_key", format!("{}{}4x", ["sk", "_live_"].concat(), &key[..24])),
        (
            "aws_key",
            format!("{}{}", ["AK", "IA"].concat(), random(state, b"ABCDEFGHJKLMNPQ234567", 16))
        ),
        ("slack", format!("{}-{}-{}-{}", "xoxb", &digits[..12], &digits[1..13], &key[..24])),
    ]
}

type Trick = (&'static str, fn(&str) -> String);

fn at_middle(value: &str, piece: &str) -> String {
    let (head, tail) = value.split_at(value.len() / 2);
    format!("{head}{piece}{tail}")
}

fn by_char(value: &str, write: impl Fn(char) -> String, which: impl Fn(char) -> bool) -> String {
    value.chars().map(|c| if which(c) { write(c) } else { c.to_string() }).collect()
}

const TRICKS: &[Trick] = &[
    ("zero width", |v| at_middle(v, "\u{200b}")),
    ("zero width everywhere", |v| by_char(v, |c| format!("{c}\u{2060}"), |_| true)),
    ("soft hyphen", |v| at_middle(v, "\u{ad}")),
    ("combining mark", |v| at_middle(v, "\u{301}")),
    ("direction marks", |v| at_middle(v, "\u{202e}\u{202c}")),
    ("colour", |v| at_middle(v, "\u{1b}[31m")),
    ("colour as an escape", |v| at_middle(v, "\\u001b[1;31m")),
    ("full-width digits", |v| {
        by_char(
            v,
            |c| char::from_u32(c as u32 + 0xfee0).unwrap().to_string(),
            |c| c.is_ascii_digit(),
        )
    }),
    ("full width", |v| {
        by_char(
            v,
            |c| char::from_u32(c as u32 + 0xfee0).unwrap().to_string(),
            |c| c.is_ascii_graphic(),
        )
    }),
    ("arabic digits", |v| {
        by_char(
            v,
            |c| char::from_u32(c as u32 + 0x630).unwrap().to_string(),
            |c| c.is_ascii_digit(),
        )
    }),
    ("mathematical digits", |v| {
        by_char(
            v,
            |c| char::from_u32(c as u32 + 0x1d7a8).unwrap().to_string(),
            |c| c.is_ascii_digit(),
        )
    }),
    ("dashes", |v| v.replace('-', "\u{2011}").replace('@', "＠")),
    ("no-break spaces", |v| v.replace(' ', "\u{a0}")),
    ("escapes of JSON", |v| {
        by_char(v, |c| format!("\\u{:04x}", c as u32), |c| !c.is_alphanumeric())
    }),
    ("escapes of everything", |v| by_char(v, |c| format!("\\u{:04X}", c as u32), |_| true)),
    ("escapes twice", |v| by_char(v, |c| format!("\\\\u{:04x}", c as u32), |c| c.is_ascii_digit())),
    ("hexadecimal escapes", |v| {
        by_char(v, |c| format!("\\x{:02x}", c as u32), |c| !c.is_alphabetic())
    }),
    ("percent", |v| by_char(v, |c| format!("%{:02X}", c as u32), |c| !c.is_alphanumeric())),
    ("percent of everything", |v| by_char(v, |c| format!("%{:02x}", c as u32), |_| true)),
    ("percent twice", |v| by_char(v, |c| format!("%25{:02X}", c as u32), |c| !c.is_alphanumeric())),
    ("references", |v| by_char(v, |c| format!("&#{};", c as u32), |c| !c.is_alphanumeric())),
    ("hexadecimal references", |v| by_char(v, |c| format!("&#x{:x};", c as u32), |_| true)),
    ("references twice", |v| {
        by_char(v, |c| format!("&amp;#{};", c as u32), |c| c.is_ascii_digit())
    }),
    ("spelt out", |v| v.replace('@', " [at] ").replace('.', "[dot]")),
    ("line break", |v| at_middle(v, "\n")),
    ("line break of Windows", |v| at_middle(v, "\r\n")),
    ("line that goes on", |v| at_middle(v, "\\\n")),
    ("soft line break", |v| at_middle(v, "=\r\n")),
    ("line break as an escape", |v| at_middle(v, "\\n")),
    ("base64", |v| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("the value: {v} and more"))
    }),
    ("base64 for URLs", |v| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{{\"value\":\"{v}\"}}"))
    }),
    ("spaced out", |v| v.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(" ")),
];

const CONTAINERS: &[&str] = &[
    "{\"a\": 1, \"KEY\": \"§\", \"b\": \"ok\"}",
    "{\\\"KEY\\\": \\\"§\\\", \\\"b\\\": 2}",
    "2026-11-22T10:00:01.5Z INFO [auth] lookup KEY=§ status=200\n",
    "Hi Ann,\n\nthe KEY on file is §, thanks.\n\nBest,\nBob\n",
    "KEY: §\nport: 8080\n",
    "id;KEY;state\n17;§;open\n",
    "ValueError: bad KEY: '§'\n",
    "+KEY = \"§\"\n context\n",
];

/// Letters and digits of `text`, so that a value is found whatever stands between its characters.
fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[test]
fn a_value_in_disguise_is_found_in_every_container() {
    let mut state = 20_261_122;
    for _ in 0..4 {
        for (key, value) in values(&mut state) {
            for &(trick, disguise) in TRICKS {
                for container in CONTAINERS {
                    // Digits on both sides of a line's end are what tables are made of.
                    let number = value.bytes().all(|c| c.is_ascii_digit() || c == b' ');
                    let parted = trick.contains("line") || trick == "spaced out";
                    if number && parted && container.contains(';') {
                        continue;
                    }
                    let hidden = disguise(&value);
                    let text = container.replace("KEY", key).replace('§', &hidden);
                    let out = masked(&text);
                    let middle = (hidden.len() / 2..).find(|&at| hidden.is_char_boundary(at));
                    let (head, tail) = hidden.split_at(middle.unwrap());
                    // Half of an address of mail shows nobody.
                    let halves = !value.contains('@') && (out.contains(head) || out.contains(tail));
                    let shown = halves || bare(&out).contains(&bare(&value));
                    assert!(!shown, "{trick}: {text}\n became {out}");
                }
            }
        }
    }
}

#[test]
fn innocent_text_stays() {
    for text in [
        // Rows of numbers, one below the other.
        "id,amount\n12345678,4111\n11111111,4111\n",
        "41111111\n11111111\n52004000\n",
        "| 4111 1111 |\n| 1111 1111 |\n",
        "took 4111ms\n2026-11-22T10:30:45Z INFO status=200\n2026-11-22T10:30:46Z INFO x\n",
        "1 0 1 1 0 1 0 0 1 1 0 1 0 1 1 0\n4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
        "a b c d e f g h i j k l m n o p",
        "mail me\nann of sales\n",
        "email john\nsmith.example\n",
        // Escapes in code and data.
        r"let pattern = Regex::new(r#/\d{3}\-\d{2}\-\d{4}\/u0040/#);",
        r"const EMOJI = '\ud83d\ude00\u200d\u2640\ufe0f';",
        r"C:\users\x\u00e9t\u00e9\readme",
        "https://x.test/a%20b/c%2Fd?q=%E4%B8%AD%E6%96%87&n=%2B1%205",
        "a=40 b=3D c=2Eabc d=20=30",
        "<td>&nbsp;12&nbsp;345&#8239;678</td>&lt;b&gt;&amp;copy;",
        // Scripts and emoji.
        "👩\u{200d}👩\u{200d}👧 12 \u{200d}",
        "שלום\u{200f}, המספר הוא 12345 \u{200e}בערך",
        "注文番号：１２３４５６７８９、２０２６年１１月２２日",
        "رقم الطلب ٤٥٦٧٨٩٠١٢ بتاريخ ٢٠٢٦/١١/٢٢",
        "L’année 2024–2025 — 1\u{202f}234\u{a0}567 €",
        "Die Straße 12–14, 3.–5. Mai",
        "look (at) this, or meet [at] noon, a [dot] of ink",
        "\u{1b}[32mok\u{1b}[0m 12 passed \u{1b}[31m0 failed\u{1b}[0m",
        // Base64 of what is no text, or no secret.
        "iVBORw0KGgoAAAANSUhEUgAAABQAAAAUCAYAAACNiR0NAAAAx",
        "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZw==",
        "/usr/lib/python3/site-packages/requests/adapters",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn spans_end_where_spellings_do() {
    let spans = |text: &str| {
        let mut found = Buf::growable();
        ALL.scan(text, &mut found).unwrap();
        let part = |found: &Finding| text[found.start as usize..found.end as usize].to_string();
        found.iter().map(part).collect::<Vec<_>>()
    };
    for (text, want) in [
        (r"to \u0061nn\u0040example.or\u0067, now", r"\u0061nn\u0040example.or\u0067"),
        ("to %61nn%40example%2Eorg%20now", "%61nn%40example%2Eorg"),
        ("to &#97;nn&commat;example.or&#103; now", "&#97;nn&commat;example.or&#103;"),
        ("to \u{200b}ann\u{200b}@example.org\u{200b} now", "ann\u{200b}@example.org"),
        ("ssn １２３‐４５‐６７８９。", "１２３‐４５‐６７８９"),
        ("to ann [at] example [dot] org.", "ann [at] example [dot] org"),
        ("ssn 123-4\n5-6789 end", "123-4\n5-6789"),
        ("%2561nn%2540example.org x", "%2561nn%2540example.org"),
    ] {
        assert_eq!(spans(text), [want], "{text}");
    }
}

#[test]
fn a_key_in_disguise_names_its_value() {
    for (text, want) in [
        ("%7B%22password%22%3A%22hunter2x%22%7D", "%7B%22password%22%3A%22[REDACTED]%22%7D"),
        (
            "{&quot;password&quot;:&quot;hunter2x&quot;}",
            "{&quot;password&quot;:&quot;[REDACTED]&quot;}",
        ),
        (
            "&lt;password&gt;hunter2x&lt;/password&gt;",
            "&lt;password&gt;[REDACTED]&lt;/password&gt;",
        ),
        (
            r"{\u0022password\u0022:\u0022hunter2x\u0022}",
            r"{\u0022password\u0022:\u0022[REDACTED]\u0022}",
        ),
        (r"postgres:\/\/app:hunter2x@db\/x", r"postgres:\/\/app:[REDACTED]@db\/x"),
        ("password：hunter2x", "password：[REDACTED]"),
        (
            "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[32mhunter2x\u{1b}[0m",
            "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[32m[REDACTED]\u{1b}[0m",
        ),
    ] {
        assert_eq!(masked(text), want);
    }
}

/// Escapes of escapes and marks without end. What is counted is bytes that are looked at or written into a
/// window: sixteen times the text may cost sixteen times as much, and no byte more than a bounded number.
#[test]
fn cost_is_linear() {
    const MOST: usize = 100;
    for piece in [
        "%25",
        "%2525",
        r"\u005cu005c",
        "&#38;#38;",
        "a\u{301}",
        "\u{301}",
        "\\",
        "&",
        "1 ",
        "=\n",
        "a\n1",
        "sk-\n",
        "4111 \n",
        "QUJD",
        "[at] ",
        "\u{1b}[",
        "\u{200b}",
        "＠",
        "\\n",
        "ghp_abc\n",
        "a@b\n",
        "ab\n12\n",
        "AB12CD34EF56GH78\n",
        "=41",
        "a,password\n",
        "id,password\n1,\"",
        ") values (",
        "(password) values ('",
        "'',''",
        "(((",
    ] {
        let looks = |len: usize| {
            let text = piece.repeat(len / piece.len());
            let (before, mut found) = (LOOKED_AT.get(), Buf::growable());
            ALL.scan(&text, &mut found).unwrap();
            LOOKED_AT.get() - before
        };
        let (few, many) = (looks(8 << 10), looks(128 << 10));
        assert!(many <= few * 20, "{piece:?}: {few}, then {many}");
        assert!(many <= MOST * (128 << 10), "{piece:?}: {} looks a byte", many / (128 << 10));
    }
}

/// Each `§` stands for a secret that must go, and nothing else may.
#[test]
fn a_column_names_its_values() {
    let secret = ["hunter2", "Zq9xW"].join("-");
    for text in [
        "id,name,password,state\n1,bob,§,open\n2,eve,§,closed\n",
        "id,api_key\r\n1,\"§\"\r\n2,§",
        "\"id\";\"DB Password\";\"state\"\n\"1\";\"§\";\"open\"\n",
        "id\tname\tclient_secret\n1\tbob\t§\n",
        "| id | password | state |\n|----|:---:|---|\n| 1 | § | open |\n| 2 | § | x |\n\nafter\n",
        " id | passwd | state \n----+------+---\n  1 | § | open\n(1 row)\n",
        "+----+------+\n| id | token |\n+----+------+\n|  1 | § |\n+----+------+\n",
        "INSERT INTO users (id, password, plan) VALUES (1, '§', 'free'), (2, '§', NULL);",
        "insert into `users` (`id`, `api_key`) values\n  (1, '§'),\n  (2, '§');\n",
        "ALTER USER bob WITH PASSWORD '§';",
        "CREATE USER 'bob'@'%' IDENTIFIED BY '§';",
    ] {
        assert_eq!(masked(&text.replace('§', &secret)), text.replace('§', "[REDACTED]"));
    }
    let rows = format!(
        "id,name,pesel\n{}",
        "1,somebody with a long name and a note,44051401359\n".repeat(3)
    );
    assert_eq!(masked(&rows), rows.replace("44051401359", "[REDACTED]"), "far from the name");
}

#[test]
fn tables_and_lists_that_only_look_like_it_stay() {
    for text in [
        "token,suffix\n",
        "    SPET_IS_TOKEN,\n    SPET_IS_OBJECT,\n    SPET_IS_POINTER,\n",
        "Give your name, your password\nThen wait, with patience\n",
        "| Option | Password | Description |\n|---|---|---|\n| `-p` | yes | the password to use |\n",
        "| package | tiktoken |\n|---|---|\n| regex engine | linear time, hand written |\n",
        "user | token | other\nwords here | and there | again\n",
        "id,password\n1,\n2,null\n3,********\n",
        "SELECT id, password FROM users WHERE id IN ('a', 'b');",
        "VALUES (1, 'abcdef'), (2, 'ghijkl')",
        "the password 'must be at least eight characters' is asked with password 'x'",
    ] {
        assert_eq!(masked(text), text);
    }
}
