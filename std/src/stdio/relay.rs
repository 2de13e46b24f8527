//! The two directions.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IoSlice, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use airlock_core::mcp::{Action, Audit, Bounds, Direction, Event, Outcome, Relay, Unrecorded};
use airlock_core::{Caller, Guard};

use super::line::{Line, Lines, PAUSE};
use super::{Identity, News};
use crate::audit::{AuditLog, Places};
use crate::clock::{Clock, SystemClock};
use crate::firewall::FirewallError;
use crate::kill::{Cause, KillFile};
use crate::limit::Keeper;
use crate::observe::{self, Incidents, Metrics, Traces};
use crate::pins::PinFile;
use crate::policy::PolicyFile;
use crate::reload;

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
    clock: Arc<SystemClock>,
    kill_file: Option<KillFile>,
    limit: usize,
}

/// What a connection is decided by.
pub(super) struct Setup {
    pub(super) guard: Arc<Guard>,
    pub(super) limiter: Arc<dyn Keeper>,
    pub(super) clock: Arc<SystemClock>,
    pub(super) identity: Identity,
    pub(super) audit: AuditLog,
    pub(super) bounds: Bounds,
    pub(super) kill_file: Option<KillFile>,
    pub(super) told: Told,
    pub(super) pins: Option<PinFile>,
}

/// Who is told of decisions besides the audit.
pub(super) struct Told {
    pub(super) metrics: Option<Metrics>,
    pub(super) traces: Option<Traces>,
}

/// What a decision needs; locked while deciding, never while reading or writing a message.
struct Session {
    relay: Relay,
    recorder: Recorder,
    guard: Arc<Guard>,
    limiter: Arc<dyn Keeper>,
    identity: Arc<Identity>,
    server_ended: bool,
}

/// Records decisions, and tells the operator what is wrong with the server's tools.
struct Recorder {
    log: AuditLog,
    started: Instant,
    remarks: BTreeSet<String>,
    metrics: Option<Metrics>,
    #[cfg(feature = "otel")]
    spans: Option<observe::otel::Book>,
}

impl Audit for Recorder {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        if let Some((tool, what, why)) = remark(event) {
            let remark = format!("airlock: the tool {tool:?} is {what}: {why:?}");
            if self.remarks.len() < MAX_REMARKS && self.remarks.insert(remark.clone()) {
                eprintln!("{remark}");
            }
        }
        let recorded = self.log.record(event, self.started);
        let took = self.started.elapsed();
        let words = observe::observe(self.metrics.as_ref(), event, took, recorded.is_ok());
        #[cfg(feature = "otel")]
        if let Some(spans) = &mut self.spans {
            spans.observe(event, words, took);
        }
        #[cfg(not(feature = "otel"))]
        let _ = words;
        recorded
    }
}

impl Recorder {
    /// Tells that the kill file came or went, and whether calls are halted now.
    fn halt(&self, came: bool, halted: bool) {
        let so = if halted { "are halted" } else { "go on" };
        eprintln!("airlock: all tool calls {so}, as the kill file says");
        let incidents = Incidents::new(&self.log, self.metrics.clone());
        incidents.halt(Cause::File, came, halted);
    }

    /// Counts the calls that wait.
    fn count(&self, relay: &Relay) {
        if let Some(metrics) = &self.metrics {
            metrics.set_relayed(relay.running_calls());
        }
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
    pub(super) fn new(setup: Setup, client: File, server: ChildStdin) -> Self {
        let Setup { guard, limiter, clock, identity, audit: log, .. } = setup;
        let Setup { bounds, kill_file, told: Told { metrics, traces }, pins, .. } = setup;
        #[cfg(not(feature = "otel"))]
        let _ = traces;
        if let Some(metrics) = &metrics {
            metrics.watch_audit(log.totals());
        }
        // The standard library seeds its hashers from the operating system's random numbers.
        let nonce = format!("{:016x}", RandomState::new().build_hasher().finish());
        let mut relay = Relay::new(Arc::clone(&guard), bounds, &nonce)
            .limits(Arc::clone(&limiter) as _)
            .session(crate::session::fresh());
        if let Some(pins) = pins {
            relay = relay.pins(Arc::new(pins));
        }
        let session = Session {
            relay,
            guard,
            limiter,
            identity: Arc::new(identity),
            recorder: Recorder {
                log,
                started: Instant::now(),
                remarks: BTreeSet::new(),
                metrics,
                #[cfg(feature = "otel")]
                spans: traces.map(observe::otel::Book::new),
            },
            server_ended: false,
        };
        Self {
            session: Mutex::new(session),
            listed: Condvar::new(),
            client: Mutex::new(client),
            server: Mutex::new(Some(server)),
            passing_on: AtomicBool::new(false),
            clock,
            kill_file,
            limit: bounds.message,
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
            let turned = self.kill_file.as_ref().and_then(KillFile::turn);
            let mut session = self.session()?;
            if let (Some(kill), Some(came)) = (&self.kill_file, turned) {
                session.recorder.halt(came, kill.switch().is_on());
            }
            let Session { relay, recorder, identity, .. } = &mut *session;
            // A new policy may know the agent by other roles.
            let roles: Vec<&str> = identity.roles.iter().map(String::as_str).collect();
            let caller = identity.caller(&roles);
            recorder.started = Instant::now();
            let action = match &line {
                Line::Whole(line) => relay.client(line, caller, self.clock.now(), out, recorder),
                Line::TooLong(outline) => {
                    relay.oversize(Direction::ToServer, outline, out, recorder)
                }
            };
            recorder.count(relay);
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

    /// Puts the policy that `open` opens in force for all messages that come after, or says why not.
    pub(super) fn reload(&self, open: &mut dyn FnMut() -> Result<(PolicyFile, Identity), String>) {
        let outcome = open().and_then(|(file, identity)| self.succeed(file, identity));
        let Ok(session) = self.session() else { return };
        let Recorder { log, metrics, .. } = &session.recorder;
        let outcome = outcome.as_deref().map_err(|error| error as _);
        reload::tell(log, metrics.as_ref(), outcome);
    }

    /// The digest of the policy that is now in force. It is compiled while messages are decided on.
    fn succeed(&self, file: PolicyFile, identity: Identity) -> Result<String, String> {
        const PANICKED: &str = "a decision panicked";
        let (guard, limiter) = match self.session() {
            Ok(session) => (Arc::clone(&session.guard), Arc::clone(&session.limiter)),
            Err(_) => return Err(PANICKED.into()),
        };
        if guard.policy().audit() != file.policy().audit() {
            return Err(FirewallError::AuditChanged.to_string());
        }
        if guard.policy().store() != file.policy().store() {
            return Err(FirewallError::StoreChanged.to_string());
        }
        let (digest, places) = (file.sources().digest(), Places::of(&file));
        let (policy, sources) = file.into_parts();
        let next = guard.succeed(policy).map_err(|error| sources.explain(&error).to_string())?;
        let mut session = self.session().map_err(|_| PANICKED)?;
        let limiter = limiter.succeed(next.policy()).map_err(|error| error.to_string())?;
        let Session { relay, recorder, guard, limiter: limits, identity: who, .. } = &mut *session;
        (*guard, *limits, *who) = (Arc::new(next), limiter, Arc::new(identity));
        relay.succeed(Arc::clone(guard), Some(Arc::clone(limits) as _));
        recorder.log = recorder.log.with_places(places);
        recorder.remarks.clear();
        Ok(digest)
    }

    /// Asks the server for its tools and waits until the list is complete or cannot be had.
    fn await_list<'a>(&'a self, mut session: MutexGuard<'a, Session>) -> Result<(), End> {
        let until = Instant::now() + LIST_WAIT;
        while session.relay.is_listing() {
            if let Some(request) = session.relay.list_request() {
                drop(session);
                self.write_server(&request)?;
                session = self.session()?;
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if session.server_ended || left.is_zero() {
                session.relay.abandon_list();
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
        let was_listing = session.relay.is_listing();
        let Session { relay, recorder, identity, .. } = &mut *session;
        let roles: Vec<&str> = identity.roles.iter().map(String::as_str).collect();
        let caller = identity.caller(&roles);
        recorder.started = Instant::now();
        let action = match line {
            Line::Whole(line) => relay.server(line, caller, out, recorder),
            Line::TooLong(outline) => relay.oversize(Direction::ToClient, outline, out, recorder),
        };
        recorder.count(relay);
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
        #[cfg(feature = "otel")]
        if let Ok(mut session) = self.session()
            && let Some(spans) = &mut session.recorder.spans
        {
            spans.end();
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
    fn caller<'a>(&'a self, roles: &'a [&'a str]) -> Caller<'a> {
        Caller { agent: self.agent.as_deref(), roles, tenant: self.tenant.as_deref() }
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
