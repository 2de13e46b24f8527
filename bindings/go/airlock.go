//go:build cgo

// Package airlock is a firewall for the tool calls of AI agents: it decides on every call before the tool runs
// ([Guard.Check]), and masks and cuts every output before the model reads it ([Guard.Filter]).
//
// A [Guard] is a policy and tools, compiled once; any number of goroutines use one. An allowed call costs no
// memory of Go. Whatever goes wrong is an error, and with an error the call must not run and the output must not be
// shown; the zero [Verdict] is a refusal.
//
// A [Firewall] is a guard with a clock, the limits and sessions of the policy, and the audit log.
//
// For servers of the official MCP SDK see the module mcpairlock beside this one.
package airlock

//go:generate go run ./internal/archive

/*
#include "abi.h"
#cgo noescape go_guard_new
#cgo nocallback go_guard_new
#cgo noescape go_guard_with_tools
#cgo nocallback go_guard_with_tools
#cgo nocallback airlock_guard_free
#cgo nocallback airlock_guard_halt
#cgo noescape airlock_guard_halted
#cgo nocallback airlock_guard_halted
*/
import "C"

import (
	"math"
	"runtime"
	"unsafe"
)

// Options are what a guard is made from. The zero value of each is a good one.
type Options struct {
	// Policy decides who may use what; the zero Policy is the preset permissive, which validates, masks and denies
	// no tool.
	Policy Policy
	// Tools in JSON: an array of {"name", "inputSchema", "outputSchema"}, or what MCP's tools/list returns. Tools of
	// an MCP server that mcpairlock or a Relay guards are learned from the server.
	Tools []byte
	// Documents that schemas refer to, in JSON: an object from URIs to schemas.
	Documents []byte
	// MaskKey is the key of the mask style hash, at least 16 bytes.
	MaskKey []byte
	// AssertFormats checks format in schemas, which is a remark otherwise.
	AssertFormats bool
	// WithholdTools refuses the calls of a tool whose schema cannot be honoured; otherwise New fails.
	WithholdTools bool
	// HostLimits says that you count the limits of the policy yourself, from the charges in Verdict.Details. Without
	// it a policy that has limits is StatusUnsupported, for a guard does not count; a [Firewall] does.
	HostLimits bool
	// MaxSteps, MaxArguments and MaxOutput bound the work for one call: steps of a validation, bytes of arguments,
	// bytes of an output. 0 is the constant of that name.
	MaxSteps, MaxArguments, MaxOutput int
}

// Guard is a policy and tools, compiled once. It never changes; all its methods are safe for many goroutines at once,
// Close included.
type Guard struct {
	handle  *handle
	cleanup runtime.Cleanup
}

// New compiles a guard. What cannot be honoured is a [CompileError]. Close frees the guard's memory; so does the
// garbage collector, later.
func New(options Options) (*Guard, error) {
	policy, err := options.Policy.read()
	if err != nil {
		return nil, err
	}
	bounds := options.bounds()
	var made *C.airlock_guard
	var fault C.airlock_error
	status := Status(C.go_guard_new(options.flags(), policy.format,
		chars(policy.text), C.size_t(len(policy.text)),
		bytes(options.Tools), C.size_t(len(options.Tools)),
		bytes(options.Documents), C.size_t(len(options.Documents)),
		bytes(options.MaskKey), C.size_t(len(options.MaskKey)),
		&bounds, &made, &fault))
	if status != StatusOK {
		return nil, compileError(status, &fault)
	}
	return newGuard(made), nil
}

func (o *Options) flags() C.uint32_t {
	return flag(o.AssertFormats, C.AIRLOCK_ASSERT_FORMATS) |
		flag(o.WithholdTools, C.AIRLOCK_WITHHOLD_TOOLS) |
		flag(o.HostLimits, C.AIRLOCK_HOST_LIMITS)
}

func (o *Options) bounds() C.airlock_guard_options {
	return C.airlock_guard_options{
		max_steps:     C.uint32_t(min(max(o.MaxSteps, 0), math.MaxUint32)),
		max_arguments: C.size_t(max(o.MaxArguments, 0)),
		max_output:    C.size_t(max(o.MaxOutput, 0)),
	}
}

// WithTools makes a guard with the policy and the kill switch of this one and with other tools: for a server whose
// list of tools changed. This guard stays as it is.
func (g *Guard) WithTools(tools []byte) (*Guard, error) {
	if !g.handle.acquire() {
		return nil, ErrClosed
	}
	defer g.handle.release()
	var made *C.airlock_guard
	var fault C.airlock_error
	status := Status(C.go_guard_with_tools(g.c(), bytes(tools), C.size_t(len(tools)), &made, &fault))
	if status != StatusOK {
		return nil, compileError(status, &fault)
	}
	return newGuard(made), nil
}

// Halt is the kill switch: while it is on, every call is refused with ReasonHalted. It is shared with the guards made
// by WithTools and with relays.
func (g *Guard) Halt(on bool) error {
	if !g.handle.acquire() {
		return ErrClosed
	}
	defer g.handle.release()
	return asError(Status(C.airlock_guard_halt(g.c(), flag(on, 1))))
}

// Halted says whether the kill switch is on; it is for a guard that was closed.
func (g *Guard) Halted() bool {
	if !g.handle.acquire() {
		return true
	}
	defer g.handle.release()
	on := C.uint32_t(1)
	return C.airlock_guard_halted(g.c(), &on) != C.AIRLOCK_OK || on != 0
}

// Close frees the guard, as soon as the calls that are under way have ended. Later calls return ErrClosed. Readers and
// relays made from it live on.
func (g *Guard) Close() error {
	g.cleanup.Stop()
	g.handle.close()
	return nil
}

func newGuard(made *C.airlock_guard) *Guard {
	free := func(ptr unsafe.Pointer) { C.airlock_guard_free((*C.airlock_guard)(ptr)) }
	guard := &Guard{handle: &handle{ptr: unsafe.Pointer(made), free: free}}
	guard.cleanup = runtime.AddCleanup(guard, (*handle).close, guard.handle)
	return guard
}

func (g *Guard) c() *C.airlock_guard { return (*C.airlock_guard)(g.handle.ptr) }

// number is a handle of the library as C takes it where cgo's look at a pointer would cost.
func number(handle unsafe.Pointer) C.uintptr_t { return C.uintptr_t(uintptr(handle)) }

// chars points to the bytes of a text; nil for one that is empty, which means absent.
func chars(text string) *C.char {
	if text == "" {
		return nil
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
}

// bytes points to bytes; nil where there are none.
func bytes(data []byte) *C.char {
	if len(data) == 0 {
		return nil
	}
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(data)))
}

// name points to the name of a tool, which is never absent.
func name(text string) *C.char {
	if text == "" {
		return &none
	}
	return chars(text)
}

var none C.char

func flag(on bool, bit C.uint32_t) C.uint32_t {
	if on {
		return bit
	}
	return 0
}

func asError(status Status) error {
	if status == StatusOK {
		return nil
	}
	return status
}

func compileError(status Status, fault *C.airlock_error) error {
	return &CompileError{
		Status:  status,
		Message: C.GoString(&fault.message[0]),
		Pointer: C.GoString(&fault.pointer[0]),
		Line:    int(fault.line),
		Column:  int(fault.column),
	}
}
