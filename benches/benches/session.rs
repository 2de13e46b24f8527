//! What session rules add to a call: the same policy with and without them, the same calls, in one run.
//!
//! Each pass decides on one call, reserves in the session, and settles. Payments fail, so that their keys may be
//! used again; what is timed besides is two more digests of arguments than a session of real payments has.

use std::hint::black_box;

use airlock_benches::{Peer, measure};
use airlock_core::policy::Policy;
use airlock_core::{Call, Caller, Guard, Outcome, Scratch, Session, Settled, ToolDefinition};

/// Rules with the keys in brackets only where they are wanted.
const RULES: &str = r#"{"roles": {"analyst": []}, "rule": [
    {"id": "select", "effect": "allow", "tools": ["query"], "roles": ["analyst"],
     "when": {"args.table": {"in": ["orders", "products", "customers"]}} [, "adds": ["pii"]]},
    {"id": "list", "effect": "allow", "tools": ["list"], "roles": ["analyst"]
     [, "adds": ["pii"], "adds_when": {"args.table": {"in": ["customers"]}}]},
    {"id": "no-exfil", "effect": "deny", "tools": ["upload_*"] [, "labels": ["pii"]]},
    {"id": "mail", "effect": "allow", "tools": ["send_*"], "roles": ["analyst"], "when": {"args.to": {"glob": "*@example.com"}}},
    {"id": "no-mail", "effect": "deny", "tools": ["send_*"], "when": {"args.to": {"glob": "*@evil.test"}} [, "labels": ["pii"]]},
    {"id": "charge", "effect": "allow", "tools": ["get_charge"], "roles": ["analyst"]},
    {"id": "refund", "effect": "allow", "tools": ["create_refund"], "roles": ["analyst"],
     "when": {"args.amount": {"gt": "0", "le": "100.00"}}
     [, "after": {"tool": "get_charge", "same": ["charge_id"], "within": "30m"}, "once": ["args.key"]]}]}"#;

const ROWS: [(&str, &str, &str); 5] = [
    ("adds", "query", r#"{"table":"customers","limit":20}"#),
    ("adds_when: one condition more", "list", r#"{"table":"customers","limit":20}"#),
    ("labels", "send_mail", r#"{"to":"ann@example.com","subject":"Report","text":"Hello."}"#),
    ("followed by after", "get_charge", r#"{"charge_id":"ch_3Nf8aB2eZvKYlo2C"}"#),
    (
        "after and once",
        "create_refund",
        r#"{"charge_id":"ch_3Nf8aB2eZvKYlo2C","amount":"50.00","currency":"USD","key":"b3f1c9d2-77"}"#,
    ),
];

struct Subject {
    guard: Guard,
    session: Session,
    scratch: Scratch<'static>,
}

impl Subject {
    fn new(with: bool) -> Self {
        let mut document = String::new();
        for (at, part) in RULES.split(" [,").enumerate() {
            // Behind the first part stands what is wanted, up to its bracket, and what is not.
            match optional_end(part).filter(|_| at > 0) {
                Some(end) if with => {
                    document.push_str(&format!(",{}{}", &part[..end], &part[end + 1..]))
                }
                Some(end) => document.push_str(&part[end + 1..]),
                None => document.push_str(part),
            }
        }
        let mut builder = Guard::builder().policy(Policy::from_json(&document).unwrap()).unwrap();
        for (_, name, _) in ROWS {
            let input_schema = br#"{"type":"object"}"#;
            let tool = ToolDefinition { name, input_schema, output_schema: None };
            builder = builder.tool(tool).unwrap();
        }
        let guard = builder.build().unwrap();
        assert_eq!(guard.policy().has_session_rules(), with);
        Self { scratch: guard.scratch(), session: Session::new([5; 16]), guard }
    }

    fn call(&mut self, tool: &str, arguments: &str, outcome: Outcome) -> bool {
        let Self { guard, session, scratch } = self;
        let call = Call {
            tool: black_box(tool),
            arguments: black_box(arguments).as_bytes(),
            caller: Caller { agent: Some("bob"), roles: &["analyst"], tenant: None },
            now: Some(1_700_000_000_000),
            ..Call::default()
        };
        match guard.settle(&call, None, Some(&mut *session), scratch) {
            Settled::Allow(cleared) => {
                session.finish(cleared.ticket().unwrap(), outcome);
                true
            }
            Settled::Refuse(_) => false,
        }
    }
}

/// The bracket that closes what is optional: the first that closes more than was opened.
fn optional_end(part: &str) -> Option<usize> {
    let mut depth = 0_i32;
    part.find(|c| {
        depth += match c {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        };
        depth < 0
    })
}

fn main() {
    for (name, tool, arguments) in ROWS {
        let (mut plain, mut with) = (Subject::new(false), Subject::new(true));
        with.call("get_charge", ROWS[3].2, Outcome::Ok);
        let outcome = if name == "after and once" { Outcome::Failed } else { Outcome::Ok };
        assert!(
            plain.call(tool, arguments, outcome) && with.call(tool, arguments, outcome),
            "{name}"
        );
        let mut peers = [
            Peer::new("session rules", || assert!(with.call(tool, arguments, outcome))),
            Peer::new("the same rules without", || assert!(plain.call(tool, arguments, outcome))),
        ];
        let times = measure(1, 41, 10_000, &mut peers);
        times.print(name, &peers);
    }
}
