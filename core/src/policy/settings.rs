//! Switches of a policy that are no rules.

use super::pin::PinPolicy;
use crate::hidden::{Hiding, Kinds};

/// What becomes of arguments that the tool does not declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ghosts {
    /// They pass.
    Allow,
    /// They refuse the call.
    Reject,
    /// They are cut out and reported.
    #[default]
    Strip,
}

/// What becomes of a ghost that is probably a misspelling of a declared argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NearMiss {
    /// It refuses the call and suggests the declared name.
    #[default]
    Refuse,
    /// It is a ghost like any other.
    Strip,
}

/// What a refusal tells the model about the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclose {
    /// The reason and the hint.
    #[default]
    Code,
    /// Also the rule that refused.
    Full,
    /// Only that the call is refused.
    Opaque,
}

/// What becomes of a call to a tool that no completed tool list declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownTool {
    /// The server answers it.
    Forward,
    /// It is refused.
    #[default]
    Refuse,
}

/// What `properties: {}` without `additionalProperties: false` at the root of a definition that was
/// learned from a running server means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyProperties {
    /// That the tool takes no arguments: all are ghosts.
    Closed,
    /// That the server did not say: none is a ghost.
    #[default]
    Open,
}

/// Which wrong arguments are repaired instead of refused. Every repair is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// `json-string`: an array or object that was sent as a string of JSON becomes that array or object.
    pub json_string: bool,
    /// `scalar`: a string, a number or a boolean that is of the type but for its spelling becomes of the
    /// type, `"100"` an integer.
    pub scalar: bool,
}

impl Repair {
    /// `json-string` alone.
    pub const JSON_STRING: Self = Self { json_string: true, scalar: false };
    /// `scalar` alone.
    pub const SCALAR: Self = Self { json_string: false, scalar: true };

    /// What either repairs.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        let Self { json_string, scalar } = self;
        Self { json_string: json_string || other.json_string, scalar: scalar || other.scalar }
    }

    /// What both repair.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        let Self { json_string, scalar } = self;
        Self { json_string: json_string && other.json_string, scalar: scalar && other.scalar }
    }
}

/// The switches of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Key `ghosts`.
    pub ghosts: Ghosts,
    /// Key `near_miss`.
    pub near_miss: NearMiss,
    /// Key `disclose`.
    pub disclose: Disclose,
    /// Key `unknown_tool`.
    pub unknown_tool: UnknownTool,
    /// Key `hide`: tools that are refused by name are left out of tool lists.
    pub hide: bool,
    /// Key `empty_properties`.
    pub empty_properties: EmptyProperties,
    /// The preset `strict`: nothing may start without a place to write the audit to.
    pub needs_audit: bool,
    /// Table `[definitions]`: what becomes of hidden text in what a server says about its tools.
    pub definitions: Hiding,
    /// Table `[pins]`.
    pub pins: PinPolicy,
    /// Key `mode`, when it is `shadow`: what the rules would refuse is reported and runs.
    pub shadow: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ghosts: Ghosts::default(),
            near_miss: NearMiss::default(),
            disclose: Disclose::default(),
            unknown_tool: UnknownTool::default(),
            hide: false,
            empty_properties: EmptyProperties::default(),
            needs_audit: false,
            // What a person who reads a definition cannot see, a model shall not read.
            definitions: Hiding { refuse: Kinds::NONE, strip: Kinds::ALL },
            pins: PinPolicy::default(),
            shadow: false,
        }
    }
}
