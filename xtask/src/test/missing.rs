//! What the system lacks for the stages that are to run, and bringing it.

use std::fmt::Write;
use std::process::Command;

use super::stages::Stage;
use crate::process;
use crate::program::{self, Missing, Program, Source};
use crate::workspace;

/// A program that is not here, and the stages that need it.
struct Lack {
    program: Program,
    missing: Missing,
    stages: Vec<&'static str>,
}

/// Everything that is not here.
pub struct Lacks(Vec<Lack>);

impl Lacks {
    /// Looks for every program that `stages` need.
    pub fn of(stages: &[&Stage]) -> Self {
        let mut lacks: Vec<Lack> = Vec::new();
        for stage in stages {
            for &program in stage.needs {
                if let Some(lack) = lacks.iter_mut().find(|lack| lack.program == program) {
                    lack.stages.push(stage.name);
                } else if let Err(missing) = program.check() {
                    lacks.push(Lack { program, missing, stages: vec![stage.name] });
                }
            }
        }
        Self(lacks)
    }

    /// The first of the programs that `stage` needs and lacks.
    pub fn of_stage(&self, stage: &Stage) -> Option<&'static str> {
        let lack = self.0.iter().find(|lack| stage.needs.contains(&lack.program))?;
        Some(lack.missing.what)
    }

    /// What is missing, which stages are skipped for it, and the one command line that brings it;
    /// empty when nothing is.
    pub fn describe(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut text = String::from("Missing on this system:\n");
        for Lack { missing, stages, .. } in &self.0 {
            // A String takes whatever is written.
            let _ = writeln!(text, "  {:<20} skips {}", missing.what, stages.join(", "));
        }
        let sudo = if is_root() { "" } else { "sudo " };
        let lines: Vec<String> = self
            .commands()
            .iter()
            .map(|words| {
                let is_apt = words.first() == Some(&"apt-get");
                format!("{}{}", if is_apt { sudo } else { "" }, words.join(" "))
            })
            .collect();
        text + "Brought by: " + &lines.join(" && ") + "\n\n"
    }

    /// Runs the commands that bring what is missing. One that fails is shown, and the stages that lack
    /// its programs are then skipped.
    pub fn install(&self) {
        for words in self.commands() {
            let Some((&program, args)) = words.split_first() else {
                continue;
            };
            if program == "apt-get" && !is_root() {
                println!("Not root: system packages are left for you to install.");
                self.unpack();
                continue;
            }
            println!("+ {}", words.join(" "));
            let mut command = Command::new(program);
            command.args(args).current_dir(workspace::root());
            let done = process::fetch(command.env("DEBIAN_FRONTEND", "noninteractive"));
            if !done.ok {
                print!("{}", done.text);
            }
        }
    }

    /// Brings what needs no installation.
    fn unpack(&self) {
        let wanted = self.0.iter().any(|lack| lack.program == Program::Redis);
        if let Some(mut command) = wanted.then(program::unpack_redis).flatten() {
            println!("+ redis-server, unpacked into .cache/redis");
            let done = process::fetch(&mut command);
            if !done.ok {
                print!("{}", done.text);
            }
        }
    }

    /// The commands, each as its words: Debian's packages in one, then the others.
    fn commands(&self) -> Vec<Vec<&'static str>> {
        let mut packages = Vec::new();
        let mut others = Vec::new();
        for lack in &self.0 {
            match lack.missing.from {
                Source::Apt(names) => packages.extend(names),
                Source::Command(words) => others.push(words.to_vec()),
            }
        }
        if packages.is_empty() {
            return others;
        }
        let install = ["apt-get", "install", "-y", "--no-install-recommends"];
        let install = install.into_iter().chain(packages).collect();
        [vec!["apt-get", "update"], install].into_iter().chain(others).collect()
    }
}

/// Where only the system's Node is too old, npm brings a newer one into the checkout.
pub fn bring_node(stages: &[&Stage]) {
    if !stages.iter().any(|stage| stage.needs.contains(&Program::Node)) {
        return;
    }
    if let Some(mut command) = program::node_from_npm() {
        println!("The system's Node is too old; npm brings a newer one into .cache/");
        let done = process::fetch(&mut command);
        if !done.ok {
            print!("{}", done.text);
        }
    }
}

fn is_root() -> bool {
    process::run(Command::new("id").arg("-u")).text.trim() == "0"
}
