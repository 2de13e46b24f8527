//! The audit log: one JSON line for each decision.
//!
//! A record is handed to the operating system before its decision takes effect, in one write, so that
//! several processes may append to one file. When it cannot be written, the decision becomes a refusal:
//! nothing passes unseen. Records hold names, reasons and places, never a value of an argument or a
//! piece of an output.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use airlock_core::json::write_string;
use airlock_core::mcp::{Direction, Event, Outcome, Unrecorded};
use airlock_core::{Refusal, Violation};

/// Where decisions are recorded.
#[derive(Debug, Default)]
pub struct AuditLog {
    file: Option<File>,
    agent: Option<String>,
    line: String,
    /// That the log cannot be written was said.
    complained: bool,
}

impl AuditLog {
    /// A log that appends to the file at `path`, which it creates for its owner only.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: &Path, agent: Option<&str>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = Some(options.open(path)?);
        Ok(Self { file, agent: agent.map(String::from), ..Self::default() })
    }

    /// A log that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Records a decision on a message that arrived at `started`.
    ///
    /// # Errors
    /// When it cannot be written; the first time, standard error says why.
    pub fn record(&mut self, event: &Event<'_>, started: Instant) -> Result<(), Unrecorded> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        self.line.clear();
        // A string takes everything.
        let _ = write_record(event, self.agent.as_deref(), started.elapsed(), &mut self.line);
        match file.write_all(self.line.as_bytes()) {
            Ok(()) => Ok(()),
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    eprintln!(
                        "airlock: the audit log cannot be written, calls are refused: {error}"
                    );
                }
                Err(Unrecorded)
            }
        }
    }
}

fn write_record(
    event: &Event<'_>,
    agent: Option<&str>,
    took: Duration,
    out: &mut String,
) -> std::fmt::Result {
    out.push_str("{\"v\":1,\"at\":\"");
    write_time(SystemTime::now(), out)?;
    out.push_str("\",\"agent\":");
    write_name(agent, out)?;
    out.push_str(",\"direction\":");
    out.push_str(match event.direction {
        Direction::ToServer => "\"to_server\"",
        Direction::ToClient => "\"to_client\"",
    });
    out.push_str(",\"tool\":");
    write_name(event.tool, out)?;
    let record = Record::of(&event.outcome);
    write!(out, ",\"decision\":\"{}\",\"reason\":", record.decision)?;
    write_name(record.reason, out)?;
    if let Some(detail) = record.detail {
        out.push_str(",\"detail\":");
        write_string(detail, out)?;
    }
    out.push_str(",\"rule\":");
    write_name(record.refusal.and_then(Refusal::rule), out)?;
    out.push_str(",\"stripped\":");
    match &event.outcome {
        Outcome::Allowed(allowed) => write_list(allowed.stripped(), out, write_string)?,
        Outcome::Refused(refusal) => write_list(refusal.stripped(), out, write_string)?,
        _ => out.push_str("[]"),
    }
    if let Outcome::Allowed(allowed) = &event.outcome
        && allowed.repaired().next().is_some()
    {
        out.push_str(",\"repaired\":");
        write_list(allowed.repaired(), out, write_string)?;
    }
    out.push_str(",\"violations\":");
    match record.refusal {
        Some(refusal) => write_list(refusal.violations(), out, write_violation)?,
        None => out.push_str("[]"),
    }
    let (masked, truncated) = match event.outcome {
        Outcome::Filtered { masked, truncated } => (masked, truncated),
        _ => (0, false),
    };
    write!(out, ",\"masked\":{{\"total\":{masked}}},\"truncated\":{truncated}")?;
    writeln!(out, ",\"us\":{}}}", took.as_micros())
}

/// The parts of a record that depend on the outcome alone.
#[derive(Default)]
struct Record<'a> {
    decision: &'static str,
    reason: Option<&'a str>,
    detail: Option<&'a str>,
    refusal: Option<&'a Refusal<'a>>,
}

impl<'a> Record<'a> {
    fn of(outcome: &'a Outcome<'a>) -> Self {
        let plain = |decision| Self { decision, ..Self::default() };
        match *outcome {
            Outcome::Allowed(_) => plain("allow"),
            Outcome::Dropped(why) => Self { detail: Some(why), ..plain("drop") },
            Outcome::Filtered { .. } => plain("filter"),
            Outcome::Refused(refusal) => Self {
                reason: Some(refusal.reason().name()),
                refusal: Some(refusal),
                ..plain("block")
            },
            Outcome::Rejected { why, .. } => {
                Self { reason: Some("protocol"), detail: Some(why), ..plain("block") }
            }
            Outcome::Unchecked => Self { reason: Some("unlisted"), ..plain("allow") },
            Outcome::Warned(why) => Self { detail: Some(why), ..plain("warn") },
            Outcome::Withheld(why) => Self { detail: Some(why), ..plain("withhold") },
            _ => plain("other"),
        }
    }
}

fn write_name(name: Option<&str>, out: &mut String) -> std::fmt::Result {
    match name {
        Some(name) => write_string(name, out),
        None => out.write_str("null"),
    }
}

fn write_violation(violation: Violation<'_>, out: &mut String) -> std::fmt::Result {
    out.push_str("{\"path\":");
    write_string(violation.path, out)?;
    out.push_str(",\"keyword\":");
    write_string(violation.keyword, out)?;
    out.write_char('}')
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String) -> std::fmt::Result,
) -> std::fmt::Result {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.write_char(']')
}

/// Writes the moment as RFC 3339 in UTC, to the millisecond. A clock before 1970 reads as 1970.
fn write_time(time: SystemTime, out: &mut String) -> std::fmt::Result {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years of the civil calendar begin in March here, so that the leap day comes last; an era is 400
    // years of 146,097 days, and 1970-01-01 is day 719,468 of the count.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let milli = since.subsec_millis();
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_795_345_445, "2026-11-22T11:04:05.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let mut out = String::new();
            let time = UNIX_EPOCH + Duration::new(seconds, 7_000_000);
            write_time(time, &mut out).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_record_is_one_line_of_json() {
        let event = Event {
            direction: Direction::ToServer,
            tool: Some("a\"\n"),
            outcome: Outcome::Rejected { code: -32602, why: "unknown tool" },
        };
        let mut out = String::new();
        write_record(&event, Some("bot"), Duration::from_micros(12), &mut out).unwrap();
        assert_eq!(out.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["tool"], "a\"\n");
        assert_eq!(value["decision"], "block");
        assert_eq!(value["us"], 12);
        assert_eq!(value["stripped"], serde_json::json!([]));
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so() {
        let event =
            Event { direction: Direction::ToServer, tool: None, outcome: Outcome::Unchecked };
        // Writing to a file that was opened for reading fails.
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let mut log = AuditLog { file: Some(file), ..AuditLog::default() };
        assert_eq!(log.record(&event, Instant::now()), Err(Unrecorded));
        assert_eq!(AuditLog::none().record(&event, Instant::now()), Ok(()));
    }
}
