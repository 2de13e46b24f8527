//! Airlock as an addon of Node.js.
//!
//! Private to the npm package, whose TypeScript is the public face. Free functions,
//! because the method of a class costs 350 ns more, and over numbers, because an `External` costs 500. Text and
//! bytes are copied once, see `text`; a call answers with a code, and what it wrote and details are fetched
//! only where there are any. Every export catches panics: one that crossed into Node would end the process.
// Clippy builds a test of every library; the exports of this one exist only where Node loads them.
#![cfg(not(test))]

mod answer;
mod caller;
mod firewall;
mod guard;
mod plan;
mod relay;
mod reply;
mod shares;
mod slots;
mod text;
mod work;
