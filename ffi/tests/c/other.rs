//! Another static library written in Rust, for `two.c`.

/// Catches a panic of its own.
#[unsafe(no_mangle)]
pub extern "C" fn other_catches_a_panic() -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    if std::panic::catch_unwind(|| panic!("on purpose")).is_err() { 7 } else { 0 }
}
