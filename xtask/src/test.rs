//! `cargo xtask test`: every test of the project, in stages.
//!
//! A stage names the programs that it needs and runs to a [`Report`]. What is missing is listed first,
//! with the stages that are skipped for it and the command that brings it. Tests are counted from what
//! their runners say; a stage without tests of its own counts as one. The last line is the sum.

mod missing;
mod report;
mod stages;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use self::missing::Lacks;
pub use self::report::{Report, Tally};
use self::stages::{STAGES, Stage};

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    install: bool,
    full: bool,
    list: bool,
    /// Names of stages; none means all that are not slow.
    only: Vec<String>,
}

impl Options {
    /// Reads the words after `test`.
    ///
    /// # Errors
    /// The word that is neither an option nor a stage.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        for &word in words {
            match word {
                "--install" => options.install = true,
                "--full" => options.full = true,
                "--list" => options.list = true,
                _ if STAGES.iter().any(|stage| stage.name == word) => {
                    options.only.push(word.to_owned());
                }
                _ => return Err(word.to_owned()),
            }
        }
        Ok(options)
    }

    /// Whether `stage` runs: when it is named, or when none is and it is not too slow.
    fn wants(&self, stage: &Stage) -> bool {
        if self.only.is_empty() {
            return self.full || !stage.is_slow;
        }
        self.only.iter().any(|name| stage.name == name)
    }
}

/// Runs the stages that `options` select.
pub fn run(options: &Options) -> ExitCode {
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| options.wants(stage)).collect();
    if options.list {
        for stage in STAGES {
            println!("{}{}", stage.name, if stage.is_slow { "  (--full)" } else { "" });
        }
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    missing::bring_node(&stages);
    let mut lacks = Lacks::of(&stages);
    if options.install {
        lacks.install();
        missing::bring_node(&stages);
        lacks = Lacks::of(&stages);
    }
    print!("{}", lacks.describe());

    let mut sum = Tally::default();
    for stage in stages {
        sum += if let Some(what) = lacks.of_stage(stage) {
            println!("{:<12} skipped: {what} is missing", stage.name);
            Tally { skipped: 1, ..Tally::default() }
        } else {
            run_stage(stage)
        };
    }

    let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
    if is_ci && sum.skipped > 0 {
        println!("\nCI=true: what is skipped counts as failed");
    }
    println!("\nran for {:.0} s", began.elapsed().as_secs_f64());
    println!("{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    if sum.failed > 0 || is_ci && sum.skipped > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one stage and prints its line: the name first, so that one that hangs is known.
fn run_stage(stage: &Stage) -> Tally {
    let name = format!("{:<12} ", stage.name);
    print!("{name}");
    // Whatever becomes of the output, the tests are worth running.
    let _ = io::stdout().flush();
    let began = Instant::now();
    let mut report = Report::default();
    (stage.run)(&mut report);
    if io::stdout().is_terminal() {
        print!("\r\x1b[K{name}");
    }
    let Tally { passed, failed, skipped } = report.tally;
    let mut line = if failed == 0 {
        format!("{passed:>5} passed")
    } else {
        format!("{failed:>5} FAILED, {passed} passed")
    };
    if skipped > 0 {
        line += &format!(", {skipped} skipped");
    }
    println!("{line:<34} {:>6.1} s", began.elapsed().as_secs_f64());
    for note in &report.notes {
        println!("    {note}");
    }
    if failed > 0 {
        println!("---- {} ----\n{}---- end of {} ----", stage.name, report.failures(), stage.name);
    }
    report.tally
}
