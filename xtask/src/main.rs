//! The project's tasks: `cargo xtask demo` shows the product, `cargo xtask test` tests all of it,
//! `cargo xtask gen` writes what is generated.
//!
//! Standard library only, so that it compiles in a second or two. A task starts the tools that do the
//! work (cargo, Node, the linker), says what it does and how long it took, and ends with an exit code.

mod capi;
mod demo;
mod fuzz;
mod golang;
mod no_alloc;
mod process;
mod program;
mod test;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  gen               write what is generated: docs/detectors.md, docs/codes.md, the C header,
                    the codes of Go
  demo              put Airlock in front of a real MCP server and watch five calls
  test              run every test; says what is missing on this system and what is skipped for it
  test --install    the same, after installing what is missing (apt-get, as root on Debian)
  test --full       the same, and the slow stages: long fuzzing, benches, dependencies, idle cost
  test NAME...      only these stages
  test --list       the names of the stages
  help              this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.split_first() {
        Some((&"demo", [])) => demo::run(),
        Some((&"gen", [])) => generate(),
        Some((&"test", options)) => match test::Options::parse(options) {
            Ok(options) => test::run(&options),
            Err(unknown) => usage(&unknown),
        },
        Some((&("help" | "-h" | "--help"), _)) | None => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some((unknown, rest)) => usage(rest.first().unwrap_or(unknown)),
    }
}

/// Writes what is generated: the tests that find it stale write it when they are told to.
fn generate() -> ExitCode {
    for (package, test) in [("airlock-core", "detectors"), ("airlock-ffi", "generated")] {
        let status = std::process::Command::new(env!("CARGO"))
            .args(["test", "--quiet", "--package", package, "--test", test])
            .env("AIRLOCK_WRITE_REFERENCE", "1")
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Says what was not understood.
fn usage(unknown: &str) -> ExitCode {
    eprintln!("error: no task or option is called '{unknown}'\n\n{HELP}");
    ExitCode::from(2)
}
