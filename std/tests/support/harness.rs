//! The standard harness in few words, for tests whose program is also one of their subjects and so has a
//! main function of its own.

use std::thread;

/// A name and what it runs.
pub(crate) type Test = (&'static str, fn());

/// Runs the tests whose names contain `filter`, and ends the program.
pub(crate) fn run(tests: &[Test], filter: Option<&str>) {
    let filter = filter.filter(|word| !word.starts_with('-')).unwrap_or("");
    let chosen: Vec<_> = tests.iter().filter(|(name, _)| name.contains(filter)).collect();
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for (name, test) in &chosen {
        let passed = thread::spawn(*test).join().is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if failed == 0 { "ok" } else { "FAILED" },
        chosen.len() - failed,
        tests.len() - chosen.len(),
    );
    std::process::exit(i32::from(failed > 0));
}
