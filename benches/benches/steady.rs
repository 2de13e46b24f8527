//! `Guard::check` alone, under criterion, which remembers its last run: to compare before and after a change.

use airlock_benches::CpuTime;
use airlock_benches::peers::Ours;
use airlock_benches::workload::Workload;
use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    let Some(labelled) = Workload::labelled() else {
        println!("SKIPPED: the labelled calls (shared/data/validation) are not here");
        return;
    };
    let ours = Ours::new(&labelled);
    let mut group = criterion.benchmark_group("check");
    for class in ["mix", "valid", "ghost", "wrong_type", "malformed"] {
        let calls = labelled.calls_of(class);
        group.throughput(Throughput::Elements(calls.len() as u64));
        group.bench_function(class, |bencher| bencher.iter(ours.check(&labelled, &calls)));
    }
    for (name, workload) in
        [("string", Workload::string(100_000)), ("objects", Workload::objects(100_000))]
    {
        let ours = Ours::new(&workload);
        let calls = workload.all_calls();
        group.throughput(Throughput::Bytes(calls[0].1.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(ours.check(&workload, &calls)));
    }
}
