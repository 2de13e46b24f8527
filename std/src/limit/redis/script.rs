//! The script, and what goes in and out of it.

use std::fmt::Write;

use airlock_core::policy::{Charge, LimitRef, Policy, Sum, Sums};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};
use sha2::{Digest, Sha256};

use super::budget::{Budget, Part, limbs};
use super::links::Link;

pub(super) const SOURCE: &str = include_str!("decide.lua");
/// Gives back.
const RETURN: &str = include_str!("return.lua");
const NANOS: u64 = 1_000_000_000;
/// Bytes of a digest that tells accounts apart: nobody finds two keys that share one.
const DIGEST: usize = 20;

/// The scripts, and the mark of the store that the first runs on.
pub(super) struct Script {
    decide: Source,
    give_back: Source,
    mark: String,
}

struct Source {
    text: String,
    /// SHA-1 of the text, in hexadecimal digits: the name that the server knows it by.
    name: String,
}

/// What the limits and the budgets of one policy come to on the server.
pub(super) struct Rates {
    /// What all keys begin with: the hash tag that keeps them on one node of a cluster.
    tag: String,
    /// In the order of the policy.
    limits: Vec<Limit>,
    /// In the order of the policy.
    budgets: Vec<Budget>,
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

/// What calls take.
#[derive(Clone, Copy, Default)]
pub(super) struct Bill<'b> {
    pub(super) dues: &'b [Due],
    pub(super) parts: &'b [Part],
}

/// What the server says.
pub(super) struct Reply {
    /// The first sum that is too large.
    pub(super) overspent: Option<usize>,
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
        let (limits, budgets) =
            (policy.limits().map(limit).collect(), Budget::succeed(&[], policy));
        Self { tag: tag(namespace), limits, budgets }
    }

    /// The rates of `policy` in the same namespace.
    pub(super) fn succeed(&self, policy: &Policy) -> Self {
        let next = Self::new(policy, "");
        let budgets = Budget::succeed(&self.budgets, policy);
        Self { tag: self.tag.clone(), budgets, ..next }
    }

    /// What a charge comes to; none when its limit is of another policy, or it is more at once than the limit
    /// ever has: no wait is longer.
    pub(super) fn due(&self, charge: &Charge<'_>) -> Option<Due> {
        let limit = self.limits.get(charge.limit.index)?;
        let &Limit { each, burst, .. } = limit;
        (charge.cost <= burst).then(|| {
            let account = self.account([&limit.digest, charge.key]);
            Due { account, each, burst, cost: charge.cost }
        })
    }

    /// What a sum comes to; none when its budget is of another policy.
    pub(super) fn part(&self, sum: &Sum<'_>, sums: &Sums<'_>) -> Option<Part> {
        let budget = self.budgets.get(sum.budget.index)?;
        let (window, began, kept) = budget.window(sum, sums);
        let account = self.account([&budget.digest, &window.to_le_bytes(), sum.key]);
        Some(Part { account, amount: sum.amount, max: sum.budget.max, began, kept })
    }

    /// As distinct as `parts`, of which the last is the key, and nothing of a caller can be read in it.
    fn account<const N: usize>(&self, parts: [&[u8]; N]) -> String {
        let digest =
            parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
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
        let (decide, give_back) = (Source::new(source), Source::new(RETURN.into()));
        Self { decide, give_back, mark: format!("{}since", tag(namespace)) }
    }

    /// Charges calls: one round trip, and one more when the server does not know the script.
    pub(super) fn run(
        &self,
        link: &mut Link,
        bill: Bill<'_>,
        when: When,
        known: u64,
    ) -> RedisResult<Reply> {
        let started = link.started;
        let reply = self.decide.run(link, |cmd| self.charge(cmd, bill, when, [known, started]));
        let (longest, seconds, nanos, since, forgot, overspent): (usize, u64, u64, u64, u8, usize) =
            reply?;
        // Rounded up: who waits so long is admitted.
        let wait = seconds
            .checked_mul(1000)
            .map(|millis| millis.saturating_add(nanos.div_ceil(1_000_000)));
        let exhausted = longest.checked_sub(1).map(|place| (place, wait));
        let overspent = overspent.checked_sub(1);
        Ok(Reply { overspent, exhausted, since, forgot: forgot > 0 })
    }

    /// Gives back what a call took that failed.
    pub(super) fn give_back(&self, link: &mut Link, parts: &[Part]) -> RedisResult<()> {
        self.give_back.run(link, |cmd| {
            cmd.arg(parts.len());
            for part in parts {
                cmd.arg(&part.account);
            }
            for part in parts {
                cmd.arg(&limbs(part.amount));
            }
        })
    }

    fn charge(&self, cmd: &mut Cmd, bill: Bill<'_>, when: When, [known, started]: [u64; 2]) {
        let Bill { dues, parts } = bill;
        cmd.arg(1 + dues.len() + parts.len()).arg(&self.mark);
        for due in dues {
            cmd.arg(&due.account);
        }
        for part in parts {
            cmd.arg(&part.account);
        }
        cmd.arg(known).arg(started).arg(u8::from(when == When::Owed)).arg(dues.len());
        for due in dues {
            for held in [due.cost, due.burst] {
                // What does not fit was refused when the limiter was made.
                let nanos = due.each.saturating_mul(held.into());
                cmd.arg(nanos / NANOS).arg(nanos % NANOS);
            }
        }
        for part in parts {
            cmd.arg(&limbs(part.amount)).arg(&limbs(part.max)).arg(part.began).arg(part.kept);
        }
    }
}

impl Source {
    fn new(text: String) -> Self {
        let name = redis::Script::new(&text).get_hash().to_owned();
        Self { text, name }
    }

    /// Runs it by its name, and once more as a whole when the server does not know it.
    fn run<T: FromRedisValue>(&self, link: &mut Link, add: impl Fn(&mut Cmd)) -> RedisResult<T> {
        let command = |verb: &str, script: &str| {
            let mut cmd = redis::cmd(verb);
            add(cmd.arg(script));
            cmd
        };
        match command("EVALSHA", &self.name).query(&mut link.connection) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", &self.text).query(&mut link.connection)
            }
            reply => reply,
        }
    }
}
