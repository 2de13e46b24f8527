//! The command as a whole: help, completions, and words that are no subcommand.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Folder, airlock};

#[test]
fn help_lists_every_subcommand() {
    let done = airlock(&["--help"], "");
    assert_eq!(done.code, Some(0));
    for name in ["run", "check", "policy", "redact", "completions"] {
        assert!(done.stdout.contains(&format!("\n  {name} ")), "{name}: {}", done.stdout);
    }
}

#[test]
fn shells_get_completions_of_every_subcommand() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = airlock(&["completions", shell], "");
        assert_eq!(done.code, Some(0), "{shell}: {}", done.stderr);
        for word in ["check", "policy", "lint", "explain", "diff", "redact", "near-miss"] {
            assert!(done.stdout.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn a_misspelt_subcommand_is_bad_usage_with_a_suggestion() {
    let done = airlock(&["chek"], "");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("'check'"), "{}", done.stderr);
}

/// What a policy asks for is kept, or the server is not started.
#[test]
fn a_server_does_not_start_under_a_promise_that_is_not_kept() {
    let start = |more: &[&str]| {
        let done = airlock(&[&["run", "--policy", "strict"], more, &["--", "true"]].concat(), "");
        assert_eq!(done.code, Some(2), "{more:?}");
        (done.stderr.contains("--audit FILE"), done.stderr.contains("--agent NAME"))
    };
    assert_eq!(start(&[]), (true, true));
    assert_eq!(start(&["--agent", "bob"]), (true, false));
    assert_eq!(start(&["--audit", "/dev/null"]), (false, true));
    assert_eq!(start(&["--audit", "/dev/null", "--agent", ""]), (false, true));
}

/// The policy's own file lies beside the policy, and the command line comes before it.
#[cfg(unix)]
#[test]
fn decisions_are_recorded_where_the_policy_or_the_command_line_says() {
    let folder = Folder::new("audit-cli");
    let policy = "preset = \"read_only\"\n[audit]\npath = \"own.jsonl\"\n";
    let policy = &*folder.file("policy.toml", policy);
    let (own, named) = (folder.path().join("own.jsonl"), folder.path().join("named.jsonl"));
    let named = named.to_str().unwrap();
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"delete_all\"}}\n";
    for (arguments, path) in [
        (vec!["run", "--policy", policy, "--", "cat"], own.as_path()),
        (vec!["run", "--policy", policy, "--audit", named, "--", "cat"], named.as_ref()),
    ] {
        let done = airlock(&arguments, call);
        assert!(done.stdout.contains("tool_denied"), "{} {}", done.stdout, done.stderr);
        let text = std::fs::read_to_string(path).unwrap();
        let rule = "\"decision\":\"block\",\"reason\":\"tool_denied\",\"rule\":\"read_only.write\"";
        assert_eq!(text.matches(rule).count(), 1, "{text}");
        assert!(text.lines().last().unwrap().contains("\"kind\":\"close\""), "{text}");
    }
}
