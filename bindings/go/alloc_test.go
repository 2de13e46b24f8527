//go:build !race

// The race detector empties pools.
package airlock_test

import (
	"context"
	"testing"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

func TestAllowedCallsTakeNoMemory(t *testing.T) {
	guard := guard(t, airlock.Policy{})
	caller, err := airlock.NewCaller("bot", "acme", "admin")
	if err != nil {
		t.Fatal(err)
	}
	call := airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1,"to":"ann"}`), Caller: caller, Session: "s"}
	output := []byte("nothing to see")
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	for name, run := range map[string]func(){
		"check":  func() { _, _ = guard.Check(cancellable, call) },
		"filter": func() { _, _ = guard.Filter(cancellable, "transfer", output, airlock.Text) },
	} {
		if count := testing.AllocsPerRun(1000, run); count != 0 {
			t.Errorf("%s: %v allocations", name, count)
		}
	}
}
