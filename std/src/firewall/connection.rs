//! One MCP connection under a firewall: a message in, what to do with it out.
//!
//! The engine's relay decides; here is what it wants of a program: ids that nobody guesses, a session of its
//! own, clocks, the kill file, who counts limits, pins, the audit log and the metrics. A policy that is put in
//! force holds from the next message on. Costs a short lock and one look at each clock a message, and one call
//! of the system for a message of the client where there is a kill file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use airlock_core::mcp::{Action, Audit, Bounds, Direction, Event, Outline, Relay, Unrecorded};
use airlock_core::{Caller, Catalog};

use super::{FEW_ROLES, Firewall};
use crate::observe;
use crate::pins::{PinError, PinFile};
use crate::reload::Live;
use crate::session::{self, millis};

/// The firewall of one connection between an MCP client and an MCP server: a [`Relay`] that has all that a
/// [`Firewall`] has, and follows the policy of a [`Live`].
///
/// ```
/// use std::sync::Arc;
///
/// use airlock::core::mcp::{Action, Bounds, Event};
/// use airlock::core::Caller;
/// use airlock::{Firewall, reload::Live};
///
/// let live = Arc::new(Live::new(Firewall::open("permissive")?));
/// let mut connection = live.connect(None, Bounds::default())?;
/// let mut out = Vec::new();
/// let message = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
/// let action = connection.client(message, Caller::default(), None, &mut out, &mut |_: &Event<'_>| Ok(()));
/// assert_eq!(action, Action::Forward(message));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    live: Arc<Live>,
    /// Under which the last message was decided on.
    firewall: Arc<Firewall>,
    relay: Relay,
    /// The name of the server, under which its tools are known to other connections.
    server: Option<Box<str>>,
    /// What those know.
    known: Option<Arc<Catalog>>,
    /// Calls that wait for their results, as the firewall has counted them.
    waiting: u64,
    /// The last message of the client found that the kill file came or went.
    turned: bool,
    #[cfg(feature = "otel")]
    spans: Option<observe::otel::Book>,
}

impl Live {
    /// A new connection to the server that the host calls `server`. What other connections to a server of
    /// this name have learned of its tools is known; with a pin file the name is the key of its pins there.
    ///
    /// # Errors
    /// With a pin file, when it cannot be read or the server has no name.
    pub fn connect(
        self: &Arc<Self>,
        server: Option<&str>,
        bounds: Bounds,
    ) -> Result<Connection, PinError> {
        let firewall = self.load();
        let nonce = format!("{:032x}", u128::from_le_bytes(session::secret()));
        let mut relay = Relay::new(Arc::clone(&firewall.guard), bounds, &nonce)
            .limits(Arc::clone(&firewall.limiter) as _)
            .session(session::fresh());
        if let Some(path) = &firewall.pin_file {
            relay = relay.pins(Arc::new(PinFile::open(path, server.unwrap_or(""))?));
        }
        let known = server.and_then(|server| firewall.learned(server));
        if let Some(known) = &known {
            relay.adopt_tools(Arc::clone(known));
        }
        Ok(Connection {
            live: Arc::clone(self),
            #[cfg(feature = "otel")]
            spans: firewall.traces.clone().map(observe::otel::Book::new),
            firewall,
            relay,
            server: server.map(Into::into),
            known,
            waiting: 0,
            turned: false,
        })
    }
}

impl Connection {
    /// Decides on a message of the client. Of its caller the policy says what the host does not, as
    /// [`Firewall::call`] has it; `now` is in Unix milliseconds, none for the firewall's clock. `host` is told
    /// each decision first: what it cannot record does not take effect and is not in the audit.
    pub fn client<'a>(
        &mut self,
        message: &'a [u8],
        caller: Caller<'_>,
        now: Option<u64>,
        out: &'a mut Vec<u8>,
        host: &mut dyn Audit,
    ) -> Action<'a> {
        self.follow();
        self.turned = self.firewall.poll_kill_file();
        self.decide(host, |relay, firewall, recorder| {
            relay.set_elapsed(millis(firewall.clock.elapsed()));
            let now = now.or_else(|| firewall.clock.now());
            let (mut few, mut many) = ([""; FEW_ROLES], Vec::new());
            let caller = firewall.identify(caller, &mut few, &mut many);
            relay.client(message, caller, now, out, recorder)
        })
    }

    /// Decides on a message of the server; `caller` is who its tools are shown to.
    pub fn server<'a>(
        &mut self,
        message: &'a [u8],
        caller: Caller<'_>,
        out: &'a mut Vec<u8>,
        host: &mut dyn Audit,
    ) -> Action<'a> {
        self.follow();
        let action = self.decide(host, |relay, firewall, recorder| {
            let (mut few, mut many) = ([""; FEW_ROLES], Vec::new());
            let caller = firewall.identify(caller, &mut few, &mut many);
            relay.server(message, caller, out, recorder)
        });
        self.share_tools();
        action
    }

    /// Decides on a message above [`Bounds::message`] that the host outlined and did not keep.
    pub fn oversize<'a>(
        &mut self,
        direction: Direction,
        outline: &Outline,
        out: &'a mut Vec<u8>,
        host: &mut dyn Audit,
    ) -> Action<'a> {
        self.follow();
        self.decide(host, |relay, _, recorder| relay.oversize(direction, outline, out, recorder))
    }

    /// As [`Relay::list_request`].
    pub fn list_request(&mut self) -> Option<Vec<u8>> {
        self.relay.list_request()
    }

    /// As [`Relay::is_listing`].
    #[must_use]
    pub fn is_listing(&self) -> bool {
        self.relay.is_listing()
    }

    /// As [`Relay::abandon_list`].
    pub fn abandon_list(&mut self) {
        self.relay.abandon_list();
    }

    /// Whether the calls were halted by the kill file or go on since the last message of the client.
    #[cfg(unix)]
    pub(crate) fn turned(&self) -> Option<bool> {
        self.turned.then(|| self.firewall.kill_switch().is_on())
    }

    /// Ends the spans of calls that nobody will answer.
    pub(crate) fn end_spans(&mut self) {
        #[cfg(feature = "otel")]
        if let Some(spans) = &mut self.spans {
            spans.end();
        }
    }

    /// Goes over to the policy that is in force now.
    fn follow(&mut self) {
        let current = self.live.load();
        if !Arc::ptr_eq(&current, &self.firewall) {
            let limits = Arc::clone(&current.limiter) as _;
            self.relay.succeed(Arc::clone(&current.guard), Some(limits));
            self.firewall = current;
        }
    }

    fn decide<R>(
        &mut self,
        host: &mut dyn Audit,
        decide: impl FnOnce(&mut Relay, &Firewall, &mut Recorder<'_>) -> R,
    ) -> R {
        let Self { firewall, relay, .. } = self;
        let mut recorder = Recorder {
            firewall,
            started: Instant::now(),
            host,
            #[cfg(feature = "otel")]
            spans: self.spans.as_mut(),
        };
        let action = decide(relay, firewall, &mut recorder);
        self.set_waiting(self.relay.running_calls() as u64);
        action
    }

    /// Lets connections to come know the tools that this one has learned.
    fn share_tools(&mut self) {
        let (Some(server), Some(tools)) = (&self.server, self.relay.tools()) else { return };
        if !self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, tools)) {
            self.firewall.learn(server, tools);
            self.known = Some(Arc::clone(tools));
        }
    }

    /// Counts the calls that wait with those of the firewall.
    fn set_waiting(&mut self, now: u64) {
        if now != self.waiting {
            // Wrapping, so that a difference below zero takes away.
            let change = now.wrapping_sub(self.waiting);
            self.firewall.tally.relayed.fetch_add(change, Ordering::Relaxed);
            self.waiting = now;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.set_waiting(0);
        self.end_spans();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("relay", &self.relay).finish_non_exhaustive()
    }
}

/// Tells the host, the audit and who counts.
struct Recorder<'r> {
    firewall: &'r Firewall,
    started: Instant,
    host: &'r mut dyn Audit,
    #[cfg(feature = "otel")]
    spans: Option<&'r mut observe::otel::Book>,
}

impl Audit for Recorder<'_> {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        let Self { firewall, started, host, .. } = self;
        let recorded =
            host.record(event).and_then(|()| firewall.audit.record(event, *started)).is_ok();
        let took = started.elapsed();
        let words = observe::observe(firewall.metrics.as_ref(), event, took, recorded);
        #[cfg(feature = "otel")]
        if let Some(spans) = &mut self.spans {
            spans.observe(event, words, took);
        }
        #[cfg(not(feature = "otel"))]
        let _ = words;
        if recorded { Ok(()) } else { Err(Unrecorded) }
    }
}
