//! Detection and masking of logs in pieces of 4 KiB, beside peers, in one run; then what hostile bytes cost
//! beside innocent ones. Thread CPU time throughout; the peers take turns.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use airlock_benches::{cpu_time, shared};
use airlock_core::Buf;
use airlock_core::redact::{Detector, Finding, Redactor, Style, Types};
use regex::bytes::{Regex, RegexSet};

const REDACTOR: Redactor = Redactor::new(Types::ALL, Style::Default);
const PIECE: usize = 4 << 10;
const ROUNDS: usize = 15;

/// A redactor under test: takes a text and lets the result go.
struct Peer<'a> {
    name: &'a str,
    redact: Box<dyn FnMut(&str) + 'a>,
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (clean, dense) = match logs() {
        Some(folder) => (read(&folder, "clean.log"), read(&folder, "dense.log")),
        None => {
            println!("SKIPPED: the generator of logs (shared/data/redaction) is not here");
            return;
        }
    };
    compare("clean", &clean, quick);
    compare("dense", &dense, quick);
    hostile(&clean, &dense);
}

/// Where the generator of the labelled corpus has written its logs.
fn logs() -> Option<PathBuf> {
    let generator = shared()?.join("data/redaction/gen_dev.py");
    let folder = std::env::temp_dir().join(format!("airlock-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let made = Command::new("python3")
        .arg(generator)
        .args(["/dev/null", "--bench"])
        .arg(&folder)
        .stdout(std::process::Stdio::null())
        .status();
    made.is_ok_and(|status| status.success()).then_some(folder)
}

fn read(folder: &std::path::Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("the generator wrote it")
}

/// `text` in pieces of about `PIECE` bytes, each a number of whole lines.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > PIECE {
        let cut = rest[..PIECE].rfind('\n').map_or(PIECE, |at| at + 1);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

fn airlock() -> impl FnMut(&str) {
    let (mut findings, mut out) = (Buf::<Finding>::growable(), Buf::<u8>::growable());
    move |text| {
        out.clear();
        REDACTOR.scan(text, &mut findings).expect("it grows");
        REDACTOR.mask(text, &findings, &mut out).expect("it grows");
        black_box(out.len());
    }
}

fn compare(title: &str, text: &str, quick: bool) {
    let pieces = pieces(text);
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut peers = vec![Peer { name: "airlock", redact: Box::new(airlock()) }];
    if !quick {
        let veloci = veloci::Redactor::builder().build();
        peers.push(Peer {
            name: "veloci",
            redact: Box::new(move |text| drop(black_box(veloci.redact_str(text)))),
        });
        let leakguard = leakguard::Redactor::new();
        peers.push(Peer {
            name: "leakguard",
            redact: Box::new(move |text| drop(black_box(leakguard.clean(text)))),
        });
    }
    if !quick {
        let patterns = Patterns::of_the_tables();
        peers.push(Peer {
            name: "RegexSet",
            redact: Box::new(move |text| drop(black_box(patterns.redact(text)))),
        });
    }
    println!("\n{title}: {} pieces, {bytes} bytes, thread CPU time, {ROUNDS} rounds", pieces.len());
    let mut times = vec![Vec::new(); peers.len()];
    for round in 0..ROUNDS {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            let start = cpu_time();
            pieces.iter().for_each(|piece| (peer.redact)(piece));
            // The first round warms up.
            if round > 0 {
                times.push(cpu_time() - start);
            }
        }
    }
    for (peer, times) in peers.iter().zip(&mut times) {
        times.sort();
        let (best, median) = (times[0], times[times.len() / 2]);
        println!(
            "  {:12} {:>8.1} MB/s median, {:>8.1} best, {:>8.2} us a piece",
            peer.name,
            rate(bytes, median),
            rate(bytes, best),
            median.as_secs_f64() * 1e6 / pieces.len() as f64,
        );
    }
}

/// The detectors of the tables as people write them: a set of patterns tells which occur at all, each of
/// those is searched for, and our own checks decide. Values known from their names alone are left out.
struct Patterns {
    set: RegexSet,
    rows: Vec<(Regex, Detector)>,
}

impl Patterns {
    fn of_the_tables() -> Self {
        let mut sources = Vec::new();
        for detector in Detector::all() {
            let words = detector.words().iter().map(|word| regex::escape(word)).collect::<Vec<_>>();
            let (alone, beside) = detector.forms();
            let form = |form: &str| {
                form.chars().fold(String::new(), |pattern, c| match c {
                    '9' => pattern + "[0-9]",
                    'N' => pattern + "[2-9]",
                    'A' => pattern + "[A-Z]",
                    'X' => pattern + "[0-9A-Z]",
                    other => pattern + &regex::escape(&other.to_string()),
                })
            };
            for shape in alone {
                sources.push((format!(r"(?-u)(?:\b|\()({})\b", form(shape)), detector));
            }
            for shape in beside {
                let words = words.join("|");
                sources.push((
                    format!(r"(?i-u)\b(?:{words})\b[^\n]{{0,40}}?\b({})\b", form(shape)),
                    detector,
                ));
            }
            if let Some((prefixes, class, least, most)) = detector.beginnings() {
                let prefixes: Vec<String> =
                    prefixes.iter().map(|prefix| regex::escape(prefix)).collect();
                let most = most.map_or(String::new(), |most| most.to_string());
                sources.push((
                    format!(r"(?-u)\b(?:{})({class}{{{least},{most}}})", prefixes.join("|")),
                    detector,
                ));
            }
        }
        let patterns: Vec<&String> = sources.iter().map(|(pattern, _)| pattern).collect();
        let set = regex::bytes::RegexSetBuilder::new(&patterns)
            .size_limit(1 << 30)
            .dfa_size_limit(1 << 28)
            .build()
            .expect("patterns of the tables");
        let rows = sources
            .iter()
            .map(|(pattern, detector)| (Regex::new(pattern).expect("one of the set"), *detector))
            .collect();
        Self { set, rows }
    }

    fn redact(&self, text: &str) -> Vec<u8> {
        let text = text.as_bytes();
        let mut found = Vec::new();
        for row in &self.set.matches(text) {
            let (pattern, detector) = &self.rows[row];
            for captures in pattern.captures_iter(text) {
                let Some(value) = captures.get(1) else { continue };
                let compact: Vec<u8> = if detector.beginnings().is_some() {
                    value.as_bytes().to_vec()
                } else {
                    value.as_bytes().iter().copied().filter(u8::is_ascii_alphanumeric).collect()
                };
                if detector.accepts(&compact) {
                    found.push(value.range());
                }
            }
        }
        found.sort_by_key(|range| (range.start, range.end));
        let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
        for range in found.into_iter().filter(|range| !range.is_empty()) {
            if range.start >= at {
                out.extend_from_slice(&text[at..range.start]);
                out.extend_from_slice(b"[REDACTED]");
                at = range.end;
            }
        }
        out.extend_from_slice(&text[at..]);
        out
    }
}

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

/// Bytes that anchors like, and what they cost beside a log of nothing. A text that is values and little else
/// is no attack: it is held against the log that is dense with them, and so marked.
fn hostile(clean: &str, dense: &str) {
    const LEN: usize = 1 << 20;
    let key = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0";
    let texts: Vec<(&str, String)> = [
        ("digits", "1234567890"),
        ("groups of digits", "123456789 "),
        ("cards", "4111 1111 1111 1112 "),
        ("dates", "2026-01-31 "),
        ("@", "@"),
        ("a@", "a@"),
        ("a@b.", "a@b."),
        ("eyJ", "eyJ"),
        ("eyJ-", "eyJ-"),
        ("eyJ.", "eyJ."),
        ("nested quotes", "\"'`"),
        ("escaped quotes", "{\"a\":\"{\\\"b\\\":\\\""),
        ("password=\"", "password=\""),
        ("token=${", "token=${"),
        ("http://a:", "http://a:"),
        ("://", "://"),
        ("(", "("),
        (":", ":"),
        ("=", "="),
        ("-", "-"),
        ("- ", "- "),
        ("a:", "a:"),
        ("a_", "a_"),
        ("+1", "+1"),
        ("backslash n", "\\n"),
        ("%20", "%20"),
        ("colours", "\u{1b}[31m"),
        ("sk-", "sk-"),
        ("sk-ghp_xoxb-", "sk-ghp_xoxb-"),
        ("SG.a1", "SG.a1"),
        ("AKIA", "AKIA "),
        ("bearer ", "bearer "),
        ("Cookie: a=", "Cookie: a="),
        ("1.2.", "1.2."),
        ("2001:", "2001:"),
        ("0a:", "0a:"),
        ("base64", key),
        ("ssn ", "ssn 123456789 "),
        ("full-width", "\u{ff11}"),
        ("a%40", "a%40"),
        ("%25", "%25"),
        ("combining marks", "e\u{301}"),
        ("zero-width", "\u{200b}"),
        ("lines of 16", "AB12CD34EF56GH78\n"),
        ("spaced out", "1 "),
        ("all anchors", "@:=-+(>~\\%_."),
        ("all anchors, words", "a@1:b=2-C+3(d>4~e\\5%f_6."),
    ]
    .into_iter()
    .map(|(name, piece)| (name, piece.repeat(LEN / piece.len())))
    .chain([
        ("key of 1 MB", format!("sk-{}", key.repeat(LEN / key.len()))),
        ("value of 1 MB", format!("password=\"{}", key.repeat(LEN / key.len()))),
        (
            "unclosed PEM",
            format!("-----BEGIN RSA {} KEY-----\n{}", "PRIVATE", key.repeat(LEN / 30)),
        ),
    ])
    .collect();
    let mut redact = airlock();
    let mut per_byte = |text: &str| {
        let mut times: Vec<_> = (0..7)
            .map(|_| {
                let start = cpu_time();
                redact(text);
                (cpu_time() - start).as_secs_f64() * 1e9 / text.len() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (base, full) = (per_byte(clean), per_byte(dense));
    println!("\nhostile bytes, 1 MiB each; clean log {base:.2} ns/byte, dense log {full:.2}");
    let mut rows: Vec<_> =
        texts.iter().map(|(name, text)| (per_byte(text), *name, values(text))).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (time, name, values) in rows {
        print!("  {name:20} {time:>7.2} ns/byte  x{:.2}", time / base);
        match LEN.checked_div(values) {
            Some(apart) if apart < 64 => {
                println!("  a value in {apart} bytes: x{:.2} of dense", time / full);
            }
            _ => println!(),
        }
    }
}

/// How many values `text` holds.
fn values(text: &str) -> usize {
    let mut findings = Buf::<Finding>::growable();
    REDACTOR.scan(text, &mut findings).expect("it grows");
    findings.len()
}
