//! What a stage found out, and reading it from what its programs say.

use std::env;
use std::ops::AddAssign;
use std::process::Command;

use crate::process::{self, Done};
use crate::workspace;

/// Lines that are shown of the beginning and of the end of a failure.
const SHOWN: usize = 200;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// What a stage found out.
#[derive(Debug, Default)]
pub struct Report {
    pub tally: Tally,
    /// Lines that are shown whatever the outcome.
    pub notes: Vec<String>,
    /// The output of what failed.
    failures: String,
}

impl Report {
    /// Counts a program as one test.
    pub fn one(&mut self, done: Done) {
        let tally = Tally { passed: usize::from(done.ok), ..Tally::default() };
        self.counted(done, tally);
    }

    /// Counts a program that ran tests and said how many. A program that fails without a failed test
    /// (it did not build, say) counts as one.
    pub fn counted(&mut self, done: Done, mut tally: Tally) {
        if !done.ok {
            if tally.failed == 0 {
                tally.failed = 1;
            }
            self.failures += &done.text;
        }
        self.tally += tally;
    }

    /// Runs a program that something later needs; says whether to go on.
    pub fn step(&mut self, command: &mut Command) -> bool {
        let done = process::run(command);
        let ok = done.ok;
        if !ok {
            self.one(done);
        }
        ok
    }

    /// Counts one thing that is found to be so or not.
    pub fn found(&mut self, what: &str, outcome: Result<(), String>) {
        let text = outcome.as_ref().err().map(|why| format!("{what}: {why}\n")).unwrap_or_default();
        self.one(Done { ok: outcome.is_ok(), text });
    }

    /// The output of what failed, its middle left out when it is very long.
    pub fn failures(&self) -> String {
        let lines: Vec<&str> = self.failures.lines().collect();
        let left_out = lines.len().saturating_sub(2 * SHOWN);
        let (head, rest) = lines.split_at(lines.len().min(SHOWN));
        let tail = rest.split_at(left_out).1;
        let mut text: String = head.iter().map(|line| format!("{line}\n")).collect();
        if left_out > 0 {
            text += &format!("... {left_out} lines left out ...\n");
        }
        tail.iter().for_each(|line| text += &format!("{line}\n"));
        text
    }

    pub fn cargo_tests(&mut self, args: &[&str]) {
        // Output of passed tests is asked for because a test that skips itself says so there.
        let mut command = workspace::cargo(args);
        command.args(["--no-fail-fast", "--", "--show-output"]);
        // The same cases every time, as in fuzz.rs: what one change did not break does not fail the next by
        // chance. `cargo test` draws others each time.
        if env::var_os("PROPTEST_RNG_SEED").is_none() {
            command.env("PROPTEST_RNG_SEED", "20261122");
        }
        let done = process::run(&mut command);
        let (tally, skips) = cargo_tally(&done.text);
        for skip in skips {
            if !self.notes.contains(&skip) {
                self.notes.push(skip);
            }
        }
        let text = without_passes(&done.text);
        self.counted(Done { text, ..done }, tally);
    }
}

/// Sums up the `test result:` lines of cargo, and the tests that passed because they skipped themselves:
/// their output has a line that begins with `SKIPPED`.
fn cargo_tally(text: &str) -> (Tally, Vec<String>) {
    let mut tally = Tally::default();
    let mut skips = Vec::new();
    let (mut skipped, mut is_skipped) = (0, false);
    for line in text.lines() {
        if line.starts_with("---- ") {
            is_skipped = false;
        } else if line.starts_with("SKIPPED") {
            skips.push(line.to_owned());
            skipped += usize::from(!is_skipped);
            is_skipped = true;
        } else if let Some(counts) = line.strip_prefix("test result:") {
            tally.passed += before(counts, "passed");
            tally.failed += before(counts, "failed");
            tally.skipped += before(counts, "ignored");
        }
    }
    tally.passed = tally.passed.saturating_sub(skipped);
    tally.skipped += skipped;
    (tally, skips)
}

/// The number in front of `word`; zero when there is none.
fn before(text: &str, word: &str) -> usize {
    let words: Vec<&str> = text.split([' ', ';']).collect();
    let number =
        words.windows(2).find(|pair| pair.last() == Some(&word)).and_then(|pair| pair.first());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The output of cargo without the tests that passed and what they printed.
fn without_passes(text: &str) -> String {
    let mut is_success = false;
    let mut kept = String::new();
    for line in text.lines() {
        match line {
            "successes:" => is_success = true,
            "failures:" => is_success = false,
            _ if line.starts_with("test result:") => is_success = false,
            _ => {}
        }
        let is_pass = line.starts_with("test ") && line.ends_with("... ok");
        if !is_success && !is_pass {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// Reads the summary of `node --test`: lines like `ℹ pass 57`.
pub fn node_tally(text: &str) -> Tally {
    let count = |name: &str| {
        let line = text.lines().filter_map(|line| line.strip_prefix("ℹ "));
        let numbers = line.filter_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok());
        numbers.sum()
    };
    Tally {
        passed: count("pass "),
        failed: count("fail ") + count("cancelled "),
        skipped: count("skipped ") + count("todo "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_counted() {
        let cargo = "test a ... ok\n---- a stdout ----\nSKIPPED: x is not here\nSKIPPED: y\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (tally, skips) = cargo_tally(cargo);
        assert_eq!(tally, Tally { passed: 6, failed: 2, skipped: 2 });
        assert_eq!(skips.len(), 2);
        let node = "✔ one\nℹ tests 9\nℹ pass 6\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\n";
        assert_eq!(node_tally(node), Tally { passed: 6, failed: 2, skipped: 1 });
    }

    #[test]
    fn a_program_that_fails_without_a_failed_test_counts_as_one() {
        let mut report = Report::default();
        report.counted(
            Done { ok: false, text: "error".into() },
            Tally { passed: 5, ..Tally::default() },
        );
        assert_eq!(report.tally, Tally { passed: 5, failed: 1, skipped: 0 });
        assert_eq!(report.failures(), "error\n");
    }

    #[test]
    fn a_long_failure_loses_its_middle() {
        let text = (0..1000).map(|line| format!("{line}\n")).collect();
        let mut report = Report::default();
        report.one(Done { ok: false, text });
        let shown = report.failures();
        assert!(shown.contains("\n199\n... 600 lines left out ...\n800\n"));
    }
}
