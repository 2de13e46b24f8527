//! What a call from C costs beside the same call from Rust, over the labelled calls, in one run: `cargo run --release
//! --manifest-path ffi/bench/Cargo.toml`.
//!
//! Both do the same work: what is to be passed on in place of the input is copied to a buffer. They take turns; each figure is the median over rounds of the processor time of this thread. The
//! bar: from C at most 5 ns more.

use std::collections::HashMap;
use std::ffi::c_char;
use std::hint::black_box;
use std::process::ExitCode;
use std::{env, fs, ptr};

use airlock_core::{Call, Catalog, Guard, Origin, ToolDefinition, Verdict};
use airlock_ffi::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use serde_json::value::RawValue;

const ROUNDS: usize = 61;
const PASSES: usize = 10;
const BAR: f64 = 5.0;

#[repr(C)]
struct Item {
    tool: u32,
    arguments: airlock_str,
}

#[allow(improper_ctypes, reason = "handles are opaque to C")]
unsafe extern "C" {
    fn c_loop(
        guard: *const airlock_guard,
        scratch: *mut airlock_scratch,
        items: *const Item,
        count: usize,
        out: *mut c_char,
        out_cap: usize,
    ) -> usize;
}

fn main() -> ExitCode {
    let folder = env::var("AIRLOCK_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let read = |name: &str| fs::read_to_string(format!("{folder}/data/validation/{name}"));
    let (Ok(tools), Ok(calls)) = (read("dev_tools.jsonl"), read("dev_calls.jsonl")) else {
        println!("SKIPPED: the labelled calls are not here; set AIRLOCK_SHARED");
        return ExitCode::SUCCESS;
    };
    let tools: Vec<HashMap<String, Box<RawValue>>> =
        tools.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let name = |tool: &HashMap<String, Box<RawValue>>| -> String {
        serde_json::from_str(tool["tool"].get()).expect("a name")
    };
    let mut catalog = Catalog::builder(Origin::Trusted);
    let mut list = Vec::new();
    let mut ids = HashMap::new();
    for (at, tool) in tools.iter().enumerate() {
        let schema = tool["input_schema"].get();
        let definition = ToolDefinition {
            name: &name(tool),
            input_schema: schema.as_bytes(),
            output_schema: None,
        };
        catalog.tool(definition).expect("it compiles");
        list.push(format!("{{\"name\":{},\"inputSchema\":{schema}}}", tool["tool"].get()));
        ids.insert(name(tool), at as u32 + 1);
    }
    let (catalog, guard) = (catalog.build(), Guard::builder().build().expect("it builds"));
    let list = format!("[{}]", list.join(","));

    let mut labelled = Vec::new();
    for line in calls.lines() {
        let call: Value = serde_json::from_str(line).expect("JSON");
        let arguments = match call["arguments_text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => BASE64.decode(call["arguments_b64"].as_str().expect("base64")).expect("base64"),
        };
        let tool = call["tool"].as_str().expect("a name").to_owned();
        let class = call["class"].as_str().expect("a class").to_owned();
        if arguments.len() < 4096 {
            labelled.push((tool, arguments, class));
        }
    }

    // SAFETY: all zero is a value of the options; every pointer is to what its type says and lives.
    let (c_guard, c_scratch) = unsafe {
        let mut options: airlock_guard_options = std::mem::zeroed();
        options.struct_size = size_of::<airlock_guard_options>() as u32;
        options.tools = airlock_str { data: list.as_ptr().cast(), len: list.len() };
        let (mut guard, mut scratch) = (ptr::null_mut(), ptr::null_mut());
        assert_eq!(airlock_guard_new(&raw const options, &raw mut guard, ptr::null_mut()), 0);
        assert_eq!(airlock_scratch_new(&raw mut scratch), 0);
        (guard, scratch)
    };
    let mut scratch = guard.scratch();
    let (mut out, mut copied) = (vec![0_u8; 1 << 20], vec![0_u8; 1 << 20]);
    let mut holds = true;
    for class in ["valid", ""] {
        let chosen: Vec<_> =
            labelled.iter().filter(|call| class.is_empty() || call.2 == class).collect();
        let items: Vec<Item> = chosen
            .iter()
            .map(|(tool, arguments, _)| Item {
                tool: ids[tool],
                arguments: airlock_str { data: arguments.as_ptr().cast(), len: arguments.len() },
            })
            .collect();
        let mut rust = || {
            let mut allowed = 0;
            for (tool, arguments, _) in &chosen {
                let call = Call { tool, arguments, ..Call::default() };
                let bytes = match guard.check_in(&catalog, black_box(&call), &mut scratch) {
                    Verdict::Allow(verdict) => {
                        allowed += 1;
                        if verdict.is_changed() { verdict.arguments() } else { &[] }
                    }
                    Verdict::Refuse(refusal) => refusal.json(),
                };
                copied[..bytes.len()].copy_from_slice(bytes);
                black_box(&copied);
            }
            allowed
        };
        // SAFETY: handles of the library, as many items as there are, a buffer of this size.
        let mut c = || unsafe {
            let (to, cap) = (out.as_mut_ptr().cast(), out.len());
            c_loop(c_guard, c_scratch, items.as_ptr(), items.len(), to, cap)
        };
        assert_eq!(rust(), c());
        let (mut of_rust, mut of_c, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let one = time(&mut rust, chosen.len());
            let other = time(&mut c, chosen.len());
            of_rust.push(one);
            of_c.push(other);
            more.push(other - one);
        }
        let more = median(more);
        println!(
            "{:6} {} calls: Rust {:.1} ns, C {:.1} ns, difference {more:+.1} ns (bar {BAR} ns)",
            if class.is_empty() { "mix" } else { class },
            chosen.len(),
            median(of_rust),
            median(of_c),
        );
        holds &= more <= BAR;
    }
    // SAFETY: made above, used no more.
    unsafe {
        airlock_guard_free(c_guard);
        airlock_scratch_free(c_scratch);
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds of this thread for a call.
fn time(run: &mut impl FnMut() -> usize, calls: usize) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let begin = now();
    for _ in 0..PASSES {
        black_box(run());
    }
    (now() - begin) / (PASSES * calls) as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
