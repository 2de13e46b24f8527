//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape airlock_relay_output
#cgo nocallback airlock_relay_output
#cgo noescape airlock_relay_list_request
#cgo nocallback airlock_relay_list_request
#cgo nocallback airlock_relay_abandon_list
#cgo nocallback airlock_relay_free
#cgo noescape go_relay_new
#cgo nocallback go_relay_new
#cgo noescape go_firewall_relay_new
#cgo nocallback go_firewall_relay_new
*/
import "C"

import (
	"crypto/rand"
	"runtime"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
)

// Verb is what to do with a message.
type Verb uint32

const (
	// Drop it: send nothing.
	Drop Verb = C.AIRLOCK_DROP
	// Forward Action.Message to the other side.
	Forward Verb = C.AIRLOCK_FORWARD
	// Answer with Action.Message, to where the message came from.
	Answer Verb = C.AIRLOCK_ANSWER
	// Hold a message of the client: the tools must be known first. Send what ListRequest returns to the server, pass on
	// what the server says, and present the message again when Listing is false.
	Hold Verb = C.AIRLOCK_HOLD
	// Noise is what a server wrote that is no message: show it to a person, if anyone.
	Noise Verb = C.AIRLOCK_NOISE
)

// Action is a decision on a message. The zero Action drops it.
type Action struct {
	Verb Verb
	// Message is what to send: the slice that came in when Changed is false.
	Message []byte
	Changed bool
	// Listing says that our own list of the server's tools is on its way.
	Listing bool
}

// RelayOptions are what a relay is made from. The zero value of each is a good one.
type RelayOptions struct {
	// MaxMessage bounds the bytes of a message, MaxPending the requests of one direction that wait for a reply; 0 is
	// the constant MaxMessage, and 1,024.
	MaxMessage, MaxPending int
	// Record is told every decision before it takes effect. With an error, what it would have let through is refused.
	// It must not use the relay. A firewall's audit log is told after it.
	Record func(Event) error
	// Server is your name of the MCP server, for a relay under a firewall: relays to servers of the same name share what they
	// learn of its tools, and with a PinFile it is the key of its pins. A guard's relay has no use for it.
	Server string
}

// Relay is the firewall of one connection between an MCP client and an MCP server: all messages of both directions go
// through it, in the order of their arrival. It learns the tools from the server's own list. Its methods may be called
// by many goroutines; one message is decided at a time.
type Relay struct {
	mutex   sync.Mutex
	c       *C.airlock_relay
	record  cgo.Handle
	cleanup runtime.Cleanup
	present C.int64_t // how C is told of the present
	out     []byte
	outLen  C.size_t
	action  C.airlock_action
}

// NewRelay makes a relay, which keeps what it needs of the guard. Nobody counts limits, remembers sessions or keeps pins for
// it, and what a policy says of these refuses. Close frees it; so does the garbage collector, later.
func (g *Guard) NewRelay(options RelayOptions) (*Relay, error) {
	if !g.handle.acquire() {
		return nil, ErrClosed
	}
	defer g.handle.release()
	relay, nonce := newRelay(options, -1), rand.Text()
	status := Status(C.go_relay_new(g.c(), chars(nonce), C.size_t(len(nonce)), C.size_t(max(options.MaxMessage, 0)),
		C.size_t(max(options.MaxPending, 0)), C.uintptr_t(relay.record), &relay.c))
	return relay.made(asError(status))
}

// NewRelay makes a relay with the limits, the clock, the kill switch, the pins and the audit log of the firewall, and with a
// session of its own. It follows [Firewall.Reload]. It keeps what it needs of the firewall. Close frees it; so does the
// garbage collector, later.
func (f *Firewall) NewRelay(options RelayOptions) (*Relay, error) {
	if !f.handle.acquire() {
		return nil, ErrClosed
	}
	defer f.handle.release()
	relay := newRelay(options, 0)
	var fault C.airlock_error
	status := Status(C.go_firewall_relay_new(f.c(), chars(options.Server), C.size_t(len(options.Server)),
		C.size_t(max(options.MaxMessage, 0)), C.size_t(max(options.MaxPending, 0)), C.uintptr_t(relay.record), &relay.c, &fault))
	if status != StatusOK {
		return relay.made(compileError(status, &fault))
	}
	return relay.made(nil)
}

func newRelay(options RelayOptions, present C.int64_t) *Relay {
	relay := &Relay{present: present, out: make([]byte, 4096)}
	if options.Record != nil {
		relay.record = cgo.NewHandle(options.Record)
	}
	return relay
}

// made is the relay, or none with an error.
func (r *Relay) made(err error) (*Relay, error) {
	held := held{r.c, r.record}
	if err != nil {
		held.free(struct{}{})
		return nil, err
	}
	r.cleanup = runtime.AddCleanup(r, held.free, struct{}{})
	return r, nil
}

// Client decides on a message of the client, without its line end. caller may be nil; the zero now is the present.
func (r *Relay) Client(message []byte, caller *Caller, now time.Time) (Action, error) {
	at := r.present
	if !now.IsZero() {
		at = moment(now)
	}
	return r.decide(message, caller, func(message *C.char, length C.size_t, out *C.char, size C.size_t) C.airlock_status {
		return C.go_relay_client(r.c, message, length, caller.pointer(), at, out, size, &r.action)
	})
}

// Server decides on a message of the server, without its line end; caller is who its tools are shown to.
func (r *Relay) Server(message []byte, caller *Caller) (Action, error) {
	return r.decide(message, caller, func(message *C.char, length C.size_t, out *C.char, size C.size_t) C.airlock_status {
		return C.go_relay_server(r.c, message, length, caller.pointer(), out, size, &r.action)
	})
}

// ListRequest returns the next of our own requests, to be sent to the server, each once; nil when there is none.
func (r *Relay) ListRequest() ([]byte, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.c == nil {
		return nil, ErrClosed
	}
	status := Status(C.airlock_relay_list_request(r.c, bytes(r.out), C.size_t(len(r.out)), &r.outLen))
	if status == StatusNotFound {
		return nil, nil
	}
	return r.output(status, int(r.outLen))
}

// AbandonList gives up on our own list of tools, because the server does not answer: present what is held again.
func (r *Relay) AbandonList() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.c == nil {
		return ErrClosed
	}
	return asError(Status(C.airlock_relay_abandon_list(r.c)))
}

// Close frees the relay. Later calls return ErrClosed.
func (r *Relay) Close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.c != nil {
		r.cleanup.Stop()
		held{r.c, r.record}.free(struct{}{})
		r.c = nil
	}
	return nil
}

type ask func(message *C.char, length C.size_t, out *C.char, size C.size_t) C.airlock_status

func (r *Relay) decide(message []byte, caller *Caller, ask ask) (Action, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.c == nil {
		return Action{}, ErrClosed
	}
	status := Status(ask(bytes(message), C.size_t(len(message)), bytes(r.out), C.size_t(len(r.out))))
	runtime.KeepAlive(caller)
	made, err := r.output(status, int(r.action.out_len))
	if err != nil {
		return Action{}, err
	}
	action := Action{
		Verb:    Verb(r.action.action),
		Message: message,
		Changed: r.action.flags&C.AIRLOCK_CHANGED != 0,
		Listing: r.action.flags&C.AIRLOCK_LISTING != 0,
	}
	if action.Changed {
		action.Message = made
	}
	return action, nil
}

// output is what the relay wrote, or did not because the buffer is too small, as memory of the caller.
func (r *Relay) output(status Status, length int) ([]byte, error) {
	if status == StatusBufferTooSmall {
		large := make([]byte, length)
		status = Status(C.airlock_relay_output(r.c, bytes(large), C.size_t(length), &r.outLen))
		return large, asError(status)
	}
	if status != StatusOK || length == 0 {
		return nil, asError(status)
	}
	return append(make([]byte, 0, length), r.out[:length]...), nil
}

// held is what a relay owns.
type held struct {
	c      *C.airlock_relay
	record cgo.Handle
}

func (h held) free(struct{}) {
	C.airlock_relay_free(h.c)
	if h.record != 0 {
		h.record.Delete()
	}
}

// text copies a text of the library.
func text(s C.airlock_str) string {
	if s.len == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), int(s.len)))
}
