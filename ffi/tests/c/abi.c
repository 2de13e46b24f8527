/* Every function, every error, every lifetime. Compiled as C99 and as C++17; run plain, under
 * AddressSanitizer with LeakSanitizer, and under valgrind. */
#include "test.h"

static int failures = 0;

static const char TOOLS[] =
    "{\"tools\":[{\"name\":\"transfer\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
    "\"amount\":{\"type\":\"integer\"},\"to\":{\"type\":\"string\"}},\"required\":[\"amount\"]}},"
    "{\"name\":\"read_file\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}}}}]}";

static airlock_guard *guard_with(const char *policy, uint32_t format, const char *tools, uint32_t flags,
                                 airlock_status want, airlock_error *error) {
    FRESH(airlock_guard_options, options);
    options.flags = flags;
    options.policy = str(policy);
    options.policy_format = format;
    options.tools = str(tools);
    airlock_guard *guard = (airlock_guard *)&options; /* must be overwritten */
    airlock_status status = airlock_guard_new(&options, &guard, error);
    if (status != want) {
        fprintf(stderr, "guard: status %u, wanted %u: %s\n", status, want, error == NULL ? "" : error->message);
        failures++;
    }
    CHECK((status == AIRLOCK_OK) == (guard != NULL));
    CHECK(error == NULL || error->code == status);
    return guard;
}

static airlock_guard *plain_guard(void) {
    return guard_with(NULL, 0, TOOLS, 0, AIRLOCK_OK, NULL);
}

static void versions_and_names(void) {
    CHECK(airlock_abi_version() == AIRLOCK_ABI_VERSION);
    airlock_str text = airlock_version();
    CHECK(is(text.data, text.len, AIRLOCK_VERSION));
    text = airlock_status_name(AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(is(text.data, text.len, "BUFFER_TOO_SMALL"));
    text = airlock_reason_name(AIRLOCK_REASON_GHOST_ARGUMENTS);
    CHECK(is(text.data, text.len, "ghost_arguments"));
    CHECK(airlock_status_name(12345).len == 0);
    CHECK(airlock_reason_name(12345).len == 0);
}

static void guards(void) {
    FRESH(airlock_error, error);
    airlock_guard *guard = guard_with("read_only", AIRLOCK_POLICY_PRESET, TOOLS, 0, AIRLOCK_OK, &error);
    CHECK(error.message[0] == 0);
    uint32_t id = 9;
    CHECK(airlock_tool_id(guard, str("read_file"), &id) == AIRLOCK_OK && id == 2);
    CHECK(airlock_tool_id(guard, str("none"), &id) == AIRLOCK_TOOL_UNKNOWN && id == 0);
    CHECK(airlock_tool_id(guard, bytes("\xff", 1), &id) == AIRLOCK_INVALID_UTF8);
    CHECK(airlock_tool_id(NULL, str("read_file"), &id) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_tool_id(guard, str("read_file"), NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_tool_id(guard, bytes(NULL, 3), &id) == AIRLOCK_INVALID_ARGUMENT);

    /* Other tools, the same policy and kill switch; the first guard may go before the second. */
    airlock_guard *other = NULL;
    CHECK(airlock_guard_with_tools(guard, str("[]"), &other, &error) == AIRLOCK_OK);
    CHECK(airlock_tool_id(other, str("read_file"), &id) == AIRLOCK_TOOL_UNKNOWN);
    uint32_t on = 9;
    CHECK(airlock_guard_halt(guard, 1) == AIRLOCK_OK);
    CHECK(airlock_guard_halted(other, &on) == AIRLOCK_OK && on == 1);
    airlock_guard_free(guard);
    CHECK(airlock_guard_halt(other, 0) == AIRLOCK_OK);
    CHECK(airlock_guard_halted(other, &on) == AIRLOCK_OK && on == 0);
    airlock_guard *none = other;
    CHECK(airlock_guard_with_tools(other, str("7"), &none, &error) == AIRLOCK_TOOL_INVALID && none == NULL);
    CHECK(airlock_guard_with_tools(NULL, str("[]"), &none, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_guard_with_tools(other, str("[]"), NULL, NULL) == AIRLOCK_INVALID_ARGUMENT);
    airlock_guard_free(other);
    airlock_guard_free(NULL);
    CHECK(airlock_guard_halt(NULL, 1) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_guard_halted(NULL, &on) == AIRLOCK_INVALID_ARGUMENT && on == 1);

    /* What cannot be honoured says where. */
    guard_with("none", AIRLOCK_POLICY_PRESET, TOOLS, 0, AIRLOCK_POLICY_INVALID, &error);
    CHECK(error.message[0] != 0 && error.line == 0);
    guard_with("{\n \"alowed_tools\": []}", AIRLOCK_POLICY_JSON, TOOLS, 0, AIRLOCK_POLICY_INVALID, &error);
    CHECK(error.line == 2 && error.column == 2);
    CHECK(strstr(error.message, "allowed_tools") != NULL);
    guard_with("{", AIRLOCK_POLICY_JSON, TOOLS, 0, AIRLOCK_POLICY_INVALID, &error);
    guard_with("{}", 99, TOOLS, 0, AIRLOCK_INVALID_ARGUMENT, &error);
    guard_with("{}", AIRLOCK_POLICY_JSON, TOOLS, 1u << 31, AIRLOCK_INVALID_ARGUMENT, &error);
    guard_with(NULL, 0, "[{\"name\":\"x\"}]", 0, AIRLOCK_TOOL_INVALID, &error);
    CHECK(strcmp(error.pointer, "/0/inputSchema") == 0);
    guard_with(NULL, 0, "[{\"inputSchema\":{}}]", 0, AIRLOCK_TOOL_INVALID, &error);
    guard_with(NULL, 0, "[{\"name\":\"x\",\"inputSchema\":{}},{\"name\":\"x\",\"inputSchema\":{}}]", 0,
               AIRLOCK_TOOL_INVALID, &error);
    CHECK(strcmp(error.pointer, "/1/name") == 0);
    static const char bad[] = "[\n{\"name\":\"x\",\"inputSchema\":{\"properties\":{\"a\":{\"pattern\":\"(\"}}}}]";
    guard_with(NULL, 0, bad, 0, AIRLOCK_TOOL_INVALID, &error);
    CHECK(error.line == 2 && strcmp(error.pointer, "/0/inputSchema/properties/a/pattern") == 0);
    airlock_guard_free(guard_with(NULL, 0, bad, AIRLOCK_WITHHOLD_TOOLS, AIRLOCK_OK, &error));
    guard_with(NULL, 0, "[{]", 0, AIRLOCK_TOOL_INVALID, &error);
    CHECK(error.line == 1 && error.column == 3);
    static const char limits[] = "{\"limit\":[{\"id\":\"a\",\"tools\":[\"*\"],\"rate\":\"1/second\"}]}";
    guard_with(limits, AIRLOCK_POLICY_JSON, TOOLS, 0, AIRLOCK_UNSUPPORTED, &error);
    airlock_guard_free(guard_with(limits, AIRLOCK_POLICY_JSON, TOOLS, AIRLOCK_HOST_LIMITS, AIRLOCK_OK, &error));

    FRESH(airlock_guard_options, options);
    airlock_guard *made = NULL;
    CHECK(airlock_guard_new(NULL, &made, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_guard_new(&options, NULL, NULL) == AIRLOCK_INVALID_ARGUMENT);
    options.struct_size = 4;
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_INVALID_ARGUMENT && made == NULL);
    options.struct_size = (uint32_t)sizeof options;
    error.struct_size = 8;
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_INVALID_ARGUMENT);
    error.struct_size = (uint32_t)sizeof error;
    options.policy = bytes(NULL, 5);
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_INVALID_ARGUMENT);
    options.policy = bytes("\xc3", 1);
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_INVALID_UTF8);
    options.policy = str(NULL);
    options.documents = str("{\"https://example.org/s\":{\"type\":\"integer\"}}");
    options.tools = str("[{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"a\":{\"$ref\":\"https://example.org/s\"}}}}]");
    options.flags = AIRLOCK_ASSERT_FORMATS;
    options.max_steps = 100;
    options.max_arguments = 20;
    options.max_output = 20;
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_OK);
    airlock_guard_free(made);
    options.documents = str("{\"x\":[}");
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_TOOL_INVALID);
    options.documents = str(NULL);
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_TOOL_INVALID); /* the reference leads nowhere */
    options.tools = str("[]");
#ifdef AIRLOCK_TEST_STD
    airlock_guard_free(guard_with("denied_tools = [\"read_file\"]\n", AIRLOCK_POLICY_TOML, TOOLS, 0, AIRLOCK_OK, &error));
    guard_with("# one\nx = 1\n", AIRLOCK_POLICY_TOML, TOOLS, 0, AIRLOCK_POLICY_INVALID, &error);
    CHECK(error.line == 2 && error.column == 1);
    options.mask_key = str("short");
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_INVALID_ARGUMENT);
    options.mask_key = str("sixteen bytes or more");
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_OK);
    airlock_guard_free(made);
#else
    guard_with("x = 1", AIRLOCK_POLICY_TOML, TOOLS, 0, AIRLOCK_UNSUPPORTED, &error);
    options.mask_key = str("sixteen bytes or more");
    CHECK(airlock_guard_new(&options, &made, &error) == AIRLOCK_UNSUPPORTED && made == NULL);
#endif
}

static void checks(void) {
    airlock_guard *guard = plain_guard();
    airlock_scratch *scratch = NULL;
    CHECK(airlock_scratch_new(&scratch) == AIRLOCK_OK && scratch != NULL);
    CHECK(airlock_scratch_new(NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_check_bound(10) == AIRLOCK_MAX_REFUSAL && airlock_check_bound(5000) == 5000);
    uint32_t tool = 0;
    CHECK(airlock_tool_id(guard, str("transfer"), &tool) == AIRLOCK_OK);
    char out[AIRLOCK_MAX_REFUSAL];
    FRESH(airlock_verdict, verdict);

    /* Allowed as it is: nothing is written. */
    out[0] = 'x';
    airlock_str good = str("{\"amount\":1}");
    CHECK(airlock_check(guard, scratch, tool, good, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_ALLOW && verdict.reason == 0 && verdict.flags == 0);
    CHECK(verdict.out_len == 0 && out[0] == 'x');
    CHECK(airlock_check(guard, scratch, tool, good, NULL, NULL, 0, &verdict) == AIRLOCK_OK);

    /* A ghost is cut. */
    airlock_str ghost = str("{\"amount\":1,\"invented\":true}");
    CHECK(airlock_check(guard, scratch, tool, ghost, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_ALLOW && verdict.flags == AIRLOCK_CHANGED);
    CHECK(is(out, verdict.out_len, "{\"amount\":1}"));

    /* A wrong type is refused with its hint. */
    airlock_str wrong = str("{\"amount\":\"100\"}");
    CHECK(airlock_check(guard, scratch, tool, wrong, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_VALIDATION_FAILED);
    CHECK(verdict.flags == AIRLOCK_RETRYABLE && verdict.count == 1);
    CHECK(has(out, verdict.out_len, "without quotes") && !has(out, verdict.out_len, "100"));

    /* A buffer that is too small is a refusal, and says what suffices. */
    size_t needed = verdict.out_len;
    CHECK(airlock_check(guard, scratch, tool, wrong, NULL, out, needed - 1, &verdict) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.out_len == needed);
    CHECK(airlock_check(guard, scratch, tool, ghost, NULL, NULL, 0, &verdict) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.out_len == good.len && verdict.flags == 0);
    CHECK(airlock_check(guard, scratch, tool, wrong, NULL, out, needed, &verdict) == AIRLOCK_OK);

    /* By name, with circumstances and details. */
    FRESH(airlock_call, call);
    size_t len = 9;
    CHECK(airlock_details(scratch, out, sizeof out, &len) == AIRLOCK_NOT_FOUND && len == 0);
    call.tool_name = str("transfer");
    call.flags = AIRLOCK_KEEP_DETAILS;
    call.server = str("bank");
    call.session = str("s1");
    call.now_ms = 1700000000000u;
    CHECK(airlock_check(guard, scratch, 0, ghost, &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(airlock_details(scratch, out, sizeof out, &len) == AIRLOCK_OK);
    CHECK(has(out, len, "\"decision\":\"allow\"") && has(out, len, "\"stripped\":[\"/invented\"]"));
    CHECK(airlock_details(scratch, NULL, 0, &len) == AIRLOCK_BUFFER_TOO_SMALL && len > 0);
    CHECK(airlock_details(scratch, out, sizeof out, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_details(NULL, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_check(guard, scratch, 0, wrong, &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(airlock_details(scratch, out, sizeof out, &len) == AIRLOCK_OK);
    CHECK(has(out, len, "\"op\":\"unquote\""));
    call.tool_name = str("made_up");
    CHECK(airlock_check(guard, scratch, 0, good, &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_UNKNOWN_TOOL);

    /* The kill switch. */
    CHECK(airlock_guard_halt(guard, 1) == AIRLOCK_OK);
    CHECK(airlock_check(guard, scratch, tool, good, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_HALTED);
    CHECK(airlock_guard_halt(guard, 0) == AIRLOCK_OK);

    /* Arguments that are no JSON, no UTF-8, nothing. */
    CHECK(airlock_check(guard, scratch, tool, bytes("\xff\x00", 2), NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.reason == AIRLOCK_REASON_MALFORMED_ARGUMENTS);
    CHECK(airlock_check(guard, scratch, tool, bytes(NULL, 0), NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.reason == AIRLOCK_REASON_MALFORMED_ARGUMENTS);

    /* Whatever is wrong with a call of the function, the verdict denies. */
#define DENIED(status, guard_, scratch_, tool_, args_, call_, out_, cap_)                               \
    do {                                                                                                \
        verdict.decision = AIRLOCK_ALLOW;                                                               \
        CHECK(airlock_check(guard_, scratch_, tool_, args_, call_, out_, cap_, &verdict) == (status));  \
        CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_INTERNAL_ERROR);   \
    } while (0)
    DENIED(AIRLOCK_INVALID_ARGUMENT, NULL, scratch, tool, good, NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, NULL, tool, good, NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, 0, good, NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, 3, good, NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, bytes(NULL, 1), NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, bytes("x", SIZE_MAX), NULL, out, sizeof out);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, good, NULL, NULL, 1);
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, good, NULL, out, SIZE_MAX);
    call.flags = 1u << 30;
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, good, &call, out, sizeof out);
    call.flags = 0;
    call.session = bytes("\x80", 1);
    DENIED(AIRLOCK_INVALID_UTF8, guard, scratch, tool, good, &call, out, sizeof out);
    call.session = str(NULL);
    call.struct_size = 8;
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, good, &call, out, sizeof out);
    CHECK(airlock_check(guard, scratch, tool, good, NULL, out, sizeof out, NULL) == AIRLOCK_INVALID_ARGUMENT);
    verdict.struct_size = 4;
    CHECK(airlock_check(guard, scratch, tool, good, NULL, out, sizeof out, &verdict) == AIRLOCK_INVALID_ARGUMENT);

    /* A struct of a later version: what it does not use is zero. */
    struct {
        airlock_call now;
        uint64_t later;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.now.struct_size = (uint32_t)sizeof newer;
    verdict.struct_size = (uint32_t)sizeof verdict;
    CHECK(airlock_check(guard, scratch, tool, good, &newer.now, out, sizeof out, &verdict) == AIRLOCK_OK);
    newer.later = 1;
    DENIED(AIRLOCK_INVALID_ARGUMENT, guard, scratch, tool, good, &newer.now, out, sizeof out);

    /* One scratch serves any guard, and outlives them. */
    airlock_guard_free(guard);
    guard = plain_guard();
    CHECK(airlock_check(guard, scratch, tool, ghost, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    airlock_guard_free(guard);
    CHECK(airlock_scratch_shrink(scratch, 0) == AIRLOCK_OK);
    CHECK(airlock_scratch_shrink(NULL, 0) == AIRLOCK_INVALID_ARGUMENT);
    airlock_scratch_free(scratch);
    airlock_scratch_free(NULL);
}

static void callers(void) {
    static const char policy[] =
        "{\"roles\":{\"teller\":[],\"boss\":[\"teller\"]},"
        "\"rule\":[{\"id\":\"t\",\"effect\":\"allow\",\"tools\":[\"transfer\"],\"roles\":[\"teller\"]}]}";
    FRESH(airlock_error, error);
    airlock_guard *guard = guard_with(policy, AIRLOCK_POLICY_JSON, TOOLS, 0, AIRLOCK_OK, &error);
    airlock_scratch *scratch = NULL;
    CHECK(airlock_scratch_new(&scratch) == AIRLOCK_OK);
    airlock_str roles[2] = {str("boss"), str("")};
    airlock_caller *boss = NULL, *nobody = NULL, *none = NULL;
    CHECK(airlock_caller_new(str("ann"), str("acme"), roles, 2, &boss) == AIRLOCK_OK);
    CHECK(airlock_caller_new(str(NULL), str(NULL), NULL, 0, &nobody) == AIRLOCK_OK);
    CHECK(airlock_caller_new(str(NULL), str(NULL), NULL, 1, &none) == AIRLOCK_INVALID_ARGUMENT && none == NULL);
    CHECK(airlock_caller_new(bytes("\xff", 1), str(NULL), NULL, 0, &none) == AIRLOCK_INVALID_UTF8);
    CHECK(airlock_caller_new(str(NULL), str(NULL), roles, SIZE_MAX / 2, &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_caller_new(str(NULL), str(NULL), NULL, 0, NULL) == AIRLOCK_INVALID_ARGUMENT);
    FRESH(airlock_call, call);
    FRESH(airlock_verdict, verdict);
    char out[AIRLOCK_MAX_REFUSAL];
    call.caller = boss;
    CHECK(airlock_check(guard, scratch, 1, str("{\"amount\":1}"), &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_ALLOW);
    call.caller = nobody;
    CHECK(airlock_check(guard, scratch, 1, str("{\"amount\":1}"), &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_IDENTITY_REQUIRED);
    airlock_caller_free(boss);
    airlock_caller_free(nobody);
    airlock_caller_free(NULL);
    airlock_scratch_free(scratch);
    airlock_guard_free(guard);
}

static void filters(void) {
    FRESH(airlock_error, error);
    airlock_guard *guard = plain_guard();
    airlock_guard *cutting = guard_with("{\"output\":{\"*\":{\"max_chars\":40}}}", AIRLOCK_POLICY_JSON, TOOLS, 0,
                                        AIRLOCK_OK, &error);
    airlock_scratch *scratch = NULL;
    CHECK(airlock_scratch_new(&scratch) == AIRLOCK_OK);
    char out[AIRLOCK_MAX_REFUSAL];
    FRESH(airlock_verdict, verdict);
    airlock_str secret = str("password=Tr0ub4dor&3");
    CHECK(airlock_filter(guard, scratch, 2, AIRLOCK_TEXT, secret, NULL, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_ALLOW && verdict.flags == AIRLOCK_CHANGED && verdict.count == 1);
    CHECK(is(out, verdict.out_len, "password=[REDACTED]"));
    CHECK(airlock_filter(guard, scratch, 2, AIRLOCK_JSON, str("{\"password\":\"x9!kQ\"}"), NULL, out, sizeof out,
                         &verdict) == AIRLOCK_OK);
    CHECK(is(out, verdict.out_len, "{\"password\":\"[REDACTED]\"}"));
    CHECK(airlock_filter(guard, scratch, 2, AIRLOCK_TEXT, str("plain"), NULL, NULL, 0, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_ALLOW && verdict.flags == 0 && verdict.out_len == 0);
    CHECK(airlock_filter(guard, scratch, 2, AIRLOCK_TEXT, bytes(NULL, 0), NULL, NULL, 0, &verdict) == AIRLOCK_OK);
    CHECK(airlock_filter(guard, scratch, 2, AIRLOCK_TEXT, secret, NULL, out, 5, &verdict) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.out_len == 19);
    CHECK(airlock_filter_bound(secret.len) >= 19 && airlock_filter_bound(SIZE_MAX) == SIZE_MAX);
    FRESH(airlock_call, call);
    call.tool_name = str("any tool");
    CHECK(airlock_filter(cutting, scratch, 0, AIRLOCK_TEXT,
                         str("0123456789 0123456789 0123456789 0123456789 0123456789"), &call, out, sizeof out,
                         &verdict) == AIRLOCK_OK);
    CHECK(verdict.flags == (AIRLOCK_CHANGED | AIRLOCK_TRUNCATED) && has(out, verdict.out_len, "bytes removed"));
    CHECK(airlock_filter(guard, scratch, 2, 7, secret, NULL, out, sizeof out, &verdict) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(verdict.decision == AIRLOCK_REFUSE);
    CHECK(airlock_filter(NULL, scratch, 2, 0, secret, NULL, out, sizeof out, &verdict) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_filter(guard, NULL, 2, 0, secret, NULL, out, sizeof out, &verdict) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_filter(guard, scratch, 0, 0, secret, NULL, out, sizeof out, &verdict) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_filter(guard, scratch, 2, 0, secret, NULL, out, sizeof out, NULL) == AIRLOCK_INVALID_ARGUMENT);

    /* Output above its bound is refused, and nothing of it is shown. */
    FRESH(airlock_guard_options, options);
    options.max_output = 8;
    airlock_guard *small = NULL;
    CHECK(airlock_guard_new(&options, &small, &error) == AIRLOCK_OK);
    CHECK(airlock_filter(small, scratch, 0, AIRLOCK_TEXT, secret, &call, out, sizeof out, &verdict) == AIRLOCK_OK);
    CHECK(verdict.decision == AIRLOCK_REFUSE && verdict.reason == AIRLOCK_REASON_OUTPUT_INVALID);
    CHECK(has(out, verdict.out_len, "output_invalid") && !has(out, verdict.out_len, "Tr0ub"));

    /* Streams outlive their guard, and give what the whole gives. */
    airlock_stream *stream = NULL, *gathering = NULL, *bounded = NULL, *none = NULL;
    CHECK(airlock_stream_new(guard, 2, str(NULL), &stream) == AIRLOCK_OK);
    CHECK(airlock_stream_new(cutting, 0, str("any tool"), &gathering) == AIRLOCK_OK);
    CHECK(airlock_stream_new(NULL, 2, str(NULL), &none) == AIRLOCK_INVALID_ARGUMENT && none == NULL);
    CHECK(airlock_stream_new(guard, 0, str(NULL), &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_stream_new(guard, 9, str("x"), &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_stream_new(guard, 2, str(NULL), NULL) == AIRLOCK_INVALID_ARGUMENT);
    airlock_guard_free(guard);
    airlock_guard_free(cutting);
    airlock_guard_free(small);
    for (int round = 0; round < 2; round++) {
        size_t len = 0, total = 0;
        for (size_t at = 0; at < secret.len; at += 7) {
            size_t step = secret.len - at < 7 ? secret.len - at : 7;
            CHECK(airlock_stream_feed(stream, bytes(secret.data + at, step), out + total, sizeof out - total, &len) ==
                  AIRLOCK_OK);
            total += len;
        }
        CHECK(airlock_stream_finish(stream, NULL, 0, &len) == AIRLOCK_BUFFER_TOO_SMALL && len == 19);
        CHECK(airlock_stream_finish(stream, out + total, sizeof out - total, &len) == AIRLOCK_OK);
        total += len;
        CHECK(is(out, total, "password=[REDACTED]"));
        CHECK(airlock_stream_feed(stream, str("x"), out, sizeof out, &len) == AIRLOCK_BROKEN);
        CHECK(airlock_stream_begin(stream) == AIRLOCK_OK);
    }
    size_t len = 0;
    char *big = (char *)malloc(60000);
    memset(big, 'a', 60000);
    CHECK(airlock_stream_feed(stream, bytes(big, 60000), NULL, 0, &len) == AIRLOCK_BUFFER_TOO_SMALL && len > 0);
    CHECK(airlock_stream_feed(stream, bytes(NULL, 0), big, 60000, &len) == AIRLOCK_OK && len > 0);
    CHECK(airlock_stream_feed(stream, bytes(NULL, 2), big, 60000, &len) == AIRLOCK_INVALID_ARGUMENT);
    free(big);
    CHECK(airlock_stream_feed(gathering, str("0123456789 0123456789 0123456789 0123456789 0123456789"), NULL, 0, &len) ==
          AIRLOCK_OK);
    CHECK(len == 0);
    CHECK(airlock_stream_finish(gathering, out, sizeof out, &len) == AIRLOCK_OK && has(out, len, "bytes removed"));
    CHECK(airlock_stream_finish(gathering, out, sizeof out, &len) == AIRLOCK_OK && len == 0);
    options.policy = str("{\"output\":{\"*\":{\"max_chars\":40}}}");
    options.policy_format = AIRLOCK_POLICY_JSON;
    CHECK(airlock_guard_new(&options, &small, &error) == AIRLOCK_OK);
    CHECK(airlock_stream_new(small, 0, str("t"), &bounded) == AIRLOCK_OK);
    CHECK(airlock_stream_feed(bounded, secret, out, sizeof out, &len) == AIRLOCK_REFUSED);
    CHECK(airlock_stream_feed(bounded, str(""), out, sizeof out, &len) == AIRLOCK_BROKEN);
    CHECK(airlock_stream_finish(bounded, out, sizeof out, &len) == AIRLOCK_BROKEN);
    CHECK(airlock_stream_begin(NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_stream_feed(NULL, secret, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_stream_feed(bounded, secret, out, sizeof out, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_stream_finish(NULL, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    airlock_guard_free(small);
    airlock_stream_free(stream);
    airlock_stream_free(gathering);
    airlock_stream_free(bounded);
    airlock_stream_free(NULL);
    airlock_scratch_free(scratch);
}

struct seen {
    int count, refused, fails;
};

static uint32_t record(void *context, const airlock_event *event) {
    struct seen *seen = (struct seen *)context;
    seen->count++;
    if (event->kind == AIRLOCK_EVENT_REFUSED) {
        seen->refused++;
        CHECK(event->reason == AIRLOCK_REASON_VALIDATION_FAILED && is(event->tool.data, event->tool.len, "add"));
    }
    return seen->fails != 0;
}

static void relays(void) {
    airlock_guard *guard = plain_guard();
    struct seen seen = {0, 0, 0};
    FRESH(airlock_relay_options, options);
    options.nonce = str("0123456789abcdef");
    options.record = record;
    options.context = &seen;
    options.max_message = 10000;
    options.max_pending = 8;
    airlock_relay *relay = NULL, *none = NULL;
    CHECK(airlock_relay_new(guard, &options, &relay) == AIRLOCK_OK && relay != NULL);
    options.nonce = str("short");
    CHECK(airlock_relay_new(guard, &options, &none) == AIRLOCK_INVALID_ARGUMENT && none == NULL);
    options.nonce = str("not random!");
    CHECK(airlock_relay_new(guard, &options, &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_new(NULL, &options, &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_new(guard, NULL, &none) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_new(guard, &options, NULL) == AIRLOCK_INVALID_ARGUMENT);
    airlock_guard_free(guard);

    char out[4096];
    size_t len = 0;
    FRESH(airlock_action, action);
    airlock_str list = str("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    CHECK(airlock_relay_client(relay, list, NULL, 0, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_FORWARD && action.out_len == 0);
    /* A call before the list is known is held, and the list is asked for. */
    airlock_str call = str("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"add\","
                           "\"arguments\":{\"a\":\"1\"}}}");
    CHECK(airlock_relay_client(relay, call, NULL, 1700000000000u, out, sizeof out, &action) == AIRLOCK_OK);
    if (action.action == AIRLOCK_HOLD) {
        CHECK((action.flags & AIRLOCK_LISTING) != 0);
        CHECK(airlock_relay_list_request(relay, NULL, 0, &len) == AIRLOCK_BUFFER_TOO_SMALL && len > 0);
        CHECK(airlock_relay_output(relay, out, sizeof out, &len) == AIRLOCK_OK && has(out, len, "tools/list"));
        CHECK(airlock_relay_list_request(relay, out, sizeof out, &len) == AIRLOCK_NOT_FOUND && len == 0);
        CHECK(airlock_relay_abandon_list(relay) == AIRLOCK_OK);
    }
    airlock_str listed = str("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"add\",\"inputSchema\":{"
                             "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}]}}");
    CHECK(airlock_relay_server(relay, listed, NULL, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_FORWARD);
    int before = seen.count;
    CHECK(airlock_relay_client(relay, call, NULL, 0, out, 10, &action) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(action.action == AIRLOCK_ANSWER && action.out_len > 10 && seen.count > before && seen.refused == 1);
    CHECK(airlock_relay_output(relay, out, sizeof out, &len) == AIRLOCK_OK && len == action.out_len);
    CHECK(has(out, len, "isError") && has(out, len, "without quotes"));
    airlock_str good = str("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"add\","
                           "\"arguments\":{\"a\":1,\"ghost\":2}}}");
    CHECK(airlock_relay_client(relay, good, NULL, 0, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_FORWARD && (action.flags & AIRLOCK_CHANGED) != 0);
    CHECK(!has(out, action.out_len, "ghost"));
    airlock_str result = str("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[{\"type\":\"text\","
                             "\"text\":\"password=Tr0ub4dor&3\"}]}}");
    CHECK(airlock_relay_server(relay, result, NULL, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_FORWARD && has(out, action.out_len, "[REDACTED]"));
    /* What cannot be recorded does not pass. */
    seen.fails = 1;
    airlock_str again = str("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"add\","
                            "\"arguments\":{\"a\":1}}}");
    CHECK(airlock_relay_client(relay, again, NULL, 0, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action != AIRLOCK_FORWARD);
    CHECK(airlock_relay_server(relay, str("no message"), NULL, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_NOISE);
    CHECK(airlock_relay_client(relay, str(""), NULL, 0, out, sizeof out, &action) == AIRLOCK_OK);
    CHECK(action.action == AIRLOCK_DROP);

    action.action = AIRLOCK_FORWARD;
    CHECK(airlock_relay_client(NULL, good, NULL, 0, out, sizeof out, &action) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(action.action == AIRLOCK_DROP);
    CHECK(airlock_relay_client(relay, good, NULL, 0, out, sizeof out, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_client(relay, bytes(NULL, 1), NULL, 0, out, sizeof out, &action) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_server(relay, good, NULL, NULL, 1, &action) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_output(NULL, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_list_request(NULL, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_relay_abandon_list(NULL) == AIRLOCK_INVALID_ARGUMENT);
    airlock_relay_free(relay);
    airlock_relay_free(NULL);
}

static void without_a_guard(void) {
    char memory[8192], out[2048];
    size_t len = 0, masked = 0;
    FRESH(airlock_error, error);
    const airlock_json *document = NULL;
    airlock_json_value value;
    airlock_str text = str(" {\"name\":\"a\\u0041\\n\",\"items\":[1,{\"a/b\":null}],\"~\":true}");
    CHECK(airlock_json_parse(text, 0, memory + 1, sizeof memory - 1, &document, &error) == AIRLOCK_OK);
    CHECK(airlock_json_find(document, str(""), &value) == AIRLOCK_OK);
    CHECK(value.kind == AIRLOCK_JSON_OBJECT && value.count == 3);
    CHECK(airlock_json_find(document, str("/items/0"), &value) == AIRLOCK_OK && value.kind == AIRLOCK_JSON_NUMBER);
    CHECK(is(value.raw.data, value.raw.len, "1"));
    CHECK(airlock_json_find(document, str("/items/1/a~1b"), &value) == AIRLOCK_OK && value.kind == AIRLOCK_JSON_NULL);
    CHECK(airlock_json_find(document, str("/~0"), &value) == AIRLOCK_OK && value.kind == AIRLOCK_JSON_TRUE);
    CHECK(airlock_json_find(document, str("/items/2"), &value) == AIRLOCK_NOT_FOUND);
    CHECK(airlock_json_find(document, str("/items/00"), &value) == AIRLOCK_NOT_FOUND);
    CHECK(airlock_json_find(document, str("/~2"), &value) == AIRLOCK_NOT_FOUND);
    CHECK(airlock_json_find(document, str("items"), &value) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_string(&value, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_find(document, str("/name"), &value) == AIRLOCK_OK);
    CHECK(airlock_json_string(&value, out, 2, &len) == AIRLOCK_BUFFER_TOO_SMALL && len == 3);
    CHECK(airlock_json_string(&value, out, sizeof out, &len) == AIRLOCK_OK && is(out, len, "aA\n"));
    CHECK(airlock_json_find(NULL, str(""), &value) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_find(document, str(""), NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_string(NULL, out, sizeof out, &len) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_parse(str("{\n1}"), 0, memory, sizeof memory, &document, &error) == AIRLOCK_JSON_INVALID);
    CHECK(document == NULL && error.line == 2 && error.column == 1);
    CHECK(airlock_json_parse(str("[[1]]"), 1, memory, sizeof memory, &document, NULL) == AIRLOCK_JSON_INVALID);
    CHECK(airlock_json_parse(str("[1,2,3]"), 0, memory, 16, &document, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    CHECK(airlock_json_parse(str("[1,2,3]"), 0, memory, 80, &document, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    CHECK(airlock_json_parse(str("[1,2,3]"), 0, memory, 64 + 4 * 24, &document, NULL) == AIRLOCK_OK);
    CHECK(airlock_json_parse(str("[1]"), 0, NULL, 0, &document, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    CHECK(airlock_json_parse(str("[1]"), 0, NULL, 9, &document, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_json_parse(str("[1]"), 0, memory, sizeof memory, NULL, NULL) == AIRLOCK_INVALID_ARGUMENT);

    airlock_str allow[] = {str("read_*"), str("led_?")};
    airlock_str deny[] = {str("*_factory")};
    uint32_t reason = 9;
    CHECK(airlock_names_check(allow, 2, deny, 1, str("led_1"), &reason) == AIRLOCK_OK && reason == 0);
    CHECK(airlock_names_check(allow, 2, deny, 1, str("read_FACTORY"), &reason) == AIRLOCK_OK);
    CHECK(reason == AIRLOCK_REASON_TOOL_DENIED);
    CHECK(airlock_names_check(NULL, 0, NULL, 0, str("x"), &reason) == AIRLOCK_OK);
    CHECK(reason == AIRLOCK_REASON_TOOL_NOT_ALLOWED);
    airlock_str many[20];
    for (int at = 0; at < 20; at++) {
        many[at] = str("no");
    }
    many[19] = str("yes");
    CHECK(airlock_names_check(many, 20, NULL, 0, str("yes"), &reason) == AIRLOCK_OK && reason == 0);
    many[19] = str("[a]");
    CHECK(airlock_names_check(many, 20, NULL, 0, str("no"), &reason) == AIRLOCK_POLICY_INVALID && reason != 0);
    CHECK(airlock_names_check(NULL, 1, NULL, 0, str("x"), &reason) == AIRLOCK_INVALID_ARGUMENT && reason != 0);
    CHECK(airlock_names_check(allow, 2, deny, 1, str("x"), NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_names_check(allow, SIZE_MAX, deny, 1, str("x"), &reason) == AIRLOCK_INVALID_ARGUMENT);

    airlock_str secret = str("password=Tr0ub4dor&3");
    FRESH(airlock_redact_options, how);
    CHECK(airlock_redact(NULL, secret, memory, sizeof memory, out, sizeof out, &len, &masked) == AIRLOCK_OK);
    CHECK(is(out, len, "password=[REDACTED]") && masked == 1);
    how.types = str("secret,pii");
    how.style = str("type");
    CHECK(airlock_redact(&how, str("ann@example.org"), memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_OK);
    CHECK(is(out, len, "[EMAIL]"));
    how.flags = AIRLOCK_AS_JSON;
    CHECK(airlock_redact(&how, str("{\"a\":\"ann@example.org\"}"), memory, sizeof memory, out, sizeof out, &len, &masked) ==
          AIRLOCK_OK);
    CHECK(is(out, len, "{\"a\":\"[EMAIL]\"}") && masked == 1);
    CHECK(airlock_redact(&how, str("{"), memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_JSON_INVALID);
    CHECK(airlock_redact(&how, str("[1,2]"), memory, 0, out, sizeof out, &len, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    CHECK(airlock_redact(&how, str("{\"a\":\"ann@example.org\"}"), memory, sizeof memory, out, 3, &len, NULL) ==
          AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(len == airlock_redact_bound(23));
    how.flags = 2;
    CHECK(airlock_redact(&how, secret, memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_ARGUMENT);
    how.flags = 0;
    how.types = str("none.such");
    CHECK(airlock_redact(&how, secret, memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_ARGUMENT);
    how.types = str(NULL);
    how.style = str("none");
    CHECK(airlock_redact(&how, secret, memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_redact(NULL, bytes("\xff", 1), memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_UTF8);
    CHECK(airlock_redact(NULL, secret, NULL, 0, out, sizeof out, &len, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    CHECK(airlock_redact(NULL, secret, memory, sizeof memory, out, 3, &len, NULL) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(len == airlock_redact_bound(secret.len));
    CHECK(airlock_redact(NULL, secret, memory, sizeof memory, out, sizeof out, NULL, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_redact_memory(100, 0) > 100 && airlock_redact_memory(100, AIRLOCK_AS_JSON) > 1600);

    FRESH(airlock_truncate_options, limits);
    uint32_t cut = 9;
    limits.max_chars = 30;
    airlock_str words = str("one two three four five six seven eight nine ten eleven twelve");
    CHECK(airlock_truncate(&limits, words, NULL, 0, out, sizeof out, &len, &cut) == AIRLOCK_OK && cut == 1);
    CHECK(len <= 30 && has(out, len, "bytes removed"));
    CHECK(airlock_truncate(&limits, str("short"), NULL, 0, out, sizeof out, &len, &cut) == AIRLOCK_OK && cut == 0);
    CHECK(is(out, len, "short"));
    limits.keep = AIRLOCK_KEEP_ENDS;
    CHECK(airlock_truncate(&limits, words, NULL, 0, out, 3, &len, &cut) == AIRLOCK_BUFFER_TOO_SMALL);
    CHECK(len == airlock_truncate_bound(words.len));
    limits.flags = AIRLOCK_AS_JSON;
    limits.keep = AIRLOCK_KEEP_TAIL;
    CHECK(airlock_truncate(&limits, str("[\"0123456789\",\"0123456789\",\"0123456789\"]"), memory, sizeof memory, out, sizeof out,
                           &len, &cut) == AIRLOCK_OK && cut == 1 && out[0] == '[' && len <= 30);
    CHECK(airlock_truncate(&limits, str("["), memory, sizeof memory, out, sizeof out, &len, NULL) == AIRLOCK_JSON_INVALID);
    CHECK(airlock_truncate(&limits, str("[1]"), NULL, 0, out, sizeof out, &len, NULL) == AIRLOCK_MEMORY_TOO_SMALL);
    limits.keep = 9;
    CHECK(airlock_truncate(&limits, words, NULL, 0, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_truncate(NULL, words, NULL, 0, out, sizeof out, &len, NULL) == AIRLOCK_INVALID_ARGUMENT);
    CHECK(airlock_truncate(&limits, words, NULL, 0, out, sizeof out, NULL, NULL) == AIRLOCK_INVALID_ARGUMENT);
}

int main(void) {
    versions_and_names();
    guards();
    checks();
    callers();
    filters();
    relays();
    without_a_guard();
    if (failures > 0) {
        fprintf(stderr, "%d checks failed\n", failures);
        return 1;
    }
    puts("ok");
    return 0;
}
