//! Temporary.
use airlock_core::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut b = Catalog::builder(Origin::Trusted);
    for l in std::fs::read_to_string(&a[1]).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(l).unwrap();
        let s = v["input_schema"].to_string();
        let _ = b.tool(ToolDefinition {
            name: v["tool"].as_str().unwrap(),
            input_schema: s.as_bytes(),
            output_schema: None,
        });
    }
    let cat = b.build();
    let g = Guard::builder()
        .policy(policy::Policy::permissive().with_near_miss(policy::NearMiss::Strip))
        .unwrap()
        .build()
        .unwrap();
    let mut sc = g.scratch();
    let mut calls = vec![];
    for l in std::fs::read_to_string(&a[2]).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(l).unwrap();
        if a[3] != "mix" && v["class"] != a[3] {
            continue;
        }
        if let Some(t) = v["arguments_text"].as_str() {
            if t.len() < 4096 {
                calls.push((v["tool"].as_str().unwrap().to_string(), t.to_string()));
            }
        }
    }
    let n: usize = a[4].parse().unwrap();
    let mut tape = json::Tape::growable();
    for _ in 0..3 {
    let t = std::time::Instant::now();
    for _ in 0..n { for (_, a) in &calls { std::hint::black_box(json::parse(a.as_bytes(), json::Limits::ARGUMENTS, &mut tape).is_ok()); } }
    println!("parse {} ns/call", t.elapsed().as_nanos() as usize / n / calls.len());
    let p = policy::Policy::permissive();
    let t = std::time::Instant::now();
    for _ in 0..n { for (x, _) in &calls { std::hint::black_box(p.decide(x, &Caller::default()).is_allow()); } }
    println!("decide {} ns/call", t.elapsed().as_nanos() as usize / n / calls.len());
    let t = std::time::Instant::now();
    for _ in 0..n { for (x, _) in &calls { std::hint::black_box(cat.contains(x)); } }
    println!("contains {} ns/call", t.elapsed().as_nanos() as usize / n / calls.len());
    let t = std::time::Instant::now();
    for _ in 0..n { for (_, a) in &calls { std::hint::black_box(std::str::from_utf8(std::hint::black_box(a.as_bytes())).is_ok()); } }
    println!("utf8 {} ns/call", t.elapsed().as_nanos() as usize / n / calls.len());
    let t = std::time::Instant::now();
    for _ in 0..n { for (_, a) in &calls { std::hint::black_box(serde_json::from_str::<serde_json::Value>(a).is_ok()); } }
    println!("serde {} ns/call", t.elapsed().as_nanos() as usize / n / calls.len());
    }
    let t = std::time::Instant::now();
    for _ in 0..n {
        work(&g, &cat, &calls, &mut sc);
    }
    println!("{} calls {} ns/call", calls.len(), t.elapsed().as_nanos() as usize / n / calls.len());
}
#[inline(never)]
fn work(g: &Guard, cat: &Catalog, calls: &[(String, String)], sc: &mut Scratch) {
    for (tool, args) in calls {
        let call = Call { tool, arguments: args.as_bytes(), caller: Caller::default(), now: None };
        std::hint::black_box(matches!(g.check_in(cat, &call, sc), Verdict::Allow(_)));
    }
}
