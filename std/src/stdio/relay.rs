//! The two directions.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use airlock_core::Caller;
use airlock_core::mcp::{Action, Audit, Direction, Event, Outcome, Unrecorded};

use super::line::{Line, Lines, PAUSE};
use super::{Identity, News, Open};
use crate::firewall::Connection;
use crate::reload::Live;

/// How long a call waits for the list of tools.
const LIST_WAIT: Duration = Duration::from_secs(10);
/// Most remarks on tools that are kept, so that each is made once.
const MAX_REMARKS: usize = 2048;

/// What both threads share.
pub(super) struct Shared {
    session: Mutex<Session>,
    /// The list of tools moved on, or the server ended.
    listed: Condvar,
    client: Mutex<File>,
    /// None once it is closed.
    server: Mutex<Option<ChildStdin>>,
    /// A message of the server is being decided on or written to the client.
    passing_on: AtomicBool,
    live: Arc<Live>,
    identity: Identity,
    limit: usize,
}

/// What a decision needs; locked while deciding, never while reading or writing a message.
struct Session {
    connection: Connection,
    remarks: Remarks,
    server_ended: bool,
}

/// Tells the operator what is wrong with the server's tools, once each.
#[derive(Default)]
struct Remarks(BTreeSet<String>);

impl Audit for Remarks {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        if let Some((tool, what, why)) = remark(event) {
            let remark = format!("airlock: the tool {tool:?} is {what}: {why:?}");
            if self.0.len() < MAX_REMARKS && self.0.insert(remark.clone()) {
                eprintln!("{remark}");
            }
        }
        Ok(())
    }
}

/// What the operator should know of a tool, what becomes of it, and why.
fn remark<'e>(event: &Event<'e>) -> Option<(&'e str, &'static str, &'e str)> {
    let tool = event.tool?;
    match event.outcome {
        Outcome::Changed { shown: false, why } => {
            Some((tool, "withheld (see `airlock pin diff`)", why))
        }
        Outcome::Changed { shown: true, why } => {
            Some((tool, "shown all the same (see `airlock pin diff`)", why))
        }
        Outcome::Cleaned { stripped: true, .. } => {
            Some((tool, "shown without a part", "its definition hides text"))
        }
        Outcome::Cleaned { stripped: false, .. } => {
            Some((tool, "shown as it is", "its definition hides text"))
        }
        Outcome::Withheld(why) => Some((tool, "withheld", why)),
        _ => None,
    }
}

/// Why a direction ends.
enum End {
    /// The other side takes no more.
    Closed,
    /// A decision panicked: nothing may pass any more.
    Poisoned,
}

impl Shared {
    pub(super) fn new(
        live: Arc<Live>,
        connection: Connection,
        identity: Identity,
        limit: usize,
        client: File,
        server: ChildStdin,
    ) -> Self {
        let session = Session { connection, remarks: Remarks::default(), server_ended: false };
        Self {
            session: Mutex::new(session),
            listed: Condvar::new(),
            client: Mutex::new(client),
            server: Mutex::new(Some(server)),
            passing_on: AtomicBool::new(false),
            live,
            identity,
            limit,
        }
    }

    /// Passes on what the client says until it ends or the server takes no more.
    pub(super) fn client(&self, input: impl Read, news: &Sender<News>) {
        let mut lines = Lines::new(input, self.limit);
        let mut out = Vec::new();
        while let Ok(Some(line)) = lines.next() {
            match self.client_line(line, &mut out, news) {
                Ok(()) => {}
                Err(End::Closed | End::Poisoned) => return,
            }
        }
    }

    fn client_line(
        &self,
        line: Line<'_>,
        out: &mut Vec<u8>,
        news: &Sender<News>,
    ) -> Result<(), End> {
        loop {
            let mut session = self.session()?;
            let Session { connection, remarks, .. } = &mut *session;
            let action = match &line {
                Line::Whole(line) => {
                    self.identity.with(|caller| connection.client(line, caller, None, out, remarks))
                }
                Line::TooLong(outline) => {
                    connection.oversize(Direction::ToServer, outline, out, remarks)
                }
            };
            if let Some(halted) = connection.turned() {
                let halted = if halted { "are halted" } else { "go on" };
                eprintln!("airlock: all tool calls {halted}, as the kill file says");
            }
            match action {
                Action::Forward(bytes) => {
                    drop(session);
                    return self.write_server(bytes);
                }
                Action::Answer(bytes) => {
                    drop(session);
                    self.write_client(bytes, news);
                    return Ok(());
                }
                Action::Hold => self.await_list(session)?,
                Action::Drop | Action::Noise => return Ok(()),
            }
        }
    }

    /// Puts the policy that `open` opens in force for all messages that come after, or says why not. It is
    /// compiled while messages are decided on.
    pub(super) fn reload(&self, open: &mut Open) {
        match (self.live.reload_with(open), self.session()) {
            (Ok(()), Ok(mut session)) => session.remarks.0.clear(),
            (Ok(()), Err(_)) => {}
            (Err(error), _) => eprintln!("airlock: the policy stays as it was: {error}"),
        }
    }

    /// Asks the server for its tools and waits until the list is complete or cannot be had.
    fn await_list<'a>(&'a self, mut session: MutexGuard<'a, Session>) -> Result<(), End> {
        let until = Instant::now() + LIST_WAIT;
        while session.connection.is_listing() {
            if let Some(request) = session.connection.list_request() {
                drop(session);
                self.write_server(&request)?;
                session = self.session()?;
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if session.server_ended || left.is_zero() {
                session.connection.abandon_list();
                break;
            }
            session = self.listed.wait_timeout(session, left).map_err(|_| End::Poisoned)?.0;
        }
        Ok(())
    }

    /// Passes on what the server says until it ends.
    pub(super) fn server(&self, input: ChildStdout, news: &Sender<News>) {
        let mut lines = Lines::new(input, self.limit);
        let mut out = Vec::new();
        while let Ok(Some(line)) = lines.next() {
            self.passing_on.store(true, Ordering::Relaxed);
            let passed = self.server_line(&line, &mut out, news);
            self.passing_on.store(false, Ordering::Relaxed);
            if passed.is_err() {
                break;
            }
        }
        if let Ok(mut session) = self.session() {
            session.server_ended = true;
        }
        self.listed.notify_all();
    }

    fn server_line(
        &self,
        line: &Line<'_>,
        out: &mut Vec<u8>,
        news: &Sender<News>,
    ) -> Result<(), End> {
        let mut session = self.session()?;
        let was_listing = session.connection.is_listing();
        let Session { connection, remarks, .. } = &mut *session;
        let action = match line {
            Line::Whole(line) => {
                self.identity.with(|caller| connection.server(line, caller, out, remarks))
            }
            Line::TooLong(outline) => {
                connection.oversize(Direction::ToClient, outline, out, remarks)
            }
        };
        drop(session);
        if was_listing {
            self.listed.notify_all();
        }
        match (action, line) {
            (Action::Forward(bytes), _) => self.write_client(bytes, news),
            (Action::Noise, Line::Whole(line)) => {
                // Nobody may be listening.
                let _ = write_line(&mut io::stderr().lock(), line);
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the spans of calls that nobody will answer.
    pub(super) fn end_traces(&self) {
        if let Ok(mut session) = self.session() {
            session.connection.end_spans();
        }
    }

    /// Whether something that the server said is on its way to the client.
    pub(super) fn is_passing_on(&self) -> bool {
        self.passing_on.load(Ordering::Relaxed)
    }

    /// Closes the server's input, unless the thread of the client is writing to it: then it is about to
    /// be ended anyway.
    pub(super) fn close_server(&self) {
        match self.server.try_lock() {
            Ok(mut server) => drop(server.take()),
            Err(TryLockError::Poisoned(poisoned)) => drop(poisoned.into_inner().take()),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn session(&self) -> Result<MutexGuard<'_, Session>, End> {
        self.session.lock().map_err(|_| End::Poisoned)
    }

    fn write_server(&self, message: &[u8]) -> Result<(), End> {
        let mut server = self.server.lock().map_err(|_| End::Poisoned)?;
        let server = server.as_mut().ok_or(End::Closed)?;
        write_line(server, message).map_err(|_| End::Closed)
    }

    fn write_client(&self, message: &[u8], news: &Sender<News>) {
        let written = match self.client.lock() {
            Ok(mut client) => write_line(&mut *client, message),
            Err(_) => Err(io::Error::other("a writer panicked")),
        };
        if written.is_err() {
            let _ = news.send(News::ClientGone);
        }
    }
}

impl Identity {
    fn with<R>(&self, decide: impl FnOnce(Caller<'_>) -> R) -> R {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let (agent, tenant) = (self.agent.as_deref(), self.tenant.as_deref());
        decide(Caller { agent, roles: &roles, tenant })
    }
}

/// Writes the message and a line feed, as a rule with one call of the system.
fn write_line(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let mut rest = [IoSlice::new(message), IoSlice::new(b"\n")];
    let mut rest = &mut rest[..];
    while !rest.is_empty() {
        match to.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    to.flush()
}
