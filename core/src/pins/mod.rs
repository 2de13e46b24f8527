//! Tool definitions that were approved, and what becomes of a tool whose definition is another one.
//!
//! A server may change what it says about a tool after a person has read it. A pin is the definition that
//! was approved, in one canonical spelling, and its digest. [`Pins`] is the state: it belongs to the host,
//! which says where it is kept by [`KeepPins`]; nothing here knows files. Each tool is compared by itself,
//! never a list: which tools a server lists depends on the client, so a tool that is absent is no change.
//!
//! Worst case: n log n in the members of an object, linear in everything else.

mod canonical;
mod diff;
mod digest;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::json::{Limits, Tape, Value, parse};

pub use diff::{Change, Difference, Severity};
pub use digest::Digest;

/// Most bytes of one definition in its canonical form.
pub const MAX_DEFINITION: usize = 1 << 20;
/// The members of a tool that are pinned: what a model or a client decides by.
pub const FIELDS: [&str; 6] =
    ["annotations", "description", "inputSchema", "name", "outputSchema", "title"];

/// What a server says about one tool, in canonical form.
///
/// That is RFC 8785: no white space, members sorted by the UTF-16 units of their names, strings with no
/// escapes but those that they need. Numbers differ from it: they keep every digit, where the RFC rounds to
/// a double, so that no two values look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    name: Box<str>,
    text: Box<[u8]>,
    digest: Digest,
}

impl Definition {
    /// The definition that `tool`, an element of a tool list, is.
    ///
    /// # Errors
    /// When it has no name, or is too long.
    pub fn of(tool: Value<'_>) -> Result<Self, Unpinned> {
        let name = tool.get("name").and_then(Value::as_str).ok_or(Unpinned::Nameless)?;
        let mut members = FIELDS.map(|field| tool.get(field).map(|value| (field, value)));
        let text = canonical::object(members.iter_mut().filter_map(Option::take), MAX_DEFINITION)
            .ok_or(Unpinned::TooLong)?;
        Ok(Self { name: name.chars().collect(), digest: Digest::of(&text), text: text.into() })
    }

    /// The definition in `json`, however it is spelt.
    ///
    /// # Errors
    /// When it is no definition, or has a member that is not pinned.
    pub fn read(json: &[u8]) -> Result<Self, Unpinned> {
        let mut tape = Tape::growable();
        // Spelt with spaces it may be longer than in canonical form.
        let limits = Limits { bytes: MAX_DEFINITION.saturating_mul(8), ..Limits::MESSAGE };
        let root = parse(json, limits, &mut tape).map_err(|_| Unpinned::NoDefinition)?.root();
        if root.members().any(|(key, _)| !FIELDS.iter().any(|field| key.is(field.as_bytes()))) {
            return Err(Unpinned::NoDefinition);
        }
        Self::of(root)
    }

    /// The tool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical form.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// SHA-256 of the canonical form.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What is otherwise in `new`.
    #[must_use]
    pub fn diff(&self, new: &Self) -> Change {
        diff::between(&self.text, &new.text)
    }
}

/// Why a definition cannot be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unpinned {
    /// It has no name.
    Nameless,
    /// It is no JSON object with the members of a definition alone.
    NoDefinition,
    /// It is longer than [`MAX_DEFINITION`].
    TooLong,
}

impl fmt::Display for Unpinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nameless => "the tool has no name",
            Self::NoDefinition => "it is no definition of a tool",
            Self::TooLong => "the definition is too long to be pinned",
        })
    }
}

impl core::error::Error for Unpinned {}

/// What is known of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// The definition that was approved, or recorded when it was seen first.
    pub approved: Option<Definition>,
    /// The last other one that the server has shown.
    pub pending: Option<Definition>,
}

/// How a definition stands to what is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Another one is pinned.
    Changed(Change),
    /// It is the one that is pinned.
    Known,
    /// No definition of the tool is pinned.
    New,
}

/// The pins of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    tools: BTreeMap<Box<str>, Pin>,
}

impl Pins {
    /// How `definition` stands to what is pinned.
    #[must_use]
    pub fn compare(&self, definition: &Definition) -> Standing {
        match self.get(&definition.name).and_then(|pin| pin.approved.as_ref()) {
            None => Standing::New,
            Some(approved) if approved.digest == definition.digest => Standing::Known,
            Some(approved) => Standing::Changed(approved.diff(definition)),
        }
    }

    /// Takes notice of a definition: one of a tool without a pin is pinned when `record` says so; any other
    /// that is not the pinned one waits for somebody to approve it. Whether that is news.
    pub fn meet(&mut self, definition: &Definition, record: bool) -> bool {
        let met = |one: &Option<Definition>| {
            one.as_ref().is_some_and(|one| one.digest == definition.digest)
        };
        if self.get(&definition.name).is_some_and(|pin| met(&pin.approved)) {
            return false;
        }
        let pin = self.tools.entry(definition.name.clone()).or_default();
        if pin.approved.is_none() && record {
            pin.approved = Some(definition.clone());
            pin.pending = None;
            return true;
        }
        let news = !met(&pin.pending);
        if news {
            pin.pending = Some(definition.clone());
        }
        news
    }

    /// Approves the definition of `tool` that has this digest: the pending one, or once more the pinned
    /// one. Whether there is such a definition; nothing is pending then.
    pub fn approve(&mut self, tool: &str, digest: Digest) -> bool {
        let Some(pin) = self.tools.get_mut(tool) else { return false };
        let mut known = pin.pending.iter().chain(&pin.approved);
        let chosen = known.find(|one| one.digest == digest).cloned();
        let found = chosen.is_some();
        if found {
            *pin = Pin { approved: chosen, pending: None };
        }
        found
    }

    /// Forgets all about `tool`; whether something was known.
    pub fn forget(&mut self, tool: &str) -> bool {
        self.tools.remove(tool).is_some()
    }

    /// Sets what is known of a tool, as it was kept. False when a definition in it is that of another tool.
    pub fn set(&mut self, tool: &str, pin: Pin) -> bool {
        let own = [&pin.approved, &pin.pending].into_iter().flatten().all(|one| &*one.name == tool);
        if own {
            self.tools.insert(tool.into(), pin);
        }
        own
    }

    /// What is known of `tool`.
    #[must_use]
    pub fn get(&self, tool: &str) -> Option<&Pin> {
        self.tools.get(tool)
    }

    /// Every tool of which something is known, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pin)> {
        self.tools.iter().map(|(name, pin)| (&**name, pin))
    }
}

/// Who keeps the pins of a server.
pub trait KeepPins {
    /// How each of `definitions` stands, in their order, before it is taken notice of: see [`Pins::meet`].
    ///
    /// # Errors
    /// Why the pins cannot be read or kept. None of the definitions may be trusted then.
    fn meet(&self, definitions: &[Definition], record: bool) -> Result<Vec<Standing>, String>;
}

#[cfg(test)]
mod tests;
