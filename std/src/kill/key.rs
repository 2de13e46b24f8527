//! A key of Redis that halts the calls of a whole fleet.
//!
//! A thread looks for it four times a second over a connection of its own, so that no call waits for it.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use airlock_core::policy::OnLoss;

use super::{Cause, Causes};
use crate::limit::redis::links::Links;
use crate::limit::{RedisOptions, StoreError};

/// How long from one look to the next: with two time-outs it is well below a second.
const PAUSE: Duration = Duration::from_millis(250);

/// Halts all calls while a key exists, whatever its value. It stops to look when it is dropped.
///
/// A server that does not answer cannot say whether calls are to be halted: with [`OnLoss::Refuse`] they are,
/// with [`OnLoss::Fallback`] what it said last holds on, and before it said anything they are not.
pub struct KillKey {
    key: Box<str>,
    /// Ends the thread with its other end.
    _watch: SyncSender<()>,
}

impl KillKey {
    /// Looks for the key that `options` name, then goes on to do so; none when they name none. What `causes`
    /// says on return is what the server says. `turned` is told each time that the key comes or goes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(
        options: &RedisOptions,
        causes: &Causes,
        turned: impl Fn(bool) + Send + 'static,
    ) -> Result<Option<Self>, StoreError> {
        let Some(key) = options.kill_key.clone() else { return Ok(None) };
        let mut look = redis::cmd("EXISTS");
        look.arg(&*key);
        let links = Links::new(options.server.clone(), options.timeout.min(PAUSE));
        let (causes, on_loss) = (causes.clone(), options.on_loss);
        let look = move || {
            let found = links.ask(|link| look.query::<bool>(&mut link.connection));
            let halts = match (found, on_loss) {
                (Ok(found), _) => found,
                (Err(_), OnLoss::Refuse) => true,
                (Err(_), OnLoss::Fallback) => return,
            };
            if causes.set(Cause::Key, halts) {
                turned(halts);
            }
        };
        look();
        let (watch, ended) = sync_channel(0);
        let body = move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                look();
            }
        };
        let thread = thread::Builder::new().name("airlock-kill-key".into()).spawn(body);
        thread.map_err(|_| StoreError::Thread)?;
        Ok(Some(Self { key, _watch: watch }))
    }
}

impl fmt::Debug for KillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KillKey").field("key", &self.key).finish_non_exhaustive()
    }
}
