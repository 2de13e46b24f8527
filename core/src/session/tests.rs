//! A session by itself: what is given back, what stays, and what its bounds do.

use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const EFFECTS: [Effect; 4] =
    [Effect::Label(5), Effect::Spend(7), Effect::Event(9), Effect::Use(11)];

fn session() -> Session {
    Session::new([1; 16])
}

#[test]
fn finish_gives_back_only_what_failed() {
    for (outcome, spent, happened) in [
        (Outcome::Ok, true, true),
        (Outcome::Failed, false, false),
        (Outcome::Unknown, true, false),
    ] {
        let mut session = session();
        let ticket = session.reserve(&EFFECTS, Some(40));
        assert!(!session.can_spend(7), "taken while it runs");
        assert_eq!(session.happened(9), None, "not before it has ended");
        session.finish(ticket, outcome);
        // Once settled, nothing changes any more.
        session.finish(ticket, Outcome::Failed);
        session.finish(ticket, Outcome::Ok);
        session.cancel(ticket);
        assert_eq!(!session.can_spend(7), spent, "{outcome:?}");
        assert_eq!(session.happened(9), happened.then_some(Some(40)), "{outcome:?}");
        assert_eq!(session.uses(11), Some((1, Some(40))));
        assert_eq!((session.labels(), session.calls()), (5, 1));
    }
}

#[test]
fn cancel_gives_back_all_but_labels() {
    let mut session = session();
    let first = session.reserve(&[Effect::Use(11)], Some(10));
    session.finish(first, Outcome::Ok);
    let ticket = session.reserve(&EFFECTS, Some(40));
    session.cancel(ticket);
    session.cancel(ticket);
    assert!(session.can_spend(7));
    assert_eq!(session.happened(9), None);
    assert_eq!(session.uses(11), Some((1, Some(10))));
    assert_eq!((session.labels(), session.calls()), (5, 1));
}

#[test]
fn what_nobody_settles_stays_taken_and_its_memory_is_bounded() {
    let mut session = session();
    let first = session.reserve(&EFFECTS, None);
    for value in 100..100 + 3 * MAX_SPENT as u64 {
        if session.can_spend(value) {
            session.reserve(&[Effect::Spend(value), Effect::Event(value)], None);
        }
    }
    session.finish(first, Outcome::Failed);
    assert!(!session.can_spend(7), "too long ago to be given back");
    assert!(!session.can_spend(1), "full: nothing new passes");
    assert_eq!(session.spent.len(), MAX_SPENT);
    assert!(session.open.len() <= MAX_OPEN);
}

#[test]
fn the_oldest_event_gives_way() {
    let mut session = session();
    let happen = |session: &mut Session, digest, at| {
        let ticket = session.reserve(&[Effect::Event(digest)], Some(at));
        session.finish(ticket, Outcome::Ok);
    };
    (0..MAX_EVENTS as u64).for_each(|digest| happen(&mut session, digest, 100 + digest));
    happen(&mut session, 0, 500);
    happen(&mut session, 99, 600);
    assert_eq!(session.happened(0), Some(Some(500)), "the same again takes no other's place");
    assert_eq!(session.happened(1), None);
    assert_eq!(session.happened(2), Some(Some(102)));
    assert_eq!(session.happened(99), Some(Some(600)));
    assert_eq!(session.events.len(), MAX_EVENTS);
}

#[test]
fn nothing_shows_the_key() {
    let shown = format!("{:?}", Session::new([0xa7; 16]));
    assert!(!shown.contains("167") && !shown.contains("key"), "{shown}");
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 224, "{}", size_of::<Session>());
}

fn digest(json: &str) -> Option<u64> {
    let mut tape = crate::json::Tape::growable();
    let document = crate::json::parse(json.as_bytes(), crate::json::Limits::ARGUMENTS, &mut tape);
    let mut digest = session().digest();
    document.unwrap().root().elements().try_for_each(|value| digest.add(value))?;
    Some(digest.finish())
}

#[test]
fn digests_are_of_values_not_of_spellings() {
    assert_eq!(digest(r#"["aé", 1, null]"#), digest(r#"["\u0061\u00e9", 10e-1, null]"#));
    let different = [
        r#"["a", "b"]"#,
        r#"["ab", ""]"#,
        r#"["", "ab"]"#,
        r#"["ab"]"#,
        r#"["1"]"#,
        "[1]",
        "[0]",
        "[-1]",
        "[10]",
        "[0.1]",
        "[true]",
        "[false]",
        "[null]",
        r#"["null"]"#,
        r#"[""]"#,
        "[]",
        r#"["a", "b", ""]"#,
    ];
    let mut digests: Vec<_> = different.iter().map(|json| digest(json).unwrap()).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), different.len());
    for container in ["[[]]", "[{}]", "[[null]]", r#"[{"a": 1}]"#] {
        assert_eq!(digest(container), None, "{container}");
    }
    let long = format!("[{:?}]", "\u{e9}".repeat(99));
    assert_eq!(digest(&long), digest(&long.replace('\u{e9}', "\\u00e9")), "{long}");
    let other = |key| {
        let mut tape = crate::json::Tape::growable();
        let document = crate::json::parse(b"true", crate::json::Limits::ARGUMENTS, &mut tape);
        let mut digest = Session::new([key; 16]).digest();
        digest.add(document.unwrap().root()).unwrap();
        digest.finish()
    };
    assert_ne!(other(1), other(2));
}

proptest! {
    /// Any mix of calls and ends: labels only grow, and no value is taken twice while it is taken.
    #[test]
    fn labels_only_grow_and_values_are_taken_once(
        steps in prop::collection::vec((0_u64..6, 0_u8..5, any::<prop::sample::Index>()), 1..200),
    ) {
        let mut session = session();
        let mut taken: Vec<(Ticket, u64)> = Vec::new();
        let mut used_up: Vec<u64> = Vec::new();
        for (value, end, which) in steps {
            let before = session.labels();
            let free = !used_up.contains(&value) && taken.iter().all(|(_, held)| *held != value);
            prop_assert_eq!(session.can_spend(value), free);
            if free {
                let effects = [Effect::Spend(value), Effect::Label(1 << value)];
                taken.push((session.reserve(&effects, Some(value)), value));
            }
            if !taken.is_empty() && end < 4 {
                let (ticket, value) = taken.swap_remove(which.index(taken.len()));
                match end {
                    0 => session.finish(ticket, Outcome::Failed),
                    1 => session.cancel(ticket),
                    2 => session.finish(ticket, Outcome::Ok),
                    _ => session.finish(ticket, Outcome::Unknown),
                }
                if end >= 2 {
                    used_up.push(value);
                }
            }
            prop_assert_eq!(session.labels() & before, before);
        }
    }
}
