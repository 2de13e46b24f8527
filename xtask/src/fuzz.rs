//! Fuzzing without cargo-fuzz: the targets are built with the coverage instrumentation that libFuzzer reads,
//! on the stable toolchain, and run for a while each.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use crate::process::{self, Done};
use crate::workspace;

/// What libFuzzer's coverage needs from the compiler: a counter for each edge, the table that maps counters
/// to code, and a look at the operands of comparisons.
const INSTRUMENT: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Coverflow-checks";

/// The names of the targets, in order.
pub fn targets() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Builds every target.
pub fn build() -> Done {
    let mut cargo = workspace::cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    // With --target the flags do not reach build scripts, which have no fuzzer to link with.
    cargo.arg("--target-dir").arg(built()).args(["--target", host().as_str()]);
    process::run(cargo.env("RUSTFLAGS", INSTRUMENT))
}

/// A run up to this long is a smoke test: it draws the same numbers every time, so that what one change
/// did not break does not fail the next by chance.
const SMOKE: u32 = 30;

/// Runs the target `name` for `seconds` over its committed seeds; what it finds is kept outside git.
pub fn run(name: &str, seconds: u32) -> Done {
    let corpus = folder().join("corpus").join(name);
    let artifacts = folder().join("artifacts").join(name);
    for made in [&corpus, &artifacts] {
        if let Err(error) = fs::create_dir_all(made) {
            return Done { ok: false, text: format!("{}: {error}\n", made.display()) };
        }
    }
    let mut fuzzer = Command::new(built().join(host()).join("release").join(name));
    fuzzer.arg(format!("-max_total_time={seconds}")).args(["-timeout=60", "-rss_limit_mb=2048"]);
    // Inputs of full length from the start: what draws a schema from bytes says little with few.
    fuzzer.arg("-len_control=0");
    if seconds <= SMOKE {
        fuzzer.arg("-seed=1");
    }
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(&corpus);
    let seeds = folder().join("seeds").join(name);
    if seeds.is_dir() {
        fuzzer.arg(seeds);
    }
    process::run(&mut fuzzer)
}

fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

fn built() -> PathBuf {
    workspace::target().join("fuzz")
}

/// The triple of the machine, as rustc names it.
fn host() -> String {
    let version = process::run(Command::new("rustc").arg("-vV"));
    let host = version.text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap_or("x86_64-unknown-linux-gnu").to_owned()
}
