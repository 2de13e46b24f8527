//! The golden vectors of `testdata/vectors.jsonl`, through `airlock check`.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
#[path = "../../core/tests/support/vector.rs"]
mod vector;

use serde_json::Value;

use support::{Folder, airlock};
use vector::Answer;

#[test]
fn the_command_answers_like_the_library() {
    let secrets = vector::secrets();
    let folder = Folder::new("vectors");
    let mut misses = Vec::new();
    let mut checked = 0;
    for line in vector::lines() {
        let line = vector::fill(&line, &secrets);
        let vector: vector::Vector = serde_json::from_str(&line).unwrap();
        let Some(call) = &vector.call else { continue };
        let tools = vector.tools.iter().flatten();
        let tools: String = tools.map(|tool| serde_json::to_string(tool).unwrap() + "\n").collect();
        let tools = folder.file("tools.jsonl", &tools);
        let calls = folder.file("calls.jsonl", serde_json::to_string(call).unwrap());
        let policy = match &vector.policy {
            Some(policy) => folder.file("policy.json", policy.get()),
            None => "permissive".to_owned(),
        };
        let done =
            airlock(&["check", "--tools", &tools, "--calls", &calls, "--policy", &policy], "");
        assert_eq!(done.code, Some(0), "{}: {}", vector.name, done.stderr);
        let got: Answer = serde_json::from_str(&done.stdout).unwrap();
        let mut wanted: Answer =
            serde_json::from_str(vector.expect.as_ref().unwrap().get()).unwrap();
        wanted.refusal = None;
        checked += 1;
        if got != wanted {
            misses.push(format!("{}\n  wanted {wanted:?}\n  got    {got:?}", vector.name));
        }
        let whole: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(whole["v"], 1, "{}", vector.name);
    }
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
    assert!(checked >= 80);
}
