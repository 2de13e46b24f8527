//! The Go module: built as `go generate` builds it in a clone, then tested as its users link it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Done};
use crate::test::{Report, Tally};
use crate::workspace;

const STATICCHECK: &str = "honnef.co/go/tools/cmd/staticcheck@v0.8.2";

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
    let is_linted = lint(&module, report) && lint(&module.join("bench"), report);
    tests(&module, &["-race", "./..."], report);
    // The race detector empties the pools that make calls free of allocations.
    tests(&module, &["-run", "TakeNoMemory", "."], report);
    // So many inputs and not so many seconds: Go takes the end of the time for a failure now and then.
    let fuzz = ["test", "-run", "^$", "-fuzz", "FuzzCheck", "-fuzztime", "100000x", "."];
    report.one(process::run(&mut go(&module, &fuzz)));
    same_answers(&module, report);
    says_why(&module, report);
    from_the_archive(report);
    if !is_linted {
        skip("staticcheck cannot be fetched", report);
    }
    if !process::fetch(&mut go(&module.join("mcpairlock"), &["mod", "download"])).ok {
        return skip("the modules of the Go SDK cannot be fetched", report);
    }
    let middleware = module.join("mcpairlock");
    report.one(process::run(&mut go(&middleware, &["vet", "./..."])));
    lint(&middleware, report);
    tests(&middleware, &["-race", "./..."], report);
    let examples = workspace::root().join("examples/go");
    report.one(process::run(&mut go(&examples, &["vet", "./..."])));
    lint(&examples, report);
    report.one(prints(&examples, &mut go(&examples, &["run", "./guard"])));
}

/// Looks for likely mistakes; false when the linter cannot be had.
fn lint(folder: &Path, report: &mut Report) -> bool {
    if !process::fetch(&mut go(folder, &["run", STATICCHECK, "-version"])).ok {
        return false;
    }
    report.one(process::run(&mut go(folder, &["run", STATICCHECK, "./..."])));
    true
}

fn skip(why: &str, report: &mut Report) {
    report.tally.skipped += 1;
    report.notes.push(format!("SKIPPED: {why}"));
}

/// The archive of a release, unpacked somewhere, is found through pkg-config.
fn from_the_archive(report: &mut Report) {
    let build = workspace::target().join("capi/std");
    let mut make = Command::new("make");
    make.args(["--no-print-directory", "STD=1", "PLATFORM=here", "package"]);
    make.arg(format!("BUILD={}", build.display())).env("CARGO_TARGET_DIR", workspace::target());
    if !report.step(make.current_dir(workspace::root().join("ffi"))) {
        return;
    }
    let place = workspace::target().join("capi/unpacked");
    let name = format!("airlock-c-{}-here", env!("CARGO_PKG_VERSION"));
    let unpacked = fs::remove_dir_all(&place)
        .or_else(|why| if why.kind() == ErrorKind::NotFound { Ok(()) } else { Err(why) })
        .and_then(|()| fs::create_dir_all(&place));
    report.found("an empty folder", unpacked.map_err(|why| why.to_string()));
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(build.join(format!("{name}.tar.gz"))).arg("-C").arg(&place);
    if !report.step(&mut tar) {
        return;
    }
    let lib = place.join(name).join("lib");
    let examples = workspace::root().join("examples/go");
    let mut run = go(&examples, &["run", "-tags", "airlock_system", "./guard"]);
    run.env("PKG_CONFIG_PATH", lib.join("pkgconfig")).env("LD_LIBRARY_PATH", lib);
    report.one(prints(&examples, &mut run));
}

/// What an example prints, held against what is written down.
fn prints(examples: &Path, run: &mut Command) -> Done {
    let done = process::run(run);
    let want = fs::read_to_string(examples.join("output.txt")).unwrap_or_default();
    let ok = done.ok && done.text == want;
    Done { ok, text: format!("wanted:\n{want}got:\n{}", done.text) }
}

/// What takes long: a million calls, and a fuzzer with time.
pub fn long(report: &mut Report) {
    let module = module();
    if report.step(&mut go(&module, &["generate", "./..."])) {
        tests(&module, &["-tags", "airlock_long", "-run", "StaysFlat", "."], report);
        let fuzz = ["test", "-run", "^$", "-fuzz", "FuzzCheck", "-fuzztime", "2000000x", "."];
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
    let headers = process::run(Command::new("readelf").arg("--program-headers").arg(&answer));
    let is_static = headers.ok && !headers.text.contains("INTERP");
    report.found("a static program", if is_static { Ok(()) } else { Err(headers.text) });
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
