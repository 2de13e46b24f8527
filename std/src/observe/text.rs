//! Metrics as Prometheus reads them: the text exposition format, version 0.0.4.

use std::fmt::Write;

use super::metrics::{BOUNDS, Counts, Series, Sums, Table};
use crate::kill::Cause;

const DIRECTIONS: [&str; 2] = ["to_server", "to_client"];

/// The families in one order, and their series in one order.
pub(super) fn render(table: &Table, sums: &Sums) -> String {
    let mut out = String::new();
    // A string takes everything.
    let _ = write(table, sums, &mut out);
    out
}

fn write(table: &Table, sums: &Sums, out: &mut String) -> std::fmt::Result {
    family("airlock_decisions_total", "counter", "Decisions.", out)?;
    let mut decisions: Vec<_> = table.decisions.iter().collect();
    decisions.sort_unstable();
    for (&Series { tool, direction, decision, reason }, count) in decisions {
        let direction = DIRECTIONS.get(direction).copied().unwrap_or("");
        write!(out, "airlock_decisions_total{{direction=\"{direction}\",tool=\"")?;
        escape(table.names.get(tool).map_or("", |name| name), out);
        writeln!(out, "\",decision=\"{decision}\",reason=\"{reason}\"}} {count}")?;
    }
    family("airlock_masked_values_total", "counter", "Values masked in outputs.", out)?;
    for (id, count) in &table.masked {
        writeln!(out, "airlock_masked_values_total{{type=\"{id}\"}} {count}")?;
    }
    family("airlock_truncated_outputs_total", "counter", "Outputs that were cut.", out)?;
    writeln!(out, "airlock_truncated_outputs_total {}", table.truncated)?;
    let name = "airlock_decision_duration_seconds";
    family(name, "histogram", "Time from a message to the decision on it.", out)?;
    for (direction, histogram) in DIRECTIONS.iter().zip(&table.durations) {
        let mut sum = 0;
        let bounds = BOUNDS.iter().map(|micros| seconds(u128::from(*micros) * 1000));
        for (bound, count) in bounds.chain(["+Inf".into()]).zip(histogram.buckets) {
            sum += count;
            writeln!(out, "{name}_bucket{{direction=\"{direction}\",le=\"{bound}\"}} {sum}")?;
        }
        let total = seconds(histogram.nanos);
        writeln!(out, "{name}_sum{{direction=\"{direction}\"}} {total}")?;
        writeln!(out, "{name}_count{{direction=\"{direction}\"}} {sum}")?;
    }
    family("airlock_running_calls", "gauge", "Calls that were let through and run.", out)?;
    writeln!(out, "airlock_running_calls {}", sums.running)?;
    family("airlock_audit_records_total", "counter", "Records of decisions.", out)?;
    for (outcome, count) in [("written", sums.written), ("lost", sums.lost)] {
        writeln!(out, "airlock_audit_records_total{{outcome=\"{outcome}\"}} {count}")?;
    }
    family("airlock_policy_reloads_total", "counter", "Attempts to change the policy.", out)?;
    for (outcome, count) in [("ok", sums.reloads), ("failed", sums.failed_reloads)] {
        writeln!(out, "airlock_policy_reloads_total{{outcome=\"{outcome}\"}} {count}")?;
    }
    incidents(&sums.incidents, out)?;
    family("airlock_build_info", "gauge", "The version of this program.", out)?;
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "airlock_build_info{{version=\"{version}\"}} 1")
}

fn incidents(counts: &Counts, out: &mut String) -> std::fmt::Result {
    let Counts { store_lost, store_returned, store_forgot, alone, halts, halted } = counts;
    for (name, help, count) in [
        ("airlock_store_lost_total", "Outages of the store of limits that began.", store_lost),
        ("airlock_store_returned_total", "And that ended.", store_returned),
        ("airlock_store_forgot_total", "Times that the store had lost data.", store_forgot),
    ] {
        family(name, "counter", help, out)?;
        writeln!(out, "{name} {count}")?;
    }
    let name = "airlock_store_outage_calls_total";
    family(name, "counter", "Calls decided on without the store, told when it is back.", out)?;
    for (outcome, count) in ["refused", "admitted"].iter().zip(alone) {
        writeln!(out, "{name}{{outcome=\"{outcome}\"}} {count}")?;
    }
    family("airlock_halts_total", "counter", "Times that a cause to halt calls came.", out)?;
    for (cause, count) in [Cause::File, Cause::Key].iter().zip(halts) {
        writeln!(out, "airlock_halts_total{{cause=\"{}\"}} {count}", cause.name())?;
    }
    family("airlock_halted", "gauge", "Whether one of them holds.", out)?;
    writeln!(out, "airlock_halted {}", u8::from(*halted))
}

fn family(name: &str, kind: &str, help: &str, out: &mut String) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Nanoseconds as seconds, exactly.
fn seconds(nanos: u128) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The value of a label.
fn escape(value: &str, out: &mut String) {
    for char in value.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_seconds_exact() {
        let mut out = String::new();
        escape("a\"b\\c\nd", &mut out);
        assert_eq!(out, "a\\\"b\\\\c\\nd");
        assert_eq!(
            ["0", "0.000001", "1", "12.5"],
            [&*seconds(0), &*seconds(1000), &*seconds(1_000_000_000), &*seconds(12_500_000_000),]
        );
    }
}
