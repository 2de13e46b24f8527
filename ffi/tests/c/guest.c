/* A good guest: no thread is started, signals and locale stay, standard streams stay silent, and a guard that was
 * made before a fork works after it. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static int failures = 0;

static int threads(void) {
    DIR *folder = opendir("/proc/self/task");
    int count = 0;
    if (folder == NULL) {
        return 1;
    }
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2;
}

static int works(const airlock_guard *guard) {
    airlock_scratch *scratch = NULL;
    char out[AIRLOCK_MAX_REFUSAL];
    FRESH(airlock_verdict, verdict);
    if (airlock_scratch_new(&scratch) != AIRLOCK_OK) {
        return 0;
    }
    int good = airlock_check(guard, scratch, 1, str("{\"a\":1,\"b\":2}"), NULL, out, sizeof out, &verdict) == AIRLOCK_OK &&
               is(out, verdict.out_len, "{\"a\":1}") &&
               airlock_filter(guard, scratch, 1, AIRLOCK_TEXT, str("password=Tr0ub4dor&3"), NULL, out, sizeof out,
                              &verdict) == AIRLOCK_OK &&
               is(out, verdict.out_len, "password=[REDACTED]");
    airlock_scratch_free(scratch);
    return good;
}

int main(void) {
    struct sigaction before[32], after;
    for (int number = 1; number < 32; number++) {
        memset(&before[number], 0, sizeof before[number]);
        sigaction(number, NULL, &before[number]);
    }
    char locale[64];
    strncpy(locale, setlocale(LC_ALL, NULL), sizeof locale - 1);
    locale[sizeof locale - 1] = 0;
    int silent[2], kept[2];
    if (pipe(silent) != 0) {
        return 1;
    }
    for (int stream = 1; stream <= 2; stream++) {
        kept[stream - 1] = dup(stream);
        dup2(silent[1], stream);
    }
    close(silent[1]);

    FRESH(airlock_guard_options, options);
    options.tools = str("[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}]");
    airlock_guard *guard = NULL;
    int good = airlock_guard_new(&options, &guard, NULL) == AIRLOCK_OK && works(guard);
    int alone = threads() == 1;
    pid_t child = fork();
    if (child == 0) {
        _exit(works(guard) ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    airlock_guard_free(guard);

    for (int stream = 1; stream <= 2; stream++) {
        dup2(kept[stream - 1], stream);
    }
    char byte;
    CHECK(good);
    CHECK(alone);
    CHECK(status == 0);
    CHECK(read(silent[0], &byte, 1) == 0);
    for (int number = 1; number < 32; number++) {
        memset(&after, 0, sizeof after);
        sigaction(number, NULL, &after);
        CHECK(before[number].sa_handler == after.sa_handler);
    }
    CHECK(strcmp(locale, setlocale(LC_ALL, NULL)) == 0);
    if (failures == 0) {
        puts("ok");
    }
    return failures != 0;
}
