/* A program with two libraries written in Rust: this one and another. */
#include <stdio.h>

#include "airlock.h"

/* Of the other library: what a panic in it, which it catches, leaves behind. */
int other_catches_a_panic(void);

int main(void) {
    airlock_guard *guard = NULL;
    if (airlock_guard_new(NULL, &guard, NULL) != AIRLOCK_INVALID_ARGUMENT || other_catches_a_panic() != 7) {
        return 1;
    }
    puts("ok");
    return 0;
}
