//! The stages: what each runs, and what it needs.

use std::process::Command;

use super::report::{Report, node_tally};
use crate::process::{self, Done};
use crate::program::{self, Program};
use crate::{capi, fuzz, golang, no_alloc, workspace};

/// One part of the whole.
pub struct Stage {
    pub name: &'static str,
    /// What it cannot do without, besides cargo.
    pub needs: &'static [Program],
    /// Whether only `--full` runs it.
    pub is_slow: bool,
    pub run: fn(&mut Report),
}

/// In order of what tells most soonest.
pub const STAGES: &[Stage] = &[
    quick("format", &[Program::Rustfmt], format),
    quick("lint", &[Program::Clippy], lint),
    quick("rust", &[], rust),
    quick("rust-levels", &[], rust_levels),
    quick("fleet", &[Program::Redis], fleet),
    quick("traces", &[], traces),
    quick("docs", &[], docs),
    quick("no-alloc", &[Program::Linker], no_allocator),
    quick("c-abi", C, capi::check),
    quick("c-memory", &[Program::Linker, Program::CppCompiler, Program::Valgrind], capi::memory),
    quick("c-packages", &[Program::Linker, Program::CppCompiler, Program::CMake], capi::packages),
    quick("c-freestanding", C, capi::freestanding),
    quick("c-described", &[Program::CppCompiler, Program::Abigail], capi::described),
    quick("end-to-end", &[Program::Node], end_to_end),
    quick("node", &[Program::Node, Program::NodePackages], |report| node_binding(report, false)),
    slow("node-long", &[Program::Node, Program::NodePackages], |report| node_binding(report, true)),
    quick("go", GO, golang::check),
    slow("go-long", GO, golang::long),
    quick("fuzz", &[Program::CppCompiler], |report| fuzz_for(report, 20)),
    slow("fuzz-long", &[Program::CppCompiler], |report| fuzz_for(report, 600)),
    slow("c-bench", &[Program::Linker, Program::CppCompiler, Program::Valgrind], capi::bench),
    slow("c-threads", &[Program::Linker, Program::CppCompiler, Program::Valgrind], capi::threads),
    slow("idle-cost", &[Program::Node], idle_cost),
    slow("benches", &[], benches),
    slow("dependencies", &[Program::CargoDeny], dependencies),
];

/// What building the C library and programs takes.
const C: &[Program] = &[Program::Linker, Program::CppCompiler];

/// What building the Go module takes.
const GO: &[Program] = &[Program::Go, Program::Linker, Program::CppCompiler];

const fn quick(name: &'static str, needs: &'static [Program], run: fn(&mut Report)) -> Stage {
    Stage { name, needs, is_slow: false, run }
}

const fn slow(name: &'static str, needs: &'static [Program], run: fn(&mut Report)) -> Stage {
    Stage { name, needs, is_slow: true, run }
}

/// The folders with a `Cargo.toml` that is no member of the workspace.
const OTHER_WORKSPACES: &[&str] =
    &["core/tests/no_alloc", "benches", "ffi/bench", "ffi/embedded", "fuzz"];

fn format(report: &mut Report) {
    report.one(process::run(&mut workspace::cargo(&["fmt", "--all", "--check", "--", "-l"])));
    for folder in OTHER_WORKSPACES {
        let manifest = format!("{folder}/Cargo.toml");
        let args = ["fmt", "--manifest-path", &manifest, "--check", "--", "-l"];
        report.one(process::run(&mut workspace::cargo(&args)));
    }
}

fn lint(report: &mut Report) {
    let all = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    report.one(process::run(&mut workspace::cargo(&all)));
    for level in [&["--no-default-features"][..], &[]] {
        let mut command = workspace::cargo(&["clippy", "-p", "airlock-core"]);
        report.one(process::run(command.args(level).args(["--", "-D", "warnings"])));
    }
}

/// The whole workspace; core is built with `std` there, because the crates above ask for it.
fn rust(report: &mut Report) {
    report.cargo_tests(&["test", "--workspace"]);
}

/// The other levels of core: nothing, and `alloc` alone.
fn rust_levels(report: &mut Report) {
    report.cargo_tests(&["test", "-p", "airlock-core", "--no-default-features"]);
    report.cargo_tests(&["test", "-p", "airlock-core"]);
}

/// What processes share: skipped in the other stages where there is no server.
fn fleet(report: &mut Report) {
    let package = ["test", "-p", "agent-airlock", "--features", "redis-tls"];
    report.cargo_tests(&[&package[..], &["--test", "fleet"]].concat());
    report.cargo_tests(&[&package[..], &["--lib", "limit::redis"]].concat());
}

/// Spans, whose features no other stage turns on.
fn traces(report: &mut Report) {
    let package = ["test", "-p", "agent-airlock", "--features", "otel,tracing"];
    report.cargo_tests(&[&package[..], &["--lib", "observe"]].concat());
    let tests = ["--test", "observe", "--test", "otel", "--test", "spans"];
    report.cargo_tests(&[&package[..], &tests].concat());
    report.cargo_tests(&["test", "-p", "airlock-cli", "--features", "otel", "--test", "traces"]);
}

fn docs(report: &mut Report) {
    let mut command = workspace::cargo(&["doc", "--workspace", "--no-deps"]);
    report.one(process::run(command.env("RUSTDOCFLAGS", "-D warnings")));
}

fn no_allocator(report: &mut Report) {
    match no_alloc::check() {
        Ok(findings) => {
            for finding in findings {
                report.found(finding.what, finding.outcome);
                report.notes.extend(finding.note);
            }
        }
        Err(why) => report.found("the proof does not link", Err(why)),
    }
}

/// The official servers and the official client around the binary.
fn end_to_end(report: &mut Report) {
    if report.step(&mut workspace::cargo(&["build", "-p", "airlock-cli"])) {
        let Some(mut node) = node_script(report, "debug") else {
            return;
        };
        node.args(["--test", "--test-reporter=spec"]);
        let done = process::run(&mut node);
        let tally = node_tally(&done.text);
        let exempt = done.text.lines().filter(|line| line.contains("compared apart from"));
        report.notes.extend(exempt.map(|line| line.trim_matches([' ', 'ℹ']).to_owned()));
        // The runner shows each failure where it happens and again at the end.
        let end = done.text.find("✖ failing tests:").unwrap_or(0);
        let text = done.text.split_at(end).1.to_owned();
        report.counted(Done { text, ..done }, tally);
    }
}

/// The npm package around a debug build of its addon; `is_long` runs what takes minutes, and only that.
fn node_binding(report: &mut Report, is_long: bool) {
    if !report.step(&mut workspace::cargo(&["build", "-p", "airlock-node", "-p", "airlock-cli"])) {
        return;
    }
    let node = match program::node() {
        Ok(node) => node,
        Err(lack) => return report.found(lack.what, Err("it is missing".to_owned())),
    };
    let run = |args: &[&str]| {
        let mut command = Command::new(&node);
        command.args(args).current_dir(workspace::node_binding());
        command.env("PATH", program::path_with(&node)).env("CARGO_TARGET_DIR", workspace::target());
        command
    };
    let tsc = "node_modules/typescript/bin/tsc";
    if !report.step(&mut run(&["scripts/addon.js", "--debug"])) || !report.step(&mut run(&[tsc])) {
        return;
    }
    let files = match workspace::node_tests(if is_long { ".long.mjs" } else { ".test.mjs" }) {
        Ok(files) => files,
        Err(error) => return report.found("bindings/node/test", Err(error.to_string())),
    };
    if !is_long {
        report.one(process::run(&mut run(&[tsc, "-p", "test/types"])));
        report.one(process::run(&mut run(&[tsc, "-p", "test/types/bare"])));
        let typedoc = "node_modules/typedoc/bin/typedoc";
        report.one(process::run(&mut run(&[typedoc, "--emit", "none"])));
    }
    let done = process::run(run(&["--test", "--test-reporter=spec"]).args(files));
    let tally = node_tally(&done.text);
    let skips =
        done.text.lines().filter_map(|line| line.find("SKIPPED").map(|at| line.split_at(at).1));
    report.notes.extend(skips.map(str::to_owned));
    let end = done.text.find("✖ failing tests:").unwrap_or(0);
    let text = done.text.split_at(end).1.to_owned();
    report.counted(Done { text, ..done }, tally);
}

fn idle_cost(report: &mut Report) {
    if report.step(&mut workspace::cargo(&["build", "--release", "-p", "airlock-cli"])) {
        let Some(mut node) = node_script(report, "release") else {
            return;
        };
        let done = process::run(node.arg("measure.js"));
        report.notes.extend(done.text.lines().map(str::to_owned));
        report.one(done);
    }
}

/// Node in the folder of the end-to-end tests, with their packages there and the binary of `profile`
/// named; nothing when the packages cannot be had.
fn node_script(report: &mut Report, profile: &str) -> Option<Command> {
    let brought = match workspace::npm_packages() {
        Ok(None) => Ok(()),
        Ok(Some(mut npm)) => {
            let done = process::fetch(&mut npm);
            if done.ok {
                workspace::npm_packages_are_there().map_err(|error| error.to_string())
            } else {
                Err(done.text)
            }
        }
        Err(lack) => Err(format!("{} is missing", lack.what)),
    };
    let node =
        brought.and_then(|()| program::node().map_err(|lack| format!("{} is missing", lack.what)));
    match node {
        Ok(node) => {
            let mut command = Command::new(&node);
            command.current_dir(workspace::e2e()).env("AIRLOCK_BIN", workspace::airlock(profile));
            command.env("PATH", program::path_with(&node));
            Some(command)
        }
        Err(why) => {
            report.found("npm packages", Err(why));
            None
        }
    }
}

/// Runs each target for some seconds.
fn fuzz_for(report: &mut Report, seconds: u32) {
    match fuzz::targets() {
        Ok(targets) => {
            let built = fuzz::build();
            if !built.ok {
                return report.one(built);
            }
            for target in targets {
                let done = fuzz::run(&target, seconds);
                let last = done.text.lines().rev().find(|line| line.starts_with("Done"));
                report.notes.extend(last.map(|line| format!("{target}: {line}")));
                report.one(done);
            }
        }
        Err(error) => report.found("fuzz_targets", Err(error.to_string())),
    }
}

/// The hot path beside its peers; the figures are what the stage is for.
fn benches(report: &mut Report) {
    let mut command = workspace::cargo(&["bench", "--manifest-path", "benches/Cargo.toml"]);
    let done = process::run(command.arg("--target-dir").arg(workspace::target().join("benches")));
    let is_figure = |line: &&str| ["ns/", "median of", " times"].iter().any(|of| line.contains(of));
    let figures = done.text.lines().filter(is_figure);
    report.notes.extend(figures.map(str::to_owned));
    report.one(done);
}

/// Licences, sources and bans, then the advisories, whose list is fetched from the network.
fn dependencies(report: &mut Report) {
    let mut rules = workspace::cargo(&["deny", "--all-features", "check", "bans", "licenses"]);
    report.one(process::run(rules.arg("sources")));
    let mut advisories = workspace::cargo(&["deny", "--all-features", "check", "advisories"]);
    let done = process::run(&mut advisories);
    if !done.ok && done.text.contains("failed to fetch advisory database") {
        report.tally.skipped += 1;
        report.notes.push("SKIPPED: the list of advisories cannot be fetched".to_owned());
    } else {
        report.one(done);
    }
}
