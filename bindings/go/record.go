//go:build cgo

package airlock

/*
#include "airlock.h"
*/
import "C"

import "runtime/cgo"

// EventKind is what an event tells.
type EventKind uint32

const (
	// EventAllowed: a call passes.
	EventAllowed EventKind = C.AIRLOCK_EVENT_ALLOWED
	// EventDropped: a message was not passed on, and nobody can be answered.
	EventDropped EventKind = C.AIRLOCK_EVENT_DROPPED
	// EventFiltered: an output was masked or cut.
	EventFiltered EventKind = C.AIRLOCK_EVENT_FILTERED
	// EventRefused: a call or an output is refused.
	EventRefused EventKind = C.AIRLOCK_EVENT_REFUSED
	// EventRejected: a message got a JSON-RPC error.
	EventRejected EventKind = C.AIRLOCK_EVENT_REJECTED
	// EventUnchecked: a call of a tool that no list has passes unchecked, because the policy says so.
	EventUnchecked EventKind = C.AIRLOCK_EVENT_UNCHECKED
	// EventWarned: the definition of a tool is remarkable.
	EventWarned EventKind = C.AIRLOCK_EVENT_WARNED
	// EventWithheld: a tool is left out of the list.
	EventWithheld EventKind = C.AIRLOCK_EVENT_WITHHELD
)

// Event is a decision of a relay. No value of a call is in it. Later versions may have more kinds.
type Event struct {
	Kind EventKind
	// ToClient says that the message was going to the client.
	ToClient bool
	// Reason is why something was refused, Code the JSON-RPC error of what was rejected; else 0.
	Reason Reason
	Code   int
	// Masked is how many values were masked.
	Masked int
	// Tool is what it is about; Detail the rule that decided, or why in words. Each may be empty.
	Tool, Detail string
}

// airlockGoRecord gets the decisions of relays. A panic of the host's function counts as not recorded.
//
//export airlockGoRecord
func airlockGoRecord(context C.uintptr_t, event *C.airlock_event) (unrecorded C.uint32_t) {
	unrecorded = 1
	defer func() { _ = recover() }()
	record, ok := cgo.Handle(context).Value().(func(Event) error)
	if !ok {
		return 1
	}
	err := record(Event{
		Kind:     EventKind(event.kind),
		ToClient: event.direction == C.AIRLOCK_TO_CLIENT,
		Reason:   Reason(event.reason),
		Code:     int(event.code),
		Masked:   int(event.masked),
		Tool:     text(event.tool),
		Detail:   text(event.detail),
	})
	if err == nil {
		unrecorded = 0
	}
	return unrecorded
}
