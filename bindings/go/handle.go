//go:build cgo

package airlock

import (
	"sync/atomic"
	"unsafe"
)

// handle owns something that the library made. It is freed once, when it is closed and nobody uses it any more:
// Close may come while other goroutines are in a call.
type handle struct {
	ptr   unsafe.Pointer
	free  func(unsafe.Pointer)
	state atomic.Int64 // bit 0: closed; above: how many calls are under way
	freed atomic.Bool
}

const (
	closed = 1
	user   = 2
)

// acquire says whether the handle may be used; if so, release must follow.
func (h *handle) acquire() bool {
	if h.state.Add(user)&closed == 0 {
		return true
	}
	h.release()
	return false
}

func (h *handle) release() {
	if h.state.Add(-user) == closed {
		h.drop()
	}
}

func (h *handle) close() {
	if h.state.Or(closed) == 0 {
		h.drop()
	}
}

// drop frees. The last user and one that came too late may both get here.
func (h *handle) drop() {
	if !h.freed.Swap(true) {
		h.free(h.ptr)
	}
}
