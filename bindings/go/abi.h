// The functions of airlock.h in the shape that cgo likes: structs that hold pointers are made here, so that no
// memory of Go holds a pointer to memory of Go while C runs.
#ifndef AIRLOCK_GO_ABI_H
#define AIRLOCK_GO_ABI_H

#include "airlock.h"
#include <stdlib.h>
#include <time.h>

#if AIRLOCK_ABI_VERSION != 1
#error "airlock.h is of another ABI version than this package"
#endif

static inline airlock_str go_str(const char *data, size_t len) {
    airlock_str text = {data, len};
    return text;
}

static inline airlock_guard_options go_options(uint32_t flags, uint32_t format, const char *policy, size_t policy_len,
                                               const char *tools, size_t tools_len, const char *documents,
                                               size_t documents_len, const char *key, size_t key_len,
                                               const airlock_guard_options *bounds) {
    airlock_guard_options options = *bounds;
    options.struct_size = sizeof options;
    options.flags = flags;
    options.policy_format = format;
    options.policy = go_str(policy, policy_len);
    options.tools = go_str(tools, tools_len);
    options.documents = go_str(documents, documents_len);
    options.mask_key = go_str(key, key_len);
    return options;
}

static inline airlock_status go_guard_new(uint32_t flags, uint32_t format, const char *policy, size_t policy_len,
                                          const char *tools, size_t tools_len, const char *documents,
                                          size_t documents_len, const char *key, size_t key_len,
                                          const airlock_guard_options *bounds, airlock_guard **guard,
                                          airlock_error *error) {
    airlock_guard_options options = go_options(flags, format, policy, policy_len, tools, tools_len, documents,
                                               documents_len, key, key_len, bounds);
    error->struct_size = sizeof *error;
    return airlock_guard_new(&options, guard, error);
}

static inline airlock_status go_firewall_new(uint32_t flags, uint32_t format, const char *policy, size_t policy_len,
                                             const char *tools, size_t tools_len, const char *documents,
                                             size_t documents_len, const char *key, size_t key_len,
                                             const airlock_guard_options *bounds, const char *audit, size_t audit_len,
                                             const char *kill, size_t kill_len, const char *pins, size_t pins_len,
                                             airlock_firewall **firewall, airlock_error *error) {
    airlock_guard_options options = go_options(flags, format, policy, policy_len, tools, tools_len, documents,
                                               documents_len, key, key_len, bounds);
    airlock_firewall_options more = {sizeof more, 0, go_str(audit, audit_len), go_str(kill, kill_len),
                                     go_str(pins, pins_len)};
    error->struct_size = sizeof *error;
    return airlock_firewall_new(&options, &more, firewall, error);
}

static inline airlock_status go_guard_with_tools(const airlock_guard *guard, const char *tools, size_t tools_len,
                                                 airlock_guard **made, airlock_error *error) {
    error->struct_size = sizeof *error;
    return airlock_guard_with_tools(guard, go_str(tools, tools_len), made, error);
}

// `roles` are the texts one after the other, `ends` where each of them ends.
static inline airlock_status go_caller_new(const char *agent, size_t agent_len, const char *tenant, size_t tenant_len,
                                           const char *roles, const size_t *ends, size_t count,
                                           airlock_caller **caller) {
    airlock_str *list = (airlock_str *)calloc(count + 1, sizeof *list);
    if (list == NULL) {
        return AIRLOCK_MEMORY_TOO_SMALL;
    }
    for (size_t at = 0, begin = 0; at < count; begin = ends[at++]) {
        list[at] = go_str(roles + begin, ends[at] - begin);
    }
    airlock_status status = airlock_caller_new(go_str(agent, agent_len), go_str(tenant, tenant_len), list, count, caller);
    free(list);
    return status;
}

// The moment in Unix milliseconds, cheaply: to some milliseconds where the system has such a clock. `now_ms` when it is
// not negative.
static inline uint64_t go_moment(int64_t now_ms) {
    if (now_ms >= 0) {
        return (uint64_t)now_ms;
    }
    struct timespec now;
#ifdef CLOCK_REALTIME_COARSE
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
#else
    clock_gettime(CLOCK_REALTIME, &now);
#endif
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// The handles of what is called most come as numbers, for cgo looks through what pointers point to.
static inline airlock_status go_check(uintptr_t guard, uintptr_t scratch, uint32_t flags,
                                      const char *tool, size_t tool_len, const char *arguments, size_t arguments_len,
                                      uintptr_t caller, const char *server, size_t server_len,
                                      const char *session, size_t session_len, int64_t now_ms, char *out,
                                      size_t out_cap, airlock_verdict *verdict) {
    airlock_call call = {sizeof call, flags, go_str(tool, tool_len), (const airlock_caller *)caller, go_str(server, server_len),
                         go_str(session, session_len), go_moment(now_ms)};
    verdict->struct_size = sizeof *verdict;
    return airlock_check((const airlock_guard *)guard, (airlock_scratch *)scratch, 0, go_str(arguments, arguments_len), &call,
                         out, out_cap, verdict);
}

static inline airlock_status go_filter(uintptr_t guard, uintptr_t scratch, uint32_t format,
                                       const char *tool, size_t tool_len, const char *output, size_t output_len,
                                       char *out, size_t out_cap, airlock_verdict *verdict) {
    airlock_call call = {sizeof call, 0, go_str(tool, tool_len), 0, {0, 0}, {0, 0}, 0};
    verdict->struct_size = sizeof *verdict;
    return airlock_filter((const airlock_guard *)guard, (airlock_scratch *)scratch, 0, format, go_str(output, output_len), &call,
                          out, out_cap, verdict);
}

// `now_ms` is 0 for the present, which the firewall's own clock says.
static inline airlock_status go_firewall_call(uintptr_t firewall, uintptr_t scratch, uint32_t flags,
                                              const char *tool, size_t tool_len, const char *arguments,
                                              size_t arguments_len, uintptr_t caller, const char *server,
                                              size_t server_len, const char *session, size_t session_len,
                                              uint64_t now_ms, char *out, size_t out_cap, airlock_verdict *verdict,
                                              airlock_permit **permit) {
    airlock_call call = {sizeof call, flags, go_str(tool, tool_len), (const airlock_caller *)caller, go_str(server, server_len),
                         go_str(session, session_len), now_ms};
    verdict->struct_size = sizeof *verdict;
    return airlock_firewall_call((const airlock_firewall *)firewall, (airlock_scratch *)scratch, 0,
                                 go_str(arguments, arguments_len), &call, out, out_cap, verdict, permit);
}

static inline airlock_status go_firewall_filter(uintptr_t firewall, uint32_t format, const char *tool, size_t tool_len,
                                                const char *output, size_t output_len, uintptr_t caller,
                                                const char *server, size_t server_len, const char *session,
                                                size_t session_len, char *out, size_t out_cap,
                                                airlock_verdict *verdict) {
    airlock_call call = {sizeof call, 0, go_str(tool, tool_len), (const airlock_caller *)caller, go_str(server, server_len),
                         go_str(session, session_len), 0};
    verdict->struct_size = sizeof *verdict;
    return airlock_firewall_filter((const airlock_firewall *)firewall, 0, format, go_str(output, output_len), &call, out,
                                   out_cap, verdict);
}

static inline airlock_status go_firewall_reload(const airlock_firewall *firewall, uint32_t format, const char *policy,
                                                size_t policy_len, airlock_error *error) {
    error->struct_size = sizeof *error;
    return airlock_firewall_reload(firewall, go_str(policy, policy_len), format, error);
}

static inline airlock_status go_firewall_end_session(const airlock_firewall *firewall, const airlock_caller *caller,
                                                     const char *session, size_t session_len) {
    return airlock_firewall_end_session(firewall, caller, go_str(session, session_len));
}

static inline airlock_status go_stream_new(const airlock_guard *guard, const char *tool, size_t tool_len,
                                           airlock_stream **stream) {
    return airlock_stream_new(guard, 0, go_str(tool, tool_len), stream);
}

static inline airlock_status go_stream_feed(airlock_stream *stream, const char *piece, size_t len, char *out,
                                            size_t out_cap, size_t *out_len) {
    return airlock_stream_feed(stream, go_str(piece, len), out, out_cap, out_len);
}

// In record.go.
extern uint32_t airlockGoRecord(uintptr_t context, airlock_event *event);

static inline uint32_t go_record(void *context, const airlock_event *event) {
    return airlockGoRecord((uintptr_t)context, (airlock_event *)event);
}

// `context` is 0 where nothing is recorded.
static inline airlock_relay_options go_relay_options(airlock_str nonce, size_t max_message, size_t max_pending,
                                                     uintptr_t context, airlock_str server) {
    airlock_relay_options options = {sizeof options, 0, nonce, max_message, max_pending, context ? go_record : 0,
                                     (void *)context, server};
    return options;
}

static inline airlock_status go_relay_new(const airlock_guard *guard, const char *nonce, size_t nonce_len,
                                          size_t max_message, size_t max_pending, uintptr_t context,
                                          airlock_relay **relay) {
    airlock_relay_options options = go_relay_options(go_str(nonce, nonce_len), max_message, max_pending, context,
                                                     go_str(0, 0));
    return airlock_relay_new(guard, &options, relay);
}

static inline airlock_status go_firewall_relay_new(const airlock_firewall *firewall, const char *server, size_t server_len,
                                                   size_t max_message, size_t max_pending, uintptr_t context,
                                                   airlock_relay **relay, airlock_error *error) {
    airlock_relay_options options = go_relay_options(go_str(0, 0), max_message, max_pending, context,
                                                     go_str(server, server_len));
    error->struct_size = sizeof *error;
    return airlock_firewall_relay_new(firewall, &options, relay, error);
}

static inline airlock_status go_relay_client(airlock_relay *relay, const char *message, size_t len,
                                             const airlock_caller *caller, int64_t now_ms, char *out, size_t out_cap,
                                             airlock_action *action) {
    action->struct_size = sizeof *action;
    return airlock_relay_client(relay, go_str(message, len), caller, go_moment(now_ms), out, out_cap, action);
}

static inline airlock_status go_relay_server(airlock_relay *relay, const char *message, size_t len,
                                             const airlock_caller *caller, char *out, size_t out_cap,
                                             airlock_action *action) {
    action->struct_size = sizeof *action;
    return airlock_relay_server(relay, go_str(message, len), caller, out, out_cap, action);
}

#endif
