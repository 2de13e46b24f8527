//! The process of a server that is wrapped.
//!
//! It runs in a process group of its own, so that everything it starts can be ended with it (`npx` puts
//! the server three processes deep). On Linux it also dies with us, however we die: the kernel sends
//! the parent-death signal. That signal must be asked for by the process itself between `fork` and
//! `exec`, which safe code cannot do; so we start our own program again ([`become_server`]), and it asks
//! and then turns into the server.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use crate::audit::KEY_VARIABLE;
use rustix::process::{Pid, Signal, getppid, kill_process_group};

/// The exit code of a command that cannot be started, as in a shell.
pub const CANNOT_START: i32 = 127;

/// A server that runs, its standard input and output apart.
#[derive(Debug)]
pub struct Server {
    /// The process; wait for it.
    pub process: Child,
    /// What it reads.
    pub stdin: ChildStdin,
    /// What it writes.
    pub stdout: ChildStdout,
    /// Its process group.
    pub group: Group,
}

/// A process group that we made.
#[derive(Clone, Copy, Debug)]
pub struct Group(Pid);

impl Group {
    /// Sends a signal to all its processes. That none is left is no error.
    pub fn signal(self, number: i32) {
        if let Some(signal) = Signal::from_named_raw(number) {
            let _ = kill_process_group(self.0, signal);
        }
    }
}

/// Starts `command` (a program and its arguments) with standard error inherited. `own` is how our own
/// program becomes the server: its path and the arguments before those of [`become_server`]; without it
/// the server is started directly and survives if we are killed.
///
/// The calling thread must outlive the server: to the kernel it is the parent that dies.
///
/// # Errors
/// When the process cannot be started. With `own`, a command that does not exist is no error here: the
/// process says so on standard error and ends with [`CANNOT_START`].
pub fn spawn(command: &[OsString], own: Option<(&Path, &OsStr)>) -> io::Result<Server> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut start = match own.filter(|_| cfg!(target_os = "linux")) {
        Some((path, subcommand)) => {
            let mut start = Command::new(path);
            start.arg(subcommand).arg(std::process::id().to_string()).arg("--").args(command);
            start
        }
        None => {
            let mut start = Command::new(program);
            start.args(arguments);
            start
        }
    };
    // What proves the log is not for the server to know.
    start.env_remove(KEY_VARIABLE);
    let mut process =
        start.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    match (process.stdin.take(), process.stdout.take(), pid) {
        (Some(stdin), Some(stdout), Some(pid)) => {
            Ok(Server { process, stdin, stdout, group: Group(pid) })
        }
        _ => Err(io::Error::other("the process has no pipes")),
    }
}

/// Turns this process into the server: `arguments` are the parent's process id, `--`, and the command.
/// Returns the exit code only when that fails.
pub fn become_server(mut arguments: impl Iterator<Item = OsString>) -> i32 {
    let parent = arguments.next().and_then(|id| id.to_str()?.parse::<i32>().ok());
    let program = arguments.nth(1);
    let (Some(parent), Some(program)) = (parent, program) else {
        eprintln!("airlock: this subcommand is for internal use");
        return CANNOT_START;
    };
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("airlock: cannot tie the server to this process: {error}");
        return CANNOT_START;
    }
    // A parent that died before the request sends no signal any more.
    if getppid().is_none_or(|id| id.as_raw_pid() != parent) {
        return CANNOT_START;
    }
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("airlock: cannot start {}: {error}", program.display());
    CANNOT_START
}

/// The exit code that stands for `status`: the process's own, or 128 + n after signal n.
#[must_use]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
