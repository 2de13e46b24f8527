/* Everything in the header as one object with debug information, which abidiff compares with the description in
 * `ffi/abi/airlock.xml`: the layout of structs, and the parameters of functions. */
#include "airlock.h"

struct airlock_described {
    airlock_str *str_type;
    airlock_call *call_type;
    airlock_verdict *verdict_type;
    airlock_guard_options *guard_options_type;
    airlock_error *error_type;
    airlock_json_value *json_value_type;
    airlock_redact_options *redact_options_type;
    airlock_event *event_type;
    airlock_relay_options *relay_options_type;
    airlock_action *action_type;
    airlock_truncate_options *truncate_options_type;
    __typeof__(airlock_abi_version) *abi_version;
    __typeof__(airlock_caller_free) *caller_free;
    __typeof__(airlock_caller_new) *caller_new;
    __typeof__(airlock_check) *check;
    __typeof__(airlock_check_bound) *check_bound;
    __typeof__(airlock_details) *details;
    __typeof__(airlock_filter) *filter;
    __typeof__(airlock_filter_bound) *filter_bound;
    __typeof__(airlock_guard_free) *guard_free;
    __typeof__(airlock_guard_halt) *guard_halt;
    __typeof__(airlock_guard_halted) *guard_halted;
    __typeof__(airlock_guard_new) *guard_new;
    __typeof__(airlock_guard_with_tools) *guard_with_tools;
    __typeof__(airlock_json_find) *json_find;
    __typeof__(airlock_json_parse) *json_parse;
    __typeof__(airlock_json_string) *json_string;
    __typeof__(airlock_names_check) *names_check;
    __typeof__(airlock_reason_name) *reason_name;
    __typeof__(airlock_redact) *redact;
    __typeof__(airlock_redact_bound) *redact_bound;
    __typeof__(airlock_redact_memory) *redact_memory;
    __typeof__(airlock_relay_abandon_list) *relay_abandon_list;
    __typeof__(airlock_relay_client) *relay_client;
    __typeof__(airlock_relay_free) *relay_free;
    __typeof__(airlock_relay_list_request) *relay_list_request;
    __typeof__(airlock_relay_new) *relay_new;
    __typeof__(airlock_relay_output) *relay_output;
    __typeof__(airlock_relay_server) *relay_server;
    __typeof__(airlock_scratch_free) *scratch_free;
    __typeof__(airlock_scratch_new) *scratch_new;
    __typeof__(airlock_scratch_shrink) *scratch_shrink;
    __typeof__(airlock_status_name) *status_name;
    __typeof__(airlock_stream_begin) *stream_begin;
    __typeof__(airlock_stream_feed) *stream_feed;
    __typeof__(airlock_stream_finish) *stream_finish;
    __typeof__(airlock_stream_free) *stream_free;
    __typeof__(airlock_stream_new) *stream_new;
    __typeof__(airlock_tool_id) *tool_id;
    __typeof__(airlock_truncate) *truncate;
    __typeof__(airlock_truncate_bound) *truncate_bound;
    __typeof__(airlock_version) *version;
};

extern struct airlock_described airlock_described;
struct airlock_described airlock_described;
