//! What is written from the sources: `include/airlock.h`, `docs/codes.md`, and two programs that name all that is
//! in the header. `cargo xtask gen` writes them, these tests say when one is stale.
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

#[test]
fn the_programs_about_the_header_name_all_of_it() {
    let declared = Declared::in_header(&header());
    assert!(declared.structs.len() > 10 && declared.functions.len() > 40);
    is_current("ffi/tests/c/layout.c", &declared.layout());
    is_current("ffi/tests/c/described.c", &declared.described());
}

#[test]
fn every_function_is_called_by_a_test_program() {
    let program = ["abi.c", "firewall.c"]
        .map(|name| std::fs::read_to_string(root().join("ffi/tests/c").join(name)).unwrap())
        .concat();
    for function in Declared::in_header(&header()).functions {
        assert!(program.contains(&format!("{function}(")), "no test program calls {function}");
    }
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

/// What a header declares, in its order.
struct Declared {
    /// Structs with the names of their fields.
    structs: Vec<(String, Vec<String>)>,
    functions: Vec<String>,
}

impl Declared {
    /// Reads what cbindgen writes: a comment, a brace, a field or the beginning of a function a line.
    fn in_header(header: &str) -> Self {
        let (mut structs, mut functions) = (Vec::new(), Vec::new());
        let mut open: Option<(String, Vec<String>)> = None;
        for line in header.lines() {
            let code = line.split("//").next().unwrap_or("").trim_end();
            let opened =
                code.strip_prefix("typedef struct ").and_then(|rest| rest.strip_suffix(" {"));
            match (opened, &mut open) {
                (Some(name), _) => open = Some((name.to_owned(), Vec::new())),
                (None, Some(_)) if code.starts_with('}') => structs.extend(open.take()),
                (None, Some((_, fields))) => {
                    let field = code.trim_end_matches(';').split('[').next().unwrap_or("");
                    let name = field.rsplit([' ', '*']).next().unwrap_or("");
                    fields.extend((!name.is_empty()).then(|| name.to_owned()));
                }
                (None, None) if code.starts_with("typedef") => {}
                (None, None) => functions.extend(function(code).map(str::to_owned)),
            }
        }
        functions.sort_unstable();
        Self { structs, functions }
    }

    /// A program that prints how each struct is laid out.
    fn layout(&self) -> String {
        let mut text = String::from(
            "/* Prints how every struct is laid out; `ffi/abi/layout.txt` is what it must print on 64-bit Linux. Written\n \
             * by `cargo xtask gen`. */\n#include <stdio.h>\n\n#include \"airlock.h\"\n\n\
             #define STRUCT(type) printf(\"%s %zu\\n\", #type, sizeof(type))\n\
             #define FIELD(type, name) \\\n    \
             printf(\"  %s %zu %zu\\n\", #name, offsetof(type, name), sizeof(((type *)NULL)->name))\n\n\
             int main(void) {\n",
        );
        for (name, fields) in &self.structs {
            let _ = writeln!(text, "    STRUCT({name});");
            for field in fields {
                let _ = writeln!(text, "    FIELD({name}, {field});");
            }
        }
        text + "    return 0;\n}\n"
    }

    /// An object whose debug information has everything.
    fn described(&self) -> String {
        let mut text = String::from(
            "/* Everything in the header as one object with debug information, which abidiff compares with the description in\n \
             * `ffi/abi/airlock.xml`: the layout of structs, and the parameters of functions. Written by `cargo xtask gen`. */\n\
             #include \"airlock.h\"\n\nstruct airlock_described {\n",
        );
        let bare = |name: &str| name.trim_start_matches("airlock_").to_owned();
        for (name, _) in &self.structs {
            let _ = writeln!(text, "    {name} *{}_type;", bare(name));
        }
        for name in &self.functions {
            let _ = writeln!(text, "    __typeof__({name}) *{};", bare(name));
        }
        text + "};\n\nextern struct airlock_described airlock_described;\nstruct airlock_described airlock_described;\n"
    }
}

/// The name of the function whose declaration begins with `code`.
fn function(code: &str) -> Option<&str> {
    let before = code.split_once('(')?.0;
    let name = before.rsplit([' ', '*']).next()?;
    (name.starts_with("airlock_") && before != name).then_some(name)
}
