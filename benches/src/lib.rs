//! What every bench needs: processor time of the thread, the workload, and ratios that hold on a noisy
//! machine because the peers take turns.

use std::path::PathBuf;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// Processor time that this thread has used.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Criterion's clock: processor time of the thread, so that a busy machine does not count.
pub struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu_time()
    }

    fn end(&self, start: Duration) -> Duration {
        cpu_time().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// A named piece of work over the whole workload.
pub struct Peer<'a> {
    /// What the row is called.
    pub name: &'a str,
    /// One pass over every call.
    pub pass: Box<dyn FnMut() + 'a>,
}

/// Passes that are timed in one turn of a peer, after one that only warms it up again.
const PASSES: u32 = 4;

/// Runs the peers in turn, `rounds` times, and prints for each the median time a call, warm, and its ratio
/// to the first, pair by pair.
pub fn print_ratios(title: &str, calls: usize, rounds: usize, peers: &mut [Peer<'_>]) {
    let mut times = vec![Vec::with_capacity(rounds); peers.len()];
    for _ in 0..rounds {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            (peer.pass)();
            let start = cpu_time();
            (0..PASSES).for_each(|_| (peer.pass)());
            let time = (cpu_time() - start) / PASSES;
            times.push(time.as_nanos() as f64 / calls as f64);
        }
    }
    println!("\n{title}: {calls} calls, median of {rounds} rounds, thread CPU time");
    let first = times[0].clone();
    for (peer, times) in peers.iter().zip(times) {
        let ratios = times.iter().zip(&first).map(|(time, first)| time / first).collect();
        println!("  {:44} {:>9.0} ns/call  x{:.2}", peer.name, median(times), median(ratios));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The folder of shared data beside the checkout; none where it is absent.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("AIRLOCK_SHARED") {
        return Some(path.into());
    }
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|dir| dir.join("shared")).find(|dir| dir.join("data").is_dir())
}
