//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape airlock_scratch_new
#cgo nocallback airlock_scratch_new
#cgo nocallback airlock_scratch_free
#cgo nocallback airlock_scratch_shrink
*/
import "C"

import (
	"runtime"
	"sync"
)

const (
	// Most bytes of a buffer that is kept for the next call.
	kept = 64 << 10
	// Bytes of an input after which the library's buffers are given back too.
	unusual = 1 << 20
)

// scratch is what one call needs: the library's memory and a buffer for what it writes. It serves any guard.
type scratch struct {
	c       *C.airlock_scratch
	out     []byte
	verdict C.airlock_verdict
	outLen  C.size_t
}

var scratches sync.Pool

// borrow takes a scratch whose buffer has at least size bytes.
func borrow(size int) (*scratch, error) {
	s, _ := scratches.Get().(*scratch)
	if s == nil {
		s = &scratch{out: make([]byte, MaxRefusal)}
		if status := Status(C.airlock_scratch_new(&s.c)); status != StatusOK {
			return nil, status
		}
		// The pool forgets scratches when memory is collected.
		runtime.AddCleanup(s, func(c *C.airlock_scratch) { C.airlock_scratch_free(c) }, s.c)
	}
	if len(s.out) < size {
		s.out = make([]byte, size)
	}
	return s, nil
}

// giveBack returns a scratch after an input of size bytes.
func (s *scratch) giveBack(size int) {
	if len(s.out) > kept {
		s.out = make([]byte, MaxRefusal)
	}
	if size > unusual {
		// A scratch that cannot shrink is a large one, no more.
		C.airlock_scratch_shrink(s.c, kept)
	}
	scratches.Put(s)
}

// take returns what the library wrote, as memory of the caller: a copy, but for a buffer that would not be kept.
func (s *scratch) take(n int) []byte {
	if n > kept {
		taken := s.out[:n:n]
		s.out = make([]byte, MaxRefusal)
		return taken
	}
	return append(make([]byte, 0, n), s.out[:n]...)
}
