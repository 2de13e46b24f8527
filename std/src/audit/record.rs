//! A record: one decision in one line of JSON.

use std::fmt::{self, Write};
use std::io;
use std::time::{Duration, SystemTime};

use airlock_core::hidden::Found;
use airlock_core::json::write_string;
use airlock_core::mcp::{Direction, Event, Outcome};
#[cfg(feature = "redis")]
use airlock_core::policy::OnLoss;
use airlock_core::redact::Counts;
use airlock_core::{Output, Reason, Refusal, Violation, Would};
use jiff::Timestamp;

use super::Places;
use super::clean::{Cleaner, cut};
use super::key::AuditKey;
use super::preview::Preview;
use super::shape::Shaper;
use crate::kill::Cause;
#[cfg(feature = "redis")]
use crate::limit::StoreEvent;
use crate::observe::words;

/// Most entries of one list.
const MAX_LIST: usize = 64;
/// Most bytes of the name of an agent or a tenant.
const MAX_NAME: usize = 128;
/// How much memory is kept for the next line.
const KEEP: usize = 16 << 10;

/// Writes records, one at a time.
pub(super) struct Scribe {
    /// The name of this run as JSON.
    run: String,
    seq: u64,
    agent: Option<String>,
    cleaner: Cleaner,
    shaper: Shaper,
    preview: Option<Preview>,
    line: String,
}

impl Scribe {
    pub(super) fn new(
        run: &str,
        preview: usize,
        key: Option<AuditKey>,
        agent: Option<&str>,
    ) -> io::Result<Self> {
        let preview = if preview > 0 { Some(Preview::new(preview)?) } else { None };
        Ok(Self {
            run: run.into(),
            seq: 0,
            agent: agent.map(String::from),
            cleaner: Cleaner::new(),
            shaper: Shaper::new(key),
            preview,
            line: String::new(),
        })
    }

    /// The line of a decision that took so long; each has a number, whether it is written or not.
    pub(super) fn write(&mut self, event: &Event<'_>, places: &Places, took: Duration) -> &[u8] {
        self.seq += 1;
        self.line(|scribe, line| scribe.decision(event, places, took, line))
    }

    /// The line about a change of the policy, or about one that was refused and why.
    pub(super) fn write_reload(
        &mut self,
        policy: Option<&str>,
        outcome: Result<(), &str>,
    ) -> &[u8] {
        self.line(|scribe, out| {
            scribe.begin("reload", out)?;
            out.push_str(",\"policy\":");
            write_name(policy, out)?;
            match outcome {
                Ok(()) => out.push_str(",\"outcome\":\"ok\""),
                Err(why) => {
                    out.push_str(",\"outcome\":\"failed\"");
                    scribe.detail(why, out)?;
                }
            }
            out.push_str("}\n");
            Ok(())
        })
    }

    /// The line about the store of limits.
    #[cfg(feature = "redis")]
    pub(super) fn write_store(&mut self, event: &StoreEvent) -> &[u8] {
        self.line(|scribe, out| {
            scribe.begin("store", out)?;
            match event {
                StoreEvent::Lost { why, on_loss } => {
                    let on_loss = match on_loss {
                        OnLoss::Fallback => "fallback",
                        OnLoss::Refuse => "refuse",
                    };
                    write!(out, ",\"event\":\"lost\",\"on_loss\":\"{on_loss}\"")?;
                    scribe.detail(why, out)?;
                }
                StoreEvent::Returned { after, refused, admitted, forgot } => write!(
                    out,
                    ",\"event\":\"returned\",\"after_ms\":{},\"refused\":{refused},\
                     \"admitted\":{admitted},\"forgot\":{forgot}",
                    after.as_millis()
                )?,
                StoreEvent::Forgot => out.push_str(",\"event\":\"forgot\""),
            }
            out.push_str("}\n");
            Ok(())
        })
    }

    /// The line about a cause to halt calls.
    pub(super) fn write_halt(&mut self, cause: Cause, came: bool, halted: bool) -> &[u8] {
        self.line(|scribe, out| {
            scribe.begin("halt", out)?;
            let cause = cause.name();
            writeln!(out, ",\"cause\":\"{cause}\",\"came\":{came},\"halted\":{halted}}}")
        })
    }

    /// What lines of every kind but decisions begin with.
    fn begin(&self, kind: &str, out: &mut String) -> fmt::Result {
        let Self { run, .. } = self;
        write!(out, "{{\"v\":1,\"kind\":\"{kind}\",\"run\":\"{run}\",\"at\":\"")?;
        write_now(out);
        out.write_char('"')
    }

    fn line(&mut self, write: impl FnOnce(&mut Self, &mut String) -> fmt::Result) -> &[u8] {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        line.shrink_to(KEEP);
        // A string takes everything.
        let _ = write(self, &mut line);
        self.line = line;
        self.line.as_bytes()
    }

    fn decision(
        &mut self,
        event: &Event<'_>,
        places: &Places,
        took: Duration,
        out: &mut String,
    ) -> fmt::Result {
        let Self { run, seq, .. } = self;
        write!(out, "{{\"v\":1,\"kind\":\"decision\",\"run\":\"{run}\",\"seq\":{seq},\"at\":\"")?;
        write_now(out);
        out.push_str("\",\"agent\":");
        let agent = event.caller.agent.or(self.agent.as_deref());
        write_name(agent.map(|agent| cut(agent, MAX_NAME)), out)?;
        if let Some(tenant) = event.caller.tenant {
            out.push_str(",\"tenant\":");
            write_string(cut(tenant, MAX_NAME), out)?;
        }
        out.push_str(",\"direction\":");
        out.push_str(match event.direction {
            Direction::ToServer => "\"to_server\"",
            Direction::ToClient => "\"to_client\"",
        });
        out.push_str(",\"tool\":");
        self.cleaner.tool(event, out)?;
        self.outcome(event, places, out)?;
        if let Some(arguments) = event.arguments {
            write!(out, ",\"arguments\":{{\"bytes\":{},\"shape\":", arguments.len())?;
            self.shaper.write(arguments, event.declared, out)?;
            if let Some(preview) = &mut self.preview {
                out.push_str(",\"preview\":");
                write_string(&preview.arguments(arguments), out)?;
            }
            out.push('}');
        }
        writeln!(out, ",\"us\":{}}}", took.as_micros())
    }

    fn outcome(&mut self, event: &Event<'_>, places: &Places, out: &mut String) -> fmt::Result {
        let (decision, reason) = words(&event.outcome);
        write!(out, ",\"decision\":\"{decision}\",\"reason\":")?;
        write_name(reason, out)?;
        match event.outcome {
            Outcome::Allowed(allowed) => {
                write_rule(allowed.rule(), places, out)?;
                write_would(allowed.would(), places, out)?;
                self.pointers("stripped", allowed.stripped(), event, out)?;
                self.pointers("repaired", allowed.repaired(), event, out)
            }
            Outcome::Refused(refusal) => self.refused(refusal, event, places, out),
            Outcome::Changed { why, .. } => self.detail(why, out),
            Outcome::Cleaned { hidden, .. } => self::hidden(hidden, out),
            Outcome::Pinned(digest) => {
                out.push_str(",\"digest\":");
                write_string(digest, out)
            }
            Outcome::Filtered { masked, truncated, hidden, output, .. } => {
                self.output(masked, truncated, hidden, output, out)
            }
            Outcome::Rejected { code, why } => {
                write!(out, ",\"code\":{code}")?;
                self.detail(why, out)
            }
            Outcome::Dropped(why) | Outcome::Warned(why) | Outcome::Withheld(why) => {
                self.detail(why, out)
            }
            _ => Ok(()),
        }
    }

    fn refused(
        &mut self,
        refusal: &Refusal<'_>,
        event: &Event<'_>,
        places: &Places,
        out: &mut String,
    ) -> fmt::Result {
        // The reason is for the operator; what the model was told stands only where it is something else.
        if refusal.reason() != refusal.cause() {
            write!(out, ",\"told\":\"{}\"", refusal.reason().name())?;
        }
        write_rule(refusal.rule(), places, out)?;
        write_would(refusal.would(), places, out)?;
        self.pointers("stripped", refusal.stripped(), event, out)?;
        out.push_str(",\"violations\":[");
        for (index, violation) in refusal.violations().take(MAX_LIST).enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.violation(violation, event, out)?;
        }
        out.write_char(']')
    }

    fn violation(
        &mut self,
        violation: Violation<'_>,
        event: &Event<'_>,
        out: &mut String,
    ) -> fmt::Result {
        out.push_str("{\"path\":");
        self.cleaner.pointer(violation.path, event, out)?;
        out.push_str(",\"keyword\":");
        write_string(violation.keyword, out)?;
        out.write_char('}')
    }

    fn output(
        &mut self,
        masked: &Counts,
        truncated: bool,
        found: Found,
        output: Output<'_>,
        out: &mut String,
    ) -> fmt::Result {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        write!(out, ",\"output\":{{\"bytes\":{},\"masked\":{{", bytes.len())?;
        for (index, (id, count)) in by_name(masked).into_iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}\"{id}\":{count}")?;
        }
        write!(out, "}},\"truncated\":{truncated}")?;
        hidden(found, out)?;
        if let Some(preview) = &mut self.preview {
            out.push_str(",\"preview\":");
            write_string(&preview.output(output), out)?;
        }
        out.write_char('}')
    }

    /// A list of pointers, left out when it is empty.
    fn pointers<'p>(
        &mut self,
        name: &str,
        pointers: impl Iterator<Item = &'p str>,
        event: &Event<'_>,
        out: &mut String,
    ) -> fmt::Result {
        let mut count = 0_usize;
        for pointer in pointers {
            if count == 0 {
                write!(out, ",\"{name}\":[")?;
            }
            count += 1;
            if count <= MAX_LIST {
                if count > 1 {
                    out.push(',');
                }
                self.cleaner.pointer(pointer, event, out)?;
            }
        }
        if count > 0 {
            out.push(']');
        }
        if count > MAX_LIST {
            write!(out, ",\"{name}_more\":{}", count - MAX_LIST)?;
        }
        Ok(())
    }

    fn detail(&mut self, detail: &str, out: &mut String) -> fmt::Result {
        out.push_str(",\"detail\":");
        self.cleaner.text(detail, out)
    }
}

/// What hides, by its kinds; left out when there is nothing.
fn hidden(found: Found, out: &mut String) -> fmt::Result {
    for (index, (kind, count)) in found.iter().enumerate() {
        let before = if index > 0 { "," } else { ",\"hidden\":{" };
        write!(out, "{before}\"{}\":{count}", kind.name())?;
    }
    if found.is_empty() { Ok(()) } else { out.write_char('}') }
}

/// The counts by the ids of types, several detectors of one id together.
fn by_name(counts: &Counts) -> Vec<(&'static str, u32)> {
    let mut named: Vec<(&'static str, u32)> = Vec::new();
    for (id, count) in counts.iter() {
        match named.iter_mut().find(|(name, _)| *name == id.id()) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => named.push((id.id(), count)),
        }
    }
    named
}

/// The rule that decided, and where it stands.
fn write_rule(rule: Option<&str>, places: &Places, out: &mut String) -> fmt::Result {
    out.push_str(",\"rule\":");
    write_name(rule, out)?;
    match rule.and_then(|rule| places.get(rule)) {
        Some(place) => {
            out.push_str(",\"place\":");
            write_string(place, out)
        }
        None => Ok(()),
    }
}

/// What would have been decided if rules in shadow mode were in force.
fn write_would(would: Option<Would<'_>>, places: &Places, out: &mut String) -> fmt::Result {
    let Some(Would { reason, rule }) = would else {
        return Ok(());
    };
    let decision = if reason.is_some() { "block" } else { "allow" };
    write!(out, ",\"would\":{{\"decision\":\"{decision}\",\"reason\":")?;
    write_name(reason.map(Reason::name), out)?;
    write_rule(rule, places, out)?;
    out.write_char('}')
}

fn write_name(name: Option<&str>, out: &mut String) -> fmt::Result {
    match name {
        Some(name) => write_string(name, out),
        None => out.write_str("null"),
    }
}

/// Writes the moment as RFC 3339 in UTC, to the millisecond. What is no moment of this calendar reads as
/// 1970.
pub(super) fn write_now(out: &mut String) {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    // A string takes everything.
    let _ = write!(out, "{now:.3}");
}
