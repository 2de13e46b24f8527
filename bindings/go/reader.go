//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape go_stream_new
#cgo nocallback go_stream_new
#cgo noescape go_stream_feed
#cgo nocallback go_stream_feed
#cgo noescape airlock_stream_finish
#cgo nocallback airlock_stream_finish
#cgo nocallback airlock_stream_free
*/
import "C"

import (
	"errors"
	"io"
	"runtime"
	"sync"
)

// Reader masks an output while it is read, as if it had come whole. At most 8 KiB are held back, but for a value that
// has begun and not ended; where the policy limits the output of the tool, all of it is held back until the end.
//
// When the source fails, what is held back is not shown. When the output cannot be made safe, Read returns a
// [RefusalError], and nothing more of it may be shown. One goroutine at a time.
type Reader struct {
	source  io.Reader
	mutex   sync.Mutex // Close may come from another goroutine
	stream  *C.airlock_stream
	cleanup runtime.Cleanup
	piece   []byte
	out     []byte
	ready   []byte // of out, what was not read yet
	outLen  C.size_t
	idle    int   // reads in a row that brought nothing
	ended   error // how the source ended
	err     error // what to say when nothing is ready
}

// Most reads in a row that may bring nothing, as in package bufio.
const mostIdle = 100

// NewReader makes a reader for an output of tool that comes from source. It keeps what it needs of the guard. Close
// frees it; so does the garbage collector, later.
func (g *Guard) NewReader(source io.Reader, tool string) (*Reader, error) {
	if !g.handle.acquire() {
		return nil, ErrClosed
	}
	defer g.handle.release()
	reader := &Reader{source: source, piece: make([]byte, 16<<10), out: make([]byte, 32<<10)}
	status := Status(C.go_stream_new(g.c(), name(tool), C.size_t(len(tool)), &reader.stream))
	if status != StatusOK {
		return nil, status
	}
	reader.cleanup = runtime.AddCleanup(reader, freeStream, reader.stream)
	return reader, nil
}

// Read reads what may be shown.
func (r *Reader) Read(to []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(to) == 0 {
		return 0, nil
	}
	for len(r.ready) == 0 && r.err == nil {
		r.advance()
	}
	if len(r.ready) == 0 {
		return 0, r.err
	}
	count := copy(to, r.ready)
	r.ready = r.ready[count:]
	return count, nil
}

// Close frees what the reader holds; the source stays open. Later reads return ErrClosed.
func (r *Reader) Close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.stream != nil {
		r.cleanup.Stop()
		freeStream(r.stream)
		r.stream, r.ready, r.err = nil, nil, ErrClosed
	}
	return nil
}

// advance gets more ready, or sets err.
func (r *Reader) advance() {
	switch {
	case r.ended == nil:
		count, err := r.source.Read(r.piece)
		r.ended = err
		if count > 0 {
			r.idle = 0
			r.take(r.feed(r.piece[:count]))
		} else if r.idle++; err == nil && r.idle == mostIdle {
			r.err = io.ErrNoProgress
		}
	case errors.Is(r.ended, io.EOF):
		r.err = io.EOF
		r.take(r.finish())
	default:
		r.err = r.ended
	}
}

// take makes ready what the library wrote; otherwise says why it did not.
func (r *Reader) take(status Status) {
	switch status {
	case StatusOK:
		r.ready = r.out[:int(r.outLen)]
	case StatusRefused:
		r.err = &RefusalError{Reason: ReasonOutputInvalid}
	default:
		r.err = status
	}
}

func (r *Reader) feed(piece []byte) Status {
	status := r.push(piece)
	if status == StatusBufferTooSmall {
		r.out = make([]byte, int(r.outLen))
		status = r.push(nil)
	}
	return status
}

func (r *Reader) push(piece []byte) Status {
	return Status(C.go_stream_feed(r.stream, bytes(piece), C.size_t(len(piece)), bytes(r.out), C.size_t(len(r.out)), &r.outLen))
}

func (r *Reader) finish() Status {
	status := r.end()
	if status == StatusBufferTooSmall {
		r.out = make([]byte, int(r.outLen))
		status = r.end()
	}
	return status
}

func (r *Reader) end() Status {
	return Status(C.airlock_stream_finish(r.stream, bytes(r.out), C.size_t(len(r.out)), &r.outLen))
}

func freeStream(stream *C.airlock_stream) { C.airlock_stream_free(stream) }
