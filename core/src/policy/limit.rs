//! Limits as a policy declares them, and the charges of an allowed call.
//!
//! The core counts nothing: it says which limits apply, under which key and at what cost; a limiter
//! that the host owns keeps the state. A key is injective: two calls share one only when all of its
//! parts are equal. Worst case: the limits that name the tool, times the bytes of their keys.

use alloc::vec::Vec;
use core::fmt::Write;
use core::slice;

use super::condition::{Memory, Segment};
use super::index::NameIndex;
use super::rule::List;
use super::text::{Hash, Pool, Text};
use super::tree::Span;
use crate::buf::{Buf, Full};
use crate::caller::Call;
use crate::glob::Case;
use crate::json::{Document, Value};

/// Longest part of a key that is kept whole, in bytes.
const MAX_PART: usize = 64;

/// The limits of a policy.
#[derive(Debug)]
pub(super) struct Limits {
    /// In the order of the document.
    pub limits: Vec<Limit>,
    pub tools: NameIndex,
}

/// A limit.
#[derive(Debug)]
pub(super) struct Limit {
    pub id: Text,
    pub span: Option<Span>,
    pub key: Vec<KeyPart>,
    pub rate: Rate,
    pub burst: u32,
    pub refused: bool,
}

/// What tells callers apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyPart {
    Agent,
    Argument(List),
    Role,
    Server,
    Session,
    Tenant,
    Tool,
}

/// So many calls in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub count: u32,
    pub period_ms: u64,
}

impl Rate {
    /// Reads `60/1m` or `60/minute`.
    pub fn read(text: &str) -> Option<Self> {
        let (count, period) = text.split_once('/')?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !plain(count) || count.len() > 9 {
            return None;
        }
        let count = count.parse().ok().filter(|count| *count > 0)?;
        let unit = |unit| match unit {
            "second" => Some(1000),
            "minute" => Some(60_000),
            "hour" => Some(3_600_000),
            "day" => Some(86_400_000),
            _ => None,
        };
        let period_ms = unit(period).or_else(|| read_duration(period))?;
        Some(Self { count, period_ms })
    }
}

/// Reads `30m` as milliseconds: a number above zero and one of `s`, `m`, `h` and `d`.
pub(super) fn read_duration(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let plain =
        !digits.is_empty() && digits.len() < 7 && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = if plain { digits.parse().ok()? } else { return None };
    (count > 0).then(|| count.saturating_mul(unit))
}

/// A limit of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRef<'p> {
    /// Its place among the limits of the policy, from 0.
    pub index: usize,
    /// Its id: that of the `[[limit]]`, or the key of `rate_limits`.
    pub id: &'p str,
    /// Where it stands in the document; `None` for a limit of a preset.
    pub span: Option<Span>,
    /// So many calls...
    pub count: u32,
    /// ...in so many milliseconds, over time.
    pub period_ms: u64,
    /// Most calls at once.
    pub burst: u32,
    /// It counts calls that were refused, not those that are about to run.
    pub refused: bool,
}

/// What an allowed call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge<'s> {
    /// The limit that is charged.
    pub limit: LimitRef<'s>,
    /// Under which key; bytes that mean nothing but equality.
    pub key: &'s [u8],
    /// How much.
    pub cost: u32,
}

/// A charge as ranges of memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChargeRecord {
    limit: u32,
    start: u32,
    end: u32,
}

impl Limits {
    pub fn new(limits: Vec<Limit>, patterns: &[super::index::Pattern], pool: &Pool) -> Self {
        // A limit holds back, so it covers every spelling of a name.
        Self { limits, tools: NameIndex::new(Case::Fold, patterns, pool) }
    }

    pub fn get<'p>(&'p self, number: u32, pool: &'p Pool) -> Option<LimitRef<'p>> {
        let index = number as usize;
        let limit = self.limits.get(index)?;
        let Rate { count, period_ms } = limit.rate;
        let &Limit { span, burst, refused, .. } = limit;
        Some(LimitRef { index, id: pool.get(limit.id), span, count, period_ms, burst, refused })
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Writes the charges of a call into `memory`: those of calls about to run, or of refused ones.
    /// The arguments of a refused call are not read.
    pub fn charge(
        &self,
        call: &Call<'_>,
        doc: Option<Document<'_>>,
        segments: &[Segment],
        pool: &Pool,
        memory: &mut Memory<'_>,
    ) -> Result<(), Full> {
        let Memory { keys, charges, sums, .. } = memory;
        keys.clear();
        charges.clear();
        sums.clear();
        if self.limits.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        self.tools.find(call.tool, pool, |number| {
            let Some(limit) = self.limits.get(number as usize) else { return };
            let again = charges.iter().any(|charge| charge.limit == number);
            if again || limit.refused != doc.is_none() || result.is_err() {
                return;
            }
            let start = keys.len() as u32;
            result = limit
                .key
                .iter()
                .try_for_each(|part| write_part(*part, call, doc, segments, pool, keys));
            let charge = ChargeRecord { limit: number, start, end: keys.len() as u32 };
            result = result.and_then(|()| charges.push(charge));
        });
        charges.sort_unstable_by_key(|charge| charge.limit);
        result
    }

    pub fn charges<'s>(&'s self, memory: &'s Memory<'_>, pool: &'s Pool) -> Charges<'s> {
        Charges { limits: self, pool, records: memory.charges.iter(), keys: &memory.keys }
    }
}

/// What a call costs: one charge for each limit that applies, in the order of the document.
#[derive(Clone, Debug)]
pub struct Charges<'s> {
    limits: &'s Limits,
    pool: &'s Pool,
    records: slice::Iter<'s, ChargeRecord>,
    keys: &'s [u8],
}

impl<'s> Iterator for Charges<'s> {
    type Item = Charge<'s>;

    fn next(&mut self) -> Option<Charge<'s>> {
        let record = self.records.next()?;
        let key = self.keys.get(record.start as usize..record.end as usize)?;
        Some(Charge { limit: self.limits.get(record.limit, self.pool)?, key, cost: 1 })
    }
}

pub(super) fn write_part(
    part: KeyPart,
    call: &Call<'_>,
    doc: Option<Document<'_>>,
    segments: &[Segment],
    pool: &Pool,
    out: &mut Buf<'_, u8>,
) -> Result<(), Full> {
    let mut put = |text: Option<&str>| match text {
        None => out.extend(b"-,"),
        Some(text) => {
            let head = text.floor_char_boundary_at(MAX_PART);
            let hash = (head.len() < text.len()).then(|| Hash::of(text, Case::Exact));
            let rest = hash.map_or(Ok(()), |hash| write!(out, "{hash:016x}~"));
            rest.and_then(|()| write!(out, "{}:{head},", head.len())).map_err(|_| Full)
        }
    };
    match part {
        KeyPart::Agent => put(call.caller.agent),
        KeyPart::Tenant => put(call.caller.tenant),
        KeyPart::Session => put(call.session),
        KeyPart::Server => put(call.server),
        KeyPart::Tool => put(Some(call.tool)),
        KeyPart::Role => {
            call.caller.roles.iter().try_for_each(|role| put(Some(role)))?;
            put(None)
        }
        KeyPart::Argument(list) => {
            let value = doc.and_then(|doc| find(doc.root(), list.of(segments), pool));
            match value.map(|value| (value, value.as_str())) {
                None => put(None),
                Some((_, Some(text))) => {
                    // Escapes are another spelling of the same text.
                    let bytes = text.bytes();
                    let mut hash = Hash::START;
                    bytes.for_each(|byte| hash.add(byte));
                    write!(out, "s{:016x}{},", hash.finish(), text.length()).map_err(|_| Full)
                }
                Some((value, None)) => match value.as_number().and_then(|number| number.as_i64()) {
                    Some(number) => write!(out, "n{number},").map_err(|_| Full),
                    None => put(core::str::from_utf8(value.raw()).ok()),
                },
            }
        }
    }
}

/// The member that `segments` lead to; ghosts are not there.
pub(super) fn find<'t>(
    mut value: Value<'t>,
    segments: &[Segment],
    pool: &Pool,
) -> Option<Value<'t>> {
    for segment in segments {
        let Segment::Name(name) = segment else { return None };
        value = value.get(pool.get(*name))?;
    }
    Some(value)
}

trait Floor {
    fn floor_char_boundary_at(&self, most: usize) -> &str;
}

impl Floor for str {
    /// The longest beginning of at most `most` bytes.
    fn floor_char_boundary_at(&self, most: usize) -> &str {
        let mut end = most.min(self.len());
        while !self.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.get(..end).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        let rate = |count, period_ms| Some(Rate { count, period_ms });
        assert_eq!(Rate::read("100/hour"), rate(100, 3_600_000));
        assert_eq!(Rate::read("60/1m"), rate(60, 60_000));
        assert_eq!(Rate::read("20/30s"), rate(20, 30_000));
        assert_eq!(Rate::read("1/2d"), rate(1, 172_800_000));
        for text in [
            "",
            "100",
            "100/",
            "/hour",
            "100/hours",
            "100/h",
            "100 / hour",
            " 100/hour",
            "-1/hour",
            "1.5/hour",
            "10/5minute",
            "100/week",
            "0/hour",
            "100/0s",
            "100/hour\n",
            "+1/hour",
            "\u{0661}/hour",
            "9999999999/hour",
            "1/s",
            "1/HOUR",
        ] {
            assert_eq!(Rate::read(text), None, "{text}");
        }
    }
}
