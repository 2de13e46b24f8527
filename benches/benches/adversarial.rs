//! What hostile calls and hostile schemas cost, beside the plain mix: for each case the processor time for a
//! byte of input as a multiple of the mix's, or the bound that refuses it.
//!
//! `cargo bench --manifest-path benches/Cargo.toml --bench adversarial [-- CASE…]`. The bar: at most 10
//! times the mix or 100 µs in all, or refused. What is refused shows its time too: a bound that takes long to reach is no
//! bound.

use std::time::Duration;

use airlock_benches::cpu_time;
use airlock_benches::peers::Ours;
use airlock_benches::workload::Workload;
use airlock_core::policy::Policy;
use airlock_core::{Call, Catalog, Guard, Origin, Scratch, ToolDefinition, Verdict};

/// Most times the cost of a byte of the mix.
const BAR: f64 = 10.0;
/// What a call may cost whatever its size: a few bytes can ask for one look at a large schema.
const FLOOR: Duration = Duration::from_micros(100);

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let mix = plain();
    println!("the plain mix: {mix:.2} ns a byte");
    for (name, schema, arguments) in calls() {
        if wanted(name) {
            call(name, &schema, &arguments, mix);
        }
    }
    for (name, tools) in lists() {
        if wanted(name) {
            list_of_tools(name, &tools);
        }
    }
}

/// Nanoseconds a byte of the labelled calls, of a plain document where they are absent.
fn plain() -> f64 {
    let workload = Workload::labelled().unwrap_or_else(|| Workload::objects(100_000));
    let ours = Ours::new(&workload);
    let mut calls = workload.calls_of("mix");
    if calls.is_empty() {
        calls = workload.all_calls();
    }
    let bytes: usize = calls.iter().map(|(_, arguments)| arguments.len()).sum();
    let mut check = ours.check(&workload, &calls);
    let times = (0..15).map(|_| time(&mut check)).min().unwrap_or_default();
    times.as_nanos() as f64 / bytes as f64
}

fn time(mut work: impl FnMut()) -> Duration {
    let start = cpu_time();
    work();
    cpu_time() - start
}

fn call(name: &str, schema: &str, arguments: &str, mix: f64) {
    let policy = Policy::from_json(r#"{"near_miss": "refuse"}"#).expect("a policy");
    let guard = Guard::builder().policy(policy).and_then(|guard| guard.build()).expect("a policy");
    let mut builder = Catalog::builder(Origin::Live);
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let mut compiled = Ok(Vec::new());
    let compiling = time(|| compiled = builder.tool(tool));
    if let Err(error) = compiled {
        println!("  {name:44} {:>46} compile error in {compiling:.1?}: {:.60}", "", error.message);
        return;
    }
    let catalog = builder.build();
    let mut scratch = guard.scratch();
    let mut outcome = run(&guard, &catalog, arguments, &mut scratch);
    let best = (0..5).map(|_| time(|| outcome = run(&guard, &catalog, arguments, &mut scratch)));
    let best = best.min().unwrap_or_default();
    let byte = best.as_nanos() as f64 / arguments.len() as f64;
    let bounded = outcome == "too_complex" || outcome == "malformed_arguments";
    let verdict = if byte <= mix * BAR || best <= FLOOR || bounded { "pass" } else { "FAIL" };
    println!(
        "  {name:44} {:>8} bytes {best:>9.1?} {byte:>8.2} ns/byte x{:<7.1} {verdict} {outcome}",
        arguments.len(),
        byte / mix
    );
}

fn run(
    guard: &Guard,
    catalog: &Catalog,
    arguments: &str,
    scratch: &mut Scratch<'_>,
) -> &'static str {
    let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
    match guard.check_in(catalog, &call, scratch) {
        Verdict::Allow(_) => "allowed",
        Verdict::Refuse(refusal) => refusal.reason().name(),
    }
}

fn list_of_tools(name: &str, tools: &[(String, String)]) {
    let bytes: usize = tools.iter().map(|(name, schema)| name.len() + schema.len()).sum();
    let mut failed = 0;
    let spent = time(|| {
        let mut builder = Catalog::builder(Origin::Live);
        for (name, schema) in tools {
            let tool =
                ToolDefinition { name, input_schema: schema.as_bytes(), output_schema: None };
            failed += usize::from(builder.tool(tool).is_err());
        }
    });
    let verdict = if spent.as_secs_f64() < 3.0 { "pass" } else { "FAIL" };
    println!(
        "  {name:44} {bytes:>8} bytes {spent:>9.1?} {:>8.2} ns/byte, {failed} of {} tools refused {verdict}",
        spent.as_nanos() as f64 / bytes as f64,
        tools.len()
    );
}

/// `count` times what `item` writes, between commas.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// Levels that each refer twice to the next one, in place, with `end` at the bottom.
fn doubling(levels: usize, applicator: &str, end: &str) -> String {
    let level = |nth: usize| {
        let below = format!(r##"{{"$ref":"#/$defs/l{}"}}"##, nth + 1);
        format!(
            r#""l{nth}":{{"{applicator}":[{{"allOf":[{below},{{"minProperties":1}}]}},{{"allOf":[{below},{{"maxProperties":9}}]}}]}}"#
        )
    };
    let levels_text = list(levels, level);
    format!(r##"{{"$ref":"#/$defs/l0","$defs":{{{levels_text},"l{levels}":{end}}}}}"##)
}

/// Name, schema, arguments.
fn calls() -> Vec<(&'static str, String, String)> {
    const ANY: &str = r#"{"type":"object"}"#;
    const V: &str = r#"{"properties":{"v":{}},"required":["v"]}"#;
    const UNIQUE: &str = r#"{"properties":{"v":{"uniqueItems":true}}}"#;
    let v = |value: String| format!(r#"{{"v":{value}}}"#);
    let pattern = |pattern: &str| format!(r#"{{"properties":{{"v":{{"pattern":"{pattern}"}}}}}}"#);
    let nested = |depth: usize| format!("{}1{}", r#"{"v":"#.repeat(depth), "}".repeat(depth));
    let recursive = r##"{"properties":{"v":{"$ref":"#"},"w":{"$ref":"#"}}}"##;
    let names = list(5_000, |i| format!(r#""name{i:05}":{{}}"#));
    let choices = list(15_000, |i| format!(r#""choice{i:05}""#));
    let variants = list(60, |i| {
        format!(
            r#"{{"properties":{{"kind":{{"const":"k{i}"}},"a{i}":{{"type":"string"}}}},"required":["kind"]}}"#
        )
    });
    vec![
        ("128 nested objects", ANY.into(), nested(128)),
        ("100,000 brackets", ANY.into(), v("[".repeat(100_000))),
        ("128 levels of a recursive schema", recursive.into(), nested(128)),
        (
            "many documents 100 deep",
            V.into(),
            v(format!("[{}]", list(800, |_| format!("{}{}", "[".repeat(100), "]".repeat(100))))),
        ),
        (
            "100,000 members",
            ANY.into(),
            format!("{{{}}}", list(100_000, |i| format!(r#""{i}":1"#))),
        ),
        (
            "100,000 members of one length and head",
            ANY.into(),
            format!(
                "{{{}}}",
                list(100_000, |i| format!(r#""{}":1"#, format!("aaaaaaaaaaaaaaaaaa{i:06}")))
            ),
        ),
        (
            "members that agree in 1,000 bytes",
            ANY.into(),
            format!("{{{}}}", list(900, |i| format!(r#""{}{i:04}":1"#, "k".repeat(1_000)))),
        ),
        (
            "a duplicate at the end of 100,000",
            ANY.into(),
            format!("{{{},\"7\":1}}", list(100_000, |i| format!(r#""{i}":1"#))),
        ),
        ("100,000 duplicates", ANY.into(), format!("{{{}}}", list(100_000, |_| r#""a":1"#.into()))),
        (
            "escaped names, 100,000",
            ANY.into(),
            format!("{{{}}}", list(60_000, |i| format!(r#""\u0061{i}":1"#))),
        ),
        ("one name of 1 MB", V.into(), format!(r#"{{"v":1,"{}":1}}"#, "n".repeat(1_000_000))),
        (
            "near misses, 1,000 ghosts by 5,000 names",
            format!(r#"{{"properties":{{{names}}}}}"#),
            format!("{{{}}}", list(1_000, |i| format!(r#""nome{i:05}":1"#))),
        ),
        (
            "ghosts, 1,000",
            V.into(),
            format!(
                r#"{{"v":1,{}}}"#,
                list(1_000, |i| format!(r#""ghost{i}":[1,2,{{"a":null}}]"#))
            ),
        ),
        (
            "ghosts, 100,000",
            V.into(),
            format!(r#"{{"v":1,{}}}"#, list(60_000, |i| format!(r#""g{i}":1"#))),
        ),
        (
            "huge enum, wrong member",
            format!(r#"{{"properties":{{"v":{{"enum":[{choices}]}}}}}}"#),
            v(r#""choice99999""#.into()),
        ),
        (
            "huge enum, many values",
            format!(r#"{{"properties":{{"v":{{"items":{{"enum":[{choices}]}}}}}}}}"#),
            v(format!("[{}]", list(20_000, |i| format!(r#""choice{:05}""#, i % 15_000)))),
        ),
        (
            "unique: 100,000 numbers",
            UNIQUE.into(),
            v(format!("[{}]", list(100_000, |i| i.to_string()))),
        ),
        (
            "unique: numbers in other spellings",
            UNIQUE.into(),
            v(format!("[{}]", list(60_000, |i| format!("{i}.0e1")))),
        ),
        (
            "unique: 60,000 strings",
            UNIQUE.into(),
            v(format!("[{}]", list(60_000, |i| format!(r#""s{i}""#)))),
        ),
        (
            "unique: 5,000 pairs",
            UNIQUE.into(),
            v(format!("[{}]", list(5_000, |i| format!("[{i},{}]", i * 7)))),
        ),
        (
            "unique: 60,000 pairs",
            UNIQUE.into(),
            v(format!("[{}]", list(60_000, |i| format!("[{i},1]")))),
        ),
        (
            "unique: 20,000 objects",
            UNIQUE.into(),
            v(format!("[{}]", list(20_000, |i| format!(r#"{{"a":{i},"b":[{i}]}}"#)))),
        ),
        (
            "anyOf that doubles 15 times",
            doubling(15, "anyOf", r#"{"required":["zzz"]}"#),
            r#"{"a":1}"#.into(),
        ),
        (
            "oneOf that doubles 15 times",
            doubling(15, "oneOf", r#"{"required":["zzz"]}"#),
            r#"{"a":1}"#.into(),
        ),
        (
            "anyOf that doubles, over ghosts",
            doubling(15, "anyOf", r#"{"properties":{"a":{}}}"#),
            r#"{"a":1}"#.into(),
        ),
        (
            "60 variants, none fits, 5,000 values",
            format!(r#"{{"properties":{{"v":{{"items":{{"oneOf":[{variants}]}}}}}}}}"#),
            v(format!("[{}]", list(5_000, |i| format!(r#"{{"kind":"k{}","a1":1}}"#, i % 61)))),
        ),
        (
            "pattern (a+)+$ on 1 MB",
            pattern("^(?:a+)+$"),
            v(format!(r#""{}b""#, "a".repeat(1_000_000))),
        ),
        (
            "pattern with a counted class on 1 MB",
            pattern("^[^b]{0,900}[^b]*$"),
            v(format!(r#""{}b""#, "a".repeat(1_000_000))),
        ),
        (
            "pattern of Unicode classes on 1 MB",
            pattern("^[\\\\p{L}\\\\p{N} ]*$"),
            v(format!(r#""{}!""#, "\u{e9}\u{4e2d}a".repeat(160_000))),
        ),
        ("pattern beyond the bound", pattern("(?:a|b)*a(?:a|b){40}$"), v(r#""a""#.into())),
        (
            "a number of 1 MB, bounded",
            r#"{"properties":{"v":{"type":"integer","minimum":0,"multipleOf":7}}}"#.into(),
            v(format!("1{}", "0".repeat(300))),
        ),
        (
            "a fraction of 1 MB, bounded",
            r#"{"properties":{"v":{"minimum":0,"multipleOf":1e-9}}}"#.into(),
            v(format!("1.{}1", "0".repeat(1_000_000))),
        ),
        (
            "50,000 long numbers",
            r#"{"properties":{"v":{"items":{"type":"integer"}}}}"#.into(),
            v(format!("[{}]", list(9_000, |i| format!("{i}.{}e5", "0".repeat(100))))),
        ),
        (
            "1 MB of escapes, counted",
            r#"{"properties":{"v":{"maxLength":1000000}}}"#.into(),
            v(format!(r#""{}""#, r"\u00e9".repeat(170_000))),
        ),
        (
            "1 MB of escapes by a pattern",
            pattern("^\\\\S*$"),
            v(format!(r#""{}""#, r"\ud83d\udc32".repeat(80_000))),
        ),
        (
            "1 MB of quotes that open nothing",
            ANY.into(),
            v(format!(r#""{}""#, r#"\""#.repeat(500_000))),
        ),
        (
            "JSON in a string, 1 MB",
            r#"{"properties":{"v":{"type":"object"}}}"#.into(),
            v(format!(r#""[{}1""#, "[1,".repeat(300_000))),
        ),
    ]
}

/// Name, tools of one live list.
fn lists() -> Vec<(&'static str, Vec<(String, String)>)> {
    let tools = |count: usize, schema: &dyn Fn(usize) -> String| -> Vec<(String, String)> {
        (0..count).map(|nth| (format!("tool{nth}"), schema(nth))).collect()
    };
    vec![
        (
            "2,048 plain tools",
            tools(2_048, &|i| {
                format!(
                    r#"{{"type":"object","properties":{{"a{i}":{{"type":"string","description":"d"}},"b":{{"enum":["x","y"]}}}},"required":["b"]}}"#
                )
            }),
        ),
        (
            "32 tools of 256 KB of properties",
            tools(32, &|_| {
                format!(
                    r#"{{"properties":{{{}}}}}"#,
                    list(10_000, |i| format!(r#""property{i}":{{}}"#))
                )
            }),
        ),
        (
            "300 tools with hostile patterns",
            tools(300, &|i| {
                format!(
                    r#"{{"properties":{{"v":{{"pattern":"(?:a|b)*a(?:a|b){{{}}}$"}}}}}}"#,
                    30 + i
                )
            }),
        ),
        (
            "300 tools whose ghosts double",
            tools(300, &|_| doubling(20, "anyOf", r#"{"properties":{"a":{}}}"#)),
        ),
        (
            "40 tools with 2,000 variants in a web",
            tools(40, &|_| {
                let webbed = list(2_000, |i| {
                    let (a, b) = ((i * 7 + 1) % 2_000, (i * 13 + 5) % 2_000);
                    format!(
                        r##"{{"properties":{{"x{}":{{"anyOf":[{{"$ref":"#/anyOf/{a}"}},{{"$ref":"#/anyOf/{b}"}}]}}}}}}"##,
                        i % 7
                    )
                });
                format!(r#"{{"anyOf":[{webbed}]}}"#)
            }),
        ),
        (
            "2,048 tools with names of 10 KB",
            (0..800).map(|i| (format!("{}{i}", "n".repeat(10_000)), "{}".to_owned())).collect(),
        ),
    ]
}
