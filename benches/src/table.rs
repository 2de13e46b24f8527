//! Peers that take turns, and the table of their times.

use std::hint::black_box;

use crate::cpu_time;

/// A named piece of work over the whole workload.
pub struct Peer<'a> {
    /// What the row is called.
    pub name: &'a str,
    /// One pass over every call.
    pub pass: Box<dyn FnMut() + 'a>,
}

impl<'a> Peer<'a> {
    /// A peer called `name` that does `pass`.
    pub fn new(name: &'a str, pass: impl FnMut() + 'a) -> Self {
        Self { name, pass: Box::new(pass) }
    }
}

/// Nanoseconds a call, for each peer and round.
pub struct Times(Vec<Vec<f64>>);

impl Times {
    /// The median time of `peer`.
    #[must_use]
    pub fn median(&self, peer: usize) -> f64 {
        median(self.0[peer].clone())
    }

    /// The median over the rounds of the time of `peer` by that of `other` in the same round.
    #[must_use]
    pub fn ratio(&self, peer: usize, other: usize) -> f64 {
        median(self.0[peer].iter().zip(&self.0[other]).map(|(time, other)| time / other).collect())
    }

    /// Prints a line for each peer: its time, and its ratio to the first.
    pub fn print(&self, title: &str, peers: &[Peer<'_>]) {
        println!("\n{title}: median of {} rounds, thread CPU time", self.0[0].len());
        for (nth, peer) in peers.iter().enumerate() {
            println!(
                "  {:44} {:>11.0} ns/call  x{:.2}",
                peer.name,
                self.median(nth),
                self.ratio(nth, 0)
            );
        }
    }
}

/// Runs the peers in turn, `rounds` times: one pass that only warms a peer up again, then `passes` that are
/// timed.
pub fn measure(calls: usize, rounds: usize, passes: u32, peers: &mut [Peer<'_>]) -> Times {
    let mut times = vec![Vec::with_capacity(rounds); peers.len()];
    for _ in 0..rounds {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            (peer.pass)();
            let start = cpu_time();
            (0..passes).for_each(|_| (peer.pass)());
            let time = (cpu_time() - start) / passes;
            times.push(time.as_nanos() as f64 / calls as f64);
        }
    }
    Times(times)
}

/// Runs the peers in turn, `rounds` times, each after 8 MiB of other memory were read.
pub fn measure_cold(calls: usize, rounds: usize, peers: &mut [Peer<'_>]) -> Times {
    let other = vec![1_u64; (8 << 20) / size_of::<u64>()];
    let mut times = vec![Vec::with_capacity(rounds); peers.len()];
    peers.iter_mut().for_each(|peer| (peer.pass)());
    for _ in 0..rounds {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            black_box(other.iter().fold(0, |sum, word| sum ^ black_box(word)));
            let start = cpu_time();
            (peer.pass)();
            times.push((cpu_time() - start).as_nanos() as f64 / calls as f64);
        }
    }
    Times(times)
}

/// Measures with the usual number of passes and prints the table.
pub fn print_ratios(title: &str, calls: usize, rounds: usize, peers: &mut [Peer<'_>]) -> Times {
    let times = measure(calls, rounds, 4, peers);
    times.print(&format!("{title}: {calls} calls"), peers);
    times
}

/// The middle of `values`.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
