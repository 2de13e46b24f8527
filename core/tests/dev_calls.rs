//! Every labelled call gets the verdict, the errors and the suggestions that its label wants.
//!
//! The labels follow plain stripping. Which errors match: the paths are equal, each carries a keyword
//! that was expected there, and at most one more.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/compact.rs"]
mod compact;
#[path = "support/dev.rs"]
mod dev;
#[path = "support/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use airlock_core::policy::NearMiss;
use airlock_core::{Call, Caller, Catalog, Guard, Reason, Scratch, Verdict};

use compact::compact;
use dev::{DevCall, Expect};

/// An answer in the words of the labels.
struct Answer {
    allowed: bool,
    reason: Option<Reason>,
    /// Path, keyword, offset.
    errors: Vec<(String, String, Option<u32>)>,
    stripped: Vec<String>,
    cleaned: Option<String>,
    suggest: Vec<(String, String)>,
}

fn answer(guard: &Guard, catalog: &Catalog, scratch: &mut Scratch<'_>, call: &DevCall) -> Answer {
    let call = Call {
        tool: &call.tool,
        arguments: &call.arguments,
        caller: Caller::default(),
        ..Call::default()
    };
    let owned = |(path, to): (&str, &str)| (path.to_owned(), to.to_owned());
    match guard.check_in(catalog, &call, scratch) {
        Verdict::Allow(allowed) => Answer {
            allowed: true,
            reason: None,
            errors: Vec::new(),
            stripped: allowed.stripped().map(str::to_owned).collect(),
            cleaned: Some(String::from_utf8(allowed.arguments().to_vec()).unwrap()),
            suggest: allowed.suggestions().map(owned).collect(),
        },
        Verdict::Refuse(refusal) => Answer {
            allowed: false,
            reason: Some(refusal.reason()),
            errors: refusal
                .violations()
                .map(|v| (v.path.to_owned(), v.keyword.to_owned(), v.offset))
                .collect(),
            stripped: refusal.stripped().map(str::to_owned).collect(),
            cleaned: None,
            suggest: refusal.suggestions().map(owned).collect(),
        },
    }
}

/// Keywords by path.
fn by_path<'a>(
    errors: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut paths = BTreeMap::<_, BTreeSet<_>>::new();
    for (path, keyword) in errors {
        paths.entry(path).or_default().insert(keyword);
    }
    paths
}

fn errors_match(answer: &Answer, expect: &Expect) -> bool {
    let wanted = by_path(expect.errors.iter().map(|e| (e.path.as_str(), e.keyword.as_str())));
    let got =
        by_path(answer.errors.iter().map(|(path, keyword, _)| (path.as_str(), keyword.as_str())));
    wanted.len() == got.len()
        && wanted.iter().all(|(path, wanted)| {
            got.get(path)
                .is_some_and(|got| !got.is_disjoint(wanted) && got.len() <= wanted.len() + 1)
        })
}

fn offset_matches(answer: &Answer, expect: &Expect) -> bool {
    match expect.errors.iter().find_map(|error| error.offset) {
        Some(offset) => answer.errors.first().is_some_and(|(.., got)| *got == Some(offset)),
        None => true,
    }
}

fn suggestions_match(answer: &Answer, expect: &Expect) -> bool {
    let Some(wanted) = &expect.suggest else { return true };
    let paths: HashSet<_> = answer.suggest.iter().map(|(path, _)| path).collect();
    let one_a_path = paths.len() == answer.suggest.len();
    one_a_path
        && wanted
            .iter()
            .all(|w| answer.suggest.iter().any(|(path, to)| *path == w.path && *to == w.to))
}

#[test]
fn every_label_is_met() {
    let (Some(catalog), Some(calls)) = (dev::catalog(), dev::calls()) else { return };
    let guard = dev::guard(NearMiss::Strip);
    let mut scratch = guard.scratch();
    let mut misses = Vec::new();
    for call in &calls {
        let answer = answer(&guard, &catalog, &mut scratch, call);
        let expect = &call.expect;
        let cleaned = expect.cleaned.as_ref().map(|text| compact(text.get()));
        let stripped: HashSet<String> = answer.stripped.iter().cloned().collect();
        let rules = [
            ("verdict", answer.allowed == expect.valid),
            ("stripped", stripped == expect.stripped),
            ("errors", errors_match(&answer, expect)),
            ("offset", offset_matches(&answer, expect)),
            ("cleaned", answer.cleaned.as_deref().map(compact) == cleaned),
            ("suggest", suggestions_match(&answer, expect)),
        ];
        for (rule, met) in rules {
            if !met {
                misses.push(format!("{} ({}): {rule}", call.id, call.class));
            }
        }
    }
    assert_eq!(calls.len(), 3346);
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}

/// Refusing near misses changes the verdict of exactly the calls whose misspelt name was optional, and
/// stripping one is what they were allowed by.
#[test]
fn refusing_near_misses_changes_misspelt_names_only() {
    let (Some(catalog), Some(calls)) = (dev::catalog(), dev::calls()) else { return };
    let (strip, refuse) = (dev::guard(NearMiss::Strip), dev::guard(NearMiss::Refuse));
    let mut scratch = strip.scratch();
    let mut changed = 0;
    for call in &calls {
        let before = answer(&strip, &catalog, &mut scratch, call);
        let after = answer(&refuse, &catalog, &mut scratch, call);
        if before.allowed == after.allowed {
            continue;
        }
        changed += 1;
        assert_eq!(call.class, "misspelt_name", "{}", call.id);
        assert_eq!(
            (before.allowed, after.reason),
            (true, Some(Reason::GhostArguments)),
            "{}",
            call.id
        );
        for (path, keyword, _) in &after.errors {
            assert_eq!(keyword, "ghost", "{}", call.id);
            let suggest = call.expect.suggest.as_ref().unwrap();
            assert!(suggest.iter().any(|s| s.path == *path), "{}: {path}", call.id);
        }
    }
    assert_eq!(changed, 48);
}
