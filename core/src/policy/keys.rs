//! The keys of the language, by table.
//!
//! What belongs to the language but not to this version is listed too, so that an operator is told
//! that it is not supported rather than that it is misspelt.

/// The keys of one kind of table.
pub(super) struct Keys {
    /// Those that are read.
    pub known: &'static [&'static str],
    /// Those that a later version will read, and what they are for.
    pub later: &'static [(&'static str, &'static str)],
}

pub(super) const DOCUMENT: Keys = Keys {
    known: &[
        "agents",
        "airlock",
        "allowed_roles",
        "allowed_tools",
        "default",
        "denied_tools",
        "disclose",
        "empty_properties",
        "ghosts",
        "hide",
        "mask_pii",
        "mask_secrets",
        "max_output_bytes",
        "max_output_chars",
        "max_output_lines",
        "max_output_tokens",
        "name",
        "near_miss",
        "output",
        "preset",
        "repair",
        "require_agent_id",
        "roles",
        "rule",
        "unknown_args",
        "unknown_tool",
    ],
    later: &[
        ("budget", "budgets"),
        ("calendar", "calendars"),
        ("kinds", "kinds of arguments"),
        ("limit", "limits"),
        ("rate_limits", "rate limits"),
        ("sandbox", "sandboxes"),
        ("sets", "sets for conditions"),
        ("test", "embedded tests"),
        ("time_restrictions", "time windows"),
    ],
};

pub(super) const RULE: Keys = Keys {
    known: &["agents", "effect", "except_roles", "hint", "id", "roles", "tenants", "tools"],
    later: &[
        ("adds", "session labels"),
        ("adds_when", "session labels"),
        ("after", "conditions on earlier calls"),
        ("labels", "session labels"),
        ("limit", "limits"),
        ("missing", "conditions on arguments"),
        ("mode", "shadow mode"),
        ("once", "conditions on earlier calls"),
        ("servers", "rules by server"),
        ("ttl", "approvals"),
        ("when", "conditions on arguments"),
    ],
};

pub(super) const DENIED: Keys = Keys { known: &["hint", "tools"], later: &[] };
pub(super) const AGENT: Keys = Keys { known: &["roles", "tenant"], later: &[] };
pub(super) const OUTPUT: Keys = Keys {
    known: &["allow", "keep", "mask", "max_bytes", "max_chars", "max_lines", "max_tokens", "style"],
    later: &[("strip", "stripping control characters from outputs")],
};
