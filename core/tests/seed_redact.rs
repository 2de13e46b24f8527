//! The recorded cases of the original, areas redact and stream: what it found is found, what it left alone
//! is left alone, or the case is listed with the reason why not.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "support/shared.rs"]
mod shared;

use airlock_core::Buf;
use airlock_core::redact::{Redactor, Style, Types};
use serde_json::Value;

/// Cases that differ, by the end of their ids, and why.
const DIFFERENT: &[(&str, &[&str])] = &[
    (
        "an exchange that begins with 1 is no number of the NANP",
        &[
            "#00100", "#00123", "#01254", "#01406", "#01410", "#01447", "#01483", "#01504",
            "#01567", "#01568",
        ],
    ),
    ("private addresses identify nobody (RFC 6890)", &["#00105", "#01452", "#01513"]),
    ("the alphabet in order is a placeholder", &["#00107", "#00120", "#01454", "#01480"]),
    ("a public example of AWS", &["#00109", "#00505", "#00507", "#01456", "#01515"]),
    (
        "the case turns masking off, which is a choice of types here",
        &["#00129", "#01038", "#01489", "#01578"],
    ),
    (
        "a mobile number of India without its plus sign or a word beside it",
        &["#00987", "#00988", "#00989"],
    ),
    ("the fourth letter of a PAN names a kind of holder; E and D are none", &["#01008", "#01464"]),
    ("the check digit of Aadhaar is wrong", &["#01024", "#01039", "#01045", "#01462", "#01463"]),
    ("names of people are not looked for", &["#01030", "#01031", "#01034"]),
    (
        "addresses of UPI are not looked for: handles without a domain",
        &[
            "#01051", "#01054", "#01055", "#01056", "#01057", "#01058", "#01059", "#01060",
            "#01061", "#01062", "#01063", "#01064", "#01065", "#01066", "#01067", "#01465",
            "#01466", "#01467", "#01468", "#01469",
        ],
    ),
    (
        "codes of bank branches (IFSC) are public",
        &["#01470", "#01471", "#01472", "#01473", "#01474"],
    ),
    (
        "the whole URL was found; here its password would be, and this one is a placeholder",
        &["#01511"],
    ),
    ("patterns of one's own are a policy's", &["#01646", "#01647"]),
];

fn masked(text: &str) -> String {
    let redactor = Redactor::new(Types::ALL, Style::Full);
    let (mut found, mut out) = (Buf::growable(), Buf::growable());
    redactor.scan(text, &mut found).unwrap();
    redactor.mask(text, &found, &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

/// What is wrong with the case, if anything.
fn fault(input: &Value, expected: &Value) -> Option<String> {
    if let (Some(chunks), Some(shown)) =
        (input["chunks_consumed"].as_array(), expected["yielded"].as_array())
    {
        // Cutting is tested where cutting is.
        if !input["config"]["max_output_chars"].is_null() || chunks.len() != shown.len() {
            return None;
        }
        let pairs = chunks.iter().zip(shown);
        let differ = |(chunk, shown): (&Value, &Value)| {
            let (chunk, shown) = (chunk.as_str()?, shown.as_str()?);
            let ours = masked(chunk);
            ((ours != chunk) != (shown != chunk)).then(|| format!("{chunk:?} became {ours:?}"))
        };
        return pairs.into_iter().find_map(differ);
    }
    let text = match &input["content"] {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        other => other.to_string(),
    };
    if let Some(found) = expected["detections"].as_array() {
        let out = masked(&text);
        if found.is_empty() {
            return (out != text).then(|| format!("{text:?} became {out:?}"));
        }
        return found.iter().find_map(|found| {
            let value = found["value"].as_str()?;
            out.contains(value).then(|| format!("{value:?} shows in {out:?}"))
        });
    }
    let types = expected["detection_types"].as_array()?;
    let out = masked(&text);
    (types.is_empty() != (out == text)).then(|| format!("{text:?} became {out:?}"))
}

#[test]
fn the_recorded_cases() {
    let Some(cases) = shared::lines("seed/cases.jsonl") else { return };
    let mut faults = Vec::new();
    for case in cases {
        let area = case["area"].as_str().unwrap();
        if !matches!(area, "redact" | "stream") {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let listed = DIFFERENT.iter().any(|(_, ids)| ids.iter().any(|end| id.ends_with(end)));
        match fault(&case["input"], &case["expected"]) {
            Some(fault) if !listed => faults.push(format!("{id}: {fault}")),
            None if listed => faults.push(format!("{id} is listed and agrees")),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
