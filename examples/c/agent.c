/* A small agent loop with a guard around its tools.
 *
 * The model is a script of tool calls here; a real one reads what this program would send to it: a refusal that it
 * can repair its call from, or the masked output of the tool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlock.h"

static const char TOOLS[] =
    "[{\"name\":\"read_account\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},"
    "\"required\":[\"id\"]}},"
    "{\"name\":\"close_account\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}}}}]";

static const char POLICY[] = "{\"denied_tools\": [{\"tools\": [\"close_*\"], \"hint\": \"Ask a human to close the account.\"}]}";

struct call {
    const char *tool, *arguments;
};

/* What the model asks for, one after the other. */
static const struct call SCRIPT[] = {
    {"read_account", "{\"id\":\"7\"}"},
    {"read_account", "{\"id\":7,\"verbose\":true}"},
    {"close_account", "{\"id\":7}"},
};

static airlock_str str(const char *text) {
    airlock_str made;
    made.data = text;
    made.len = strlen(text);
    return made;
}

/* A tool. It gets arguments that its schema allows, and nothing else. */
static const char *read_account(airlock_str arguments) {
    printf("  tool    read_account %.*s\n", (int)arguments.len, arguments.data);
    return "{\"id\":7,\"owner\":\"Ann\",\"password\":\"Tr0ub4dor&3\"}";
}

/* Shows the model what a tool returned, or why it may not be shown. Anything but AIRLOCK_OK shows nothing. */
static void show(const airlock_guard *guard, airlock_scratch *scratch, uint32_t tool, airlock_str output) {
    airlock_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    verdict.struct_size = (uint32_t)sizeof verdict;
    size_t cap = output.len + AIRLOCK_MAX_REFUSAL;
    char *out = (char *)malloc(cap);
    airlock_status status = airlock_filter(guard, scratch, tool, AIRLOCK_TEXT, output, NULL, out, cap, &verdict);
    if (status == AIRLOCK_BUFFER_TOO_SMALL) {
        cap = verdict.out_len;
        free(out);
        out = (char *)malloc(cap);
        status = airlock_filter(guard, scratch, tool, AIRLOCK_TEXT, output, NULL, out, cap, &verdict);
    }
    if (status != AIRLOCK_OK) {
        puts("  model   (the output cannot be shown)");
    } else if (verdict.decision == AIRLOCK_ALLOW && (verdict.flags & AIRLOCK_CHANGED) == 0) {
        printf("  model   %.*s\n", (int)output.len, output.data);
    } else {
        printf("  model   %.*s\n", (int)verdict.out_len, out);
    }
    free(out);
}

static void step(const airlock_guard *guard, airlock_scratch *scratch, const struct call *call) {
    printf("%s %s\n", call->tool, call->arguments);
    /* Names are resolved once in a real program; a name that is not known is refused by the check. */
    airlock_call context;
    memset(&context, 0, sizeof context);
    context.struct_size = (uint32_t)sizeof context;
    context.tool_name = str(call->tool);
    uint32_t tool = 0;
    (void)airlock_tool_id(guard, context.tool_name, &tool);

    airlock_str arguments = str(call->arguments);
    airlock_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    verdict.struct_size = (uint32_t)sizeof verdict;
    char out[4096]; /* airlock_check_bound(arguments.len) says how much always suffices */
    if (airlock_check(guard, scratch, tool, arguments, &context, out, sizeof out, &verdict) != AIRLOCK_OK) {
        puts("  model   (the call could not be checked)");
        return;
    }
    if (verdict.decision == AIRLOCK_REFUSE) {
        airlock_str reason = airlock_reason_name(verdict.reason);
        printf("  refused %.*s\n  model   %.*s\n", (int)reason.len, reason.data, (int)verdict.out_len, out);
        return;
    }
    if ((verdict.flags & AIRLOCK_CHANGED) != 0) {
        arguments.data = out;
        arguments.len = verdict.out_len;
    }
    show(guard, scratch, tool, str(read_account(arguments)));
}

int main(void) {
    if (airlock_abi_version() != AIRLOCK_ABI_VERSION) {
        fputs("the library is not the one that this program was built for\n", stderr);
        return 1;
    }
    airlock_guard_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.policy = str(POLICY);
    options.policy_format = AIRLOCK_POLICY_JSON;
    options.tools = str(TOOLS);
    airlock_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = (uint32_t)sizeof error;
    airlock_guard *guard = NULL;
    airlock_scratch *scratch = NULL;
    if (airlock_guard_new(&options, &guard, &error) != AIRLOCK_OK) {
        fprintf(stderr, "line %u, %s: %s\n", error.line, error.pointer, error.message);
        return 1;
    }
    if (airlock_scratch_new(&scratch) != AIRLOCK_OK) {
        airlock_guard_free(guard);
        return 1;
    }
    for (size_t at = 0; at < sizeof SCRIPT / sizeof SCRIPT[0]; at++) {
        step(guard, scratch, &SCRIPT[at]);
    }
    airlock_scratch_free(scratch);
    airlock_guard_free(guard);
    return 0;
}
