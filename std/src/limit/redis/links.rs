//! Connections to the server: one for each question at a time, kept for the next.
//!
//! A question may find its connection closed by a server that was idle or restarted; it is asked again over a
//! new one. A node of a cluster that does not have the keys names the one that has: from then on it is
//! asked. Worst case: a connection and an answer, each as long as the time-out, three times.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, Value};

/// Most connections that are kept while nobody asks.
const MAX_IDLE: usize = 64;
/// How often a question is asked.
const TRIES: u32 = 3;

/// Connections to one server.
pub(crate) struct Links {
    timeout: Duration,
    idle: Mutex<Idle>,
}

struct Idle {
    server: ConnectionInfo,
    links: Vec<Link>,
}

/// A connection.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    /// The second of the server's clock before which it cannot have started; 0 when it does not say.
    pub(crate) started: u64,
}

impl Links {
    pub(crate) fn new(server: ConnectionInfo, timeout: Duration) -> Self {
        Self { timeout, idle: Mutex::new(Idle { server, links: Vec::new() }) }
    }

    /// Asks a question over a connection that nobody else uses.
    pub(crate) fn ask<T>(&self, question: impl Fn(&mut Link) -> RedisResult<T>) -> RedisResult<T> {
        let mut tries = TRIES;
        loop {
            let kept = self.idle().links.pop();
            let is_kept = kept.is_some();
            let mut link = match kept {
                Some(link) => link,
                None => self.open()?,
            };
            tries = tries.saturating_sub(1);
            match question(&mut link) {
                Ok(answer) => {
                    let mut idle = self.idle();
                    if idle.links.len() < MAX_IDLE {
                        idle.links.push(link);
                    }
                    return Ok(answer);
                }
                // Its answer may still come: it is not kept.
                Err(error) if tries == 0 => return Err(error),
                Err(error) if self.follow(&error) => {}
                // With one the server closed all.
                Err(error) if is_kept && error.is_connection_dropped() => self.forget(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn forget(&self) {
        self.idle().links.clear();
    }

    fn open(&self) -> RedisResult<Link> {
        let server = self.idle().server.clone();
        let mut connection = Client::open(server)?.get_connection_with_timeout(self.timeout)?;
        connection.set_read_timeout(Some(self.timeout))?;
        connection.set_write_timeout(Some(self.timeout))?;
        let answers: Vec<Value> = redis::pipe()
            .cmd("INFO")
            .arg("server")
            .cmd("TIME")
            .ignore_errors()
            .query(&mut connection)?;
        Ok(Link { connection, started: started(&answers).unwrap_or(0) })
    }

    /// Turns to the node of a cluster that has the keys; whether `error` named one.
    fn follow(&self, error: &RedisError) -> bool {
        let Some((host, port)) = error
            .redirect_node()
            .and_then(|(node, _)| node.rsplit_once(':'))
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        else {
            return false;
        };
        let mut idle = self.idle();
        let mut addr = idle.server.addr().clone();
        let (known, at) = match &mut addr {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host, port)
            }
            _ => return false,
        };
        // A node that does not know its own name leaves it out.
        if !host.is_empty() {
            host.clone_into(known);
        }
        *at = port;
        idle.server = idle.server.clone().set_addr(addr);
        idle.links.clear();
        true
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the server started, out of its answers to `INFO` and `TIME`: a second too early rather than too late.
fn started(answers: &[Value]) -> Option<u64> {
    let [info, time] = answers else { return None };
    let info: String = redis::from_redis_value_ref(info).ok()?;
    let (now, _): (u64, u64) = redis::from_redis_value_ref(time).ok()?;
    let running = info.lines().find_map(|line| line.strip_prefix("uptime_in_seconds:"))?;
    now.checked_sub(running.trim().parse().ok()?)?.checked_sub(1)
}

/// What may be shown of an error: the system's or the server's words, cut and escaped.
pub(crate) fn describe(error: &RedisError) -> String {
    let text: String = error.to_string().chars().take(160).collect();
    text.escape_debug().to_string()
}
