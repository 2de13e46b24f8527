//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape go_firewall_new
#cgo nocallback go_firewall_new
#cgo noescape go_firewall_reload
#cgo nocallback go_firewall_reload
#cgo noescape go_firewall_end_session
#cgo nocallback go_firewall_end_session
#cgo noescape go_firewall_call
#cgo nocallback go_firewall_call
#cgo noescape go_firewall_filter
#cgo nocallback go_firewall_filter
#cgo noescape airlock_firewall_halted
#cgo nocallback airlock_firewall_halted
#cgo noescape airlock_firewall_calls
#cgo nocallback airlock_firewall_calls
#cgo nocallback airlock_firewall_halt
#cgo nocallback airlock_firewall_audit_flush
#cgo nocallback airlock_firewall_audit_reopen
#cgo nocallback airlock_firewall_free
#cgo nocallback airlock_permit_finish
#cgo nocallback airlock_permit_free
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
	"unsafe"
)

// FirewallOptions are what a firewall is made from. The zero value of each is a good one.
type FirewallOptions struct {
	// Options are as those of a guard, but that HostLimits is not for a firewall, which counts itself.
	Options
	// AuditFile is the path of the audit log, in place of the one that the policy names.
	AuditFile string
	// KillFile is the path of a file that halts every call while it exists.
	KillFile string
	// PinFile is the path of a file that keeps the definitions of the tools of MCP servers, for the relays of the firewall:
	// a tool whose definition changes is refused, as [pins] of the policy says.
	PinFile string
}

// Firewall is a guard together with a clock, the limits and the sessions of the policy, a kill switch and the audit log.
// All its methods are safe for many goroutines at once, Close included.
type Firewall struct {
	handle  *handle
	cleanup runtime.Cleanup
}

// NewFirewall makes a firewall. What cannot be honoured is a [CompileError], with StatusAuditFailed when the policy wants
// an audit log that is not named or cannot be opened.
func NewFirewall(options FirewallOptions) (*Firewall, error) {
	policy, err := options.Policy.opened()
	if err != nil {
		return nil, err
	}
	bounds := options.bounds()
	var made *C.airlock_firewall
	var fault C.airlock_error
	status := Status(C.go_firewall_new(options.flags(), policy.format,
		chars(policy.text), C.size_t(len(policy.text)),
		bytes(options.Tools), C.size_t(len(options.Tools)),
		bytes(options.Documents), C.size_t(len(options.Documents)),
		bytes(options.MaskKey), C.size_t(len(options.MaskKey)), &bounds,
		chars(options.AuditFile), C.size_t(len(options.AuditFile)),
		chars(options.KillFile), C.size_t(len(options.KillFile)),
		chars(options.PinFile), C.size_t(len(options.PinFile)), &made, &fault))
	if status != StatusOK {
		return nil, compileError(status, &fault)
	}
	free := func(ptr unsafe.Pointer) { C.airlock_firewall_free((*C.airlock_firewall)(ptr)) }
	firewall := &Firewall{handle: &handle{ptr: unsafe.Pointer(made), free: free}}
	firewall.cleanup = runtime.AddCleanup(firewall, (*handle).close, firewall.handle)
	return firewall, nil
}

// Reload puts another policy in force for every call and message that comes after; what has begun ends under the old one.
// Limits count on, and sessions remember. A policy that cannot be honoured is a [CompileError] and changes nothing.
func (f *Firewall) Reload(policy Policy) error {
	policy, err := policy.opened()
	if err != nil {
		return err
	}
	var fault C.airlock_error
	err = f.run(func() C.airlock_status {
		return C.go_firewall_reload(f.c(), policy.format, chars(policy.text), C.size_t(len(policy.text)), &fault)
	})
	if fault.code != 0 {
		return compileError(Status(fault.code), &fault)
	}
	return err
}

// Call decides on a call, charges the limits of the policy and records the decision. What allows it is a permit, to be
// finished when the tool has ended; what refuses it is a [RefusalError]. With any error the call must not run.
func (f *Firewall) Call(ctx context.Context, call Call) (*Permit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !f.handle.acquire() {
		return nil, ErrClosed
	}
	defer f.handle.release()
	s, err := borrow(max(len(call.Arguments), MaxRefusal))
	if err != nil {
		return nil, err
	}
	defer s.giveBack(len(call.Arguments))
	var now C.uint64_t
	if !call.Now.IsZero() {
		now = C.uint64_t(moment(call.Now))
	}
	var made *C.airlock_permit
	status := Status(C.go_firewall_call(number(f.handle.ptr), number(unsafe.Pointer(s.c)),
		flag(call.Details, C.AIRLOCK_KEEP_DETAILS), name(call.Tool), C.size_t(len(call.Tool)),
		bytes(call.Arguments), C.size_t(len(call.Arguments)), number(unsafe.Pointer(call.Caller.pointer())),
		chars(call.Server), C.size_t(len(call.Server)), chars(call.Session), C.size_t(len(call.Session)), now,
		bytes(s.out), C.size_t(len(s.out)), &s.verdict, &made))
	runtime.KeepAlive(call.Caller)
	if status != StatusOK {
		return nil, status
	}
	permit := newPermit(made)
	verdict, err := s.said(call)
	if err == nil {
		err = verdict.Err()
	}
	if err != nil {
		permit.Finish(OutcomeFailed)
		return nil, err
	}
	permit.Verdict = verdict
	return permit, nil
}

// Filter masks and cuts what a tool returned, as [Guard.Filter] does, and records it.
func (f *Firewall) Filter(ctx context.Context, tool string, output []byte, format Format) (Filtered, error) {
	return f.filter(ctx, Call{Tool: tool}, output, format)
}

func (f *Firewall) filter(ctx context.Context, call Call, output []byte, format Format) (Filtered, error) {
	if err := ctx.Err(); err != nil {
		return Filtered{}, err
	}
	if !f.handle.acquire() {
		return Filtered{}, ErrClosed
	}
	defer f.handle.release()
	// With room for the output and a notice it is recorded once.
	s, err := borrow(len(output) + MaxRefusal)
	if err != nil {
		return Filtered{}, err
	}
	defer s.giveBack(len(output))
	defer runtime.KeepAlive(call.Caller)
	return s.filtered(output, func() Status {
		return Status(C.go_firewall_filter(number(f.handle.ptr), C.uint32_t(format), name(call.Tool), C.size_t(len(call.Tool)),
			bytes(output), C.size_t(len(output)), number(unsafe.Pointer(call.Caller.pointer())),
			chars(call.Server), C.size_t(len(call.Server)), chars(call.Session), C.size_t(len(call.Session)),
			bytes(s.out), C.size_t(len(s.out)), &s.verdict))
	})
}

// Session is one conversation of one caller, which the rules and limits of the policy that are about sessions count. It is a
// name, no more: what was counted is kept by the firewall, under the caller and the ID.
type Session struct {
	// ID tells the sessions of a caller apart. It must not come from the model. Without one there is no session, and what
	// the policy allows only in one is refused.
	ID string
	// Caller is who calls; nil is nobody in particular.
	Caller *Caller
	// Server is the name of the MCP server that has the tools; empty is none.
	Server string

	firewall *Firewall
}

// Session is the session of a caller that has this ID.
func (f *Firewall) Session(id string, caller *Caller) *Session {
	return &Session{ID: id, Caller: caller, firewall: f}
}

// Call decides on a call of the session, as [Firewall.Call] does.
func (s *Session) Call(ctx context.Context, tool string, arguments []byte) (*Permit, error) {
	return s.firewall.Call(ctx, s.call(tool, arguments))
}

// Filter masks and cuts what a tool returned, as [Firewall.Filter] does.
func (s *Session) Filter(ctx context.Context, tool string, output []byte, format Format) (Filtered, error) {
	return s.firewall.filter(ctx, s.call(tool, nil), output, format)
}

// End ends the session: what it remembers is forgotten, and the next call of this ID begins another. One that nobody ends is
// over when it was idle for as long as the policy says.
func (s *Session) End() error {
	defer runtime.KeepAlive(s.Caller)
	return s.firewall.run(func() C.airlock_status {
		return C.go_firewall_end_session(s.firewall.c(), s.Caller.pointer(), chars(s.ID), C.size_t(len(s.ID)))
	})
}

func (s *Session) call(tool string, arguments []byte) Call {
	return Call{Tool: tool, Arguments: arguments, Caller: s.Caller, Server: s.Server, Session: s.ID}
}

// Outcome is how a call that was let through has ended.
type Outcome uint32

const (
	// OutcomeUnknown: nobody knows what the tool did.
	OutcomeUnknown Outcome = C.AIRLOCK_OUTCOME_UNKNOWN
	// OutcomeOK: the tool did what it was asked.
	OutcomeOK Outcome = C.AIRLOCK_OUTCOME_OK
	// OutcomeFailed: the tool did nothing.
	OutcomeFailed Outcome = C.AIRLOCK_OUTCOME_FAILED
)

// Permit is a call that may run.
type Permit struct {
	// Verdict has the arguments to run the call with.
	Verdict
	open    *open
	cleanup runtime.Cleanup
}

// open is the library's permit until the call has ended.
type open struct {
	mutex sync.Mutex
	c     *C.airlock_permit
}

// end hands the library's permit out, once.
func (o *open) end() *C.airlock_permit {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	c := o.c
	o.c = nil
	return c
}

// newPermit takes over a permit of the library, which may be none.
func newPermit(made *C.airlock_permit) *Permit {
	permit := &Permit{open: &open{c: made}}
	permit.cleanup = runtime.AddCleanup(permit, func(o *open) { C.airlock_permit_free(o.end()) }, permit.open)
	return permit
}

// Finish ends the call. Only the first time counts, so that a deferred Finish(OutcomeUnknown) covers every other way out.
// A permit that is forgotten ends as OutcomeUnknown when the garbage collector finds it. It may come after Close.
func (p *Permit) Finish(outcome Outcome) {
	made := p.open.end()
	if made == nil {
		return
	}
	p.cleanup.Stop()
	if Status(C.airlock_permit_finish(made, C.uint32_t(outcome))) != StatusOK {
		// An outcome that there is not.
		C.airlock_permit_free(made)
	}
}

// Calls are how many calls run, and how those that ended did.
type Calls struct {
	Running, OK, Failed, Unknown, Refused uint64
}

// Calls counts. The numbers are read one after the other, while calls go on.
func (f *Firewall) Calls() (Calls, error) {
	if !f.handle.acquire() {
		return Calls{}, ErrClosed
	}
	defer f.handle.release()
	var calls C.airlock_calls
	calls.struct_size = C.uint32_t(unsafe.Sizeof(calls))
	status := Status(C.airlock_firewall_calls(f.c(), &calls))
	return Calls{
		Running: uint64(calls.running),
		OK:      uint64(calls.ok),
		Failed:  uint64(calls.failed),
		Unknown: uint64(calls.unknown),
		Refused: uint64(calls.refused),
	}, asError(status)
}

// Halt is the kill switch: while it is on, every call is refused with ReasonHalted. A firewall with a KillFile has no other.
func (f *Firewall) Halt(on bool) error {
	return f.run(func() C.airlock_status { return C.airlock_firewall_halt(f.c(), flag(on, 1)) })
}

// Halted says whether the kill switch is on; it is for a firewall that was closed.
func (f *Firewall) Halted() bool {
	on := C.uint32_t(1)
	err := f.run(func() C.airlock_status { return C.airlock_firewall_halted(f.c(), &on) })
	return err != nil || on != 0
}

// FlushAudit waits until what was recorded before is with the operating system.
func (f *Firewall) FlushAudit() error {
	return f.run(func() C.airlock_status { return C.airlock_firewall_audit_flush(f.c()) })
}

// ReopenAudit opens the audit log anew, because another program has renamed it. What cannot be opened stays as it is, and
// standard error says so.
func (f *Firewall) ReopenAudit() error {
	return f.run(func() C.airlock_status { return C.airlock_firewall_audit_reopen(f.c()) })
}

// Close writes what is still to be written to the audit log and frees the firewall, as soon as the calls of its methods that
// are under way have ended. Later ones return ErrClosed; permits and relays live on, and the last relay closes the log.
func (f *Firewall) Close() error {
	f.cleanup.Stop()
	f.handle.close()
	return nil
}

func (f *Firewall) run(use func() C.airlock_status) error {
	if !f.handle.acquire() {
		return ErrClosed
	}
	defer f.handle.release()
	return asError(Status(use()))
}

func (f *Firewall) c() *C.airlock_firewall { return (*C.airlock_firewall)(f.handle.ptr) }
