//! `airlock pin`: the tool definitions that were approved, and what servers made of them since.
//!
//! Each command reads the file that `airlock run --pins` keeps. Text of a server is shown with everything
//! escaped that does not show itself; what a person approves is named by its digest, so that nothing that
//! the server says in the meantime is approved with it.

mod show;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use airlock::core::pins::{Definition, Digest, Pin, Pins};
use airlock::pins::{self, Book};
use serde_json::{Value, json};

use crate::input::{Failure, Result};
use crate::style::Style;
use show::{Shown, write_ascii};

/// Fewest digits by which a definition is named.
const LEAST_DIGITS: usize = 12;

/// Subcommands of `airlock pin`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the tools that are known
    ///
    /// Exit codes: 0 listed; 2 bad usage or unreadable input.
    List(Listing),
    /// Show definitions that nobody has approved, and how they differ from those that were
    ///
    /// Exit codes: 0 none; 1 there are some; 2 bad usage or unreadable input.
    Diff(Listing),
    /// Approve the definition of a tool, by its digest as `airlock pin diff` shows it
    ///
    /// Exit codes: 0 approved; 2 bad usage, no such definition, or unreadable input.
    Approve(Approve),
    /// Forget tools: the next definition of each is recorded, or must be approved
    ///
    /// Exit codes: 0 forgotten; 2 bad usage, no such tool, or unreadable input.
    Reset(Reset),
}

/// Which pins.
#[derive(Debug, clap::Args)]
struct Which {
    /// The pin file
    #[arg(long, value_name = "FILE")]
    pins: PathBuf,
    /// Only the server of this name, as `airlock pin list` shows it
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
}

/// Arguments of `airlock pin list` and `airlock pin diff`.
#[derive(Debug, clap::Args)]
pub struct Listing {
    #[command(flatten)]
    which: Which,
    /// Write one JSON object for each tool
    #[arg(long)]
    json: bool,
}

/// Arguments of `airlock pin approve`.
#[derive(Debug, clap::Args)]
pub struct Approve {
    #[command(flatten)]
    which: Which,
    /// The tool
    #[arg(value_name = "TOOL", required_unless_present = "all")]
    tool: Option<String>,
    /// The definition's digest, or its first 12 digits or more
    #[arg(value_name = "DIGEST", required_unless_present = "all")]
    digest: Option<String>,
    /// Approve every definition that waits, whatever it is by now
    #[arg(long, conflicts_with_all = ["tool", "digest"])]
    all: bool,
    /// Write one JSON object for each tool
    #[arg(long)]
    json: bool,
}

/// Arguments of `airlock pin reset`.
#[derive(Debug, clap::Args)]
pub struct Reset {
    #[command(flatten)]
    which: Which,
    /// The tools
    #[arg(value_name = "TOOL", required_unless_present = "all")]
    tools: Vec<String>,
    /// Forget every tool
    #[arg(long, conflicts_with = "tools")]
    all: bool,
    /// Write one JSON object for each tool
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(command: &Command) -> ExitCode {
    let (name, done) = match command {
        Command::List(args) => ("list", list(args)),
        Command::Diff(args) => ("diff", diff(args)),
        Command::Approve(args) => ("approve", approve(args)),
        Command::Reset(args) => ("reset", reset(args)),
    };
    match done {
        Ok(code) => code,
        Err(Failure(message)) => {
            eprintln!("airlock pin {name}: {message}");
            ExitCode::from(2)
        }
    }
}

impl Which {
    /// The file's pins; a file that does not exist is a mistake here.
    fn read(&self) -> Result<Book> {
        if !self.pins.try_exists()? {
            return Err(Failure(format!("there is no pin file {}", self.pins.display())));
        }
        let book = pins::read(&self.pins)?;
        match &self.server {
            Some(name) if !book.servers.contains_key(name) => Err(self.no_server(name)),
            _ => Ok(book),
        }
    }

    fn no_server(&self, name: &str) -> Failure {
        Failure(format!("no server in {} is called {name:?}", self.pins.display()))
    }

    fn covers(&self, server: &str) -> bool {
        self.server.as_deref().is_none_or(|name| name == server)
    }

    /// The servers that are meant, and their pins.
    fn of<'b>(&self, book: &'b Book) -> impl Iterator<Item = (&'b str, &'b Pins)> {
        let servers = book.servers.iter().filter(|(name, _)| self.covers(name));
        servers.map(|(name, pins)| (&**name, pins))
    }

    /// The one server that knows `tool`.
    fn owner(&self, book: &Book, tool: &str) -> Result<String> {
        let mut owners = self.of(book).filter(|(_, pins)| pins.get(tool).is_some());
        match (owners.next(), owners.next()) {
            (Some((name, _)), None) => Ok(name.to_owned()),
            (None, _) => Err(Failure(format!("no tool {tool:?} is known"))),
            (Some((one, _)), Some((other, _))) => Err(Failure(format!(
                "several servers have a tool {tool:?}: say --server {one} or --server {other}"
            ))),
        }
    }
}

/// What is known of a tool, in a word.
const fn state(pin: &Pin) -> &'static str {
    match (&pin.approved, &pin.pending) {
        (Some(_), None) => "pinned",
        (Some(_), Some(_)) => "changed",
        (None, _) => "new",
    }
}

fn list(args: &Listing) -> Result<ExitCode> {
    let book = args.which.read()?;
    let mut out = io::stdout().lock();
    let style = Style::for_stream(io::stdout().is_terminal());
    for (server, pins) in args.which.of(&book) {
        for (tool, pin) in pins.iter() {
            let digest =
                |one: &Option<Definition>| one.as_ref().map(|one| one.digest().to_string());
            let (approved, pending) = (digest(&pin.approved), digest(&pin.pending));
            if args.json {
                let line = json!({"v": 1, "server": server, "tool": tool, "state": state(pin),
                    "digest": approved, "pending": pending});
                write_ascii(&line, &mut out)?;
                continue;
            }
            let word = match state(pin) {
                word @ "pinned" => style.good(word),
                word => style.bad(word),
            };
            let digest = approved.or(pending).unwrap_or_default();
            let (tool, server) = (Shown::short(tool), Shown::short(server));
            writeln!(out, "{word:7} {tool}  {}  ({server})", digest.get(..23).unwrap_or(""))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn diff(args: &Listing) -> Result<ExitCode> {
    let book = args.which.read()?;
    let mut out = io::stdout().lock();
    let mut some = false;
    for (server, pins) in args.which.of(&book) {
        for (tool, pin) in pins.iter() {
            let Some(pending) = &pin.pending else { continue };
            some = true;
            if args.json {
                write_ascii(&difference(server, tool, pin, pending), &mut out)?;
            } else {
                show::difference(&mut out, &args.which.pins, server, pin, pending)?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(some)))
}

fn difference(server: &str, tool: &str, pin: &Pin, pending: &Definition) -> Value {
    let change = pin.approved.as_ref().map(|approved| approved.diff(pending));
    let differences = change.iter().flat_map(|change| &change.differences);
    let differences: Vec<Value> = differences
        .map(|one| {
            json!({"path": one.path, "severity": one.severity.name(), "old": one.old, "new": one.new})
        })
        .collect();
    json!({
        "v": 1,
        "server": server,
        "tool": tool,
        "state": state(pin),
        "digest": pin.approved.as_ref().map(|one| one.digest().to_string()),
        "pending": pending.digest().to_string(),
        "severity": change.as_ref().map(|change| change.severity.name()),
        "differences": differences,
        "more": change.as_ref().map_or(0, |change| change.more),
        "definition": String::from_utf8_lossy(pending.text()),
    })
}

fn approve(args: &Approve) -> Result<ExitCode> {
    let book = args.which.read()?;
    let mut chosen: Vec<(String, String, Digest)> = Vec::new();
    if let (Some(tool), Some(digits)) = (&args.tool, &args.digest) {
        if digits.trim_start_matches("sha256:").len() < LEAST_DIGITS {
            return Err(Failure(format!("a digest is named by {LEAST_DIGITS} digits or more")));
        }
        let server = args.which.owner(&book, tool)?;
        let pin = book.servers.get(&server).and_then(|pins| pins.get(tool));
        let known = pin.into_iter().flat_map(|pin| [&pin.pending, &pin.approved]).flatten();
        let found = known.map(Definition::digest).find(|digest| digest.starts_with(digits));
        let missing =
            || Failure(format!("no known definition of {tool:?} has the digest {digits:?}"));
        chosen.push((server, tool.clone(), found.ok_or_else(missing)?));
    } else {
        for (server, pins) in args.which.of(&book) {
            for (tool, pin) in pins.iter() {
                let pending = pin.pending.as_ref().map(Definition::digest);
                chosen.extend(pending.map(|digest| (server.to_owned(), tool.to_owned(), digest)));
            }
        }
    }
    let approved = pins::update(&args.which.pins, |book| {
        let approve = |(server, tool, digest): &(String, String, Digest)| {
            book.servers.get_mut(server).is_some_and(|pins| pins.approve(tool, *digest))
        };
        chosen.iter().map(approve).collect::<Vec<_>>()
    })?;
    let done = chosen.iter().zip(&approved);
    let mut out = io::stdout().lock();
    for ((server, tool, digest), approved) in done {
        if !approved {
            return Err(Failure(format!("the server shows another definition of {tool:?} by now")));
        }
        if args.json {
            let line = json!({"v": 1, "server": server, "tool": tool, "state": "pinned",
                "digest": digest.to_string()});
            write_ascii(&line, &mut out)?;
        } else {
            writeln!(out, "approved {} {digest}", Shown::short(tool))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn reset(args: &Reset) -> Result<ExitCode> {
    let book = args.which.read()?;
    let chosen: Vec<(String, String)> = if args.all {
        let of = |(server, pins): (&str, &Pins)| {
            let tools = pins.iter().map(|(tool, _)| (server.to_owned(), tool.to_owned()));
            tools.collect::<Vec<_>>()
        };
        args.which.of(&book).flat_map(of).collect()
    } else {
        let owned = |tool: &String| Ok((args.which.owner(&book, tool)?, tool.clone()));
        args.tools.iter().map(owned).collect::<Result<_>>()?
    };
    pins::update(&args.which.pins, |book| {
        for (server, tool) in &chosen {
            if let Some(pins) = book.servers.get_mut(server) {
                pins.forget(tool);
            }
        }
    })?;
    let mut out = io::stdout().lock();
    for (server, tool) in &chosen {
        if args.json {
            write_ascii(
                &json!({"v": 1, "server": server, "tool": tool, "state": "forgotten"}),
                &mut out,
            )?;
        } else {
            writeln!(out, "forgot {}", Shown::short(tool))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
