//! Who calls, what, and when.

/// Who makes a call, as the operator vouches for it; nothing here may come from the model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// Name of the agent.
    pub agent: Option<&'a str>,
    /// Roles of the agent.
    pub roles: &'a [&'a str],
    /// Tenant that the agent works for.
    pub tenant: Option<&'a str>,
}

/// One tool call to decide on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// Name of the tool, compared byte for byte.
    pub tool: &'a str,
    /// The arguments as the model wrote them: bytes that should be one JSON object.
    pub arguments: &'a [u8],
    /// Who calls.
    pub caller: Caller<'a>,
    /// Name of the server that has the tool, as the operator calls it.
    pub server: Option<&'a str>,
    /// The session that the call belongs to: limits may count by it, and who keeps sessions finds its
    /// memory by it.
    pub session: Option<&'a str>,
    /// The moment of the call in Unix milliseconds; without it rules about time cannot hold.
    pub now: Option<u64>,
}
