/* What the C tests share. C99 and C++17. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlock.h"

/* How many checks failed: each program has an `int failures`. */
#define CHECK(truth)                                                            \
    do {                                                                        \
        if (!(truth)) {                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #truth);         \
            failures++;                                                         \
        }                                                                       \
    } while (0)

static inline airlock_str str(const char *text) {
    airlock_str made;
    made.data = text;
    made.len = text == NULL ? 0 : strlen(text);
    return made;
}

static inline airlock_str bytes(const char *data, size_t len) {
    airlock_str made;
    made.data = data;
    made.len = len;
    return made;
}

static inline int is(const char *data, size_t len, const char *want) {
    return len == strlen(want) && memcmp(data, want, len) == 0;
}

static inline int has(const char *data, size_t len, const char *part) {
    size_t want = strlen(part);
    for (size_t at = 0; at + want <= len; at++) {
        if (memcmp(data + at, part, want) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A struct all zero, but for its size. */
#define FRESH(type, name)                                                       \
    type name;                                                                  \
    memset(&name, 0, sizeof name);                                              \
    name.struct_size = (uint32_t)sizeof name

#endif
