//! Temporary: answers in the batch format.
use airlock_core::*;
use std::collections::HashMap;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut b = Catalog::builder(Origin::Trusted);
    for l in std::fs::read_to_string(&a[1]).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(l).unwrap();
        let name = v["tool"].as_str().unwrap();
        let s = v["input_schema"].to_string();
        match b.tool(ToolDefinition { name, input_schema: s.as_bytes(), output_schema: None }) {
            Ok(w) => for w in w { eprintln!("{name}: {w}") },
            Err(e) => eprintln!("ERR {name}: {e}"),
        }
    }
    let cat = b.build();
    let g = Guard::builder().near_miss(if a.len() > 3 { NearMiss::Refuse } else { NearMiss::Strip }).build().unwrap();
    let mut sc = g.scratch();
    let _x: HashMap<u8,u8> = HashMap::new();
    for l in std::fs::read_to_string(&a[2]).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(l).unwrap();
        let args: Vec<u8> = match v["arguments_text"].as_str() { Some(t) => t.as_bytes().to_vec(), None => {
            use std::process::*; use std::io::Write;
            let mut c = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            c.stdin.take().unwrap().write_all(v["arguments_b64"].as_str().unwrap().as_bytes()).unwrap();
            c.wait_with_output().unwrap().stdout } };
        let call = Call { tool: v["tool"].as_str().unwrap(), arguments: &args, caller: Caller::default(), now: None };
        let out = match g.check_in(&cat, &call, &mut sc) {
            Verdict::Allow(x) => serde_json::json!({"id": v["id"], "decision":"allow","arguments_text": std::str::from_utf8(x.arguments()).unwrap(), "stripped": x.stripped().collect::<Vec<_>>(), "violations": [], "suggest": x.suggestions().map(|(p,t)| serde_json::json!({"path":p,"to":t})).collect::<Vec<_>>()}),
            Verdict::Refuse(r) => { assert!(r.json().len() <= 2048); let _: serde_json::Value = serde_json::from_slice(r.json()).expect("refusal json");
                serde_json::json!({"id": v["id"], "decision":"block","reason": r.reason().name(),"arguments_text": null, "stripped": r.stripped().collect::<Vec<_>>(), "violations": r.violations().map(|v| { let mut o = serde_json::json!({"path": v.path, "keyword": v.keyword, "hint": v.fix_hint, "message": v.message, "fix": v.fix.map(|f| format!("{f:?}"))}); if let Some(x) = v.offset { o["offset"] = x.into(); } o }).collect::<Vec<_>>(), "suggest": r.suggestions().map(|(p,t)| serde_json::json!({"path":p,"to":t})).collect::<Vec<_>>(), "refusal": std::str::from_utf8(r.json()).unwrap()}) }
        };
        println!("{out}");
    }
}
