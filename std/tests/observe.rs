//! What a reader of metrics sees of a firewall's calls, and what not.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "support/observed.rs"]
mod observed;

use airlock::core::Call;
use airlock::observe::Metrics;
use observed::{calls, firewall};

#[test]
fn metrics_count_and_show_no_value() {
    let metrics = Metrics::new();
    let firewall = firewall(metrics.clone());
    calls(&firewall, "hunter2hunter2");
    let call = Call { tool: "echo", arguments: b"{}", ..Call::default() };
    let running = firewall.call(&call).unwrap();
    let text = metrics.render();
    assert!(!text.contains("hunter2"), "{text}");
    for line in [
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="allow",reason=""} 2"#,
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="block",reason="validation_failed"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="block",reason="malformed_arguments"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="drop_all",decision="block",reason="tool_denied"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="(other)",decision="block",reason="unknown_tool"} 1"#,
        r#"airlock_decisions_total{direction="to_client",tool="echo",decision="filter",reason=""} 1"#,
        r#"airlock_decision_duration_seconds_count{direction="to_server"} 6"#,
        "airlock_running_calls 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains("airlock_masked_values_total{type=\"secret."), "{text}");
    drop(running);
    assert!(metrics.render().contains("airlock_running_calls 0\n"));
}
