//! The script and what goes in and out of it.

use std::fmt::Write;

use airlock_core::policy::{Exhausted, LimitRef, Policy};
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind};
use sha2::{Digest, Sha256};

use super::links::Link;

pub(super) const SOURCE: &str = include_str!("decide.lua");
const NANOS: u64 = 1_000_000_000;
/// Bytes of a digest that tells accounts apart: nobody finds two keys that share one.
const DIGEST: usize = 20;

pub(super) struct Script {
    source: String,
    /// SHA-1 of the source, in hexadecimal digits: the name that the server knows it by.
    name: String,
    /// What all keys begin with: the hash tag that keeps them on one node of a cluster.
    tag: String,
    /// In the order of the policy.
    limits: Vec<Limit>,
}

/// What the script has to know of a limit.
struct Limit {
    /// What tells its keys from those of other limits.
    digest: [u8; 32],
    /// How many nanoseconds one call takes.
    each: u64,
    burst: u32,
}

/// A charge, wherever it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due<'a> {
    /// The place of its limit in the policy.
    pub(super) limit: usize,
    pub(super) key: &'a [u8],
    pub(super) cost: u32,
}

/// When the calls are made that are charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// When the server admits them.
    Asked,
    /// They ran without asking: they are charged as far as something is left.
    Owed,
}

/// What the server says.
pub(super) struct Reply {
    /// None when the calls are admitted.
    pub(super) exhausted: Option<Exhausted>,
    /// Since when it has its data, in microseconds of its clock.
    pub(super) since: u64,
    /// Whether it was just found that it lost some.
    pub(super) forgot: bool,
}

impl Script {
    pub(super) fn new(policy: &Policy, namespace: &str) -> Self {
        Self::with_source(SOURCE.into(), policy, namespace)
    }

    pub(super) fn with_source(source: String, policy: &Policy, namespace: &str) -> Self {
        let name = redis::Script::new(&source).get_hash().to_owned();
        let limit = |limit: LimitRef<'_>| Limit {
            digest: Sha256::digest(limit.id).into(),
            // Rounded up, so that no more than the rate is let through.
            each: limit.period_ms.saturating_mul(1_000_000).div_ceil(limit.count.into()),
            burst: limit.burst,
        };
        let limits = policy.limits().map(limit).collect();
        Self { source, name, tag: format!("airlock:{{{namespace}}}:"), limits }
    }

    /// Charges calls: one round trip, and one more when the server does not know the script.
    pub(super) fn run<'a>(
        &'a self,
        link: &mut Link,
        dues: impl Iterator<Item = Due<'a>> + Clone,
        when: When,
        known: u64,
    ) -> RedisResult<Reply> {
        let mut command = Command { when, known, started: link.started, dues: Vec::new() };
        for due in dues {
            match self.limits.get(due.limit) {
                Some(limit) if due.cost <= limit.burst || when == When::Owed => {
                    command.dues.push((due, limit));
                }
                // A limit of another policy, or more at once than it ever has: no wait is longer.
                _ => {
                    let exhausted = Exhausted { limit: due.limit, retry_after_ms: None };
                    return Ok(Reply { exhausted: Some(exhausted), since: known, forgot: false });
                }
            }
        }
        let connection = &mut link.connection;
        let reply = match self.command("EVALSHA", &self.name, &command).query(connection) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.command("EVAL", &self.source, &command).query(connection)
            }
            reply => reply,
        };
        let (longest, seconds, nanos, since, forgot): (usize, u64, u64, u64, u8) = reply?;
        let exhausted = longest.checked_sub(1).map(|place| Exhausted {
            limit: command.dues.get(place).map_or(usize::MAX, |(due, _)| due.limit),
            // Rounded up: who waits so long is admitted.
            retry_after_ms: seconds
                .checked_mul(1000)
                .map(|millis| millis.saturating_add(nanos.div_ceil(1_000_000))),
        });
        Ok(Reply { exhausted, since, forgot: forgot > 0 })
    }

    fn command(&self, verb: &str, script: &str, command: &Command<'_>) -> Cmd {
        let &Command { when, known, started, ref dues } = command;
        let mut cmd = redis::cmd(verb);
        cmd.arg(script).arg(1 + dues.len()).arg(format!("{}since", self.tag));
        for (due, limit) in dues {
            cmd.arg(self.key(due, limit));
        }
        cmd.arg(known).arg(started).arg(u8::from(when == When::Owed));
        for (due, limit) in dues {
            for held in [due.cost, limit.burst] {
                // What does not fit was refused when the limiter was made.
                let nanos = limit.each.saturating_mul(held.into());
                cmd.arg(nanos / NANOS).arg(nanos % NANOS);
            }
        }
        cmd
    }

    /// The account of a charge: as distinct as the keys of its limit, and nothing of a caller can be read
    /// in it.
    fn key(&self, due: &Due<'_>, limit: &Limit) -> String {
        let digest = Sha256::new().chain_update(limit.digest).chain_update(due.key).finalize();
        let mut key = String::with_capacity(self.tag.len() + 2 * DIGEST);
        key.push_str(&self.tag);
        for byte in digest.iter().take(DIGEST) {
            // A string takes whatever is written.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

/// What is asked, apart from how the script is named.
struct Command<'a> {
    when: When,
    known: u64,
    started: u64,
    dues: Vec<(Due<'a>, &'a Limit)>,
}
