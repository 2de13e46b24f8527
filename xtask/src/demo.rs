//! `cargo xtask demo`: the product in front of a real MCP server, in one command.
//!
//! Here: what the reader is about to see, what must be there, the build, and how to go on. The calls
//! themselves are in `tests/e2e/demo.js`, which checks each of the five and fails when one differs.

use std::io::{self, IsTerminal};
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::program::{self, Missing, Source};
use crate::workspace;

const INTRODUCTION: &str = "\
Airlock stands between an AI agent and the tools it uses, and decides on every call. Here it is put in
front of the official MCP filesystem server, and the official MCP client calls through it. You will see

  1. a valid call go through untouched
  2. an argument that the model made up cut from a call
  3. a wrong type refused, in words that let the model repair its call
  4. a tool refused that the policy denies
  5. secrets in a file masked before the model sees them

The first run takes one to two minutes, nearly all of it an optimised build; later runs take seconds. It
downloads crates and npm packages, and installs nothing outside this checkout and cargo's cache.
";

/// Runs the demo; fails when something is missing or one of the five differs.
pub fn run() -> ExitCode {
    println!("{}", heading("Airlock: a firewall for tool calls"));
    println!("{INTRODUCTION}");
    match prepare_and_play() {
        Ok(()) => {
            println!("\n{}\n", heading("In front of your own server"));
            print!("{}", your_own());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("\nerror: {why}");
            ExitCode::FAILURE
        }
    }
}

fn prepare_and_play() -> Result<(), String> {
    // Everything that may be missing is looked for before anything is compiled.
    if let Some(mut npm) = program::node_from_npm() {
        println!("{}", heading("Node (the system's is too old)"));
        visibly(&mut npm)?;
    }
    let node = program::node().map_err(|lack| advice(&lack))?;
    if let Some(mut npm) = workspace::npm_packages().map_err(|lack| advice(&lack))? {
        println!("{}", heading("npm packages"));
        visibly(&mut npm)?;
        workspace::npm_packages_are_there().map_err(|error| error.to_string())?;
    }
    println!("{}", heading("Building airlock"));
    let began = Instant::now();
    visibly(&mut workspace::cargo(&["build", "--release", "-p", "airlock-cli"]))?;
    println!("built in {:.0} s\n", began.elapsed().as_secs_f64());

    let mut play = Command::new(&node);
    play.arg("demo.js").current_dir(workspace::e2e());
    play.env("AIRLOCK_BIN", workspace::airlock("release")).env("PATH", program::path_with(&node));
    visibly(&mut play).map_err(|_| "the demo did not go as promised".to_owned())
}

/// Runs a program whose output the reader sees as it comes.
fn visibly(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status})")),
        Err(error) => Err(format!("{name} cannot be started: {error}")),
    }
}

fn advice(lack: &Missing) -> String {
    let apt = match lack.from {
        Source::Apt(packages) => packages.join(" "),
        Source::Command(words) => words.join(" "),
    };
    format!(
        "{} is missing. The demo talks to a real MCP server, which runs on it.\n\
         Install it from https://nodejs.org, or on Debian and Ubuntu with\n\n    \
         sudo apt-get install -y {apt}\n\nand run `cargo xtask demo` again.",
        lack.what
    )
}

/// The configuration that wraps the reader's own server, with the path of the binary just built.
fn your_own() -> String {
    let airlock = workspace::airlock("release").display().to_string().replace('\\', "\\\\");
    format!(
        "\
Claude Desktop, Cursor and others: in the configuration file, put Airlock before the command you have.

    {{
      \"mcpServers\": {{
        \"filesystem\": {{
          \"command\": \"{airlock}\",
          \"args\": [\"run\", \"--policy\", \"permissive\", \"--\",
                   \"npx\", \"-y\", \"@modelcontextprotocol/server-filesystem\", \"/your/folder\"]
        }}
      }}
    }}

Claude Code:

    claude mcp add filesystem -- {airlock} run --policy permissive -- \\
      npx -y @modelcontextprotocol/server-filesystem /your/folder

`permissive` checks and masks and denies no tool. For more, give --policy a file like the one above.
"
    )
}

fn heading(text: &str) -> String {
    if io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}
