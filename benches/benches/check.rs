//! The whole job of `Guard::check` beside its peers, in one run, against the bars that the project holds
//! itself to: `cargo bench --manifest-path benches/Cargo.toml --bench check [-- ROW…]`.
//!
//! A row runs when its name contains one of the words given. All peers of a row take turns; a ratio is
//! the median of the ratios of single rounds. Figures of a run are comparable, figures of two runs
//! are not.

use std::hint::black_box;

use airlock_benches::peers::{self, Ours};
use airlock_benches::workload::Workload;
use airlock_benches::{Peer, Times, measure, measure_cold, median};
use airlock_core::{Catalog, Origin, ToolDefinition};

/// What a row must show: at most `tape` times the tape, at least `pipeline` times as fast as the pipeline.
#[derive(Clone, Copy, Default)]
struct Bars {
    tape: Option<f64>,
    pipeline: Option<f64>,
}

impl Bars {
    const fn tape(most: f64) -> Self {
        Self { tape: Some(most), pipeline: None }
    }

    const fn and_pipeline(self, least: f64) -> Self {
        Self { pipeline: Some(least), ..self }
    }
}

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let mut summary = Vec::new();

    if let Some(workload) = Workload::labelled() {
        let compiled = Compiled::new(&workload);
        for (name, class, bars) in [
            ("mix", "mix", Bars::tape(1.25).and_pipeline(7.0)),
            ("valid", "valid", Bars::tape(1.25).and_pipeline(7.0)),
            ("valid, cold", "valid", Bars::tape(1.8)),
            ("ghost", "ghost", Bars::default()),
            ("wrong_type", "wrong_type", Bars::default()),
            ("malformed", "malformed", Bars::tape(1.25)),
        ] {
            if wanted(name) {
                let calls = workload.calls_of(class);
                let mut peers = compiled.peers(&workload, &calls);
                let times = if name.contains("cold") {
                    measure_cold(calls.len(), 31, &mut peers)
                } else {
                    measure(calls.len(), 31, 4, &mut peers)
                };
                times.print(&format!("{name}: {} calls", calls.len()), &peers);
                summary.push(judge(name, &times, bars));
            }
        }
        if wanted("compile") {
            compile(&workload);
        }
    } else {
        println!("SKIPPED: the labelled calls (shared/data/validation) are not here");
    }

    for (name, make, bytes, rounds, bars) in [
        ("string, 100 KB", Workload::string as fn(usize) -> Workload, 100_000, 31, Bars::tape(0.5)),
        ("objects, 100 KB", Workload::objects, 100_000, 31, Bars::default()),
        ("objects, 10 MB", Workload::objects, 10_000_000, 7, Bars::tape(1.0)),
    ] {
        if wanted(name) {
            let workload = make(bytes);
            let compiled = Compiled::new(&workload);
            let calls = workload.all_calls();
            assert!(compiled.ours.allows(&workload, &calls), "{name} is valid");
            let mut peers = compiled.peers(&workload, &calls);
            let passes = if bytes > 1_000_000 { 1 } else { 16 };
            let times = measure(1, rounds, passes, &mut peers);
            times.print(name, &peers);
            summary.push(judge(name, &times, bars));
        }
    }
    println!("\nairlock by the tape's time, and how many times faster than the pipeline:");
    summary.iter().for_each(|line| println!("  {line}"));
}

struct Compiled {
    ours: Ours,
    jsonschema: Vec<jsonschema::Validator>,
    boon: (boon::Schemas, Vec<boon::SchemaIndex>),
}

/// Where these stand among the peers of a row.
const TAPE: usize = 0;
const OURS: usize = 1;
const PIPELINE: usize = 2;

impl Compiled {
    fn new(workload: &Workload) -> Self {
        Self {
            ours: Ours::new(workload),
            jsonschema: peers::jsonschema_validators(workload),
            boon: peers::boon_schemas(workload),
        }
    }

    fn peers<'a>(&'a self, workload: &'a Workload, calls: peers::Calls<'a>) -> Vec<Peer<'a>> {
        vec![
            peers::simd_json_tape(calls),
            Peer::new("airlock, the whole job", self.ours.check(workload, calls)),
            peers::pipeline(workload, &self.jsonschema, calls),
            peers::jsonschema_verdict(&self.jsonschema, calls),
            peers::boon_verdict(&self.boon, calls),
            peers::serde_json_value(calls),
            peers::sonic_value(calls),
            peers::jiter_value(calls),
        ]
    }
}

fn judge(name: &str, times: &Times, bars: Bars) -> String {
    let tape = times.ratio(OURS, TAPE);
    let pipeline = times.ratio(PIPELINE, OURS);
    let verdict = |holds| if holds { "pass" } else { "FAIL" };
    let tape_bar = bars
        .tape
        .map_or_else(String::new, |most| format!("<= {most:.2} {}", verdict(tape <= most)));
    let pipeline_bar = bars
        .pipeline
        .map_or_else(String::new, |least| format!(">= {least:.1} {}", verdict(pipeline >= least)));
    format!("{name:18} x{tape:<5.2} {tape_bar:14} {pipeline:>6.1} times {pipeline_bar}")
}

/// The time to compile the schema of a tool, median over the tools.
fn compile(workload: &Workload) {
    const ROUNDS: usize = 7;
    let texts: Vec<String> = workload.tools.iter().map(|(_, schema)| schema.to_string()).collect();
    let mut times = vec![Vec::new(); 3];
    for (nth, (name, schema)) in workload.tools.iter().enumerate() {
        let input_schema = texts[nth].as_bytes();
        let mut peers = [
            Peer::new("airlock", || {
                let mut builder = Catalog::builder(Origin::Trusted);
                let tool = ToolDefinition { name, input_schema, output_schema: None };
                let _ = black_box(builder.tool(tool));
                black_box(builder.build());
            }),
            Peer::new("serde_json + jsonschema", || {
                let schema = serde_json::from_slice(input_schema).expect("JSON");
                let _ = black_box(jsonschema::validator_for(&schema));
            }),
            Peer::new("boon", || {
                black_box(peers::boon_compile(&mut boon::Schemas::new(), 0, schema));
            }),
        ];
        let measured = measure(1, ROUNDS, 4, &mut peers);
        times.iter_mut().enumerate().for_each(|(peer, times)| times.push(measured.median(peer)));
    }
    println!("\ncompile: the median of {} tools, thread CPU time", workload.tools.len());
    for (name, times) in ["airlock", "serde_json + jsonschema", "boon"].into_iter().zip(times) {
        println!("  {name:44} {:>11.0} ns/tool", median(times));
    }
}
