/* A program of version 1: built against the first header, linked with the library of today. Its source, that
 * header and what it must print never change. */
#include <stdio.h>
#include <string.h>

#include "airlock.h"

static airlock_str str(const char *text) {
    airlock_str made;
    made.data = text;
    made.len = strlen(text);
    return made;
}

int main(void) {
    airlock_guard_options options;
    airlock_error error;
    airlock_guard *guard = NULL;
    airlock_scratch *scratch = NULL;
    airlock_stream *stream = NULL;
    airlock_caller *caller = NULL;
    airlock_call call;
    airlock_verdict verdict;
    uint32_t tool = 0;
    size_t len = 0;
    char out[4096];

    if (airlock_abi_version() != AIRLOCK_ABI_VERSION) {
        return 1;
    }
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.policy = str("{\"denied_tools\":[\"drop_*\"]}");
    options.policy_format = AIRLOCK_POLICY_JSON;
    options.tools = str("[{\"name\":\"add\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}},"
                        "{\"name\":\"drop_all\",\"inputSchema\":{\"type\":\"object\"}}]");
    memset(&error, 0, sizeof error);
    error.struct_size = (uint32_t)sizeof error;
    if (airlock_guard_new(&options, &guard, &error) != AIRLOCK_OK) {
        fprintf(stderr, "%s: %s\n", error.pointer, error.message);
        return 1;
    }
    if (airlock_scratch_new(&scratch) != AIRLOCK_OK || airlock_tool_id(guard, str("add"), &tool) != AIRLOCK_OK ||
        airlock_caller_new(str("ann"), str("acme"), NULL, 0, &caller) != AIRLOCK_OK) {
        return 1;
    }
    memset(&call, 0, sizeof call);
    call.struct_size = (uint32_t)sizeof call;
    call.caller = caller;
    call.now_ms = 1;
    memset(&verdict, 0, sizeof verdict);
    verdict.struct_size = (uint32_t)sizeof verdict;

    if (airlock_check(guard, scratch, tool, str("{\"a\":1,\"b\":2}"), &call, out, sizeof out, &verdict) != AIRLOCK_OK) {
        return 1;
    }
    printf("%u %u %u %.*s\n", verdict.decision, verdict.reason, verdict.flags, (int)verdict.out_len, out);
    if (airlock_check(guard, scratch, tool, str("{\"a\":\"1\"}"), &call, out, sizeof out, &verdict) != AIRLOCK_OK) {
        return 1;
    }
    printf("%u %u %u %u\n", verdict.decision, verdict.reason, verdict.flags, verdict.count);
    call.tool_name = str("drop_all");
    if (airlock_check(guard, scratch, 0, str("{}"), &call, out, sizeof out, &verdict) != AIRLOCK_OK) {
        return 1;
    }
    printf("%u %u %u\n", verdict.decision, verdict.reason, verdict.flags);
    if (airlock_filter(guard, scratch, tool, AIRLOCK_TEXT, str("pin=1234 password=Tr0ub4dor&3"), NULL, out, sizeof out,
                       &verdict) != AIRLOCK_OK) {
        return 1;
    }
    printf("%u %u %.*s\n", verdict.decision, verdict.flags, (int)verdict.out_len, out);
    if (airlock_stream_new(guard, tool, str(""), &stream) != AIRLOCK_OK ||
        airlock_stream_feed(stream, str("a quiet "), out, sizeof out, &len) != AIRLOCK_OK || len != 0 ||
        airlock_stream_feed(stream, str("text"), out, sizeof out, &len) != AIRLOCK_OK || len != 0 ||
        airlock_stream_finish(stream, out, sizeof out, &len) != AIRLOCK_OK) {
        return 1;
    }
    printf("%.*s\n", (int)len, out);
    airlock_stream_free(stream);
    airlock_caller_free(caller);
    airlock_scratch_free(scratch);
    airlock_guard_free(guard);
    return 0;
}
