//! The switch that halts every call.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// A switch that a guard asks before anything else. Clones are the same switch: the operator keeps
/// one and turns it, from any thread, while calls are decided.
#[derive(Clone, Debug, Default)]
pub struct KillSwitch {
    on: Arc<AtomicBool>,
}

impl KillSwitch {
    /// A switch that is off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Halts every call that is checked from now on, or lets calls go on.
    pub fn set(&self, on: bool) {
        self.on.store(on, Ordering::Release);
    }

    /// Whether calls are halted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }
}
