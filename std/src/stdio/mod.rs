//! A firewall around a server that speaks MCP over standard input and output.
//!
//! One thread for each direction reads lines, decides under a lock, and writes outside it, so that a
//! slow reader on one side never stops decisions about the other. The thread of the client is the only
//! one that writes to the server: neither can wait for the other in a circle. Queues are the pipes
//! themselves; nothing is buffered beyond the line at hand.
//!
//! [`run`] supervises: it ends the server when the client is gone, passes signals on, and leaves no
//! process of the server's group behind.

mod line;
mod relay;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use airlock_core::mcp::Bounds;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Firewall;
use crate::child::{self, CANNOT_START, Group};
use crate::policy::PolicyFile;
use crate::reload::{Live, Watch};
use relay::Shared;

/// How long a server may take to end by itself: clients kill after two seconds.
const GRACE: Duration = Duration::from_millis(1500);
const _: () = assert!(GRACE.as_millis() < 2000);
/// How long what a dead server's children hold open is read on.
const DRAIN: Duration = Duration::from_millis(300);
/// How long a message that a dead server has sent may still take to reach a slow client.
const LINGER: Duration = Duration::from_secs(10);
/// How often files that are watched are asked about.
const WATCH: Duration = Duration::from_millis(500);

/// Who the client is, as the operator says; the policy adds what it knows of the agent.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Name of the agent.
    pub agent: Option<String>,
    /// Roles of the agent.
    pub roles: Vec<String>,
    /// Tenant that the agent works for.
    pub tenant: Option<String>,
}

/// Opens a policy.
pub type Open = dyn FnMut() -> Result<PolicyFile, Box<dyn Error + Send + Sync>> + Send;

/// How the policy is opened anew, and when.
pub struct Reload {
    /// The policy, or why there is none, ready to be shown.
    pub open: Box<Open>,
    /// Files whose change is a reason; SIGHUP always is.
    pub watch: Option<Watch>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// What [`run`] needs to know.
pub struct Options<'a> {
    /// The firewall.
    pub firewall: Firewall,
    /// Who the client is.
    pub identity: Identity,
    /// The server: a program and its arguments.
    pub command: &'a [OsString],
    /// Our own program and the subcommand with which it calls [`child::become_server`].
    pub own: Option<(&'a Path, &'a OsStr)>,
    /// Bounds of messages and tables.
    pub bounds: Bounds,
    /// Without it the policy stays as it is.
    pub reload: Option<Reload>,
    /// The name of the server, the key of its pins.
    pub server: Option<&'a str>,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
enum News {
    /// The client will send nothing more; the server's input is closed.
    ClientEnded,
    /// The client reads no more.
    ClientGone,
    /// The server will send nothing more.
    ServerEnded,
    /// The server's process ended with this exit code.
    Exited(i32),
    /// We got this signal.
    Signal(i32),
}

/// Sends the news when its thread ends, in whatever way.
struct AtEnd(Sender<News>, News);

impl Drop for AtEnd {
    fn drop(&mut self) {
        // Nobody listens any more when the process ends.
        let _ = self.0.send(self.1);
    }
}

/// Wraps the server between this process's standard input and output until it ends; the exit code to
/// end with. Must be called from the main thread, at whose end the kernel ends the server.
///
/// # Errors
/// When pipes, threads or signals cannot be set up, or the pins of the server not be read. A server
/// that cannot be started is no error: it is said on standard error, and the code is [`CANNOT_START`].
pub fn run(options: Options<'_>) -> io::Result<i32> {
    let Options { firewall, identity, command, own, bounds, reload, server: name } = options;
    let log = firewall.audit().clone();
    let live = Arc::new(Live::new(firewall));
    let connection = live.connect(name, bounds).map_err(io::Error::other)?;
    // Caught before there is a server, so that none outlives us unnoticed.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    // Files without a buffer: what is written is written.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut server = match child::spawn(command, own) {
        Ok(server) => server,
        Err(error) => {
            let program = command.first().map(|name| name.display().to_string());
            eprintln!("airlock: cannot start {}: {error}", program.unwrap_or_default());
            return Ok(CANNOT_START);
        }
    };
    let (sender, news) = channel();
    let shared = Shared::new(live, connection, identity, bounds.message, output, server.stdin);
    let shared = Arc::new(shared);
    let (open, watch) = reload.map(|reload| (Mutex::new(reload.open), reload.watch)).unzip();
    let open = open.map(Arc::new);
    if let (Some(open), Some(mut watch)) = (&open, watch.flatten()) {
        let (shared, open) = (Arc::clone(&shared), Arc::clone(open));
        spawn("watch", move || {
            loop {
                thread::sleep(WATCH);
                if watch.poll() {
                    shared.reload(&mut *open.lock().unwrap_or_else(PoisonError::into_inner));
                }
            }
        })?;
    }
    spawn("signals", {
        let (sender, log, shared) = (sender.clone(), log.clone(), Arc::clone(&shared));
        move || {
            for signal in signals.forever() {
                // Who rotates logs or writes policies sends it; without either it is an end like any other.
                if signal == SIGHUP && (log.is_kept() || open.is_some()) {
                    log.reopen();
                    if let Some(open) = &open {
                        shared.reload(&mut *open.lock().unwrap_or_else(PoisonError::into_inner));
                    }
                } else {
                    let _ = sender.send(News::Signal(signal));
                }
            }
        }
    })?;
    spawn("client", {
        let (shared, sender) = (Arc::clone(&shared), sender.clone());
        move || {
            let _end = AtEnd(sender.clone(), News::ClientEnded);
            shared.client(input, &sender);
            shared.close_server();
        }
    })?;
    spawn("server", {
        let (shared, sender) = (Arc::clone(&shared), sender.clone());
        move || {
            let _end = AtEnd(sender.clone(), News::ServerEnded);
            shared.server(server.stdout, &sender);
        }
    })?;
    spawn("process", move || {
        let code = server.process.wait().map_or(1, child::exit_code);
        let _ = sender.send(News::Exited(code));
    })?;
    let code = supervise(&news, server.group, &shared);
    server.group.signal(SIGKILL);
    shared.end_traces();
    log.close();
    Ok(code)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(body).map(drop)
}

/// Waits until the server is gone and all that it said is passed on; its exit code.
fn supervise(news: &Receiver<News>, group: Group, shared: &Shared) -> i32 {
    let mut exited = None;
    let mut drained = false;
    let mut linger = Instant::now();
    // When patience ends, and what is sent to the server then.
    let mut patience: Option<(Instant, i32)> = None;
    loop {
        let next = match patience {
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((until, _)) => news.recv_timeout(until.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(News::Exited(code)) => {
                exited = Some(code);
                linger = Instant::now() + LINGER;
                patience = Some((Instant::now() + DRAIN, SIGKILL));
            }
            Ok(News::ServerEnded) => drained = true,
            Ok(News::Signal(signal)) => {
                group.signal(signal);
                linger = Instant::now();
            }
            Ok(News::ClientEnded) => {}
            Ok(News::ClientGone) => shared.close_server(),
            Err(_) if exited.is_some() && shared.is_passing_on() && Instant::now() < linger => {
                patience = Some((Instant::now() + DRAIN, SIGKILL));
                continue;
            }
            Err(_) => {
                let signal = patience.map_or(SIGKILL, |(_, signal)| signal);
                group.signal(signal);
                if let Some(code) = exited {
                    return code;
                }
                patience = Some((Instant::now() + GRACE, SIGKILL));
                continue;
            }
        }
        match exited {
            Some(code) if drained => return code,
            // An interrupt is for the server to understand; everything else is an end.
            None if patience.is_none() && !matches!(next, Ok(News::Signal(SIGINT))) => {
                let first = if matches!(next, Ok(News::Signal(_))) { SIGKILL } else { SIGTERM };
                patience = Some((Instant::now() + GRACE, first));
            }
            _ => {}
        }
    }
}
