//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape go_check
#cgo nocallback go_check
#cgo noescape airlock_details
#cgo nocallback airlock_details
*/
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Call is a call that a model wants to make.
type Call struct {
	// Tool is the name, compared byte for byte.
	Tool string
	// Arguments are the bytes as the model wrote them, so that duplicate keys and broken text are seen.
	Arguments []byte
	// Caller is who calls; nil is nobody in particular.
	Caller *Caller
	// Server is the name of the MCP server that has the tool, Session what the call belongs to; empty is none.
	Server, Session string
	// Now is the moment of the call; the zero Time is the present.
	Now time.Time
	// Details makes Verdict.Details.
	Details bool
}

// Verdict is what was decided on a call. The zero Verdict is a refusal.
type Verdict struct {
	// Allowed says that the call may run, with Arguments.
	Allowed bool
	// Changed says that Arguments are not the bytes of the call: what the tool does not declare was cut.
	Changed bool
	// Shadowed says that rules in shadow mode would have decided otherwise; Details say how.
	Shadowed bool
	// Retryable says of a refusal that the model may send a corrected call.
	Retryable bool
	// Reason is why the call was refused; 0 when it was not.
	Reason Reason
	// Violations is how many things are wrong with the arguments.
	Violations int
	// RetryAfter is when to try again; 0 where nothing is known of that.
	RetryAfter time.Duration
	// Arguments are those to run an allowed call with: the slice of the call itself when nothing was cut.
	Arguments []byte
	// Refusal is for the model: a JSON object of at most MaxRefusal bytes. Empty for a call that is allowed.
	Refusal []byte
	// Details is one JSON object with everything that is known, for the operator and not for the model: the rule that
	// decided, what was stripped, each violation and its repair. Only when the call asked for it.
	Details []byte
}

// Err is a [RefusalError] for a call that must not run, else nil.
func (v *Verdict) Err() error {
	if v.Allowed {
		return nil
	}
	return &RefusalError{Reason: v.Reason, JSON: v.Refusal, Retryable: v.Retryable, RetryAfter: v.RetryAfter}
}

// Check decides on a call, before the tool runs. Nothing is charged or remembered. A call that is refused is no error;
// with an error (the context has ended, the guard is closed, a [Status] of the library) it must not run either.
//
// An allowed call whose arguments did not change takes no memory.
func (g *Guard) Check(ctx context.Context, call Call) (verdict Verdict, err error) {
	if err = ctx.Err(); err != nil {
		return verdict, err
	}
	if !g.handle.acquire() {
		return verdict, ErrClosed
	}
	defer g.handle.release()
	s, err := borrow(max(len(call.Arguments), MaxRefusal))
	if err != nil {
		return verdict, err
	}
	defer s.giveBack(len(call.Arguments))
	status := Status(C.go_check(number(g.handle.ptr), number(unsafe.Pointer(s.c)), flag(call.Details, C.AIRLOCK_KEEP_DETAILS),
		name(call.Tool), C.size_t(len(call.Tool)), bytes(call.Arguments), C.size_t(len(call.Arguments)),
		number(unsafe.Pointer(call.Caller.pointer())), chars(call.Server), C.size_t(len(call.Server)),
		chars(call.Session), C.size_t(len(call.Session)), moment(call.Now),
		bytes(s.out), C.size_t(len(s.out)), &s.verdict))
	runtime.KeepAlive(call.Caller)
	if status != StatusOK {
		return verdict, status
	}
	return s.said(call)
}

// said is what the library decided on a call.
func (s *scratch) said(call Call) (verdict Verdict, err error) {
	said := &s.verdict
	verdict.Allowed = said.decision == C.AIRLOCK_ALLOW
	verdict.Changed = said.flags&C.AIRLOCK_CHANGED != 0
	verdict.Shadowed = said.flags&C.AIRLOCK_SHADOWED != 0
	verdict.Retryable = said.flags&C.AIRLOCK_RETRYABLE != 0
	verdict.Reason = Reason(said.reason)
	verdict.Violations = int(said.count)
	verdict.RetryAfter = time.Duration(said.retry_after_ms) * time.Millisecond
	switch {
	case !verdict.Allowed:
		verdict.Refusal = s.take(int(said.out_len))
	case verdict.Changed:
		verdict.Arguments = s.take(int(said.out_len))
	default:
		verdict.Arguments = call.Arguments
	}
	if call.Details {
		if verdict.Details, err = s.details(); err != nil {
			return Verdict{}, err
		}
	}
	return verdict, nil
}

// moment is a time in Unix milliseconds; -1 is the present, which C finds out.
func moment(now time.Time) C.int64_t {
	if now.IsZero() {
		return -1
	}
	return C.int64_t(max(now.UnixMilli(), 0))
}

// Enforce is Check for hosts that treat a refusal as an error: it returns the arguments to run the call with, or a
// [RefusalError].
func (g *Guard) Enforce(ctx context.Context, call Call) ([]byte, error) {
	verdict, err := g.Check(ctx, call)
	if err == nil {
		err = verdict.Err()
	}
	return verdict.Arguments, err
}

// details is everything about the last call of this scratch.
func (s *scratch) details() ([]byte, error) {
	status := Status(C.airlock_details(s.c, bytes(s.out), C.size_t(len(s.out)), &s.outLen))
	if status == StatusBufferTooSmall {
		s.out = make([]byte, int(s.outLen))
		status = Status(C.airlock_details(s.c, bytes(s.out), C.size_t(len(s.out)), &s.outLen))
	}
	if status != StatusOK {
		return nil, status
	}
	return s.take(int(s.outLen)), nil
}
