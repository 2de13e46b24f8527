//go:build airlock_long

package airlock_test

import (
	"runtime"
	"strings"
	"testing"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

// A million calls of all kinds.
func TestMemoryStaysFlat(t *testing.T) {
	guard := guard(t, airlock.Policy{})
	calls := []string{`{"amount":1}`, `{"amount":1,"ghost":2}`, `{"amount":"1"}`, `{`, `{"amount":1,"to":"` + strings.Repeat("x", 5000) + `"}`}
	run := func(count int) {
		for at := range count {
			check(t, guard, airlock.Call{Tool: "transfer", Arguments: []byte(calls[at%len(calls)])})
		}
		runtime.GC()
	}
	run(50_000)
	before := resident(t)
	run(1_000_000)
	if grown := resident(t) - before; grown > 4<<20 {
		t.Fatalf("%d bytes more", grown)
	}
}
