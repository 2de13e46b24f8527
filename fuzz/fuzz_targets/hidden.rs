//! The scanner of hidden text on any text: what it finds is in the text and in order, what is left when that
//! is cut out hides nothing, JSON stays JSON that reads alike when it is stripped again, and text of living
//! scripts stays as it is.
#![no_main]

use std::sync::LazyLock;

use airlock_core::hidden::{Found, Kinds, find, may_hide, strip};
use airlock_core::json::{Limits, Tape, parse};
use airlock_core::policy::Policy;
use airlock_core::{Buf, Guard, Output};

/// Pieces of text that need what elsewhere hides: joiners, selectors, letters of both directions.
const LIVING: [&str; 10] = [
    "plain text\n",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
    "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
    "\u{1f44d}\u{1f3fd}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
    "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64a}\u{629}",
    "\u{5e2}\u{5d1}\u{5e8}\u{5d9}\u{5ea}",
    "\u{915}\u{94d}\u{200d}\u{937}",
];

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let kinds = r#"["ansi","bidi","control","invisible"]"#;
    let policy = format!(r#"{{"output":{{"*":{{"strip":{kinds},"mask":[]}}}}}}"#);
    Guard::builder().policy(Policy::from_json(&policy).unwrap()).unwrap().build().unwrap()
});

fn stripped(text: &str) -> String {
    let mut out = Buf::growable();
    strip(text, Kinds::ALL, &mut Found::default(), &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

fn is_json(bytes: &[u8]) -> bool {
    parse(bytes, Limits::MESSAGE, &mut Tape::growable()).is_ok()
}

/// What is shown of the output; nothing of one that cannot be shown.
fn shown(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut scratch = GUARD.scratch();
    let shown = GUARD.filter("t", Output::Json(bytes), &mut scratch).ok()?;
    Some(shown.bytes.to_vec())
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = String::new();
    let mut end = 0;
    for span in find(&text, Kinds::ALL) {
        assert!(span.start >= end && span.end > span.start, "in order, and never empty");
        rest.push_str(&text[end..span.start]);
        end = span.end;
    }
    rest.push_str(&text[end..]);
    assert!(may_hide(text.as_bytes()) || end == 0, "nothing is found where nothing may hide");
    let once = stripped(&text);
    assert_eq!(once, rest, "what was found is what is cut out");
    assert_eq!(stripped(&once), once);

    if is_json(bytes)
        && let Some(once) = shown(bytes)
    {
        assert!(is_json(&once), "{}", String::from_utf8_lossy(&once));
        assert_eq!(shown(&once).as_deref(), Some(&*once));
    }

    let pieces = bytes.iter().take(256).map(|byte| LIVING[usize::from(*byte) % LIVING.len()]);
    let living = pieces.collect::<Vec<_>>().join(" ");
    assert_eq!(stripped(&living), living);
});
