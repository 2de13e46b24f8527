/* Over an allocator of the program's own: a tool is compiled, an argument that it does not have is cut, and "100"
 * for an integer is refused with the hint that lets the model repair it. */
#include "airlock.h"
#include "board.h"

#define TEXT(literal) {literal, sizeof(literal) - 1}

void *airlock_alloc(size_t size, size_t align);
void airlock_dealloc(void *memory, size_t size, size_t align);

/* The simplest allocator: it gives from the front of an arena, and takes back only what it gave last. */
static char arena[4u << 20] __attribute__((aligned(64)));
static size_t used;

void *airlock_alloc(size_t size, size_t align) {
    size_t at = (used + align - 1) & ~(align - 1);
    if (size > sizeof arena - at) {
        return NULL;
    }
    used = at + size;
    return arena + at;
}

void airlock_dealloc(void *memory, size_t size, size_t align) {
    (void)align;
    if ((char *)memory + size == arena + used) {
        used -= size;
    }
}

static void need(airlock_status status) {
    if (status != AIRLOCK_OK) {
        airlock_str name = airlock_status_name(status);
        say(name.data, name.len);
        stop(1);
    }
}

static void check(const airlock_guard *guard, airlock_scratch *scratch, airlock_str arguments) {
    static char out[AIRLOCK_MAX_REFUSAL];
    airlock_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    verdict.struct_size = sizeof verdict;
    need(airlock_check(guard, scratch, 1, arguments, NULL, out, sizeof out, &verdict));
    if (verdict.decision == AIRLOCK_ALLOW && (verdict.flags & AIRLOCK_CHANGED) == 0) {
        say(arguments.data, arguments.len);
    } else {
        say(out, verdict.out_len);
    }
    say("\n", 1);
}

void run(void) {
    static const airlock_str tools = TEXT("[{\"name\":\"transfer\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
                                          "\"amount\":{\"type\":\"integer\"}},\"required\":[\"amount\"]}}]");
    static const airlock_str ghost = TEXT("{\"amount\":100,\"note\":\"made up\"}");
    static const airlock_str wrong = TEXT("{\"amount\":\"100\"}");
    airlock_guard_options options;
    airlock_guard *guard;
    airlock_scratch *scratch;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.tools = tools;
    need(airlock_guard_new(&options, &guard, NULL));
    need(airlock_scratch_new(&scratch));
    check(guard, scratch, ghost);
    check(guard, scratch, wrong);
    airlock_scratch_free(scratch);
    airlock_guard_free(guard);
}
