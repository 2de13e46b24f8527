/* Without an allocator: a call that came over a wire is read, its tool is looked up in a policy of constants, and
 * what the tool says is masked and cut. All memory is the program's own. */
#include "airlock.h"
#include "board.h"

#define TEXT(literal) {literal, sizeof(literal) - 1}

static const airlock_str ALLOW[] = {TEXT("read_*"), TEXT("led_?")};
static const airlock_str DENY[] = {TEXT("*_factory")};

static char memory[16384];
static char out[512];

static void say_line(const char *text, size_t len) {
    say(text, len);
    say("\n", 1);
}

/* Reads the tool's name of a call and says whether it may run. */
static void decide(airlock_str message) {
    static const airlock_str path = TEXT("/tool");
    const airlock_json *document;
    airlock_json_value tool;
    size_t len;
    uint32_t reason;
    if (airlock_json_parse(message, 8, memory, sizeof memory, &document, NULL) != AIRLOCK_OK ||
        airlock_json_find(document, path, &tool) != AIRLOCK_OK ||
        airlock_json_string(&tool, out, sizeof out, &len) != AIRLOCK_OK) {
        say_line("malformed", 9);
        return;
    }
    airlock_str name = {out, len};
    if (airlock_names_check(ALLOW, 2, DENY, 1, name, &reason) != AIRLOCK_OK || reason != 0) {
        airlock_str why = airlock_reason_name(reason);
        say_line(why.data, why.len);
        return;
    }
    say_line("allowed", 7);
}

/* Masks, then cuts. */
static void show(airlock_str output) {
    static char masked[2048];
    airlock_truncate_options limits;
    size_t len;
    memset(&limits, 0, sizeof limits);
    limits.struct_size = sizeof limits;
    limits.max_chars = 60;
    if (airlock_redact(NULL, output, memory, sizeof memory, masked, sizeof masked, &len, NULL) != AIRLOCK_OK) {
        say_line("not shown", 9);
        return;
    }
    airlock_str clean = {masked, len};
    if (airlock_truncate(&limits, clean, NULL, 0, out, sizeof out, &len, NULL) != AIRLOCK_OK) {
        say_line("not shown", 9);
        return;
    }
    say_line(out, len);
}

void run(void) {
    static const airlock_str good = TEXT("{\"tool\":\"read_temperature\",\"arguments\":{}}");
    static const airlock_str bad = TEXT("{\"tool\":\"read_FACTORY\"}");
    static const airlock_str twice = TEXT("{\"tool\":\"read_a\",\"tool\":\"erase\"}");
    static const airlock_str output = TEXT("wifi password=Tr0ub4dor&3, 21.5 degrees, and a great deal more that nobody asked for");
    decide(good);
    decide(bad);
    decide(twice);
    show(output);
}
