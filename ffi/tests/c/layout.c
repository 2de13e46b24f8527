/* Prints how every struct is laid out; `ffi/abi/layout.txt` is what it must print on 64-bit Linux. Written
 * by `cargo xtask gen`. */
#include <stdio.h>

#include "airlock.h"

#define STRUCT(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, name) \
    printf("  %s %zu %zu\n", #name, offsetof(type, name), sizeof(((type *)NULL)->name))

int main(void) {
    STRUCT(airlock_str);
    FIELD(airlock_str, data);
    FIELD(airlock_str, len);
    STRUCT(airlock_call);
    FIELD(airlock_call, struct_size);
    FIELD(airlock_call, flags);
    FIELD(airlock_call, tool_name);
    FIELD(airlock_call, caller);
    FIELD(airlock_call, server);
    FIELD(airlock_call, session);
    FIELD(airlock_call, now_ms);
    STRUCT(airlock_verdict);
    FIELD(airlock_verdict, struct_size);
    FIELD(airlock_verdict, decision);
    FIELD(airlock_verdict, reason);
    FIELD(airlock_verdict, flags);
    FIELD(airlock_verdict, out_len);
    FIELD(airlock_verdict, count);
    FIELD(airlock_verdict, reserved);
    FIELD(airlock_verdict, retry_after_ms);
    STRUCT(airlock_guard_options);
    FIELD(airlock_guard_options, struct_size);
    FIELD(airlock_guard_options, flags);
    FIELD(airlock_guard_options, policy);
    FIELD(airlock_guard_options, tools);
    FIELD(airlock_guard_options, documents);
    FIELD(airlock_guard_options, policy_format);
    FIELD(airlock_guard_options, max_steps);
    FIELD(airlock_guard_options, max_arguments);
    FIELD(airlock_guard_options, max_output);
    FIELD(airlock_guard_options, mask_key);
    STRUCT(airlock_firewall_options);
    FIELD(airlock_firewall_options, struct_size);
    FIELD(airlock_firewall_options, flags);
    FIELD(airlock_firewall_options, audit_path);
    FIELD(airlock_firewall_options, kill_file);
    FIELD(airlock_firewall_options, pin_file);
    STRUCT(airlock_error);
    FIELD(airlock_error, struct_size);
    FIELD(airlock_error, code);
    FIELD(airlock_error, line);
    FIELD(airlock_error, column);
    FIELD(airlock_error, message);
    FIELD(airlock_error, pointer);
    STRUCT(airlock_calls);
    FIELD(airlock_calls, struct_size);
    FIELD(airlock_calls, reserved);
    FIELD(airlock_calls, running);
    FIELD(airlock_calls, ok);
    FIELD(airlock_calls, failed);
    FIELD(airlock_calls, unknown);
    FIELD(airlock_calls, refused);
    STRUCT(airlock_json_value);
    FIELD(airlock_json_value, kind);
    FIELD(airlock_json_value, count);
    FIELD(airlock_json_value, raw);
    STRUCT(airlock_redact_options);
    FIELD(airlock_redact_options, struct_size);
    FIELD(airlock_redact_options, flags);
    FIELD(airlock_redact_options, types);
    FIELD(airlock_redact_options, style);
    STRUCT(airlock_event);
    FIELD(airlock_event, struct_size);
    FIELD(airlock_event, kind);
    FIELD(airlock_event, direction);
    FIELD(airlock_event, reason);
    FIELD(airlock_event, masked);
    FIELD(airlock_event, code);
    FIELD(airlock_event, tool);
    FIELD(airlock_event, detail);
    STRUCT(airlock_relay_options);
    FIELD(airlock_relay_options, struct_size);
    FIELD(airlock_relay_options, flags);
    FIELD(airlock_relay_options, nonce);
    FIELD(airlock_relay_options, max_message);
    FIELD(airlock_relay_options, max_pending);
    FIELD(airlock_relay_options, record);
    FIELD(airlock_relay_options, context);
    FIELD(airlock_relay_options, server);
    STRUCT(airlock_action);
    FIELD(airlock_action, struct_size);
    FIELD(airlock_action, action);
    FIELD(airlock_action, flags);
    FIELD(airlock_action, reserved);
    FIELD(airlock_action, out_len);
    STRUCT(airlock_truncate_options);
    FIELD(airlock_truncate_options, struct_size);
    FIELD(airlock_truncate_options, flags);
    FIELD(airlock_truncate_options, max_chars);
    FIELD(airlock_truncate_options, max_bytes);
    FIELD(airlock_truncate_options, max_lines);
    FIELD(airlock_truncate_options, max_tokens);
    FIELD(airlock_truncate_options, keep);
    FIELD(airlock_truncate_options, reserved);
    return 0;
}
