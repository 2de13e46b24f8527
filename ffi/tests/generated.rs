//! What is written from the sources: `include/airlock.h` and `docs/codes.md`. `cargo xtask gen` writes them,
//! this test says when one is stale.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use airlock_ffi::codes::{self, Code, Reason, STATUSES};

#[test]
fn the_header_is_what_the_sources_say() {
    is_current("ffi/include/airlock.h", &header());
}

#[test]
fn the_reference_of_codes_is_what_the_table_says() {
    is_current("docs/codes.md", &reference());
}

/// Compares a file with what it should be, or writes it when told to.
fn is_current(name: &str, want: &str) {
    let path = root().join(name);
    if std::env::var_os("AIRLOCK_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, want).expect("the folder is writable");
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(have == want, "{name} is stale: run `cargo xtask gen`");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn header() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    config.header = Some(preamble());
    config.after_includes = Some(numbers());
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_crate(here)
        .with_config(config)
        .generate()
        .expect("cbindgen reads the sources")
        .write(&mut text);
    let text = String::from_utf8(text).unwrap();
    // Trailing blanks and empty lines before a brace are cbindgen's.
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|later, earlier| later.is_empty() && earlier.is_empty());
    lines.join("\n") + "\n"
}

fn preamble() -> String {
    let words = std::fs::read_to_string(root().join("ffi/src/header.txt")).unwrap();
    let mut text = String::from("/*\n");
    for line in words.lines() {
        let _ = writeln!(text, "{}", format!(" * {line}").trim_end());
    }
    text + " */"
}

/// The numbers of the one table, as C has them.
fn numbers() -> String {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(text, "\n/* The version of the library that this header is of. */\n");
    let _ = writeln!(text, "#define AIRLOCK_VERSION \"{version}\"");
    text += "\n/* What functions return. Anything but AIRLOCK_OK means deny. */\n";
    STATUSES.iter().for_each(|code| define(&mut text, "", code, "u"));
    text += "\n/* Why a call or an output is refused. */\n";
    reasons().iter().for_each(|code| define(&mut text, "REASON_", code, "u"));
    text += "\n/* Bounds on the work for one call, and what options begin with. */\n";
    codes::limits().iter().for_each(|code| define(&mut text, "", code, "u"));
    text
}

fn define(text: &mut String, prefix: &str, code: &Code, suffix: &str) {
    let Code { name, number, about } = code;
    let name = format!("AIRLOCK_{prefix}{}", name.to_uppercase());
    let _ = writeln!(text, "/* {about} */\n#define {name} {number}{suffix}");
}

fn reasons() -> Vec<Code> {
    let row = |&reason: &Reason| Code {
        name: reason.name(),
        number: reason as u32,
        about: reason.message(),
    };
    Reason::ALL.iter().map(row).collect()
}

fn reference() -> String {
    let mut text = String::from(
        "# Codes\n\nWritten by `cargo xtask gen` from `core/src/reason.rs` and `ffi/src/codes.rs`. One registry for every \
         language: a number is never given again.\n\n## Reasons\n\nWhy a call or an output is refused; in JSON by name, in \
         C by number (`AIRLOCK_REASON_` and the name).\n\n| number | name | what the model reads | a corrected call may \
         help |\n| --- | --- | --- | --- |\n",
    );
    for &reason in Reason::ALL {
        let retry = if reason.is_retryable() { "yes" } else { "no" };
        let (number, name, message) = (reason as u32, reason.name(), reason.message());
        let _ = writeln!(text, "| {number} | `{name}` | {message} | {retry} |");
    }
    text += "\n## Statuses\n\nWhat a function of the C library returns (`AIRLOCK_` and the name). Anything but `OK` means \
             deny.\n\n| number | name | meaning |\n| --- | --- | --- |\n";
    for Code { name, number, about } in STATUSES {
        let _ = writeln!(text, "| {number} | `{name}` | {} |", about.trim());
    }
    text += "\n## Limits\n\nWhat work is bounded by, unless options say otherwise (`AIRLOCK_` and the name).\n\n\
             | name | limit | of |\n| --- | --- | --- |\n";
    for Code { name, number, about } in codes::limits() {
        let _ = writeln!(text, "| `{name}` | {number} | {about} |");
    }
    text
}
