//! Statuses, reasons and limits: the one table that headers, bindings and documentation are written from.
//!
//! Reasons have the numbers of [`Reason`], statuses those from 256 on: one registry, in which no number
//! is ever given again.

#[cfg(feature = "alloc")]
use airlock_core::Budget;
pub use airlock_core::Reason;
#[cfg(feature = "alloc")]
use airlock_core::json::Limits;

/// What became of a call of a function. Anything but [`OK`](Self::OK) means deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The name; `AIRLOCK_` and it in C.
    pub name: &'static str,
    /// The number.
    pub number: u32,
    /// What it means, in one sentence.
    pub about: &'static str,
}

macro_rules! statuses {
    ($($(#[doc = $about:literal])+ $name:ident = $number:literal,)*) => {
        impl Status {
            $($(#[doc = $about])+ pub const $name: Self = Self($number);)*
        }

        /// Every status, by its number.
        pub const STATUSES: &[Code] = &[
            $(Code { name: stringify!($name), number: $number, about: concat!($($about),+).trim_ascii() },)*
        ];
    };
}

statuses! {
    /// The function did what it is for. Only now may its outputs be read.
    OK = 0,
    /// A pointer is null or not aligned, a size or a flag is not known, or an id is not of this
    /// guard.
    INVALID_ARGUMENT = 256,
    /// The buffer for the output is too small; the length that suffices was written.
    BUFFER_TOO_SMALL = 257,
    /// A text that must be UTF-8 is not.
    INVALID_UTF8 = 258,
    /// A fault of the library itself; it was caught.
    PANICKED = 259,
    /// The policy cannot be honoured.
    POLICY_INVALID = 260,
    /// A tool, or the list of tools, cannot be honoured.
    TOOL_INVALID = 261,
    /// The guard has no tool of this name.
    TOOL_UNKNOWN = 262,
    /// This build of the library cannot do it.
    UNSUPPORTED = 263,
    /// The memory that was lent is too small.
    MEMORY_TOO_SMALL = 264,
    /// The text is no JSON document that may be read.
    JSON_INVALID = 265,
    /// There is nothing of this name.
    NOT_FOUND = 266,
    /// The stream or relay is broken or busy; free it.
    BROKEN = 267,
    /// The output may not be shown.
    REFUSED = 268,
    /// The audit log is missing, or cannot be opened or written.
    AUDIT_FAILED = 269,
    /// The pin file cannot be read, or the server has no name in it.
    PINS_FAILED = 270,
}

/// Bounds on the work for one call, by the names that options and documentation have for them.
#[cfg(feature = "alloc")]
#[must_use]
pub fn limits() -> [Code; 10] {
    use airlock_core::policy::{MAX_RULES, tree::MAX_DOCUMENT};
    let Budget { arguments, output, steps } = Budget::default();
    let row = |name, number: usize, about| Code { name, number: number as u32, about };
    [
        row("MAX_ARGUMENTS", arguments.bytes, "Bytes of the arguments of a call."),
        row("MAX_ARGUMENTS_DEPTH", arguments.depth as usize, "Nested containers in arguments."),
        row("MAX_STEPS", steps as usize, "Steps of a validation."),
        row("MAX_OUTPUT", output.bytes, "Bytes of an output."),
        row("MAX_OUTPUT_DEPTH", output.depth as usize, "Nested containers in an output."),
        row("MAX_MESSAGE", Limits::MESSAGE.bytes, "Bytes of an MCP message."),
        row("MAX_MESSAGE_DEPTH", Limits::MESSAGE.depth as usize, "Nested containers in a message."),
        row("MAX_POLICY", MAX_DOCUMENT, "Bytes of a policy."),
        row("MAX_RULES", MAX_RULES, "Rules of a policy."),
        row("MAX_REFUSAL", crate::check::MAX_REFUSAL, "Bytes of a refusal."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_and_no_name_is_given_twice() {
        let mut numbers: std::vec::Vec<u32> = STATUSES.iter().map(|code| code.number).collect();
        numbers.extend(Reason::ALL.iter().map(|&reason| reason as u32));
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
        assert!(Reason::ALL.iter().all(|&reason| (reason as u32) < 256));
    }
}
