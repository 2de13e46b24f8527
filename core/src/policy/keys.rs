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
        "arguments",
        "audit",
        "budget",
        "calendar",
        "default",
        "definitions",
        "denied_tools",
        "disclose",
        "empty_properties",
        "ghosts",
        "hide",
        "kinds",
        "limit",
        "mask_pii",
        "mask_secrets",
        "max_output_bytes",
        "max_output_chars",
        "max_output_lines",
        "max_output_tokens",
        "mode",
        "name",
        "near_miss",
        "output",
        "pins",
        "preset",
        "rate_limits",
        "repair",
        "require_agent_id",
        "roles",
        "rule",
        "session",
        "sets",
        "store",
        "test",
        "time_restrictions",
        "tz",
        "unknown_args",
        "unknown_tool",
    ],
    later: &[("sandbox", "sandboxes")],
};

pub(super) const RULE: Keys = Keys {
    known: &[
        "adds",
        "adds_when",
        "after",
        "agents",
        "cooldown",
        "effect",
        "except_roles",
        "hint",
        "id",
        "labels",
        "max_calls",
        "missing",
        "mode",
        "once",
        "roles",
        "servers",
        "tenants",
        "tools",
        "ttl",
        "when",
    ],
    later: &[],
};

/// An earlier call that a rule asks for.
pub(super) const AFTER: Keys = Keys { known: &["same", "tool", "within"], later: &[] };
pub(super) const SESSION: Keys =
    Keys { known: &["idle", "labels", "max_calls", "max_sessions"], later: &[] };

/// What one value must satisfy.
pub(super) const CONDITION: Keys = Keys {
    known: &[
        "argv",
        "comments",
        "contains",
        "each",
        "email",
        "eq",
        "eq_ctx",
        "ge",
        "glob",
        "gt",
        "in",
        "le",
        "lt",
        "max_len",
        "min_len",
        "ne",
        "ne_ctx",
        "not_in",
        "optional",
        "prefix",
        "present",
        "regex",
        "single",
        "sql",
        "subset",
        "suffix",
        "tables_any",
        "tables_only",
        "type",
        "under",
        "url",
        "verbs",
        "verbs_only",
    ],
    later: &[
        ("pii", "conditions on personal data"),
        ("secrets", "conditions on secrets"),
        ("unicode", "conditions on characters"),
    ],
};

pub(super) const URL: Keys = Keys { known: &["address", "host", "port", "scheme"], later: &[] };
pub(super) const ARGV: Keys =
    Keys { known: &["compound", "flags", "operands", "program", "rest"], later: &[] };
pub(super) const WINDOW: Keys =
    Keys { known: &["days", "except_dates", "from", "to", "tz"], later: &[] };
pub(super) const LIMIT: Keys =
    Keys { known: &["burst", "id", "key", "rate", "refused", "tools"], later: &[] };
pub(super) const BUDGET: Keys =
    Keys { known: &["id", "key", "max", "sum", "tools", "window"], later: &[] };
pub(super) const TEST: Keys =
    Keys { known: &["call", "expect", "name", "params", "steps"], later: &[] };
pub(super) const CALL: Keys = Keys {
    known: &["agent", "args", "now", "role", "server", "session", "tenant", "tool"],
    later: &[],
};
/// A call that says itself what must become of it.
pub(super) const STEP: Keys = Keys {
    known: &["agent", "args", "expect", "now", "role", "server", "session", "tenant", "tool"],
    later: &[],
};
pub(super) const EXPECT: Keys =
    Keys { known: &["at", "effect", "reason", "rule", "stripped"], later: &[] };
pub(super) const DENIED: Keys = Keys { known: &["hint", "tools"], later: &[] };
pub(super) const AUDIT: Keys = Keys {
    known: &[
        "chain",
        "checkpoint",
        "checkpoint_every",
        "fsync",
        "keep",
        "key_file",
        "max_bytes",
        "mode",
        "on_error",
        "path",
        "preview",
        "queue",
        "when_full",
    ],
    later: &[],
};
pub(super) const PINS: Keys = Keys { known: &["change", "mode", "tolerate"], later: &[] };
pub(super) const STORE: Keys = Keys {
    known: &["ca_file", "kill_key", "namespace", "on_loss", "redis", "timeout_ms"],
    later: &[],
};
pub(super) const AGENT: Keys = Keys { known: &["roles", "tenant"], later: &[] };
pub(super) const ARGUMENTS: Keys = Keys { known: &["repair"], later: &[] };
pub(super) const OUTPUT: Keys = Keys {
    known: &[
        "allow",
        "keep",
        "mask",
        "max_bytes",
        "max_chars",
        "max_lines",
        "max_tokens",
        "refuse",
        "strip",
        "style",
    ],
    later: &[],
};
pub(super) const DEFINITIONS: Keys = Keys { known: &["refuse", "strip"], later: &[] };
