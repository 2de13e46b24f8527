//! Airlock as an addon of Node.js.
//!
//! Private to the npm package, whose TypeScript is the public face. Free functions over an `External`,
//! because the method of a class costs 350 ns more; text and bytes come in through one buffer of the
//! caller, and what comes out is written into the same buffer. A call answers with a number: a code, and
//! how many bytes were written. Details are rendered on request. Every export catches panics: one that
//! crossed into Node would end the process.
// Clippy builds a test of every library; the exports of this one exist only where Node loads them.
#![cfg(not(test))]

mod answer;
mod caller;
mod firewall;
mod guard;
mod relay;
mod reply;
