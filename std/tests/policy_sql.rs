//! Conditions on SQL, from the text of a statement to the decision.
#![cfg(feature = "sql")]
// Clippy takes helpers of tests for library code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use airlock::core::{Call, Guard, ToolDefinition, Verdict};
use airlock::policy::{PolicyFile, Sql, SqlParser};
use proptest::prelude::*;

/// What the policy says of a statement: allowed by the first rule, or denied by the second.
struct Judged {
    allowed: bool,
    denied: bool,
}

/// Judges `text` by one condition, once as that of a rule that allows and once of one that denies.
fn judge(condition: &str, text: &str) -> Judged {
    let allowed = |effect: &str, default: &str| {
        let document = format!(
            "default = {default:?}\n[[rule]]\nid = \"r\"\neffect = {effect:?}\ntools = \"query\"\nwhen = {{ \"args.sql\" = {{ {condition} }} }}\n"
        );
        let file = PolicyFile::parse("p.toml", &document).unwrap_or_else(|error| panic!("{error}"));
        let input_schema = br#"{"type":"object"}"#;
        let tool = ToolDefinition { name: "query", input_schema, output_schema: None };
        let guard = Guard::builder().policy(file.into_policy()).unwrap().tool(tool).unwrap();
        let guard = guard.build().unwrap();
        let arguments = serde_json::json!({ "sql": text }).to_string();
        let call = Call { tool: "query", arguments: arguments.as_bytes(), ..Call::default() };
        matches!(guard.check(&call, &mut guard.scratch()), Verdict::Allow(_))
    };
    Judged { allowed: allowed("allow", "deny"), denied: !allowed("deny", "allow") }
}

const READ: &str =
    r#"verbs_only = ["select"], single = true, tables_only = ["orders", "crm.products"]"#;

#[test]
fn plain_queries_on_listed_tables_pass() {
    for text in [
        "SELECT id FROM orders",
        "select o.id, count(*) from orders o join crm.products p on p.id = o.id where o.note = 'a''b' group by 1 limit 5",
        "SELECT * FROM Orders -- all of them\n;",
        "SELECT 1 UNION ALL SELECT id FROM orders",
        "SELECT (SELECT max(id) FROM orders) FROM crm.products WHERE id IN (SELECT id FROM orders)",
        "WITH recent AS (SELECT * FROM orders), few AS (SELECT * FROM recent) SELECT * FROM few",
    ] {
        assert!(judge(READ, text).allowed, "{text}");
    }
}

#[test]
fn nothing_else_passes() {
    for text in [
        "",
        "  ;",
        "not sql at all",
        "SELECT * FROM secrets",
        "SELECT * FROM public.orders",
        "SELECT * FROM orders, secrets",
        "SELECT * FROM orders; SELECT * FROM orders",
        "SELECT * FROM orders; DROP TABLE orders",
        "DELETE FROM orders",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT * INTO backup FROM orders",
        "TABLE secrets",
        "SELECT 1 UNION TABLE secrets",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "COPY orders TO PROGRAM 'sh'",
        "SELECT * FROM pg_read_file('/etc/passwd')",
        // A part of a query is a table outside of the query, in its own definition and before it.
        "(WITH secrets AS (SELECT 1) SELECT * FROM secrets) UNION SELECT * FROM secrets",
        "WITH secrets AS (SELECT * FROM secrets) SELECT * FROM secrets",
        "WITH a AS (SELECT * FROM secrets), secrets AS (SELECT 1) SELECT * FROM a",
        "WITH \"Secrets\" AS (SELECT 1) SELECT * FROM secrets",
        // In MySQL the backslash escapes the quote, and what follows the string runs.
        "SELECT * FROM orders WHERE note = '\\'' ; DROP TABLE orders -- '",
        "SELECT * FROM orders WHERE note = '\\' OR id IN (SELECT id FROM secrets) -- '",
        // Comments that run, and such as end elsewhere.
        "SELECT * FROM orders /*!50000 UNION SELECT * FROM secrets */",
        "SELECT * FROM orders /* /* */ ; DROP TABLE orders -- */",
        "SELECT * FROM orders # '\n; DROP TABLE orders -- '",
    ] {
        assert!(!judge(READ, text).allowed, "{text}");
    }
}

#[test]
fn what_must_not_run_is_found_wherever_it_stands_and_what_cannot_be_read_is_denied() {
    let ddl = r#"verbs = ["drop", "truncate", "alter", "grant"]"#;
    for text in [
        "drop table orders",
        "SELECT 1; /* x */ Drop Table orders",
        "TRUNCATE orders",
        "ALTER TABLE orders ADD x int",
        "GRANT ALL ON orders TO bob",
        "DROP TABLE orders WHERE",
        "",
        "'",
    ] {
        assert!(judge(ddl, text).denied, "{text}");
    }
    assert!(!judge(ddl, "SELECT 'drop table orders' FROM orders").denied);

    let pii = r#"tables_any = ["customers"]"#;
    for text in [
        "select * from customers",
        "select * from CRM.Customers",
        "select * from orders where id in (select id from \"customers\")",
        "insert into customers values (1)",
        "update customers set a = 1",
        "delete from orders using customers where 1 = 1",
        "truncate customers",
        "table customers",
        "with customers as (select * from customers) select 1 from customers",
    ] {
        assert!(judge(pii, text).denied, "{text}");
    }
    assert!(!judge(pii, "select * from orders where name = 'customers'").denied);
}

#[test]
fn other_parts_of_a_condition() {
    assert!(judge("comments = true", "select 1 -- x").denied);
    assert!(!judge("comments = true", "select '-- x'").denied);
    assert!(judge("single = false", "select 1; select 2").denied);
    assert!(!judge("single = false", "select 1;").denied);
    // A named dialect is the only reading.
    let backslash = "SELECT * FROM orders WHERE note = '\\'";
    assert!(!judge(r#"verbs_only = ["select"]"#, backslash).allowed);
    assert!(judge(r#"sql = "postgres", verbs_only = ["select"]"#, backslash).allowed);
    assert!(!judge(r#"sql = "mysql", verbs_only = ["select"]"#, backslash).allowed);
    assert!(
        judge(r#"verbs_only = ["insert", "delete"]"#, "with a as (select 1) delete from b").allowed
    );
}

#[test]
fn a_condition_that_cannot_be_honoured_says_so() {
    let error = |condition: &str| {
        let text = format!(
            "[[rule]]\nid = \"r\"\neffect = \"deny\"\ntools = \"q\"\nwhen = {{ \"args.sql\" = {{ {condition} }} }}\n"
        );
        PolicyFile::parse("p.toml", &text).unwrap_err().to_string()
    };
    for (condition, words) in [
        (r#"verbs = ["dorp"]"#, "did you mean `drop`?"),
        (r#"sql = "postgers", single = true"#, "did you mean `postgres`?"),
        (r#"tables_any = ["\"a\""]"#, "without quotes"),
    ] {
        let error = error(condition);
        assert!(error.contains(words) && error.contains("p.toml:5:"), "{error}");
    }
    // The core alone reads none.
    let document = r#"{"rule": [{"id": "r", "effect": "deny", "tools": "q", "when": {"args.sql": {"verbs": ["drop"]}}}]}"#;
    let error = airlock::policy::Policy::from_json(document).unwrap_err().to_string();
    assert!(error.contains("feature `sql`"), "{error}");
}

/// Every form that could cost time or stack ends within both, also on a thread with little stack.
#[test]
fn hostile_texts_cost_little() {
    let many = |head: &str, part: &str, tail: &str, count: usize| {
        format!("{head}{}{tail}", part.repeat(count))
    };
    let mut texts = Vec::new();
    for count in [20, 100, 390, 2000, 20_000] {
        texts.extend([
            many("SELECT ", "(", &format!("1{}", ")".repeat(count)), count),
            many("SELECT ", "(SELECT ", &format!("1{}", ")".repeat(count)), count),
            many("SELECT * FROM ", "(", &format!("a{}", ")".repeat(count)), count),
            many("SELECT 1", "+1", "", count),
            many("SELECT 1", " OR a", "", count),
            many("SELECT a", ".a", "", count),
            many("SELECT 1", "::int", "", count),
            many("SELECT a", "[1]", "", count),
            many("SELECT ", "NOT ", "1", count),
            many("SELECT ", "- ", "1", count),
            many("SELECT 1", " UNION SELECT 1", "", count),
            many("SELECT 1 FROM a", " JOIN a ON 1", "", count),
            many("SELECT ", "CASE WHEN ", "1", count),
            many("SELECT ", "a(", "1", count),
            many("", "SELECT 1;", "", count),
            many("WITH ", "a AS (SELECT 1), ", "b AS (SELECT 1) SELECT 1", count),
            many("", "WITH a AS (", "SELECT 1", count),
            many("SELECT 1 IN (", "1,", "1)", count),
            many("SELECT '", "''", "'", count),
            many("", "/*", "", count),
        ]);
    }
    let reader = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for text in texts {
            for dialect in ["generic", "postgres", "mysql"] {
                let start = Instant::now();
                let _ = SqlParser.read(dialect, &text);
                let took = start.elapsed();
                let shown: String = text.chars().take(40).collect();
                assert!(took < Duration::from_secs(30), "{shown} of {}: {took:?}", text.len());
            }
        }
    });
    reader.unwrap().join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No text is both known to be admitted and known not to be refused, and none panics.
    #[test]
    fn what_is_admitted_would_be_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "select", "*", "from", "orders", "secrets", "'", "''", "\\", ";", "--", "/*", "*/", "(", ")", "drop",
            "table", "with", "as", "a", ",", "union", "1", "\"", "`", "#", "\n", "where", "=",
        ]), 0..14),
    ) {
        let text = words.join(" ");
        for condition in [r#"tables_only = ["orders"]"#, r#"verbs_only = ["select"]"#, "single = true"] {
            let Judged { allowed, denied } = judge(condition, &text);
            prop_assert!(!allowed || denied, "{condition} {text}");
        }
        // What only lists orders names nothing else.
        let tables = judge(r#"tables_only = ["orders"]"#, &text).allowed;
        prop_assert!(!tables || !judge(r#"tables_any = ["secrets"]"#, &text).denied, "{text}");
    }
}
