//go:build cgo

package airlock

/*
#include "abi.h"
#cgo noescape go_caller_new
#cgo nocallback go_caller_new
#cgo nocallback airlock_caller_free
*/
import "C"

import (
	"runtime"
	"strings"
)

// Caller is who makes calls, as the operator vouches for it; nothing of it may come from the model. Make it once per
// agent or request; any number of goroutines use one, and the garbage collector frees it.
type Caller struct {
	c *C.airlock_caller
}

// NewCaller makes a caller. agent and tenant may be empty, which is unknown.
func NewCaller(agent, tenant string, roles ...string) (*Caller, error) {
	ends := make([]C.size_t, len(roles)+1)
	length := 0
	for at, role := range roles {
		length += len(role)
		ends[at] = C.size_t(length)
	}
	joined := strings.Join(roles, "")
	var made *C.airlock_caller
	status := Status(C.go_caller_new(chars(agent), C.size_t(len(agent)), chars(tenant), C.size_t(len(tenant)),
		name(joined), &ends[0], C.size_t(len(roles)), &made))
	if status != StatusOK {
		return nil, status
	}
	caller := &Caller{made}
	runtime.AddCleanup(caller, func(c *C.airlock_caller) { C.airlock_caller_free(c) }, made)
	return caller, nil
}

// pointer is nil for nobody in particular. Keep the caller alive while it is used.
func (c *Caller) pointer() *C.airlock_caller {
	if c == nil {
		return nil
	}
	return c.c
}
