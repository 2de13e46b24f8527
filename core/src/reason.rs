//! The one numbered registry of refusal reasons.

/// Why a call was refused. Numbers and names are contracts: never renumbered, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum Reason {
    /// The arguments do not satisfy the tool's schema.
    ValidationFailed = 1,
    /// The arguments are not one strict JSON object.
    MalformedArguments = 2,
    /// Every violation is an argument that the tool does not declare.
    GhostArguments = 3,
    /// No completed tool list declares this name.
    UnknownTool = 4,
    /// A deny rule names this tool.
    ToolDenied = 5,
    /// No allow rule names this tool.
    ToolNotAllowed = 6,
    /// A condition on the arguments does not hold.
    ConditionFailed = 7,
    /// Outside the time window.
    TimeRestricted = 8,
    /// A rate limit is used up.
    RateLimited = 9,
    /// The policy wants to know the agent.
    IdentityRequired = 10,
    /// The caller lacks the role.
    RoleDenied = 11,
    /// A budget is used up.
    BudgetExceeded = 12,
    /// The tool's definition is not the one that was approved.
    ToolChanged = 13,
    /// The tool's output does not satisfy its output schema, or cannot be shown.
    OutputInvalid = 14,
    /// The sandbox could not run the call.
    SandboxError = 15,
    /// A fault of the guard itself.
    InternalError = 16,
    /// A human must approve this call.
    ApprovalRequired = 17,
    /// The kill switch is on.
    Halted = 18,
    /// A rule about the calls before this one.
    SessionRule = 19,
    /// A bound on work was reached.
    TooComplex = 20,
    /// The tool's schema cannot be compiled, so its calls cannot be checked.
    ToolUnsupported = 21,
}

impl Reason {
    /// Every reason, by its number.
    pub const ALL: &[Self] = &[
        Self::ValidationFailed,
        Self::MalformedArguments,
        Self::GhostArguments,
        Self::UnknownTool,
        Self::ToolDenied,
        Self::ToolNotAllowed,
        Self::ConditionFailed,
        Self::TimeRestricted,
        Self::RateLimited,
        Self::IdentityRequired,
        Self::RoleDenied,
        Self::BudgetExceeded,
        Self::ToolChanged,
        Self::OutputInvalid,
        Self::SandboxError,
        Self::InternalError,
        Self::ApprovalRequired,
        Self::Halted,
        Self::SessionRule,
        Self::TooComplex,
        Self::ToolUnsupported,
    ];

    /// The stable name, as in a refusal's `reason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValidationFailed => "validation_failed",
            Self::MalformedArguments => "malformed_arguments",
            Self::GhostArguments => "ghost_arguments",
            Self::UnknownTool => "unknown_tool",
            Self::ToolDenied => "tool_denied",
            Self::ToolNotAllowed => "tool_not_allowed",
            Self::ConditionFailed => "condition_failed",
            Self::TimeRestricted => "time_restricted",
            Self::RateLimited => "rate_limited",
            Self::IdentityRequired => "identity_required",
            Self::RoleDenied => "role_denied",
            Self::BudgetExceeded => "budget_exceeded",
            Self::ToolChanged => "tool_changed",
            Self::OutputInvalid => "output_invalid",
            Self::SandboxError => "sandbox_error",
            Self::InternalError => "internal_error",
            Self::ApprovalRequired => "approval_required",
            Self::Halted => "halted",
            Self::SessionRule => "session_rule",
            Self::TooComplex => "too_complex",
            Self::ToolUnsupported => "tool_unsupported",
        }
    }

    /// The reason that has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }

    /// What it means, in a sentence for the model of at most 64 bytes.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::ValidationFailed => "The arguments do not fit the tool.",
            Self::MalformedArguments => "The arguments are not one valid JSON object.",
            Self::GhostArguments => "Some arguments are not declared by the tool.",
            Self::UnknownTool => "There is no tool of this name.",
            Self::ToolDenied => "This tool must not be used.",
            Self::ToolNotAllowed => "This tool is not among the allowed ones.",
            Self::ConditionFailed => "The arguments are outside of what is allowed.",
            Self::TimeRestricted => "This tool must not be used at this time.",
            Self::RateLimited => "Too many calls; wait before the next.",
            Self::IdentityRequired => "This tool needs to know the agent.",
            Self::RoleDenied => "The agent lacks the role for this tool.",
            Self::BudgetExceeded => "The budget for this tool is used up.",
            Self::ToolChanged => "This tool has changed since it was approved.",
            Self::OutputInvalid => "The output of the tool cannot be shown.",
            Self::SandboxError => "The sandbox could not run the call.",
            Self::InternalError => "The call could not be checked.",
            Self::ApprovalRequired => "A human must approve this call.",
            Self::Halted => "All tool calls are halted.",
            Self::SessionRule => "This call must not follow the calls before it.",
            Self::TooComplex => "The arguments are too complex to check.",
            Self::ToolUnsupported => "The calls of this tool cannot be checked.",
        }
    }

    /// Whether the model may send a corrected call; no correction of arguments lifts the others.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::ValidationFailed
                | Self::MalformedArguments
                | Self::GhostArguments
                | Self::ConditionFailed
                | Self::RateLimited
                | Self::SandboxError
                | Self::TooComplex
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_places_in_the_list() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, at + 1);
        }
    }
}
