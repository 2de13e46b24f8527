package main

/*
#cgo CFLAGS: -O2 -I${SRCDIR}/..
#include "airlock.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
    airlock_str tool, arguments;
};

// The library alone: every call, asked as the Go package asks it.
static size_t check_all(const airlock_guard *guard, airlock_scratch *scratch, const struct item *items, size_t count,
                        char *out, size_t out_cap) {
    size_t allowed = 0;
    airlock_verdict verdict = {sizeof verdict};
    for (size_t at = 0; at < count; at++) {
        airlock_call call = {sizeof call, 0, items[at].tool, 0, {0, 0}, {0, 0}, 1};
        if (airlock_check(guard, scratch, 0, items[at].arguments, &call, out, out_cap, &verdict) == AIRLOCK_OK) {
            allowed += verdict.decision == AIRLOCK_ALLOW;
        }
    }
    return allowed;
}

static airlock_str copy(const char *data, size_t len) {
    char *made = (char *)malloc(len + 1);
    memcpy(made, data, len);
    airlock_str text = {made, len};
    return text;
}

static void set_item(struct item *item, const char *tool, size_t tool_len, const char *arguments, size_t arguments_len) {
    item->tool = copy(tool, tool_len);
    item->arguments = copy(arguments, arguments_len);
}

static airlock_guard *new_guard(const char *tools, size_t len) {
    airlock_guard_options options = {sizeof options};
    options.flags = AIRLOCK_WITHHOLD_TOOLS;
    options.tools = copy(tools, len);
    airlock_guard *guard = NULL;
    airlock_guard_new(&options, &guard, NULL);
    return guard;
}

static int64_t thread_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
*/
import "C"

import (
	"log"
	"unsafe"
)

// library is the library in C, without the Go package.
type library struct {
	guard   *C.airlock_guard
	scratch *C.airlock_scratch
	out     *C.char
}

const outSize = 1 << 20

func newLibrary(tools []byte) *library {
	l := &library{
		guard: C.new_guard((*C.char)(unsafe.Pointer(&tools[0])), C.size_t(len(tools))),
		out:   (*C.char)(C.malloc(outSize)),
	}
	if l.guard == nil || C.airlock_scratch_new(&l.scratch) != C.AIRLOCK_OK {
		log.Fatal("the library makes no guard")
	}
	return l
}

// loop returns what checks all calls, once, and counts those that are allowed.
func (l *library) loop(calls []call) func() int {
	items := (*C.struct_item)(C.calloc(C.size_t(len(calls)), C.sizeof_struct_item))
	for at := range calls {
		call := &calls[at]
		C.set_item(&unsafe.Slice(items, len(calls))[at],
			(*C.char)(unsafe.Pointer(unsafe.StringData(call.tool))), C.size_t(len(call.tool)),
			(*C.char)(unsafe.Pointer(unsafe.SliceData(call.arguments))), C.size_t(len(call.arguments)))
	}
	return func() int {
		return int(C.check_all(l.guard, l.scratch, items, C.size_t(len(calls)), l.out, outSize))
	}
}

// threadTime is the processor time of this thread in nanoseconds.
func threadTime() int64 { return int64(C.thread_time()) }
