//! Detection and masking of logs in pieces of 4 KiB, beside peers, in one run; then what hostile bytes cost
//! beside innocent ones. Thread CPU time throughout; the peers take turns.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use airlock_benches::{cpu_time, shared};
use airlock_core::Buf;
use airlock_core::redact::{Finding, Redactor, Style, Types};

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
    let clean = match logs() {
        Some(folder) => {
            let clean = read(&folder, "clean.log");
            compare("clean", &clean, quick);
            compare("dense", &read(&folder, "dense.log"), quick);
            clean
        }
        None => {
            println!("SKIPPED: the generator of logs (shared/data/redaction) is not here");
            return;
        }
    };
    hostile(&clean);
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

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

/// Bytes that anchors like, and what they cost beside a log of nothing.
fn hostile(clean: &str) {
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
    let base = per_byte(clean);
    println!("\nhostile bytes, 1 MiB each; clean log {base:.2} ns/byte");
    let mut rows: Vec<_> = texts.iter().map(|(name, text)| (per_byte(text), *name)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (time, name) in rows {
        println!("  {name:20} {time:>7.2} ns/byte  x{:.2}", time / base);
    }
}
