//! What `airlock_redact_bound` and `airlock_filter_bound` promise: a buffer of that size always suffices.
//!
//! Masks are longer than what they stand for where many short values stand close together, so the texts here
//! are made of those: values of one byte under the name of a password, numbers in JSON within JSON, whose masks
//! need quotes with as many backslashes as those before them, values without a blank between them.
#![cfg(feature = "hosted")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ptr;

use airlock_core::redact::Style;
use airlock_ffi::*;
use proptest::prelude::*;

const TYPES: &str = "secret,pii";

/// Values, each near the shortest that a detector takes.
const VALUES: &[&str] = &[
    "1",
    "a",
    "123",
    "1234",
    "123456",
    "a@b.co",
    "1.1.1.1",
    "::1",
    "4111111111111111",
    "123-45-6789",
    "123456789",
    "+14155550100",
    "00:11:22:33:44:55",
    "2001-01-01",
    "DE89370400440532013000",
    "Tr0ub4dor&3",
    "http://a:b@c",
];

/// What makes a value of what stands behind it.
const NAMES: &[&str] =
    &["pw", "pin", "password", "cvv", "ssn", "email", "dob", "token", "phone", ""];

const BETWEEN: &[&str] = &["", " ", ",", ";", "\n", "\u{1}", "\"", "\\", "\u{20ac}"];

fn texts() -> impl Strategy<Value = String> {
    let one_of = |words: &'static [&'static str]| prop::sample::select(words);
    let plain = (one_of(NAMES), one_of(&["=", ": ", "=\"", ""]), one_of(VALUES), one_of(BETWEEN));
    let plain = plain.prop_map(|(name, is, value, after)| format!("{name}{is}{value}{after}"));
    let array = (one_of(NAMES), one_of(VALUES), 1..60_usize, any::<bool>());
    let array = array.prop_map(|(name, value, count, quoted)| {
        let value = if quoted { format!("\"{value}\"") } else { value.to_owned() };
        format!("{{\"{name}\":[{}]}}", vec![value; count].join(","))
    });
    // The quote before the numbers has backslashes, which the quotes of every mask repeat.
    let nested = (one_of(NAMES), one_of(VALUES), 1..60_usize, 0..40_usize);
    let nested = nested.prop_map(|(name, value, count, slashes)| {
        let slashes = "\\".repeat(slashes);
        format!("[{slashes}\"{name}{slashes}\",{}]", vec![value; count].join(","))
    });
    let part = prop_oneof![plain, array, nested];
    (part, 1..8_usize).prop_map(|(part, count)| part.repeat(count))
}

/// The text as JSON that has it: itself where it is some, as a string, as a string under a name.
fn documents(text: &str) -> Vec<String> {
    let string = serde_json::to_string(text).unwrap();
    let twice = serde_json::to_string(&string).unwrap();
    let name = "{\"password\":".to_owned() + &string + "}";
    vec![text.to_owned(), string.clone(), twice, name, format!("[{string},{string}]")]
}

fn text_of(text: &str) -> airlock_str {
    airlock_str { data: text.as_ptr().cast(), len: text.len() }
}

/// Masks over lent memory, into a buffer of the bound; how much longer it became.
fn redacted(text: &str, style: &str, flags: u32) -> Option<usize> {
    let mut options = airlock_redact_options {
        struct_size: size_of::<airlock_redact_options>() as u32,
        flags,
        types: text_of(TYPES),
        style: text_of(style),
    };
    let mut memory = vec![0_u8; 64 * text.len() + 65_536];
    let bound = airlock_redact_bound(text.len());
    let mut out = vec![0_u8; bound];
    let (mut len, mut masked) = (0, 0);
    // SAFETY: every pointer is to what its type says and lives.
    let status = unsafe {
        airlock_redact(
            &raw mut options,
            text_of(text),
            memory.as_mut_ptr().cast(),
            memory.len(),
            out.as_mut_ptr().cast(),
            out.len(),
            &raw mut len,
            &raw mut masked,
        )
    };
    if status == codes::Status::JSON_INVALID.0 {
        return None;
    }
    assert_eq!(status, 0, "{} bytes, {style}, {flags}: {text}", text.len());
    Some(len)
}

struct Guarded {
    guard: *mut airlock_guard,
    scratch: *mut airlock_scratch,
}

impl Guarded {
    fn new(style: &str) -> Self {
        let types = "\"secret\",\"pii\"";
        let policy =
            format!("{{\"output\":{{\"*\":{{\"mask\":[{types}],\"style\":\"{style}\"}}}}}}");
        // SAFETY: all zero is a value of the options; every pointer is to what its type says and lives.
        unsafe {
            let mut options: airlock_guard_options = std::mem::zeroed();
            options.struct_size = size_of::<airlock_guard_options>() as u32;
            options.policy = text_of(&policy);
            options.policy_format = AIRLOCK_POLICY_JSON;
            if style == "hash" {
                options.mask_key = text_of("sixteen bytes or more");
            }
            let (mut guard, mut scratch) = (ptr::null_mut(), ptr::null_mut());
            let mut error: airlock_error = std::mem::zeroed();
            error.struct_size = size_of::<airlock_error>() as u32;
            let status = airlock_guard_new(&raw const options, &raw mut guard, &raw mut error);
            assert_eq!(status, 0, "{style}: {policy}");
            assert_eq!(airlock_scratch_new(&raw mut scratch), 0);
            Self { guard, scratch }
        }
    }

    fn filter(&self, text: &str, format: u32) -> usize {
        let mut out = vec![0_u8; airlock_filter_bound(text.len())];
        // SAFETY: all zero is a value of both structs; every pointer is to what its type says and lives.
        unsafe {
            let mut call: airlock_call = std::mem::zeroed();
            call.struct_size = size_of::<airlock_call>() as u32;
            call.tool_name = text_of("t");
            let mut verdict: airlock_verdict = std::mem::zeroed();
            verdict.struct_size = size_of::<airlock_verdict>() as u32;
            let (to, cap) = (out.as_mut_ptr().cast(), out.len());
            let status = airlock_filter(
                self.guard,
                self.scratch,
                0,
                format,
                text_of(text),
                &raw const call,
                to,
                cap,
                &raw mut verdict,
            );
            assert_eq!(status, 0, "{} bytes need {}: {text}", text.len(), verdict.out_len);
            verdict.out_len
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: made above, used no more.
        unsafe {
            airlock_guard_free(self.guard);
            airlock_scratch_free(self.scratch);
        }
    }
}

fn styles() -> impl Strategy<Value = &'static str> {
    let usable = |style: &&str| cfg!(feature = "std") || *style != "hash";
    let words: Vec<_> = Style::WORDS.iter().map(|(word, _)| *word).filter(usable).collect();
    prop::sample::select(words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_masked_fits_into_the_bound(text in texts(), style in styles()) {
        redacted(&text, style, 0);
        for document in documents(&text) {
            redacted(&document, style, AIRLOCK_AS_JSON);
        }
    }

    #[test]
    fn what_is_filtered_fits_into_the_bound(text in texts(), style in styles()) {
        let guard = Guarded::new(style);
        guard.filter(&text, AIRLOCK_TEXT);
        for document in documents(&text) {
            guard.filter(&document, AIRLOCK_TEXT);
            guard.filter(&document, AIRLOCK_JSON);
        }
    }
}

/// How much masks do grow, so that the bound is not far above all that was tried.
#[test]
fn many_short_values_make_a_text_longer() {
    let passwords = |value: &str| format!("{{\"password\":[{}]}}", vec![value; 500].join(","));
    let slashes = "\\".repeat(31);
    let nested = format!("[{slashes}\"x{slashes}\",{}]", vec!["123456789"; 500].join(","));
    let nested = serde_json::to_string(&nested).unwrap();
    let most = [passwords("42"), passwords("\"q7\""), nested].map(|text| {
        let grown = redacted(&text, "type", AIRLOCK_AS_JSON).unwrap();
        grown / text.len()
    });
    assert!(most.iter().any(|&times| times >= 3), "{most:?}");
    println!("{most:?} times as long");
}
