package airlock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

const tools = `[{"name": "transfer", "inputSchema": {"type": "object", "properties": {
	"amount": {"type": "integer"}, "to": {"type": "string"}}, "required": ["amount"]}},
	{"name": "delete_user", "inputSchema": {"type": "object"}}]`

var ctx = context.Background()

func guard(t testing.TB, policy airlock.Policy) *airlock.Guard {
	t.Helper()
	made, err := airlock.New(airlock.Options{Policy: policy, Tools: []byte(tools)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

func check(t testing.TB, guard *airlock.Guard, call airlock.Call) airlock.Verdict {
	t.Helper()
	verdict, err := guard.Check(ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// secret is made of parts, so that no file holds anything that looks like one.
func secret() string { return "ghp_" + strings.Repeat("aB3dE7gH1k", 4)[:36] }

func TestAllowedArgumentsAreThoseThatCameIn(t *testing.T) {
	arguments := []byte(` {"amount" : 1e2}`)
	verdict := check(t, guard(t, airlock.Policy{}), airlock.Call{Tool: "transfer", Arguments: arguments})
	if !verdict.Allowed || verdict.Changed || &verdict.Arguments[0] != &arguments[0] || verdict.Err() != nil {
		t.Fatalf("%+v", verdict)
	}
}

func TestGhostsAreCut(t *testing.T) {
	call := airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1,"memo":"x"}`), Details: true}
	verdict := check(t, guard(t, airlock.Policy{}), call)
	if !verdict.Allowed || !verdict.Changed || string(verdict.Arguments) != `{"amount":1}` {
		t.Fatalf("%+v", verdict)
	}
	if !bytes.Contains(verdict.Details, []byte(`"stripped":["/memo"]`)) {
		t.Fatalf("%s", verdict.Details)
	}
	if string(call.Arguments) != `{"amount":1,"memo":"x"}` {
		t.Fatal("the call was written to")
	}
}

func TestRefusalsAreTypedErrors(t *testing.T) {
	_, err := guard(t, airlock.Policy{}).Enforce(ctx, airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":"1"}`)})
	var refusal *airlock.RefusalError
	if !errors.As(err, &refusal) || refusal.Reason != airlock.ReasonValidationFailed || !refusal.Retryable {
		t.Fatalf("%#v", err)
	}
	violations := refusal.Violations()
	if len(violations) != 1 || violations[0].Path != "/amount" || violations[0].Fix.Op != "unquote" {
		t.Fatalf("%+v", violations)
	}
	if err.Error() != string(refusal.JSON) || refusal.Reason.String() != "validation_failed" {
		t.Fatal(err)
	}
}

func TestThePolicyDecides(t *testing.T) {
	deny := guard(t, airlock.PolicyTOML("denied_tools = ['delete_*']"))
	if verdict := check(t, deny, airlock.Call{Tool: "delete_user", Arguments: []byte("{}")}); verdict.Reason != airlock.ReasonToolDenied {
		t.Fatalf("%+v", verdict)
	}
	if verdict := check(t, deny, airlock.Call{Arguments: []byte("{}")}); verdict.Reason != airlock.ReasonUnknownTool {
		t.Fatalf("no name is an unknown tool: %+v", verdict)
	}
	roles := guard(t, airlock.PolicyJSON(`{"allowed_roles": ["admin", "finance"]}`))
	call := airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`)}
	for role, allowed := range map[string]bool{"finance": true, "admin": true, "fin": false, "": false} {
		caller, err := airlock.NewCaller("bot", "", "guest", role)
		if err != nil {
			t.Fatal(err)
		}
		call.Caller = caller
		if verdict := check(t, roles, call); verdict.Allowed != allowed {
			t.Errorf("%q: %+v", role, verdict)
		}
	}
}

func TestTheMomentIsThePresentUnlessGiven(t *testing.T) {
	now := time.Now().UTC()
	past, future := now.Add(-48*time.Hour), now.Add(72*time.Hour)
	day := func(at time.Time) string { return strings.ToLower(at.Weekday().String()[:3]) }
	// And tomorrow, which may begin while this runs.
	days := "['" + day(now) + "', '" + day(now.Add(24*time.Hour)) + "']"
	today := guard(t, airlock.PolicyTOML("[[rule]]\nid = 'today'\neffect = 'allow'\ntools = ['*']\nwhen = { time = { days = "+days+" } }\n"))
	call := airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`)}
	if verdict := check(t, today, call); !verdict.Allowed {
		t.Errorf("%s", verdict.Refusal)
	}
	for _, call.Now = range []time.Time{past, future} {
		if verdict := check(t, today, call); verdict.Reason != airlock.ReasonTimeRestricted {
			t.Errorf("%v: %+v", call.Now, verdict)
		}
	}
}

func TestPoliciesComeFromFilesPresetsAndText(t *testing.T) {
	folder := t.TempDir()
	for name, document := range map[string]string{"p.toml": "denied_tools = ['*']", "p.json": `{"denied_tools":["*"]}`} {
		path := folder + "/" + name
		if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		verdict := check(t, guard(t, airlock.PolicyFile(path)), airlock.Call{Tool: "transfer", Arguments: []byte("{}")})
		if verdict.Reason != airlock.ReasonToolDenied {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
	if _, err := airlock.New(airlock.Options{Policy: airlock.PolicyFile(folder + "/none.toml")}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if verdict := check(t, guard(t, airlock.Preset("read_only")), airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`)}); verdict.Allowed {
		t.Error("read_only")
	}
}

func TestWhatDoesNotCompileSaysWhere(t *testing.T) {
	_, err := airlock.New(airlock.Options{Policy: airlock.PolicyTOML("\ndenied_tool = ['x']")})
	var compile *airlock.CompileError
	if !errors.As(err, &compile) || compile.Line != 2 || !errors.Is(err, airlock.StatusPolicyInvalid) {
		t.Fatalf("%#v", err)
	}
	_, err = airlock.New(airlock.Options{Tools: []byte(`[{"name":"t","inputSchema":{"type":"strin"}}]`)})
	if !errors.As(err, &compile) || !errors.Is(err, airlock.StatusToolInvalid) || compile.Pointer == "" {
		t.Fatalf("%#v", err)
	}
	if _, err = airlock.New(airlock.Options{Policy: airlock.PolicyTOML("max_calls = '1/minute'")}); err == nil {
		t.Fatal("limits that nobody counts, or a key that does not exist")
	}
	if _, err = airlock.New(airlock.Options{Policy: airlock.PolicyJSON("")}); !errors.Is(err, airlock.StatusPolicyInvalid) {
		t.Fatalf("no document is not the preset: %v", err)
	}
}

func TestOutputsAreMasked(t *testing.T) {
	guard := guard(t, airlock.Policy{})
	output := []byte("token " + secret())
	filtered, err := guard.Filter(ctx, "transfer", output, airlock.Text)
	if err != nil || filtered.Masked != 1 || !filtered.Changed || bytes.Contains(filtered.Output, []byte(secret()[10:])) {
		t.Fatalf("%+v %v", filtered, err)
	}
	plain := []byte("nothing to see")
	filtered, err = guard.Filter(ctx, "transfer", plain, airlock.Text)
	if err != nil || filtered.Changed || &filtered.Output[0] != &plain[0] {
		t.Fatalf("%+v %v", filtered, err)
	}
}

func TestLargeOutputsGrowTheBuffer(t *testing.T) {
	// A mask is longer than such a value: the output grows beyond the first buffer.
	output := []byte(strings.Repeat("password=x1yZ ", 20000))
	filtered, err := guard(t, airlock.Policy{}).Filter(ctx, "transfer", output, airlock.Text)
	if err != nil || len(filtered.Output) <= len(output)+airlock.MaxRefusal || bytes.Contains(filtered.Output, []byte("x1yZ")) {
		t.Fatalf("%d %v", len(filtered.Output), err)
	}
}

func TestLimitsCutOutputs(t *testing.T) {
	limited := guard(t, airlock.PolicyTOML("max_output_chars = 100"))
	filtered, err := limited.Filter(ctx, "transfer", bytes.Repeat([]byte("a "), 500), airlock.Text)
	if err != nil || !filtered.Truncated || len(filtered.Output) > 200 {
		t.Fatalf("%+v %v", filtered, err)
	}
}

func TestReadersMaskStreams(t *testing.T) {
	guard := guard(t, airlock.Policy{})
	text := strings.Repeat("all is well here. ", 4000) + secret() + strings.Repeat(" and so on", 3000)
	want, err := guard.Filter(ctx, "transfer", []byte(text), airlock.Text)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]io.Reader{
		"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)),
		"eof with data": iotest.DataErrReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text)),
	} {
		reader, err := guard.NewReader(source, "transfer")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, want.Output) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want.Output), err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if _, err := reader.Read(make([]byte, 1)); !errors.Is(err, airlock.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestReadersHoldBackWhatASourceThatFailsLeftOpen(t *testing.T) {
	broken := errors.New("broken")
	source := io.MultiReader(strings.NewReader("fine. "+secret()), iotest.ErrReader(broken))
	reader, err := guard(t, airlock.Policy{}).NewReader(source, "transfer")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(reader)
	if !errors.Is(err, broken) || bytes.Contains(got, []byte(secret()[10:])) {
		t.Fatalf("%q %v", got, err)
	}
	stuck, _ := guard(t, airlock.Policy{}).NewReader(stuckReader{}, "transfer")
	if _, err := stuck.Read(make([]byte, 8)); !errors.Is(err, io.ErrNoProgress) {
		t.Fatal(err)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestReadersRefuseWhatIsTooLong(t *testing.T) {
	limited, err := airlock.New(airlock.Options{Policy: airlock.PolicyTOML("max_output_chars = 100"), MaxOutput: 1000})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := limited.NewReader(strings.NewReader(strings.Repeat("a", 2000)), "transfer")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(reader)
	var refusal *airlock.RefusalError
	if !errors.As(err, &refusal) || len(got) != 0 {
		t.Fatalf("%q %v", got, err)
	}
}

func TestTheKillSwitchIsShared(t *testing.T) {
	first := guard(t, airlock.Policy{})
	second, err := first.WithTools([]byte(`[{"name":"other","inputSchema":{"type":"object"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Halt(true); err != nil || !second.Halted() {
		t.Fatal(err)
	}
	call := airlock.Call{Tool: "other", Arguments: []byte("{}")}
	if verdict := check(t, second, call); verdict.Reason != airlock.ReasonHalted {
		t.Fatalf("%+v", verdict)
	}
	if err := second.Halt(false); err != nil {
		t.Fatal(err)
	}
	if verdict := check(t, second, call); !verdict.Allowed {
		t.Fatalf("%+v", verdict)
	}
}

func TestNothingWorksAfterClose(t *testing.T) {
	guard := guard(t, airlock.Policy{})
	for range 2 {
		if err := guard.Close(); err != nil {
			t.Fatal(err)
		}
	}
	verdict, err := guard.Check(ctx, airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`)})
	if !errors.Is(err, airlock.ErrClosed) || verdict.Allowed {
		t.Fatal(err)
	}
	if _, err := guard.Filter(ctx, "transfer", nil, airlock.Text); !errors.Is(err, airlock.ErrClosed) {
		t.Fatal(err)
	}
	if !guard.Halted() {
		t.Fatal("a closed guard lets nothing through")
	}
}

func TestAContextThatEndedDenies(t *testing.T) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	guard := guard(t, airlock.Policy{})
	verdict, err := guard.Check(ended, airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`)})
	if !errors.Is(err, context.Canceled) || verdict.Allowed {
		t.Fatal(err)
	}
	if _, err := guard.Filter(ended, "transfer", nil, airlock.Text); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestTheZeroVerdictIsARefusal(t *testing.T) {
	var verdict airlock.Verdict
	if verdict.Allowed || verdict.Err() == nil {
		t.Fatal(verdict)
	}
}

// Goroutines check while one closes: each call is answered or told that the guard is closed.
func TestCloseMayComeDuringCalls(t *testing.T) {
	for range 50 {
		guard, err := airlock.New(airlock.Options{Tools: []byte(tools)})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 200 {
					verdict, err := guard.Check(ctx, airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1,"x":2}`)})
					if errors.Is(err, airlock.ErrClosed) {
						return
					}
					if err != nil || string(verdict.Arguments) != `{"amount":1}` {
						t.Errorf("%+v %v", verdict, err)
						return
					}
				}
			})
		}
		time.Sleep(time.Millisecond)
		guard.Close()
		group.Wait()
	}
}

func TestWhatIsForgottenIsFreed(t *testing.T) {
	before := resident(t)
	for range 400 {
		guard, err := airlock.New(airlock.Options{Tools: []byte(tools)})
		if err != nil {
			t.Fatal(err)
		}
		caller, _ := airlock.NewCaller("bot", strings.Repeat("x", 100_000))
		check(t, guard, airlock.Call{Tool: "transfer", Arguments: []byte(`{"amount":1}`), Caller: caller})
		relay, err := guard.NewRelay(airlock.RelayOptions{Record: func(airlock.Event) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(relay)
		runtime.GC()
	}
	// What is forgotten is freed by a goroutine, in its own time.
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		grown := resident(t) - before
		if grown <= 16<<20 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes more", grown)
		}
		runtime.GC()
	}
}

// resident is the memory of this process.
func resident(t testing.TB) int {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(data), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
