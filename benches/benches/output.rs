//! What a limit on an output saves: ten megabytes of a log of which five thousand characters are shown, beside
//! the same log without a limit. Thread CPU time, median.

use std::hint::black_box;
use std::time::Duration;

use airlock_benches::cpu_time;
use airlock_core::policy::Policy;
use airlock_core::{Guard, Output};

const ROUNDS: usize = 31;

fn main() {
    let line = "2026-01-02T03:04:05Z INFO request 7f3a by ann@mail.example.org from 203.0.113.9 took 12 ms\n";
    let text = line.repeat((10 << 20) / line.len());
    println!("{} bytes of log, thread CPU time, median of {ROUNDS}", text.len());
    for (name, entry) in [
        ("max_chars = 5000", r#""max_chars": 5000"#),
        ("max_chars = 5000, tail", r#""max_chars": 5000, "keep": "tail""#),
        ("max_chars = 5000, middle", r#""max_chars": 5000, "keep": "middle""#),
        ("max_tokens = 1500", r#""max_tokens": 1500"#),
        ("no limit", r#""mask": ["secret", "pii"]"#),
    ] {
        let policy = format!(r#"{{"output": {{"*": {{{entry}}}}}}}"#);
        let policy = Policy::from_json(&policy).expect("a policy");
        let guard =
            Guard::builder().policy(policy).and_then(|guard| guard.build()).expect("a guard");
        let mut scratch = guard.scratch();
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let start = cpu_time();
                let shown = guard.filter("log", Output::Text(text.as_bytes()), &mut scratch);
                black_box(shown.expect("it can be shown").bytes.len());
                cpu_time() - start
            })
            .collect();
        times.sort();
        println!("  {name:28} {:>10.1} us", times[ROUNDS / 2].as_secs_f64() * 1e6);
    }
}
