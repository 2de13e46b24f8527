//! Messages that the firewall writes itself.

use alloc::format;
use alloc::vec::Vec;

use super::edit::{push_escaped, push_literal};

/// JSON-RPC 2.0, section 5.1: the bytes are no JSON.
pub(super) const PARSE_ERROR: i32 = -32700;
/// JSON-RPC 2.0, section 5.1: no valid request.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC 2.0, section 5.1: the parameters are wrong; MCP uses it for unknown tools.
pub(super) const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC 2.0, section 5.1: a fault of the receiver.
pub(super) const INTERNAL_ERROR: i32 = -32603;

/// What a call gets, or whoever waits for an output, when the audit fails.
pub(super) const UNRECORDED: &str = "the audit log cannot be written";

/// How many characters of a tool's name an error repeats.
const NAME_CHARS: usize = 128;

/// Appends an error reply. Without an id it is `null`, as JSON-RPC 2.0, section 5 has it.
pub(super) fn error(id: Option<&[u8]>, code: i32, message: &str, out: &mut Vec<u8>) {
    begin(id, out);
    out.extend_from_slice(b",\"error\":{\"code\":");
    push_code(code, out);
    out.extend_from_slice(b",\"message\":");
    push_literal(message.as_bytes(), out);
    out.extend_from_slice(b"}}");
}

/// Appends the error of a tool that does not exist, or must seem not to.
pub(super) fn unknown_tool(id: &[u8], tool: &str, out: &mut Vec<u8>) {
    begin(Some(id), out);
    out.extend_from_slice(b",\"error\":{\"code\":");
    push_code(INVALID_PARAMS, out);
    out.extend_from_slice(b",\"message\":\"Unknown tool: ");
    let end = tool.char_indices().nth(NAME_CHARS).map_or(tool.len(), |(at, _)| at);
    push_escaped(tool.get(..end).unwrap_or(tool), out);
    out.extend_from_slice(b"\"}}");
}

/// Appends a refused call: a result that the model reads as an error, with the refusal as its text and,
/// for programs, as `_meta`; never as `structuredContent`, which clients hold against the tool's own
/// output schema. Protocol 2026-07-28 (`modern`) wants a `resultType`.
pub(super) fn refusal(id: &[u8], json: &[u8], modern: bool, out: &mut Vec<u8>) {
    begin(Some(id), out);
    out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
    push_literal(json, out);
    out.extend_from_slice(b"}],\"isError\":true,\"_meta\":{\"airlock/refusal\":");
    out.extend_from_slice(json);
    out.push(b'}');
    if modern {
        out.extend_from_slice(b",\"resultType\":\"complete\"");
    }
    out.extend_from_slice(b"}}");
}

fn begin(id: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.unwrap_or(b"null"));
}

fn push_code(code: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{code}").as_bytes());
}
