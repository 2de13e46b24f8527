//! Airlock for programs with an operating system: policy files, the audit log, and the stdio relay around
//! the engine, which is [`core`].
//!
//! ```
//! use airlock::core::{Call, Guard, Output, ToolDefinition, Verdict};
//!
//! let guard = Guard::builder()
//!     .policy(airlock::policy::open("read_only")?)?
//!     .tool(ToolDefinition {
//!         name: "get_user",
//!         input_schema: br#"{"type":"object","properties":{"id":{"type":"integer"}}}"#,
//!         output_schema: None,
//!     })?
//!     .build()?;
//! let mut scratch = guard.scratch(); // one for each thread, reused
//!
//! let call = Call { tool: "get_user", arguments: br#"{"id":7,"note":"made up"}"#, ..Call::default() };
//! match guard.check(&call, &mut scratch) {
//!     Verdict::Allow(allowed) => assert_eq!(allowed.arguments(), br#"{"id":7}"#),
//!     Verdict::Refuse(refusal) => panic!("{}", refusal.reason().name()),
//! }
//! let output = Output::Text(b"password=Tr0ub4dor&3");
//! let filtered = guard.filter("get_user", output, &mut scratch).expect("it can be shown");
//! assert_eq!(filtered.bytes, b"password=[REDACTED]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use airlock_core as core;
pub use airlock_core::Outcome;
pub use firewall::Firewall;

pub mod audit;
#[cfg(unix)]
pub mod child;
pub mod clock;
pub mod firewall;
pub mod kill;
pub mod limit;
pub mod mask;
pub mod observe;
pub mod pins;
pub mod policy;
pub mod reload;
pub mod session;
#[cfg(unix)]
pub mod stdio;
#[cfg(any(feature = "cl100k_base", feature = "o200k_base"))]
pub mod tokens;
