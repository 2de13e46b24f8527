/* Eight threads on one guard, each with a scratch of its own. With an argument the kill switch is turned meanwhile:
 * helgrind takes the atomic that it is for a race, so it runs without. */
#include <pthread.h>

#include "test.h"

#define THREADS 8
#define ROUNDS 300

static airlock_guard *guard;
static airlock_caller *caller;
static int turns;

static void *work(void *argument) {
    int *failed = (int *)argument;
    airlock_scratch *scratch = NULL;
    char out[AIRLOCK_MAX_REFUSAL];
    FRESH(airlock_verdict, verdict);
    FRESH(airlock_call, call);
    call.caller = caller;
    *failed += airlock_scratch_new(&scratch) != AIRLOCK_OK;
    for (int round = 0; round < ROUNDS; round++) {
        airlock_status status = airlock_check(guard, scratch, 1, str("{\"a\":1,\"ghost\":2}"), &call, out, sizeof out, &verdict);
        int allowed = verdict.decision == AIRLOCK_ALLOW && is(out, verdict.out_len, "{\"a\":1}");
        *failed += status != AIRLOCK_OK || !(allowed || verdict.reason == AIRLOCK_REASON_HALTED);
        status = airlock_filter(guard, scratch, 1, AIRLOCK_TEXT, str("password=Tr0ub4dor&3"), NULL, out, sizeof out, &verdict);
        *failed += status != AIRLOCK_OK || !is(out, verdict.out_len, "password=[REDACTED]");
        if (turns && round % 50 == 0) {
            *failed += airlock_guard_halt(guard, round % 100 == 0) != AIRLOCK_OK;
        }
        if (round % 100 == 0) {
            airlock_stream *stream = NULL;
            size_t len = 0;
            *failed += airlock_stream_new(guard, 1, str(NULL), &stream) != AIRLOCK_OK;
            *failed += airlock_stream_feed(stream, str("text"), out, sizeof out, &len) != AIRLOCK_OK;
            airlock_stream_free(stream);
        }
    }
    airlock_scratch_free(scratch);
    return NULL;
}

int main(int count, char **words) {
    (void)words;
    turns = count > 1;
    FRESH(airlock_guard_options, options);
    options.tools = str("[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}]");
    if (airlock_guard_new(&options, &guard, NULL) != AIRLOCK_OK ||
        airlock_caller_new(str("ann"), str(NULL), NULL, 0, &caller) != AIRLOCK_OK) {
        return 1;
    }
    pthread_t threads[THREADS];
    int failed[THREADS] = {0}, sum = 0;
    /* What is found out about the processor once is stored in atomics too. */
    work(&sum);
    for (int at = 0; at < THREADS; at++) {
        if (pthread_create(&threads[at], NULL, work, &failed[at]) != 0) {
            return 1;
        }
    }
    for (int at = 0; at < THREADS; at++) {
        if (pthread_join(threads[at], NULL) != 0) {
            return 1;
        }
        sum += failed[at];
    }
    airlock_caller_free(caller);
    airlock_guard_free(guard);
    puts(sum == 0 ? "ok" : "failed");
    return sum != 0;
}
