//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape go_filter
#cgo nocallback go_filter
*/
import "C"

import (
	"context"
	"unsafe"
)

// Format is how to read an output.
type Format uint32

const (
	// Text is any text; a JSON object or array in it stays JSON.
	Text Format = C.AIRLOCK_TEXT
	// JSON is a JSON document, and stays one.
	JSON Format = C.AIRLOCK_JSON
)

// Filtered is an output that may be shown.
type Filtered struct {
	// Output is what to show: the slice that came in when nothing was masked or cut.
	Output []byte
	// Masked is how many values were masked.
	Masked int
	// Changed says that Output is not what came in, Truncated that something was cut off.
	Changed, Truncated bool
}

// Filter masks secrets and personal data in what a tool returned, then cuts it, as the policy says. With an error
// nothing of the output may be shown; what the policy cannot make safe is a [RefusalError].
func (g *Guard) Filter(ctx context.Context, tool string, output []byte, format Format) (Filtered, error) {
	if err := ctx.Err(); err != nil {
		return Filtered{}, err
	}
	if !g.handle.acquire() {
		return Filtered{}, ErrClosed
	}
	defer g.handle.release()
	s, err := borrow(len(output) + MaxRefusal)
	if err != nil {
		return Filtered{}, err
	}
	defer s.giveBack(len(output))
	return s.filtered(output, func() Status { return g.filter(s, tool, output, format) })
}

// filtered is what became of an output. What has no room is filtered again, with room.
func (s *scratch) filtered(output []byte, filter func() Status) (Filtered, error) {
	status := filter()
	if status == StatusBufferTooSmall {
		s.out = make([]byte, int(s.verdict.out_len))
		status = filter()
	}
	if status != StatusOK {
		return Filtered{}, status
	}
	said := &s.verdict
	if said.decision != C.AIRLOCK_ALLOW {
		refusal := &RefusalError{
			Reason:    Reason(said.reason),
			JSON:      s.take(int(said.out_len)),
			Retryable: said.flags&C.AIRLOCK_RETRYABLE != 0,
		}
		return Filtered{}, refusal
	}
	filtered := Filtered{
		Output:    output,
		Masked:    int(said.count),
		Changed:   said.flags&C.AIRLOCK_CHANGED != 0,
		Truncated: said.flags&C.AIRLOCK_TRUNCATED != 0,
	}
	if filtered.Changed {
		filtered.Output = s.take(int(said.out_len))
	}
	return filtered, nil
}

func (g *Guard) filter(s *scratch, tool string, output []byte, format Format) Status {
	return Status(C.go_filter(number(g.handle.ptr), number(unsafe.Pointer(s.c)), C.uint32_t(format), name(tool), C.size_t(len(tool)),
		bytes(output), C.size_t(len(output)), bytes(s.out), C.size_t(len(s.out)), &s.verdict))
}
