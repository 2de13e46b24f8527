/* Answers what it is asked on standard input, for the test that compares C with Rust byte for byte.
 *
 * A question is texts, each behind its length (32 bits, this machine's order): policy, tools, tool name,
 * input, agent, tenant, roles between line feeds; then what to do: "check", "text" or "json". An answer is
 * status, decision, reason, flags, count, then the output and the details behind their lengths. */
#include "test.h"

static char *read_text(uint32_t *len) {
    if (fread(len, 4, 1, stdin) != 1) {
        return NULL;
    }
    char *text = (char *)malloc((size_t)*len + 1);
    if (text == NULL || fread(text, 1, *len, stdin) != *len) {
        exit(2);
    }
    text[*len] = 0;
    return text;
}

static void write_number(uint32_t number) {
    if (fwrite(&number, 4, 1, stdout) != 1) {
        exit(2);
    }
}

static void write_text(const char *text, size_t len) {
    write_number((uint32_t)len);
    if (len > 0 && fwrite(text, 1, len, stdout) != len) {
        exit(2);
    }
}

enum { POLICY, TOOLS, TOOL, INPUT, AGENT, TENANT, ROLES, WHAT, FIELDS };

int main(void) {
    airlock_scratch *scratch = NULL;
    airlock_guard *guard = NULL;
    char *known_policy = NULL, *known_tools = NULL;
    if (airlock_scratch_new(&scratch) != AIRLOCK_OK) {
        return 2;
    }
    for (;;) {
        char *text[FIELDS];
        uint32_t len[FIELDS];
        for (int at = 0; at < FIELDS; at++) {
            text[at] = read_text(&len[at]);
            if (text[at] == NULL) {
                airlock_guard_free(guard);
                airlock_scratch_free(scratch);
                free(known_policy);
                free(known_tools);
                return at == 0 ? 0 : 2;
            }
        }
        if (guard == NULL || strcmp(known_policy, text[POLICY]) != 0 || strcmp(known_tools, text[TOOLS]) != 0) {
            airlock_guard_free(guard);
            FRESH(airlock_guard_options, options);
            FRESH(airlock_error, error);
            options.flags = AIRLOCK_WITHHOLD_TOOLS | AIRLOCK_HOST_LIMITS;
            options.policy = len[POLICY] == 0 ? str(NULL) : bytes(text[POLICY], len[POLICY]);
            options.policy_format = AIRLOCK_POLICY_JSON;
            options.tools = bytes(text[TOOLS], len[TOOLS]);
            if (airlock_guard_new(&options, &guard, &error) != AIRLOCK_OK) {
                fprintf(stderr, "%s: %s\n", error.pointer, error.message);
                return 2;
            }
            free(known_policy);
            free(known_tools);
            known_policy = text[POLICY];
            known_tools = text[TOOLS];
            text[POLICY] = text[TOOLS] = NULL;
        }
        airlock_str roles[16];
        size_t roles_len = 0;
        for (char *role = strtok(text[ROLES], "\n"); role != NULL && roles_len < 16; role = strtok(NULL, "\n")) {
            roles[roles_len++] = str(role);
        }
        airlock_caller *caller = NULL;
        airlock_str agent = len[AGENT] == 0 ? str(NULL) : bytes(text[AGENT], len[AGENT]);
        airlock_str tenant = len[TENANT] == 0 ? str(NULL) : bytes(text[TENANT], len[TENANT]);
        if (airlock_caller_new(agent, tenant, roles, roles_len, &caller) != AIRLOCK_OK) {
            return 2;
        }
        FRESH(airlock_call, call);
        call.flags = AIRLOCK_KEEP_DETAILS;
        call.caller = caller;
        call.tool_name = bytes(text[TOOL], len[TOOL]);
        uint32_t tool = 0;
        (void)airlock_tool_id(guard, call.tool_name, &tool); /* 0 where there is none: then by name */
        FRESH(airlock_verdict, verdict);
        airlock_str input = bytes(text[INPUT], len[INPUT]);
        int is_check = strcmp(text[WHAT], "check") == 0;
        uint32_t format = strcmp(text[WHAT], "json") == 0 ? AIRLOCK_JSON : AIRLOCK_TEXT;
        size_t cap = is_check ? airlock_check_bound(input.len) : airlock_filter_bound(input.len);
        char *out = (char *)malloc(cap);
        airlock_status status =
            is_check ? airlock_check(guard, scratch, tool, input, &call, out, cap, &verdict)
                     : airlock_filter(guard, scratch, tool, format, input, &call, out, cap, &verdict);
        write_number(status);
        write_number(verdict.decision);
        write_number(verdict.reason);
        write_number(verdict.flags);
        write_number(verdict.count);
        if (status == AIRLOCK_OK && verdict.decision == AIRLOCK_ALLOW && (verdict.flags & AIRLOCK_CHANGED) == 0) {
            write_text(input.data, input.len);
        } else {
            write_text(out, verdict.out_len);
        }
        free(out);
        size_t details_len = 0;
        char *details = NULL;
        if (is_check && airlock_details(scratch, NULL, 0, &details_len) == AIRLOCK_BUFFER_TOO_SMALL) {
            details = (char *)malloc(details_len);
            if (airlock_details(scratch, details, details_len, &details_len) != AIRLOCK_OK) {
                return 2;
            }
        }
        write_text(details, details_len);
        free(details);
        airlock_caller_free(caller);
        for (int at = 0; at < FIELDS; at++) {
            free(text[at]);
        }
    }
}
