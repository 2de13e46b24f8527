//! The script, and what goes in and out of it.

use std::fmt::Write;

use airlock_core::policy::{Charge, LimitRef, Policy};
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind};
use sha2::{Digest, Sha256};

use super::links::Link;

pub(super) const SOURCE: &str = include_str!("decide.lua");
const NANOS: u64 = 1_000_000_000;
/// Bytes of a digest that tells accounts apart: nobody finds two keys that share one.
const DIGEST: usize = 20;

/// The script, and the mark of the store that it runs on.
pub(super) struct Script {
    source: String,
    /// SHA-1 of the source, in hexadecimal digits: the name that the server knows it by.
    name: String,
    mark: String,
}

/// What the limits of one policy come to on the server.
pub(super) struct Rates {
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

/// A charge of one account, whichever policy it is by.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) account: String,
    /// How many nanoseconds one call takes.
    each: u64,
    burst: u32,
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
    /// None when the calls are admitted; else which charge must wait longest, and how many milliseconds.
    pub(super) exhausted: Option<(usize, Option<u64>)>,
    /// Since when it has its data, in microseconds of its clock.
    pub(super) since: u64,
    /// Whether it was just found that it lost some.
    pub(super) forgot: bool,
}

fn tag(namespace: &str) -> String {
    format!("airlock:{{{namespace}}}:")
}

impl Rates {
    pub(super) fn new(policy: &Policy, namespace: &str) -> Self {
        let limit = |limit: LimitRef<'_>| Limit {
            digest: Sha256::digest(limit.id).into(),
            // Rounded up, so that no more than the rate is let through.
            each: limit.period_ms.saturating_mul(1_000_000).div_ceil(limit.count.into()),
            burst: limit.burst,
        };
        Self { tag: tag(namespace), limits: policy.limits().map(limit).collect() }
    }

    /// The rates of `policy` in the same namespace.
    pub(super) fn succeed(&self, policy: &Policy) -> Self {
        let next = Self::new(policy, "");
        Self { tag: self.tag.clone(), ..next }
    }

    /// What a charge comes to; none when its limit is of another policy, or it is more at once than the limit
    /// ever has: no wait is longer.
    pub(super) fn due(&self, charge: &Charge<'_>) -> Option<Due> {
        let limit = self.limits.get(charge.limit.index)?;
        let &Limit { each, burst, .. } = limit;
        (charge.cost <= burst).then(|| {
            let account = self.account(limit, charge.key);
            Due { account, each, burst, cost: charge.cost }
        })
    }

    /// As distinct as the keys of its limit, and nothing of a caller can be read in it.
    fn account(&self, limit: &Limit, key: &[u8]) -> String {
        let digest = Sha256::new().chain_update(limit.digest).chain_update(key).finalize();
        let mut account = String::with_capacity(self.tag.len() + 2 * DIGEST);
        account.push_str(&self.tag);
        for byte in digest.iter().take(DIGEST) {
            // A string takes whatever is written.
            let _ = write!(account, "{byte:02x}");
        }
        account
    }
}

impl Script {
    pub(super) fn new(namespace: &str) -> Self {
        Self::with_source(SOURCE.into(), namespace)
    }

    pub(super) fn with_source(source: String, namespace: &str) -> Self {
        let name = redis::Script::new(&source).get_hash().to_owned();
        Self { source, name, mark: format!("{}since", tag(namespace)) }
    }

    /// Charges calls: one round trip, and one more when the server does not know the script.
    pub(super) fn run(
        &self,
        link: &mut Link,
        dues: &[Due],
        when: When,
        known: u64,
    ) -> RedisResult<Reply> {
        let started = link.started;
        let command = |verb, script| self.command(verb, script, dues, when, [known, started]);
        let connection = &mut link.connection;
        let reply = match command("EVALSHA", &self.name).query(connection) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", &self.source).query(connection)
            }
            reply => reply,
        };
        let (longest, seconds, nanos, since, forgot): (usize, u64, u64, u64, u8) = reply?;
        // Rounded up: who waits so long is admitted.
        let wait = seconds
            .checked_mul(1000)
            .map(|millis| millis.saturating_add(nanos.div_ceil(1_000_000)));
        let exhausted = longest.checked_sub(1).map(|place| (place, wait));
        Ok(Reply { exhausted, since, forgot: forgot > 0 })
    }

    fn command(
        &self,
        verb: &str,
        script: &str,
        dues: &[Due],
        when: When,
        [known, started]: [u64; 2],
    ) -> Cmd {
        let mut cmd = redis::cmd(verb);
        cmd.arg(script).arg(1 + dues.len()).arg(&self.mark);
        for due in dues {
            cmd.arg(&due.account);
        }
        cmd.arg(known).arg(started).arg(u8::from(when == When::Owed));
        for due in dues {
            for held in [due.cost, due.burst] {
                // What does not fit was refused when the limiter was made.
                let nanos = due.each.saturating_mul(held.into());
                cmd.arg(nanos / NANOS).arg(nanos % NANOS);
            }
        }
        cmd
    }
}
