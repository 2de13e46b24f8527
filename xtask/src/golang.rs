//! The Go module: built as `go generate` builds it in a clone, then tested as its users link it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Done};
use crate::test::{Report, Tally};
use crate::workspace;

/// Go in a folder of the checkout, with the toolchain that is here.
fn go(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(args).current_dir(folder).env("CGO_ENABLED", "1");
    command.env("CARGO_TARGET_DIR", workspace::target());
    command
}

fn module() -> PathBuf {
    workspace::root().join("bindings/go")
}

/// The guard, the middleware of the official SDK, the examples; the same answers as Rust and C, from a static program.
pub fn check(report: &mut Report) {
    let module = module();
    if !report.step(&mut go(&module, &["generate", "./..."])) {
        return;
    }
    let formatted = process::run(Command::new("gofmt").args(["-l", "."]).current_dir(&module));
    report.found("gofmt", if formatted.text.is_empty() { Ok(()) } else { Err(formatted.text) });
    let checks: [&[&str]; 2] = [&["vet", "./..."], &["vet", "-tags", "airlock_long", "./..."]];
    for args in checks {
        report.one(process::run(&mut go(&module, args)));
    }
    tests(&module, &["-race", "./..."], report);
    // The race detector empties the pools that make calls free of allocations.
    tests(&module, &["-run", "TakeNoMemory", "."], report);
    let fuzz = ["test", "-run", "^$", "-fuzz", "FuzzCheck", "-fuzztime", "5s", "."];
    report.one(process::run(&mut go(&module, &fuzz)));
    same_answers(&module, report);
    says_why(&module, report);
    if !process::run(&mut go(&module.join("mcpairlock"), &["mod", "download"])).ok {
        report.tally.skipped += 1;
        report.notes.push("SKIPPED: the modules of the Go SDK cannot be fetched".to_owned());
        return;
    }
    let middleware = module.join("mcpairlock");
    report.one(process::run(&mut go(&middleware, &["vet", "./..."])));
    tests(&middleware, &["-race", "./..."], report);
    let examples = workspace::root().join("examples/go");
    report.one(process::run(&mut go(&examples, &["vet", "./..."])));
    let done = process::run(&mut go(&examples, &["run", "./guard"]));
    let want = fs::read_to_string(examples.join("output.txt")).unwrap_or_default();
    let ok = done.ok && done.text == want;
    report.one(Done { ok, text: format!("wanted:\n{want}got:\n{}", done.text) });
}

/// What takes long: a million calls, and a fuzzer with time.
pub fn long(report: &mut Report) {
    let module = module();
    if report.step(&mut go(&module, &["generate", "./..."])) {
        tests(&module, &["-tags", "airlock_long", "-run", "StaysFlat", "."], report);
        let fuzz = ["test", "-run", "^$", "-fuzz", "FuzzCheck", "-fuzztime", "10m", "."];
        report.one(process::run(&mut go(&module, &fuzz)));
        let done = process::run(&mut go(&module.join("bench"), &["run", "."]));
        report.notes.extend(done.text.lines().map(str::to_owned));
        report.one(done);
    }
}

/// Runs tests and counts them, those inside others too.
fn tests(folder: &Path, args: &[&str], report: &mut Report) {
    let done = process::run(go(folder, &["test", "-count=1", "-v"]).args(args));
    let tally = tally(&done.text);
    let is_noise = |line: &&str| {
        let line = line.trim_start();
        ["=== ", "--- PASS", "PASS", "ok  ", "?  "].iter().any(|start| line.starts_with(start))
    };
    let told = done.text.lines().filter(|line| !is_noise(line));
    let text = told.map(|line| format!("{line}\n")).collect();
    report.counted(Done { text, ..done }, tally);
}

fn tally(text: &str) -> Tally {
    let count = |what: &str| text.lines().filter(|l| l.trim_start().starts_with(what)).count();
    Tally { passed: count("--- PASS"), failed: count("--- FAIL"), skipped: count("--- SKIP") }
}

/// The golden vectors and the labelled calls, from a program that needs no shared library.
fn same_answers(module: &Path, report: &mut Report) {
    let answer = workspace::target().join("capi/answer-go");
    let mut build =
        go(module, &["build", "-ldflags", "-linkmode external -extldflags -static", "-o"]);
    if !report.step(build.arg(&answer).arg("./internal/answer")) {
        return;
    }
    let elf = fs::read(&answer).unwrap_or_default();
    let is_static = !elf.windows(8).any(|bytes| bytes == b"ld-linux");
    let outcome = if is_static { Ok(()) } else { Err("it needs a loader".to_owned()) };
    report.found("a static program", outcome);
    let mut parity = workspace::cargo(&["test", "-p", "airlock-ffi", "--test", "parity"]);
    report.one(process::run(parity.env("AIRLOCK_C_ANSWER", answer)));
}

/// Without cgo the compiler says what is missing.
fn says_why(module: &Path, report: &mut Report) {
    let done = process::run(go(module, &["build", "."]).env("CGO_ENABLED", "0"));
    let ok = !done.ok && done.text.contains("through cgo: set CGO_ENABLED=1");
    report.one(Done { ok, ..done });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_inside_tests_are_counted() {
        let text = "=== RUN   TestA\n    --- PASS: TestA/b (0.00s)\n    --- FAIL: TestA/c (0.00s)\n\
                    --- FAIL: TestA (0.00s)\n--- SKIP: TestD (0.00s)\nFAIL\n";
        assert_eq!(tally(text), Tally { passed: 1, failed: 2, skipped: 1 });
    }
}
