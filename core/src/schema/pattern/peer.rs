//! Patterns against `regress`, a backtracking engine for ECMA-262.

use std::format;
use std::string::String;
use std::vec;

use proptest::prelude::*;
use regress::Regex;

use super::{Pattern, PatternErrorKind};

/// Patterns that mean something: every construct, nested, over few letters.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => "[abA1_]",
        1 => prop::sample::select(vec![
            "\u{e9}", "\u{1f432}", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\n", "\\.",
            "\\x61", "\\u0061", "\\u{1f432}", "\\ud83d\\udc32", "\\cJ", "\\0", "\\/", "\\p{L}",
            "\\P{Lu}", "\\p{Script=Latin}", "\\p{ASCII}", "[]", "[^]",
        ]).prop_map(String::from),
        2 => prop::collection::vec(
            prop::sample::select(vec![
                "a", "b", "1", "_", "\u{e9}", "\u{1f432}", "a-b", "0-9", "\\d", "\\W", "\\s",
                "\\S", "\\b", "\\-", "\\]", "&&", "~~", "[", "^", "$", "\\p{Lu}", "\\u{1f400}-\u{1f440}",
            ]),
            0..4,
        ).prop_flat_map(|members| prop::sample::select(vec![
            format!("[{}]", members.concat()),
            format!("[^{}]", members.concat()),
        ])),
    ];
    let quantifier = prop::sample::select(vec![
        "", "", "", "", "*", "+", "?", "*?", "{2}", "{1,2}", "{0,1}?", "{2,}",
    ]);
    let assertion = prop::sample::select(vec!["^", "$", "\\b", "\\B"]).prop_map(String::from);
    let body = atom.prop_recursive(2, 12, 4, move |inner| {
        let term = prop_oneof![
            5 => (inner.clone(), quantifier.clone()).prop_map(|(atom, q)| format!("{atom}{q}")),
            1 => assertion.clone(),
        ];
        let terms = prop::collection::vec(term, 0..4).prop_map(|terms| terms.concat());
        let open = prop::sample::select(vec!["(", "(?:", "(?<n>"]);
        (open, prop::collection::vec(terms, 1..4))
            // One name may stand once only.
            .prop_map(|(open, arms)| format!("{}{})", open, arms.join("|")).replace("(?<n>", "("))
    });
    let ahead = prop::collection::vec((any::<bool>(), body.clone()), 0..3).prop_map(|list| {
        list.iter()
            .map(|(must, hir)| format!("(?{}{hir})", if *must { '=' } else { '!' }))
            .collect()
    });
    let ahead = prop_oneof![3 => Just(String::new()), 1 => ahead];
    (ahead, prop::collection::vec(body, 0..3), any::<bool>()).prop_map(|(ahead, body, end)| {
        let start = if ahead.is_empty() { "" } else { "^" };
        [start, &ahead, &body.concat(), if end { "$" } else { "" }].concat()
    })
}

/// Small, because the other engine takes exponential time.
const SETTINGS: fn() -> ProptestConfig = || ProptestConfig {
    // Compiling costs milliseconds without optimisation.
    cases: if cfg!(debug_assertions) { 100 } else { 5000 },
    failure_persistence: None,
    ..ProptestConfig::default()
};

proptest! {
    #![proptest_config(SETTINGS())]

    #[test]
    fn matches_alike(pattern in pattern(), texts in prop::collection::vec("[abA1_é\u{1f432} \n.]{0,5}", 1..6)) {
        let theirs = Regex::with_flags(&pattern, "u");
        let ours = match Pattern::compile(&pattern) {
            Err(error) if error.kind == PatternErrorKind::TooLarge => return Ok(()),
            ours => ours,
        };
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", pattern, ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            for text in &texts {
                prop_assert_eq!(ours.is_match(text), theirs.find(text).is_some(), "{} {:?}", pattern, text);
            }
        }
    }

    /// Whatever is written: what is no pattern there is none here, but for what we read on purpose.
    #[test]
    fn refuses_alike(pattern in r"([\^$\\.*+?()\[\]{}|a-c0-3dDwspuxkBb<>=!:,\-&~é]|\\[a-zA-Z0-9]|\(\?[:=!<]|\{\d?,?\d?\}|\[\^?[a-c]-[a-c]\]){0,10}") {
        use PatternErrorKind::*;
        let theirs = Regex::with_flags(&pattern, "u");
        match Pattern::compile(&pattern) {
            Ok(_) => {
                // Escaped punctuation, and brackets that close nothing.
                let lenient = pattern.contains([']', '}']) || ["\\-", "\\&", "\\~", "\\<", "\\>", "\\=", "\\!", "\\:", "\\,"].iter().any(|e| pattern.contains(e));
                prop_assert!(theirs.is_ok() || lenient, "{}: {:?}", pattern, theirs);
            }
            Err(error) => {
                let ours_alone = matches!(error.kind, LookAround | BackReference | TooLarge | Nesting | Modifiers)
                    // `regress` repeats a word boundary, which the grammar of ECMA-262 does not.
                    || error.kind == NothingToRepeat && pattern[..error.offset].ends_with(['b', 'B']);
                prop_assert!(theirs.is_err() || ours_alone, "{}: {}", pattern, error);
            }
        }
    }
}
