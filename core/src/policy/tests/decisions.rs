use std::string::ToString;

use super::super::{Decision, Policy, RuleRef};
use super::{NOBODY, decide, policy};
use crate::caller::Caller;
use crate::reason::Reason;

fn with_roles<'a>(roles: &'a [&'a str]) -> Caller<'a> {
    Caller { agent: None, roles, tenant: None }
}

fn agent(name: &str) -> Caller<'_> {
    Caller { agent: Some(name), roles: &[], tenant: None }
}

/// Checks rows of tool, caller and decision.
fn check(json: &str, rows: &[(&str, Caller<'_>, &str)]) {
    let policy = policy(json);
    for (tool, caller, expected) in rows {
        assert_eq!(decide(&policy, tool, caller), *expected, "{tool} by {caller:?} under {json}");
    }
}

#[test]
fn without_rules_everything_is_allowed() {
    check("{}", &[("anything", NOBODY, "allow default")]);
    check(r#"{"denied_tools": []}"#, &[("anything", NOBODY, "allow default")]);
}

#[test]
fn the_simple_form_denies_the_rest_only_with_a_list_of_allowed_tools() {
    check(
        r#"{"denied_tools": ["rm_*", {"tools": ["drop_*", "wipe"], "hint": "No."}]}"#,
        &[
            ("rm_all", NOBODY, "tool_denied"),
            ("RM_all", NOBODY, "tool_denied"),
            ("wipe", NOBODY, "tool_denied"),
            ("read", NOBODY, "allow default"),
        ],
    );
    check(
        r#"{"allowed_tools": ["read_*"], "denied_tools": ["read_secret"]}"#,
        &[
            ("read_file", NOBODY, "allow allowed_tools"),
            ("READ_file", NOBODY, "tool_not_allowed"),
            ("read_secret", NOBODY, "tool_denied"),
            ("Read_Secret", NOBODY, "tool_denied"),
            ("write_file", NOBODY, "tool_not_allowed"),
        ],
    );
    check(r#"{"allowed_tools": []}"#, &[("read", NOBODY, "tool_not_allowed")]);
}

#[test]
fn rules_deny_the_rest_unless_the_default_says_otherwise() {
    let rules = r#""rule": [{"id": "a", "effect": "deny", "tools": "rm"}]"#;
    let row = |expected| [("ls", NOBODY, expected), ("rm", NOBODY, "tool_denied")];
    check(&std::format!("{{{rules}}}"), &row("tool_not_allowed"));
    check(&std::format!(r#"{{{rules}, "default": "deny"}}"#), &row("tool_not_allowed"));
    check(&std::format!(r#"{{{rules}, "default": "allow"}}"#), &row("allow default"));
    check(r#"{"default": "deny"}"#, &[("ls", NOBODY, "tool_not_allowed")]);
    check(r#"{"rule": []}"#, &[("ls", NOBODY, "tool_not_allowed")]);
}

#[test]
fn deny_wins_wherever_it_stands() {
    check(
        r#"{"rule": [
            {"id": "all", "effect": "allow", "tools": ["*"]},
            {"id": "exactly", "effect": "allow", "tools": ["drop_table"]},
            {"id": "never", "effect": "deny", "tools": ["drop_*"]}
        ]}"#,
        &[("drop_table", NOBODY, "tool_denied"), ("read", NOBODY, "allow all")],
    );
}

#[test]
fn the_first_of_several_rules_is_named() {
    let policy = policy(
        r#"{"rule": [
            {"id": "a", "effect": "allow", "tools": ["*_file"], "roles": ["x"]},
            {"id": "b", "effect": "allow", "tools": ["read_file", "read_*"]},
            {"id": "c", "effect": "allow", "tools": ["*"]},
            {"id": "d", "effect": "deny", "tools": ["*_log"], "hint": "d"},
            {"id": "e", "effect": "deny", "tools": ["read_log"], "hint": "e"}
        ]}"#,
    );
    assert_eq!(decide(&policy, "read_file", &NOBODY), "allow b");
    assert_eq!(decide(&policy, "read_file", &with_roles(&["x"])), "allow a");
    let Decision::Refuse { reason, rule: Some(RuleRef { id: "d", span: Some(_), .. }), hint } =
        policy.decide("read_log", &NOBODY)
    else {
        panic!("{:?}", policy.decide("read_log", &NOBODY))
    };
    assert_eq!((reason, hint), (Reason::ToolDenied, Some("d")));
}

#[test]
fn a_role_that_is_not_known_never_allows_and_always_denies() {
    check(
        r#"{"rule": [
            {"id": "in", "effect": "allow", "tools": ["read"], "roles": ["viewer"]},
            {"id": "out", "effect": "allow", "tools": ["list"], "except_roles": ["intern"]},
            {"id": "open", "effect": "allow", "tools": ["drop", "send"]},
            {"id": "no-in", "effect": "deny", "tools": ["drop"], "roles": ["intern"]},
            {"id": "no-out", "effect": "deny", "tools": ["send"], "except_roles": ["mailer"]}
        ]}"#,
        &[
            ("read", NOBODY, "identity_required"),
            ("read", agent(""), "identity_required"),
            ("read", with_roles(&[""]), "identity_required"),
            ("read", agent("bob"), "role_denied"),
            ("read", with_roles(&["intern"]), "role_denied"),
            ("read", with_roles(&["Viewer"]), "role_denied"),
            ("read", with_roles(&["intern", "viewer"]), "allow in"),
            ("list", NOBODY, "identity_required"),
            ("list", agent("bob"), "allow out"),
            ("list", with_roles(&["intern"]), "role_denied"),
            ("drop", NOBODY, "tool_denied"),
            ("drop", with_roles(&["intern"]), "tool_denied"),
            ("drop", with_roles(&["viewer"]), "allow open"),
            ("drop", agent("bob"), "allow open"),
            ("send", NOBODY, "tool_denied"),
            ("send", agent("bob"), "tool_denied"),
            ("send", with_roles(&["mailer"]), "allow open"),
        ],
    );
}

#[test]
fn roles_inherit() {
    check(
        r#"{"roles": {"viewer": [], "editor": ["viewer"], "admin": "editor", "guest": []},
            "rule": [
            {"id": "read", "effect": "allow", "tools": ["read"], "roles": ["viewer"]},
            {"id": "write", "effect": "allow", "tools": ["write"], "roles": ["editor"]},
            {"id": "keep", "effect": "deny", "tools": ["write"], "except_roles": ["viewer"]}
        ]}"#,
        &[
            ("read", with_roles(&["admin"]), "allow read"),
            ("write", with_roles(&["admin"]), "allow write"),
            ("write", with_roles(&["viewer"]), "role_denied"),
            ("write", with_roles(&["guest"]), "tool_denied"),
            ("read", with_roles(&["guest"]), "role_denied"),
            ("read", with_roles(&["unheard-of"]), "role_denied"),
        ],
    );
}

#[test]
fn agents_and_tenants_are_subjects_too() {
    let tenant = |tenant| Caller { agent: Some("bob"), roles: &[], tenant };
    check(
        r#"{"rule": [
            {"id": "bots", "effect": "allow", "tools": ["read"], "agents": ["bot-*", "bob"]},
            {"id": "ours", "effect": "allow", "tools": ["list", "drop"], "tenants": ["acme*"]},
            {"id": "not-bob", "effect": "deny", "tools": ["drop"], "agents": ["BOB"]},
            {"id": "not-evil", "effect": "deny", "tools": ["list"], "tenants": ["evil"]}
        ]}"#,
        &[
            ("read", agent("bot-7"), "allow bots"),
            ("read", agent("Bob"), "role_denied"),
            ("read", NOBODY, "identity_required"),
            ("read", with_roles(&["x"]), "identity_required"),
            ("list", tenant(Some("acme-eu")), "allow ours"),
            ("list", tenant(Some("other")), "role_denied"),
            ("list", tenant(Some("Evil")), "tool_denied"),
            ("list", tenant(None), "tool_denied"),
            ("list", tenant(Some("")), "tool_denied"),
            ("drop", tenant(Some("acme")), "tool_denied"),
        ],
    );
}

#[test]
fn all_parts_of_a_subject_must_hold() {
    let caller = |agent, roles, tenant| Caller { agent: Some(agent), roles, tenant };
    let json = r#"{"rule": [{"id": "r", "effect": "EFFECT", "tools": ["*"], "agents": ["bob"],
        "roles": ["x"], "except_roles": ["y"], "tenants": ["t"]}], "default": "DEFAULT"}"#;
    let allow = json.replace("EFFECT", "allow").replace("DEFAULT", "deny");
    let rows = [
        ("a", caller("bob", &["x"], Some("t")), "allow r"),
        ("a", caller("eve", &["x"], Some("t")), "role_denied"),
        ("a", caller("bob", &["z"], Some("t")), "role_denied"),
        ("a", caller("bob", &["x", "y"], Some("t")), "role_denied"),
        ("a", caller("bob", &["x"], Some("u")), "role_denied"),
        ("a", caller("bob", &["x"], None), "identity_required"),
        ("a", caller("eve", &["x"], None), "role_denied"),
    ];
    check(&allow, &rows);
    let deny = json.replace("EFFECT", "deny").replace("DEFAULT", "allow");
    let rows = rows.map(|(tool, caller, expected)| {
        let fires = expected != "role_denied";
        (tool, caller, if fires { "tool_denied" } else { "allow default" })
    });
    check(&deny, &rows);
}

#[test]
fn a_policy_can_ask_for_an_agent_and_a_role_of_every_caller() {
    check(
        r#"{"require_agent_id": true, "denied_tools": ["rm"], "allowed_tools": ["ls"]}"#,
        &[
            ("ls", NOBODY, "identity_required"),
            ("ls", agent(""), "identity_required"),
            ("ls", with_roles(&["x"]), "identity_required"),
            ("ls", agent("bob"), "allow allowed_tools"),
            ("rm", NOBODY, "tool_denied"),
            ("cp", NOBODY, "tool_not_allowed"),
        ],
    );
    check(r#"{"require_agent_id": false}"#, &[("ls", NOBODY, "allow default")]);
    check(
        r#"{"allowed_roles": ["admin", "operator"], "roles": {"admin": [], "operator": [], "root": "admin"}}"#,
        &[
            ("ls", NOBODY, "identity_required"),
            ("ls", agent("bob"), "role_denied"),
            ("ls", with_roles(&["guest"]), "role_denied"),
            ("ls", with_roles(&["operator"]), "allow default"),
            ("ls", with_roles(&["root"]), "allow default"),
        ],
    );
}

#[test]
fn the_gate_that_refused_is_named() {
    let policy = policy(r#"{"require_agent_id": true, "allowed_roles": ["admin"]}"#);
    let id = |caller| match policy.decide("ls", &caller) {
        Decision::Refuse { rule: Some(rule), .. } => rule.id.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(id(NOBODY), "require_agent_id");
    assert_eq!(id(agent("bob")), "allowed_roles");
}

#[test]
fn an_allow_rule_hints_at_those_it_does_not_allow() {
    let policy = policy(
        r#"{"rule": [
            {"id": "a", "effect": "allow", "tools": ["w*"], "roles": ["x"]},
            {"id": "b", "effect": "allow", "tools": ["write"], "roles": ["y"], "hint": "Ask y."},
            {"id": "c", "effect": "allow", "tools": ["*"], "roles": ["z"], "hint": "Ask z."}
        ]}"#,
    );
    let expected =
        Decision::Refuse { reason: Reason::RoleDenied, rule: None, hint: Some("Ask y.") };
    assert_eq!(policy.decide("write", &agent("bob")), expected);
}

#[test]
fn presets() {
    let permissive = Policy::permissive();
    assert_eq!(decide(&permissive, "drop_everything", &NOBODY), "allow default");
    let read_only = Policy::preset("read_only").unwrap();
    for (tool, expected) in [
        ("read_file", "allow read_only.read"),
        ("query_db", "allow read_only.read"),
        ("delete_user", "tool_denied"),
        ("Delete_user", "tool_denied"),
        ("run", "tool_not_allowed"),
    ] {
        assert_eq!(decide(&read_only, tool, &NOBODY), expected, "{tool}");
    }
    for (name, part) in [
        ("readonly", "did you mean `read_only`?"),
        ("x", "one of: permissive, strict, read_only, business_hours"),
    ] {
        let error = Policy::preset(name).map(drop).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_document_can_start_from_a_preset() {
    check(
        r#"{"preset": "read_only", "rule": [
            {"id": "run", "effect": "allow", "tools": ["run_tests"]},
            {"id": "keys", "effect": "deny", "tools": ["read_key"]}
        ]}"#,
        &[
            ("read_file", NOBODY, "allow read_only.read"),
            ("run_tests", NOBODY, "allow run"),
            ("read_key", NOBODY, "tool_denied"),
            ("other", NOBODY, "tool_not_allowed"),
        ],
    );
    check(
        r#"{"preset": "read_only", "denied_tools": ["read_key"]}"#,
        &[("read_key", NOBODY, "tool_denied"), ("other", NOBODY, "tool_not_allowed")],
    );
    check(
        r#"{"preset": "permissive", "allowed_tools": ["ls"]}"#,
        &[("ls", NOBODY, "allow allowed_tools"), ("rm", NOBODY, "tool_not_allowed")],
    );
}

#[test]
fn unusual_names_must_be_spelt() {
    let policy = policy(
        r#"{"default": "allow", "rule": [
            {"id": "a", "effect": "allow", "tools": ["files:read", "*", "caf?"]},
            {"id": "b", "effect": "deny", "tools": ["files:drop"]}
        ]}"#,
    );
    for tool in ["read_file", "a.b/c-d_9", "files:read", &"a".repeat(128)] {
        assert!(policy.admits_spelling(tool), "{tool}");
    }
    for tool in ["", "files:write", "Files:read", "files:drop", "caf\u{e9}", "*", " read", "a\n"] {
        assert!(!policy.admits_spelling(tool), "{tool:?}");
    }
    assert!(!policy.admits_spelling(&"a".repeat(129)));
}
