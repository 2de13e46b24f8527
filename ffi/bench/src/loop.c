#include "airlock.h"

struct item {
    uint32_t tool;
    airlock_str arguments;
};

/* Checks every call and answers how many were allowed. */
size_t c_loop(const airlock_guard *guard, airlock_scratch *scratch, const struct item *items, size_t count, char *out,
              size_t out_cap) {
    size_t allowed = 0;
    airlock_verdict verdict = {.struct_size = sizeof verdict};
    for (size_t at = 0; at < count; at++) {
        if (airlock_check(guard, scratch, items[at].tool, items[at].arguments, NULL, out, out_cap, &verdict) == AIRLOCK_OK) {
            allowed += verdict.decision == AIRLOCK_ALLOW;
        }
    }
    return allowed;
}
