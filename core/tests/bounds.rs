//! What a hostile model, or a hostile server, can make a check cost: never more than its budget.
//!
//! Every case is a few hundred kilobytes that would take minutes when some loop were not paid for. The
//! assertions are on the answer, `too_complex`, not on time.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use airlock_core::{Call, Guard, Reason, ToolDefinition, Verdict};

/// The reason for which a call of a tool with `schema` is refused; none when it is allowed.
fn reason(schema: &str, arguments: &str) -> Option<Reason> {
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().tool(tool).unwrap().build().unwrap();
    let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
    match guard.check(&call, &mut guard.scratch()) {
        Verdict::Allow(_) => None,
        Verdict::Refuse(refusal) => Some(refusal.reason()),
    }
}

/// `count` times what `item` writes, between commas.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// A schema that puts each of `count` subschemas on the value of `v`.
fn all_of(count: usize, sub: impl Fn(usize) -> String) -> String {
    format!(r#"{{"properties":{{"v":{{"allOf":[{}]}}}}}}"#, list(count, sub))
}

#[track_caller]
fn is_too_complex(schema: &str, arguments: &str) {
    assert!(schema.len() <= 256 << 10, "the schema has {} bytes", schema.len());
    assert!(arguments.len() <= 1 << 20, "the arguments have {} bytes", arguments.len());
    assert_eq!(reason(schema, arguments), Some(Reason::TooComplex));
}

#[test]
fn members_that_no_rule_names_are_paid_for() {
    let object = list(90_000, |i| format!(r#""k{i:05}":1"#));
    is_too_complex(
        &all_of(10_000, |_| r#"{"minProperties":0}"#.into()),
        &format!(r#"{{"v":{{{object}}}}}"#),
    );
}

#[test]
fn missing_names_are_paid_for() {
    let names = list(20_000, |i| format!(r#""n{i}""#));
    let empty = list(300_000, |_| "{}".into());
    let items = format!(r#"{{"properties":{{"v":{{"items":{{"required":[{names}]}}}}}}}}"#);
    // The first missing name decides; to report all of them is what costs.
    let collect = reason(&items, &format!(r#"{{"v":[{empty}]}}"#));
    assert!(matches!(collect, Some(Reason::TooComplex | Reason::ValidationFailed)), "{collect:?}");
    let either = format!(
        r#"{{"properties":{{"v":{{"items":{{"anyOf":[{{"required":[{names}]}},true]}}}}}}}}"#
    );
    let silent = reason(&either, &format!(r#"{{"v":[{empty}]}}"#));
    assert!(matches!(silent, Some(Reason::TooComplex) | None), "{silent:?}");
}

#[test]
fn dependents_are_paid_for_in_empty_objects() {
    let names = list(10_000, |i| format!(r#""n{i}":["m"]"#));
    let schema =
        format!(r#"{{"properties":{{"v":{{"items":{{"dependentRequired":{{{names}}}}}}}}}}}"#);
    let empty = list(300_000, |_| "{}".into());
    is_too_complex(&schema, &format!(r#"{{"v":[{empty}]}}"#));
}

#[test]
fn patterns_are_paid_for_on_short_names() {
    let patterns = list(8_000, |i| format!(r#""^{i}$":true"#));
    let schema = format!(
        r#"{{"properties":{{"v":{{"not":{{"patternProperties":{{{patterns}}},"minProperties":900000}}}}}}}}"#
    );
    let object = list(90_000, |i| format!(r#""k{i:05}":1"#));
    is_too_complex(&schema, &format!(r#"{{"v":{{{object}}}}}"#));
}

#[test]
fn characters_are_counted_at_a_price() {
    let schema = all_of(10_000, |_| r#"{"minLength":900000}"#.into());
    is_too_complex(&schema, &format!(r#"{{"v":"{}"}}"#, "x".repeat(1_000_000)));
}

#[test]
fn long_numbers_are_read_at_a_price() {
    let number = format!(r#"{{"v":1.{}1}}"#, "0".repeat(1_000_000));
    for rule in [
        r#"{"type":"number","minimum":0}"#,
        r#"{"type":["integer","number"]}"#,
        r#"{"maximum":2}"#,
        r#"{"not":{"multipleOf":1e-9}}"#,
        r#"{"not":{"const":1.5}}"#,
    ] {
        is_too_complex(&all_of(6_000, |_| rule.into()), &number);
    }
}

#[test]
fn compared_text_is_paid_for() {
    // Equal but for the middle, and escaped, so that neither a look at the ends nor a block compare helps.
    let x = "x".repeat(450);
    let text = |nth: usize| format!(r#""{x}\u0041{nth:04}{x}""#);
    // One large member keeps the list from being sorted.
    let large = list(100, |i| i.to_string());
    let choices = format!("{},[{large}]", list(250, text));
    let values = list(1_000, |i| text(1_000 + i));
    let arguments = format!(r#"{{"v":[{values}]}}"#);
    let either = |choices: &str| {
        format!(r#"{{"properties":{{"v":{{"items":{{"anyOf":[{{"enum":[{choices}]}},true]}}}}}}}}"#)
    };
    is_too_complex(&either(&choices), &arguments);
    let sorted = reason(&either(&list(250, text)), &arguments);
    assert!(matches!(sorted, Some(Reason::TooComplex) | None), "{sorted:?}");
    let nested = list(1_000, |i| format!("[{}]", text(i)));
    let unique = r#"{"properties":{"v":{"uniqueItems":true}}}"#;
    assert_eq!(reason(unique, &format!(r#"{{"v":[{nested}]}}"#)), None);
    let all = format!(
        r#"{{"properties":{{"v":{{"allOf":[{}]}}}}}}"#,
        list(9, |_| r#"{"uniqueItems":true}"#.into())
    );
    is_too_complex(&all, &format!(r#"{{"v":[{nested}]}}"#));
}

#[test]
fn a_long_text_is_not_read_for_every_short_choice() {
    let choices = list(15_000, |i| format!(r#""\u0041{i}""#));
    let schema = format!(r#"{{"properties":{{"v":{{"not":{{"enum":[{choices}]}}}}}}}}"#);
    let text = format!(r#"{{"v":"\n{}"}}"#, "x".repeat(1_000_000));
    assert_eq!(reason(&schema, &text), None);
}

#[test]
fn sorting_is_paid_for() {
    let schema = all_of(8_000, |_| r#"{"uniqueItems":true}"#.into());
    is_too_complex(&schema, &format!(r#"{{"v":[{}]}}"#, list(100_000, |i| i.to_string())));
}

#[test]
fn marks_are_paid_for() {
    let subs = list(7_000, |_| r#"{"properties":{"z":true}}"#.into());
    let schema =
        format!(r#"{{"properties":{{"v":{{"allOf":[{subs}],"unevaluatedProperties":true}}}}}}"#);
    let object = list(90_000, |i| format!(r#""k{i:05}":1"#));
    is_too_complex(&schema, &format!(r#"{{"v":{{{object}}}}}"#));
}

#[test]
fn the_search_for_what_was_meant_is_paid_for() {
    let names = list(15_000, |i| format!(r#""name{i:05}":{{}}"#));
    let schema = format!(r#"{{"properties":{{{names}}}}}"#);
    let ghosts = list(1_024, |i| format!(r#""nome{i:05}":1"#));
    is_too_complex(&schema, &format!("{{{ghosts}}}"));
    // A hundred names are near and present: what costs is to find that out.
    let present = list(15_000, |i| format!(r#""name{i:05}":1"#));
    let arguments = format!(r#"{{"name000xx":1,"name000yy":1,"name000zz":1,{present}}}"#);
    is_too_complex(&schema, &arguments);
    is_too_complex(&schema, &format!(r#"{{"{}":1}}"#, "_".repeat(1_000_000)));
    let required = list(64, |i| format!(r#""name{i:05}""#));
    let schema = format!(r#"{{"properties":{{{names}}},"required":[{required}]}}"#);
    is_too_complex(&schema, &format!("{{{ghosts}}}"));
}

#[test]
fn ghosts_are_judged_however_many_names_there_are() {
    let names = list(15_000, |i| format!(r#""name{i:05}":{{}}"#));
    let schema = format!(r#"{{"properties":{{{names},"recursive":{{}}}}}}"#);
    assert_eq!(reason(&schema, r#"{"recursve":true}"#), Some(Reason::GhostArguments));
    let ghosts = list(1_024, |i| format!(r#""ghost{i}":1"#));
    let schema = r#"{"properties":{"path":{},"recursive":{}}}"#;
    assert_eq!(reason(schema, &format!("{{{ghosts}}}")), None);
}

#[test]
fn checks_and_compilation_fit_a_small_stack() {
    let chain = list(30, |i| format!(r##""s{i}":{{"anyOf":[{{"$ref":"#/$defs/s{}"}}]}}"##, i + 1));
    let open = r##"{"properties":{"v":{"$ref":"#/$defs/s0"}}"##;
    let deep = format!(
        r##"{open},"$defs":{{{chain},"s30":{{"type":["object","integer"],"additionalProperties":{{"$ref":"#/$defs/s0"}}}}}}}}"##
    );
    let value = format!("{}1{}", r#"{"v":"#.repeat(120), "}".repeat(120));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let check = move || {
        let _ = reason(&deep, &value);
        let nested = format!(
            r#"{{"properties":{{"v":{}true{}}}}}"#,
            r#"{"not":"#.repeat(60),
            "}".repeat(60)
        );
        let _ = reason(&nested, &value);
    };
    thread.spawn(check).unwrap().join().unwrap();
}

#[test]
fn a_huge_enum_is_searched_not_walked() {
    let choices = list(15_000, |i| format!(r#""choice{i:05}""#));
    let schema = |keyword: &str| {
        format!(
            r#"{{"properties":{{"v":{{"{keyword}":{{"enum":[{choices},1.5,[1,{{"b":2,"a":1}}]]}}}}}}}}"#
        )
    };
    let values = list(20_000, |i| format!(r#""choice{:05}""#, i * 7 % 15_000));
    let items = schema("items");
    assert_eq!(reason(&items, &format!(r#"{{"v":[{values},15e-1,[1.0,{{"a":1,"b":2}}]]}}"#)), None);
    for wrong in [r#""choice15000""#, "1.25", r#"[1,{"a":2,"b":1}]"#, "null"] {
        let refused = reason(&items, &format!(r#"{{"v":[{wrong}]}}"#));
        assert_eq!(refused, Some(Reason::ValidationFailed), "{wrong}");
    }
    // Names are strings.
    let names = list(15_000, |i| format!(r#""choice{i:05}":1"#));
    assert_eq!(reason(&schema("propertyNames"), &format!(r#"{{"v":{{{names}}}}}"#)), None);
}

#[test]
fn nested_items_are_sorted_to_find_equal_ones() {
    let schema = r#"{"properties":{"v":{"uniqueItems":true}}}"#;
    let unique = |item: &dyn Fn(usize) -> String, last: &str| {
        let items = list(10_000, item);
        reason(schema, &format!(r#"{{"v":[{last},{items}]}}"#))
    };
    let pair = |i: usize| format!("[{i},{}]", i % 7);
    assert_eq!(unique(&pair, "[1,2]"), None);
    assert_eq!(unique(&pair, "[13e0,6.0]"), Some(Reason::ValidationFailed));
    let object = |i: usize| format!(r#"{{"a":{i},"b":[{}]}}"#, i % 7);
    assert_eq!(unique(&object, r#"{"b":[1],"a":2}"#), None);
    assert_eq!(unique(&object, r#"{"b":[6],"a":13}"#), Some(Reason::ValidationFailed));
}

#[test]
fn names_are_compared_with_choices_at_a_price() {
    // One large member keeps the list from being sorted.
    let choices = list(15_000, |i| format!(r#""choice{i:05}""#));
    let large = list(100, |i| i.to_string());
    let schema = format!(
        r#"{{"properties":{{"v":{{"not":{{"propertyNames":{{"not":{{"enum":[{choices},[{large}]]}}}},"minProperties":900000}}}}}}}}"#
    );
    let names = list(60_000, |i| format!(r#""name{i:06}":1"#));
    is_too_complex(&schema, &format!(r#"{{"v":{{{names}}}}}"#));
}
