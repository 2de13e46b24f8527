/*
 * Airlock: a firewall for the tool calls of AI agents.
 *
 *     guard   = policy + tools, compiled once       airlock_guard_new
 *     scratch = the memory of one thread            airlock_scratch_new
 *     before a tool runs                            airlock_check
 *     after it ran                                  airlock_filter, airlock_stream_feed
 *     both, with clock, limits and audit log        airlock_firewall_call, airlock_firewall_filter (std)
 *     the messages of an MCP connection             airlock_relay_client, airlock_relay_server
 *     those with clock, limits, audit log and pins  airlock_firewall_relay_new (std)
 *
 * Written by `cargo xtask gen`: do not edit. What holds for all functions:
 *
 * - A function returns a status. Anything but AIRLOCK_OK means deny: do not run the call, do not show the
 *   output. A verdict says AIRLOCK_REFUSE and an action AIRLOCK_DROP unless the function returned AIRLOCK_OK, with
 *   the one exception that airlock_relay_client describes.
 * - Pointers are checked for NULL and alignment, sizes and flags for what is known; what is wrong is
 *   AIRLOCK_INVALID_ARGUMENT. Nothing else can be known of a pointer: it must point to what its type says.
 * - A text is a pointer and a length, and is borrowed for the call. It must be UTF-8, but for arguments,
 *   outputs and messages, which may be any bytes.
 * - A struct begins with struct_size: set it to sizeof, and all you do not know to zero. Structs grow at their
 *   end, so that a program keeps working with a later library.
 * - An output goes to a buffer of yours. When it is too small the status is AIRLOCK_BUFFER_TOO_SMALL, the length
 *   says what suffices, and the content of the buffer means nothing. A NULL buffer of size 0 asks for the length.
 * - What a function makes you free, with the function named for it. Nothing else is yours to free.
 * - A const handle may be used by any number of threads at once; one that is not const by one thread at a
 *   time, and a free function by none beside it. There is no thread-local state: a call may move between
 *   threads.
 * - No function starts a thread, installs a signal handler, changes the locale or reads the environment. All of
 *   it works after fork. The one exception is a firewall whose policy wants the audit log written by a thread:
 *   airlock_firewall_new says when.
 * - A fault of the library is caught and is AIRLOCK_PANICKED. Then, and when an audit log cannot be written,
 *   something is written to the standard error stream, and at no other time.
 * - Without memory the process ends, as Rust programs do; bounds keep inputs from asking for much.
 */

#ifndef AIRLOCK_H
#define AIRLOCK_H

#include <stddef.h>
#include <stdint.h>

/* The version of the library that this header is of. */
#define AIRLOCK_VERSION "0.1.0"

/* What functions return. Anything but AIRLOCK_OK means deny. */
/* The function did what it is for. Only now may its outputs be read. */
#define AIRLOCK_OK 0u
/* A pointer is null or not aligned, a size or a flag is not known, or an id is not of this guard. */
#define AIRLOCK_INVALID_ARGUMENT 256u
/* The buffer for the output is too small; the length that suffices was written. */
#define AIRLOCK_BUFFER_TOO_SMALL 257u
/* A text that must be UTF-8 is not. */
#define AIRLOCK_INVALID_UTF8 258u
/* A fault of the library itself; it was caught. */
#define AIRLOCK_PANICKED 259u
/* The policy cannot be honoured. */
#define AIRLOCK_POLICY_INVALID 260u
/* A tool, or the list of tools, cannot be honoured. */
#define AIRLOCK_TOOL_INVALID 261u
/* The guard has no tool of this name. */
#define AIRLOCK_TOOL_UNKNOWN 262u
/* This build of the library cannot do it. */
#define AIRLOCK_UNSUPPORTED 263u
/* The memory that was lent is too small. */
#define AIRLOCK_MEMORY_TOO_SMALL 264u
/* The text is no JSON document that may be read. */
#define AIRLOCK_JSON_INVALID 265u
/* There is nothing of this name. */
#define AIRLOCK_NOT_FOUND 266u
/* The stream or relay is broken or busy; free it. */
#define AIRLOCK_BROKEN 267u
/* The output may not be shown. */
#define AIRLOCK_REFUSED 268u
/* The audit log is missing, or cannot be opened or written. */
#define AIRLOCK_AUDIT_FAILED 269u
/* The pin file cannot be read, or the server has no name in it. */
#define AIRLOCK_PINS_FAILED 270u

/* Why a call or an output is refused. */
/* The arguments do not fit the tool. */
#define AIRLOCK_REASON_VALIDATION_FAILED 1u
/* The arguments are not one valid JSON object. */
#define AIRLOCK_REASON_MALFORMED_ARGUMENTS 2u
/* Some arguments are not declared by the tool. */
#define AIRLOCK_REASON_GHOST_ARGUMENTS 3u
/* There is no tool of this name. */
#define AIRLOCK_REASON_UNKNOWN_TOOL 4u
/* This tool must not be used. */
#define AIRLOCK_REASON_TOOL_DENIED 5u
/* This tool is not among the allowed ones. */
#define AIRLOCK_REASON_TOOL_NOT_ALLOWED 6u
/* The arguments are outside of what is allowed. */
#define AIRLOCK_REASON_CONDITION_FAILED 7u
/* This tool must not be used at this time. */
#define AIRLOCK_REASON_TIME_RESTRICTED 8u
/* Too many calls; wait before the next. */
#define AIRLOCK_REASON_RATE_LIMITED 9u
/* This tool needs to know the agent. */
#define AIRLOCK_REASON_IDENTITY_REQUIRED 10u
/* The agent lacks the role for this tool. */
#define AIRLOCK_REASON_ROLE_DENIED 11u
/* The budget for this tool is used up. */
#define AIRLOCK_REASON_BUDGET_EXCEEDED 12u
/* This tool has changed since it was approved. */
#define AIRLOCK_REASON_TOOL_CHANGED 13u
/* The output of the tool cannot be shown. */
#define AIRLOCK_REASON_OUTPUT_INVALID 14u
/* The sandbox could not run the call. */
#define AIRLOCK_REASON_SANDBOX_ERROR 15u
/* The call could not be checked. */
#define AIRLOCK_REASON_INTERNAL_ERROR 16u
/* A human must approve this call. */
#define AIRLOCK_REASON_APPROVAL_REQUIRED 17u
/* All tool calls are halted. */
#define AIRLOCK_REASON_HALTED 18u
/* This call must not follow the calls before it. */
#define AIRLOCK_REASON_SESSION_RULE 19u
/* The arguments are too complex to check. */
#define AIRLOCK_REASON_TOO_COMPLEX 20u
/* The calls of this tool cannot be checked. */
#define AIRLOCK_REASON_TOOL_UNSUPPORTED 21u

/* Bounds on the work for one call, and what options begin with. */
/* Bytes of the arguments of a call. */
#define AIRLOCK_MAX_ARGUMENTS 1048576u
/* Nested containers in arguments. */
#define AIRLOCK_MAX_ARGUMENTS_DEPTH 128u
/* Steps of a validation. */
#define AIRLOCK_MAX_STEPS 1048576u
/* Bytes of an output. */
#define AIRLOCK_MAX_OUTPUT 67108864u
/* Nested containers in an output. */
#define AIRLOCK_MAX_OUTPUT_DEPTH 128u
/* Bytes of an MCP message. */
#define AIRLOCK_MAX_MESSAGE 10485760u
/* Nested containers in a message. */
#define AIRLOCK_MAX_MESSAGE_DEPTH 132u
/* Bytes of a policy. */
#define AIRLOCK_MAX_POLICY 1048576u
/* Rules of a policy. */
#define AIRLOCK_MAX_RULES 4096u
/* Bytes of a refusal. */
#define AIRLOCK_MAX_REFUSAL 2048u

// The call must not run, the output must not be shown.
#define AIRLOCK_REFUSE 0

// The call may run, the output may be shown.
#define AIRLOCK_ALLOW 1

// `out` holds `out_len` bytes to pass on in place of the input. Without this flag an allowed input
// is passed on as it is, and nothing was written to `out`.
#define AIRLOCK_CHANGED 1

// The model may send a corrected call.
#define AIRLOCK_RETRYABLE 2

// Something of the output was cut off.
#define AIRLOCK_TRUNCATED 4

// Rules in shadow mode would have decided otherwise; `airlock_details` says how.
#define AIRLOCK_SHADOWED 8

// In a call: keep details for `airlock_details`.
#define AIRLOCK_KEEP_DETAILS 1

// An output is text; what is a JSON object or array in it stays JSON.
#define AIRLOCK_TEXT 0

// An output is a JSON document.
#define AIRLOCK_JSON 1

// `policy` is the name of a preset: `permissive`, `strict`, `read_only` or `business_hours`.
#define AIRLOCK_POLICY_PRESET 0

// `policy` is a document in JSON.
#define AIRLOCK_POLICY_JSON 1

// `policy` is a document in TOML; only in a library with `std`, else `AIRLOCK_UNSUPPORTED`.
#define AIRLOCK_POLICY_TOML 2

// `policy` is the path of a file that ends in `.toml` or `.json`; only in a library with `std`.
#define AIRLOCK_POLICY_FILE 3

// `format` in schemas is asserted, not only noted.
#define AIRLOCK_ASSERT_FORMATS 1

// A tool whose schema cannot be honoured does not fail the guard: its calls are refused with
// `AIRLOCK_REASON_TOOL_UNSUPPORTED`.
#define AIRLOCK_WITHHOLD_TOOLS 2

// You count the limits of the policy yourself, from the charges in `airlock_details`. Without this
// flag a policy that has limits is `AIRLOCK_UNSUPPORTED`, for a guard does not count.
#define AIRLOCK_HOST_LIMITS 4

// A JSON value: `null`.
#define AIRLOCK_JSON_NULL 0

// A JSON value: `false`.
#define AIRLOCK_JSON_FALSE 1

// A JSON value: `true`.
#define AIRLOCK_JSON_TRUE 2

// A JSON value: a number; its bytes are its spelling.
#define AIRLOCK_JSON_NUMBER 3

// A JSON value: a string; its bytes include the quotes. `airlock_json_string` undoes its escapes.
#define AIRLOCK_JSON_STRING 4

// A JSON value: an array.
#define AIRLOCK_JSON_ARRAY 5

// A JSON value: an object.
#define AIRLOCK_JSON_OBJECT 6

// Nobody knows what the tool did.
#define AIRLOCK_OUTCOME_UNKNOWN 0

// The tool did what it was asked.
#define AIRLOCK_OUTCOME_OK 1

// The tool did nothing.
#define AIRLOCK_OUTCOME_FAILED 2

// In options of masks and cuts: the text is a JSON document, and stays one.
#define AIRLOCK_AS_JSON 1

// Send nothing.
#define AIRLOCK_DROP 0

// Send the message to the other side: what is in `out` with the flag `AIRLOCK_CHANGED`, else the
// message itself.
#define AIRLOCK_FORWARD 1

// Send what is in `out` back to where the message came from.
#define AIRLOCK_ANSWER 2

// Only for messages of the client: the list of tools must be known first. Send what
// `airlock_relay_list_request` returns to the server, pass on what the server says, and present
// the message again when an action of the server does not have the flag `AIRLOCK_LISTING`.
#define AIRLOCK_HOLD 3

// Only for messages of the server: this is no message. Show it to a person, if anyone.
#define AIRLOCK_NOISE 4

// In an action: our own list of the server's tools is on its way.
#define AIRLOCK_LISTING 16

// In an event: the message was going from the client to the server.
#define AIRLOCK_TO_SERVER 0

// In an event: the message was going from the server to the client.
#define AIRLOCK_TO_CLIENT 1

// An event: a call passes.
#define AIRLOCK_EVENT_ALLOWED 1

// An event: a message was not passed on, and nobody can be answered.
#define AIRLOCK_EVENT_DROPPED 2

// An event: an output was masked or cut.
#define AIRLOCK_EVENT_FILTERED 3

// An event: a call or an output is refused.
#define AIRLOCK_EVENT_REFUSED 4

// An event: a message got a JSON-RPC error.
#define AIRLOCK_EVENT_REJECTED 5

// An event: a call of a tool that no list has passes unchecked, because the policy says so.
#define AIRLOCK_EVENT_UNCHECKED 6

// An event: a tool's definition is remarkable.
#define AIRLOCK_EVENT_WARNED 7

// An event: a tool is left out of the list.
#define AIRLOCK_EVENT_WITHHELD 8

// Of what is cut the beginning is kept.
#define AIRLOCK_KEEP_HEAD 0

// Of what is cut the end is kept.
#define AIRLOCK_KEEP_TAIL 1

// Of what is cut the beginning and the end are kept.
#define AIRLOCK_KEEP_ENDS 2

// The version of this interface. It changes when a program that was written for an earlier one
// could break; additions do not change it.
#define AIRLOCK_ABI_VERSION 1

// Who makes calls, as the host vouches for it; nothing here may come from the model. Immutable:
// any number of threads may use one at once.
typedef struct airlock_caller airlock_caller;

// A guard, the clocks of the system, the limits and sessions of the policy, a kill switch and the audit
// log.
// Only in a library with `std`. Any number of threads may use one at once; one call of a function
// waits for another only to count limits and to write the audit log.
typedef struct airlock_firewall airlock_firewall;

// A compiled policy and compiled tools. Immutable: any number of threads may use one at once.
typedef struct airlock_guard airlock_guard;

// A document that was read. It lies in the memory that was lent and points into the text: both
// must stay as they are while it is used. There is nothing to free. Any number of threads may use
// one at once.
typedef struct airlock_json airlock_json;

// A call that was let through and has not ended. It keeps neither its firewall nor the arguments.
// One thread at a time.
typedef struct airlock_permit airlock_permit;

// The firewall of one connection between an MCP client and an MCP server. Messages of both
// directions go through it, one at a time and in the order of their arrival. One thread at a time.
// It keeps what it needs of its guard or firewall.
typedef struct airlock_relay airlock_relay;

// What calls are decided in; it is reused from call to call, and after the first calls nothing
// allocates. One thread at a time; it serves any guard.
typedef struct airlock_scratch airlock_scratch;

// Masks an output that comes in pieces. One thread at a time. It keeps what it needs of its guard.
//
// Text is masked as if it had come whole, and at most 8 KiB are held back, but for a value that
// has begun and not ended. Where the policy limits the output of the tool, all of it is held back
// until the end, for only then is it known what is cut. Pieces are always text; for JSON that must
// stay valid use `airlock_filter`.
typedef struct airlock_stream airlock_stream;

// What functions return.
typedef uint32_t airlock_status;

// Borrowed bytes, mostly UTF-8; no NUL is needed at the end, and none ends them. `data` may be
// NULL when `len` is 0: where a text may be absent, that is how it is.
typedef struct airlock_str {
    // The first byte.
    const char *data;
    // How many bytes.
    size_t len;
} airlock_str;

// The circumstances of a call. Set `struct_size`; zero is a good value for all the rest.
typedef struct airlock_call {
    // `sizeof(airlock_call)`.
    uint32_t struct_size;
    // `AIRLOCK_KEEP_DETAILS`, or 0.
    uint32_t flags;
    // The name of the tool, for a call whose tool id is 0.
    struct airlock_str tool_name;
    // Who calls; NULL is nobody in particular.
    const struct airlock_caller *caller;
    // The name of the server that has the tool; absent is none.
    struct airlock_str server;
    // The session that the call belongs to; absent is none.
    struct airlock_str session;
    // The moment in Unix milliseconds; 0 is unknown, and rules about time cannot hold then. A
    // firewall looks at the clock instead.
    uint64_t now_ms;
} airlock_call;

// What was decided. Set `struct_size` before you pass it. Whatever goes wrong, it says
// `AIRLOCK_REFUSE`.
typedef struct airlock_verdict {
    // `sizeof(airlock_verdict)`.
    uint32_t struct_size;
    // `AIRLOCK_REFUSE` or `AIRLOCK_ALLOW`; there will never be a third.
    uint32_t decision;
    // Why it was refused, `AIRLOCK_REASON_...`; 0 when it was not.
    uint32_t reason;
    // `AIRLOCK_CHANGED` and the like, joined with `|`.
    uint32_t flags;
    // How many bytes were written to `out`, or how many it must have room for.
    size_t out_len;
    // How many values were masked in an output, violations found in a call.
    uint32_t count;
    // Zero.
    uint32_t reserved;
    // When to try again, in milliseconds; 0 where nothing is known of that.
    uint64_t retry_after_ms;
} airlock_verdict;

// What a guard is made from. Set `struct_size`; zero is a good value for all the rest.
typedef struct airlock_guard_options {
    // `sizeof(airlock_guard_options)`.
    uint32_t struct_size;
    // `AIRLOCK_ASSERT_FORMATS` and the like, joined with `|`.
    uint32_t flags;
    // The policy; absent is the preset `permissive`.
    struct airlock_str policy;
    // The tools in JSON: an array of `{"name", "inputSchema", "outputSchema"}`, or an object with
    // such an array called `tools`, as MCP's `tools/list` returns it.
    struct airlock_str tools;
    // Documents that schemas refer to, in JSON: an object from URIs to schemas; absent is none.
    struct airlock_str documents;
    // What `policy` is: `AIRLOCK_POLICY_PRESET` and the like.
    uint32_t policy_format;
    // Most steps of a validation; 0 is `AIRLOCK_MAX_STEPS`.
    uint32_t max_steps;
    // Most bytes of arguments; 0 is `AIRLOCK_MAX_ARGUMENTS`.
    size_t max_arguments;
    // Most bytes of an output; 0 is `AIRLOCK_MAX_OUTPUT`.
    size_t max_output;
    // The key of the mask style `hash`, at least 16 bytes; only in a library with `std`.
    struct airlock_str mask_key;
} airlock_guard_options;

// What a firewall has besides what a guard has. Set `struct_size`; zero is a good value for all
// the rest.
typedef struct airlock_firewall_options {
    // `sizeof(airlock_firewall_options)`.
    uint32_t struct_size;
    // Zero.
    uint32_t flags;
    // The path of the audit log, in place of the one that the policy names; absent is that one.
    struct airlock_str audit_path;
    // The path of a file that halts every call while it exists; absent is none.
    struct airlock_str kill_file;
    // The path of a file that keeps the definitions of the tools of MCP servers, for the relays of the
    // firewall: a tool whose definition changes is refused, as `[pins]` of the policy says; absent is
    // none.
    struct airlock_str pin_file;
} airlock_firewall_options;

// What went wrong, for a person who configures: nothing in it comes from a call. Texts end with
// NUL and are cut to fit. Set `struct_size` before you pass it.
typedef struct airlock_error {
    // `sizeof(airlock_error)`.
    uint32_t struct_size;
    // The status that the function returned.
    uint32_t code;
    // The line in the document, from 1; 0 where none is known.
    uint32_t line;
    // The character in the line, from 1; 0 where none is known.
    uint32_t column;
    // What is wrong, in a sentence or two.
    char message[512];
    // Where: an RFC 6901 pointer, or a path like `rule[2].effect` in a policy.
    char pointer[256];
} airlock_error;

// How many calls run, and how those that ended did. Set `struct_size` before you pass it.
typedef struct airlock_calls {
    // `sizeof(airlock_calls)`.
    uint32_t struct_size;
    // Zero.
    uint32_t reserved;
    // Permits that are not finished.
    uint64_t running;
    // Finished with `AIRLOCK_OUTCOME_OK`.
    uint64_t ok;
    // Finished with `AIRLOCK_OUTCOME_FAILED`.
    uint64_t failed;
    // Finished with `AIRLOCK_OUTCOME_UNKNOWN`, or freed.
    uint64_t unknown;
    // Refused.
    uint64_t refused;
} airlock_calls;

// A value of a document.
typedef struct airlock_json_value {
    // `AIRLOCK_JSON_NULL` and the like.
    uint32_t kind;
    // Members of an object, elements of an array; else 0.
    uint32_t count;
    // Its bytes in the text.
    struct airlock_str raw;
} airlock_json_value;

// What is masked, and how. Set `struct_size`; zero is a good value for all the rest.
typedef struct airlock_redact_options {
    // `sizeof(airlock_redact_options)`.
    uint32_t struct_size;
    // `AIRLOCK_AS_JSON`, or 0.
    uint32_t flags;
    // Types between commas, like `secret,pii.core,-pii.core.ip`; absent is what a guard masks by
    // default.
    struct airlock_str types;
    // The style of the masks, like `type`; absent is `default`. `hash` needs a guard, and is
    // `type` here.
    struct airlock_str style;
} airlock_redact_options;

// A decision on a message. It lives for the call of the function that gets it; no value of a call
// is in it.
typedef struct airlock_event {
    // `sizeof(airlock_event)`, as the library knows it.
    uint32_t struct_size;
    // `AIRLOCK_EVENT_ALLOWED` and the like; later versions may have more.
    uint32_t kind;
    // `AIRLOCK_TO_SERVER` or `AIRLOCK_TO_CLIENT`.
    uint32_t direction;
    // Why, `AIRLOCK_REASON_...`, for what was refused; else 0.
    uint32_t reason;
    // How many values were masked.
    uint32_t masked;
    // The JSON-RPC error code of what was rejected; else 0.
    int32_t code;
    // The tool that it is about; absent where it is about none.
    struct airlock_str tool;
    // The rule that decided, or why in words; absent where there is neither.
    struct airlock_str detail;
} airlock_event;

// Records a decision before it takes effect. Anything but 0 says that it could not be recorded:
// what the event would have let through is then refused. It must not call functions with the
// relay, throw or jump.
typedef uint32_t (*airlock_record)(void *context, const struct airlock_event *event);

// What a relay is made from. Set `struct_size`, and `nonce` where there is no firewall; zero is a good value
// for all the rest.
typedef struct airlock_relay_options {
    // `sizeof(airlock_relay_options)`.
    uint32_t struct_size;
    // Zero.
    uint32_t flags;
    // 64 random bits or more, as 8 to 64 letters and digits: they make the ids of our own
    // requests, which neither side may guess. A relay under a firewall makes its own.
    struct airlock_str nonce;
    // Most bytes of a message; 0 is `AIRLOCK_MAX_MESSAGE`.
    size_t max_message;
    // Most requests of one direction that wait for a reply; 0 is 1,024.
    size_t max_pending;
    // What records decisions; NULL is nothing.
    airlock_record record;
    // What `record` gets as its first argument.
    void *context;
    // For a relay under a firewall, your name of the MCP server: relays to servers of the same name share
    // what they learn of its tools, and with a pin file it is the key of its pins. Absent is none.
    struct airlock_str server;
} airlock_relay_options;

// What to do with a message. Set `struct_size` before you pass it. Whatever goes wrong, it says
// `AIRLOCK_DROP`.
typedef struct airlock_action {
    // `sizeof(airlock_action)`.
    uint32_t struct_size;
    // `AIRLOCK_FORWARD` and the like. What is not known: drop.
    uint32_t action;
    // `AIRLOCK_CHANGED` and `AIRLOCK_LISTING`, joined with `|`.
    uint32_t flags;
    // Zero.
    uint32_t reserved;
    // How many bytes were written to `out`, or how many it must have room for.
    size_t out_len;
} airlock_action;

// What is left of a text. Set `struct_size`; zero is no limit.
typedef struct airlock_truncate_options {
    // `sizeof(airlock_truncate_options)`.
    uint32_t struct_size;
    // `AIRLOCK_AS_JSON`, or 0.
    uint32_t flags;
    // Most characters (Unicode scalar values).
    size_t max_chars;
    // Most bytes.
    size_t max_bytes;
    // Most lines.
    size_t max_lines;
    // Most tokens, estimated.
    size_t max_tokens;
    // `AIRLOCK_KEEP_HEAD` and the like.
    uint32_t keep;
    // Zero.
    uint32_t reserved;
} airlock_truncate_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a caller. `agent` and `tenant` may be absent; `roles` is an array of `roles_len` texts.
// Everything is copied. Free it with `airlock_caller_free`. Any thread.
airlock_status airlock_caller_new(struct airlock_str agent,
                                  struct airlock_str tenant,
                                  const struct airlock_str *roles,
                                  size_t roles_len,
                                  struct airlock_caller **caller);

// Frees a caller; NULL is nothing. No call that uses it may be under way.
void airlock_caller_free(struct airlock_caller *caller);

// The size of a buffer that always suffices for `airlock_check` with arguments of `len` bytes. Any
// thread.
size_t airlock_check_bound(size_t len);

// Decides on a call, before the tool runs. Nothing is charged or remembered.
//
// `tool` is an id of this guard, or 0 and the name is in `call`. `arguments` are the bytes as the
// model wrote them. `call` may be NULL. If the verdict is `AIRLOCK_ALLOW`, pass on what is in
// `out` when it has the flag `AIRLOCK_CHANGED`, else `arguments` themselves. If it is
// `AIRLOCK_REFUSE`, `out` holds the refusal for the model, a JSON object of at most
// `AIRLOCK_MAX_REFUSAL` bytes. `out` overlaps none of the inputs.
//
// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, `out_len` is the size that suffices, and the call
// must not run. The guard may serve other threads meanwhile; the scratch may not. No allocation
// after the first calls.
airlock_status airlock_check(const struct airlock_guard *guard,
                             struct airlock_scratch *scratch,
                             uint32_t tool,
                             struct airlock_str arguments,
                             const struct airlock_call *call,
                             char *out,
                             size_t out_cap,
                             struct airlock_verdict *verdict);

// Writes what is known of the last call that was checked in `scratch` with the flag
// `AIRLOCK_KEEP_DETAILS`: one JSON object with `decision`, `reason`, `rule`, `stripped`,
// `repaired`, `violations`, `suggest`, `charges`, `would` and `approval_ms`. For the operator, not
// for the model: it names rules that a refusal does not. Always writes the length that is needed
// to `*out_len`. `AIRLOCK_NOT_FOUND` when nothing was kept.
airlock_status airlock_details(const struct airlock_scratch *scratch,
                               char *out,
                               size_t out_cap,
                               size_t *out_len);

// The size of a buffer that always suffices for `airlock_filter` with an output of `len` bytes. It
// is far more than most outputs need: begin with `len` and a little. Any thread.
size_t airlock_filter_bound(size_t len);

// Masks, then cuts what a tool returned, before anybody reads it.
//
// `tool` is an id of this guard, or 0 and the name is in `call`, of which nothing else is looked
// at. `format` is `AIRLOCK_TEXT` or `AIRLOCK_JSON`. If the verdict is `AIRLOCK_ALLOW`, show what
// is in `out` when it has the flag `AIRLOCK_CHANGED`, else `output` itself; `count` is how many
// values were masked. If it is `AIRLOCK_REFUSE`, show nothing of the output; `out` holds a refusal
// for the model. Otherwise as `airlock_check`.
airlock_status airlock_filter(const struct airlock_guard *guard,
                              struct airlock_scratch *scratch,
                              uint32_t tool,
                              uint32_t format,
                              struct airlock_str output,
                              const struct airlock_call *call,
                              char *out,
                              size_t out_cap,
                              struct airlock_verdict *verdict);

// Makes a firewall. `guard` says which policy, tools and bounds, as for `airlock_guard_new`, but
// that a firewall counts limits itself: `AIRLOCK_HOST_LIMITS` is not for it. `options` and `error`
// may be NULL. On failure `*firewall` is NULL and `error` says what is wrong and where:
// `AIRLOCK_AUDIT_FAILED` when the policy wants an audit log and none is named, or it cannot be
// opened. A relative path of an audit log in a policy file begins at the directory of that file.
// Free it with `airlock_firewall_free`. Any thread.
//
// It starts no thread, but that a policy with `mode = "async"` in `[audit]` has one that writes the
// log: the first record starts it, and `airlock_firewall_audit_close` or `airlock_firewall_free`
// ends it. After a fork it exists in the parent alone: make firewalls with such a policy after
// forking.
airlock_status airlock_firewall_new(const struct airlock_guard_options *guard,
                                    const struct airlock_firewall_options *options,
                                    struct airlock_firewall **firewall,
                                    struct airlock_error *error);

// Puts another policy in force in place of the one that is, for every call and message that comes after;
// what has begun ends under the old one. `policy` and `format` are as in `airlock_guard_options`. Tools, audit
// log, kill switch and pin file stay, what limits have counted stays counted, and sessions remember. When
// the policy cannot be honoured by this firewall, nothing changes and `error`, which may be NULL, says why;
// the audit log has either. Any thread; calls that go on meanwhile do not wait.
airlock_status airlock_firewall_reload(const struct airlock_firewall *firewall,
                                       struct airlock_str policy,
                                       uint32_t format,
                                       struct airlock_error *error);

// Ends the session of a caller that calls name as `session` in `airlock_call`: what it remembers is
// forgotten, and the next call that names it begins another. One that nobody ends is over when it was idle
// for as long as `[session]` of the policy says. `caller` may be NULL. Any thread.
airlock_status airlock_firewall_end_session(const struct airlock_firewall *firewall,
                                            const struct airlock_caller *caller,
                                            struct airlock_str session);

// Looks up a tool, as `airlock_tool_id` does.
airlock_status airlock_firewall_tool_id(const struct airlock_firewall *firewall,
                                        struct airlock_str name,
                                        uint32_t *id);

// The kill switch: while `on` is not 0, every call is refused with `AIRLOCK_REASON_HALTED`.
// `AIRLOCK_UNSUPPORTED` for a firewall with a kill file, which alone turns the switch. Any thread,
// at any time.
airlock_status airlock_firewall_halt(const struct airlock_firewall *firewall, uint32_t on);

// Writes 1 to `*on` while the kill switch is on, else 0; with a kill file, as the last call found
// it. Any thread.
airlock_status airlock_firewall_halted(const struct airlock_firewall *firewall, uint32_t *on);

// How many calls run and ran; the numbers are read one after the other, while calls go on. Any
// thread.
airlock_status airlock_firewall_calls(const struct airlock_firewall *firewall,
                                      struct airlock_calls *calls);

// Waits until what was recorded in the audit log before is with the operating system;
// `AIRLOCK_AUDIT_FAILED` when something of it is not, or the log is closed. With the mode `sync`,
// the default, every record is there before its decision is returned. Any thread.
airlock_status airlock_firewall_audit_flush(const struct airlock_firewall *firewall);

// Opens the audit log anew, because another program has renamed it. What cannot be opened stays as
// it is, and the standard error stream says so. Any thread.
airlock_status airlock_firewall_audit_reopen(const struct airlock_firewall *firewall);

// Writes what is still to be written to the audit log, and that this was all. Calls and outputs
// after it are refused. Any thread.
airlock_status airlock_firewall_audit_close(const struct airlock_firewall *firewall);

// Frees a firewall, and closes its audit log when it has no relay any more; NULL is nothing. No call
// that uses it may be under way; permits and relays may live on.
void airlock_firewall_free(struct airlock_firewall *firewall);

// Compiles a guard. On failure `*guard` is NULL and `error`, which may be NULL, says what is wrong
// and where. Free it with `airlock_guard_free`. Any thread; starts none.
airlock_status airlock_guard_new(const struct airlock_guard_options *options,
                                 struct airlock_guard **guard,
                                 struct airlock_error *error);

// Makes a guard that has the policy of `guard`, its kill switch included, and other tools: for a
// server whose list of tools changed. `guard` stays as it is. Otherwise as `airlock_guard_new`.
airlock_status airlock_guard_with_tools(const struct airlock_guard *guard,
                                        struct airlock_str tools,
                                        struct airlock_guard **made,
                                        struct airlock_error *error);

// Looks up a tool: its id, from 1 on, is valid for this guard alone. `AIRLOCK_TOOL_UNKNOWN` when
// there is none, and `*id` is then 0. Any thread.
airlock_status airlock_tool_id(const struct airlock_guard *guard,
                               struct airlock_str name,
                               uint32_t *id);

// The kill switch: while `on` is not 0, every call is refused with `AIRLOCK_REASON_HALTED`. It is
// shared with the guards made by `airlock_guard_with_tools`. Any thread, at any time.
airlock_status airlock_guard_halt(const struct airlock_guard *guard, uint32_t on);

// Writes 1 to `*on` while the kill switch is on, else 0. Any thread.
airlock_status airlock_guard_halted(const struct airlock_guard *guard, uint32_t *on);

// Frees a guard; NULL is nothing. No call that uses it may be under way; streams and relays made
// from it may live on.
void airlock_guard_free(struct airlock_guard *guard);

// Reads a JSON document strictly (RFC 8259): no name twice in an object, no lone surrogate, no
// number that a double cannot hold; at most `max_depth` nested containers, 0 is 128. `memory`
// needs no alignment; 24 bytes for each value and each member name of the document suffice, and
// 64. `error` may be NULL. Allocates nothing. Any thread.
airlock_status airlock_json_parse(struct airlock_str text,
                                  uint32_t max_depth,
                                  void *memory,
                                  size_t memory_len,
                                  const struct airlock_json **document,
                                  struct airlock_error *error);

// Finds the value that an RFC 6901 pointer names, like `/items/0/name`; an empty pointer names the
// whole. `AIRLOCK_NOT_FOUND` when there is none. The time is linear in the members passed over.
// Any thread.
airlock_status airlock_json_find(const struct airlock_json *document,
                                 struct airlock_str pointer,
                                 struct airlock_json_value *value);

// Writes the text of a string of a document, its escapes undone. `*out_len` is the length that is
// needed, at most that of `value->raw`. `AIRLOCK_INVALID_ARGUMENT` when the value is no string.
// Any thread.
airlock_status airlock_json_string(const struct airlock_json_value *value,
                                   char *out,
                                   size_t out_cap,
                                   size_t *out_len);

// Decides on a tool by its name alone. A name is allowed that one of `allow` covers and none of
// `deny`; `deny` does not tell letters of different case apart. In a pattern `*` is any text and
// `?` one character. `*reason` becomes 0 when the name is allowed, else
// `AIRLOCK_REASON_TOOL_DENIED` or `AIRLOCK_REASON_TOOL_NOT_ALLOWED`; a pattern that is not valid
// is `AIRLOCK_POLICY_INVALID`. The arrays can be constants of the program. Allocates nothing. Any
// thread.
airlock_status airlock_names_check(const struct airlock_str *allow,
                                   size_t allow_len,
                                   const struct airlock_str *deny,
                                   size_t deny_len,
                                   struct airlock_str tool,
                                   uint32_t *reason);

// Decides on a call, charges the limits of the policy, and records the decision.
//
// As `airlock_check`, but for this: what allows a call is also a `*permit`, to be ended with
// `airlock_permit_finish`; else `*permit` is NULL. The agent of `call->caller` has the roles and the
// tenant that `[agents]` of the policy says, where the caller has none of its own. Where the policy has rules
// about sessions, the call belongs to the session that `call->session` names among those of the caller, and
// how it ends is for that session too; rules about sessions allow nothing without a name. A tool that the
// firewall does not have passes where the policy says `unknown_tool = "forward"`, as the preset
// `permissive` does, with its arguments unchecked but for being JSON. A call that a limit refuses may
// be made again after `retry_after_ms`. With `AIRLOCK_KEEP_DETAILS` the details go to `scratch`, which
// may be NULL without the flag.
//
// `out` must have the room that `airlock_check_bound` says: with less the status is
// `AIRLOCK_BUFFER_TOO_SMALL`, and nothing is charged, counted or recorded. On any other failure the
// call must not run either. What cannot be recorded is refused with
// `AIRLOCK_REASON_INTERNAL_ERROR`. Allocates the permit alone once as many calls ran at a time
// before. Any thread, but that no other uses the scratch.
airlock_status airlock_firewall_call(const struct airlock_firewall *firewall,
                                     struct airlock_scratch *scratch,
                                     uint32_t tool,
                                     struct airlock_str arguments,
                                     const struct airlock_call *call,
                                     char *out,
                                     size_t out_cap,
                                     struct airlock_verdict *verdict,
                                     struct airlock_permit **permit);

// Ends a call and frees its permit. `outcome` is `AIRLOCK_OUTCOME_OK` and the like; with one that is
// not known the status is `AIRLOCK_INVALID_ARGUMENT`, and the permit is as it was. Any thread.
airlock_status airlock_permit_finish(struct airlock_permit *permit,
                                     uint32_t outcome);

// Ends a call of which nobody knows what became, and frees its permit; NULL is nothing. Any
// thread.
void airlock_permit_free(struct airlock_permit *permit);

// Masks, then cuts what a tool returned, and records it. As `airlock_filter`, without a scratch.
// When `AIRLOCK_BUFFER_TOO_SMALL` is returned it is recorded all the same, and once more when you
// ask again: begin with a buffer that is larger than the output. An output that cannot be recorded
// is refused. Any thread.
airlock_status airlock_firewall_filter(const struct airlock_firewall *firewall,
                                       uint32_t tool,
                                       uint32_t format,
                                       struct airlock_str output,
                                       const struct airlock_call *call,
                                       char *out,
                                       size_t out_cap,
                                       struct airlock_verdict *verdict);

// The size of a buffer that always suffices for `airlock_redact` with `len` bytes. Any thread.
size_t airlock_redact_bound(size_t len);

// How much memory `airlock_redact` needs for most texts of `len` bytes; a text that is nothing but
// values may need more. Any thread.
size_t airlock_redact_memory(size_t len, uint32_t flags);

// Masks secrets and personal data in a text. `options` may be NULL. `memory` needs no alignment.
// Writes the masked text to `out`, its length to `*out_len` and the number of values that were
// masked to `*masked`, which may be NULL.
//
// On any failure nothing of the text may be shown: `AIRLOCK_MEMORY_TOO_SMALL`,
// `AIRLOCK_INVALID_UTF8`, `AIRLOCK_JSON_INVALID`, or `AIRLOCK_BUFFER_TOO_SMALL` with a length in
// `*out_len` that suffices. Allocates nothing. Any thread.
airlock_status airlock_redact(const struct airlock_redact_options *options,
                              struct airlock_str text,
                              void *memory,
                              size_t memory_len,
                              char *out,
                              size_t out_cap,
                              size_t *out_len,
                              size_t *masked);

// Makes the firewall of one connection, under a guard: nobody counts limits, remembers sessions or keeps
// pins, and what a policy says of these refuses. Free it with `airlock_relay_free`. Any thread.
airlock_status airlock_relay_new(const struct airlock_guard *guard,
                                 const struct airlock_relay_options *options,
                                 struct airlock_relay **relay);

// Makes the firewall of one connection, under `firewall`: with its limits, clock, kill switch, audit log and
// pins, and a session of its own. It goes over to a policy that `airlock_firewall_reload` puts in force
// with the next message. `record` of the options is told before the audit log is; the calls are
// none of `airlock_firewall_calls`. `error` may be NULL; it says what is wrong with the pin file when that
// is `AIRLOCK_PINS_FAILED`. Otherwise as `airlock_relay_new`, and only in a library with `std`. Any thread.
airlock_status airlock_firewall_relay_new(const struct airlock_firewall *firewall,
                                          const struct airlock_relay_options *options,
                                          struct airlock_relay **relay,
                                          struct airlock_error *error);

// Decides on a message of the client, without its line end. `caller` may be NULL; `now_ms` is the
// moment in Unix milliseconds; 0 is unknown to a guard, and the present to a firewall.
//
// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, the decision stands: `action` says what to do, and
// `airlock_relay_output` hands out the `out_len` bytes to do it with. On any other failure drop
// the message.
airlock_status airlock_relay_client(struct airlock_relay *relay,
                                    struct airlock_str message,
                                    const struct airlock_caller *caller,
                                    uint64_t now_ms,
                                    char *out,
                                    size_t out_cap,
                                    struct airlock_action *action);

// Decides on a message of the server, without its line end; `caller` is who its tools are shown
// to. Otherwise as `airlock_relay_client`.
airlock_status airlock_relay_server(struct airlock_relay *relay,
                                    struct airlock_str message,
                                    const struct airlock_caller *caller,
                                    char *out,
                                    size_t out_cap,
                                    struct airlock_action *action);

// Hands out what the last message became, again.
airlock_status airlock_relay_output(const struct airlock_relay *relay,
                                    char *out,
                                    size_t out_cap,
                                    size_t *out_len);

// Hands out the next of our own requests, to be sent to the server; each once. `AIRLOCK_NOT_FOUND`
// when there is none, and when the buffer is too small `airlock_relay_output` hands it out.
airlock_status airlock_relay_list_request(struct airlock_relay *relay,
                                          char *out,
                                          size_t out_cap,
                                          size_t *out_len);

// Gives up on our own list of tools, because the server does not answer: present what is held
// again.
airlock_status airlock_relay_abandon_list(struct airlock_relay *relay);

// Frees a relay; NULL is nothing.
void airlock_relay_free(struct airlock_relay *relay);

// Makes a scratch. Free it with `airlock_scratch_free`. Any thread.
airlock_status airlock_scratch_new(struct airlock_scratch **scratch);

// Gives memory above `bytes` a buffer back, after an unusually large call.
airlock_status airlock_scratch_shrink(struct airlock_scratch *scratch, size_t bytes);

// Frees a scratch; NULL is nothing. No call that uses it may be under way.
void airlock_scratch_free(struct airlock_scratch *scratch);

// Makes a stream for the outputs of a tool: an id of `guard`, or 0 and its name. Free it with
// `airlock_stream_free`. Any thread.
airlock_status airlock_stream_new(const struct airlock_guard *guard,
                                  uint32_t tool,
                                  struct airlock_str tool_name,
                                  struct airlock_stream **stream);

// Forgets everything: the stream begins a new output.
airlock_status airlock_stream_begin(struct airlock_stream *stream);

// Takes the next piece of the output, and writes what may be shown so far to `out`.
//
// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, the piece was taken and nothing is lost: feed an
// empty piece with a buffer of `*out_len` bytes. Any other failure breaks the stream, and nothing
// more of this output may be shown: `AIRLOCK_REFUSED` when it cannot be masked or is too long,
// then `AIRLOCK_BROKEN`.
airlock_status airlock_stream_feed(struct airlock_stream *stream,
                                   struct airlock_str piece,
                                   char *out,
                                   size_t out_cap,
                                   size_t *out_len);

// Ends the output, and writes the rest of it to `out`. When `AIRLOCK_BUFFER_TOO_SMALL` is
// returned, finish again with a buffer of `*out_len` bytes. Then `airlock_stream_begin` begins
// another output.
airlock_status airlock_stream_finish(struct airlock_stream *stream,
                                     char *out,
                                     size_t out_cap,
                                     size_t *out_len);

// Frees a stream; NULL is nothing.
void airlock_stream_free(struct airlock_stream *stream);

// The size of a buffer that always suffices for `airlock_truncate` with `len` bytes. Any thread.
size_t airlock_truncate_bound(size_t len);

// Cuts a text to its limits, between characters, with a notice of what is missing; JSON stays
// JSON. Mask first, then cut. `memory` is for JSON alone: 24 bytes for each value and each member
// name suffice; else it may be NULL. Writes the text to `out`, its length to `*out_len`, and to
// `*truncated`, which may be NULL, whether something was cut off.
//
// On any failure nothing may be shown; with `AIRLOCK_BUFFER_TOO_SMALL` `*out_len` is a length that
// suffices. Allocates nothing. Any thread.
airlock_status airlock_truncate(const struct airlock_truncate_options *options,
                                struct airlock_str text,
                                void *memory,
                                size_t memory_len,
                                char *out,
                                size_t out_cap,
                                size_t *out_len,
                                uint32_t *truncated);

// The version of the interface that the library has: compare it with `AIRLOCK_ABI_VERSION` at the
// start. Any thread.
uint32_t airlock_abi_version(void);

// The version of the library, like `0.1.0`. It lives as long as the program. Any thread.
struct airlock_str airlock_version(void);

// The name of a status, like `BUFFER_TOO_SMALL`; empty for a number that this library does not
// know. It lives as long as the program. Any thread.
struct airlock_str airlock_status_name(airlock_status status);

// The name of a reason as refusals have it, like `ghost_arguments`; empty for a number that this
// library does not know. It lives as long as the program. Any thread.
struct airlock_str airlock_reason_name(uint32_t reason);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AIRLOCK_H */
