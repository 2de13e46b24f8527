//! What a policy says about changed tool definitions: the table `[pins]`.

use super::error::PolicyError;
use super::fields::Item;
use super::keys::PINS;
use crate::pins::Severity;

/// Whether a tool must have a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PinMode {
    /// Definitions are not compared.
    Off,
    /// The first definition of a tool that is seen is pinned.
    Record,
    /// A tool that nobody has approved is refused.
    Require,
}

/// What becomes of tools whose definitions are not those that were approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinPolicy {
    /// Key `mode`; none when the policy does not say.
    pub mode: Option<PinMode>,
    /// Keys `change` and `tolerate`: the least severity of a change that refuses a tool, none when a change
    /// is only told.
    pub refuse: Option<Severity>,
}

impl Default for PinPolicy {
    fn default() -> Self {
        Self { mode: None, refuse: Some(Severity::Low) }
    }
}

impl PinPolicy {
    pub(super) fn read(item: &Item<'_>) -> Result<Self, PolicyError> {
        const MODES: [(&str, PinMode); 3] =
            [("off", PinMode::Off), ("record", PinMode::Record), ("require", PinMode::Require)];
        const TOLERATED: [(&str, Severity); 2] =
            [("low", Severity::Medium), ("medium", Severity::High)];
        let table = item.clone().table(&PINS)?;
        let mode = table.read("mode", |item| item.word(&MODES))?;
        let change = [("refuse", true), ("warn", false)];
        let refuses = table.read("change", |item| item.word(&change))?.unwrap_or(true);
        let tolerated = table.read("tolerate", |item| item.word(&TOLERATED))?;
        if let (false, Some(item)) = (refuses, table.get("tolerate")) {
            return Err(item.error("with `change = \"warn\"` every change is tolerated"));
        }
        if let (Some(PinMode::Off), Some(item)) = (mode, table.get("change")) {
            return Err(item.error("with `mode = \"off\"` no change is seen"));
        }
        let refuse = refuses.then(|| tolerated.unwrap_or(Severity::Low));
        Ok(Self { mode, refuse })
    }

    /// Of each the stricter.
    pub(super) fn strictest(self, other: Self) -> Self {
        let refuse = match (self.refuse, other.refuse) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { mode: self.mode.max(other.mode), refuse }
    }
}
