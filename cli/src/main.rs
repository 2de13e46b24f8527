//! The `airlock` command.
mod run;

use clap::Parser;

/// A firewall for the tool calls of AI agents
#[derive(Parser)]
#[command(name = "airlock", version)]
enum Command {
    /// Wrap an MCP server that speaks over standard input and output
    Run(run::Args),
}

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before anything else: this is on the way of every server's start.
    if arguments.next().is_some_and(|first| first == run::EXEC) {
        return exit(airlock::child::become_server(arguments));
    }
    let done = match Command::parse() {
        Command::Run(args) => run::run(&args),
    };
    exit(done.unwrap_or_else(|error| {
        eprintln!("airlock: {error}");
        2
    }))
}

fn exit(code: i32) -> std::process::ExitCode {
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(1))
}
