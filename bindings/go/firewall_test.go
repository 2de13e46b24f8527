package airlock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

func firewall(t testing.TB, options airlock.FirewallOptions) *airlock.Firewall {
	t.Helper()
	if options.Tools == nil {
		options.Tools = []byte(tools)
	}
	made, err := airlock.NewFirewall(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

func transfer(arguments string) airlock.Call {
	return airlock.Call{Tool: "transfer", Arguments: []byte(arguments)}
}

func TestAFirewallCountsTheLimitsOfItsPolicy(t *testing.T) {
	limited := firewall(t, airlock.FirewallOptions{Options: airlock.Options{Policy: airlock.PolicyTOML("rate_limits = { '*' = '100/hour' }")}})
	var allowed atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				permit, err := limited.Call(ctx, transfer(`{"amount":1}`))
				var refusal *airlock.RefusalError
				switch {
				case err == nil:
					allowed.Add(1)
					permit.Finish(airlock.OutcomeOK)
				case !errors.As(err, &refusal) || refusal.Reason != airlock.ReasonRateLimited || refusal.RetryAfter <= 0:
					t.Errorf("%#v", err)
				}
			}
		})
	}
	group.Wait()
	calls, err := limited.Calls()
	if allowed.Load() != 100 || err != nil || calls != (airlock.Calls{OK: 100, Refused: 100}) {
		t.Fatalf("%d allowed, %+v, %v", allowed.Load(), calls, err)
	}
}

func TestAPermitHasTheArgumentsAndEndsOnce(t *testing.T) {
	open := firewall(t, airlock.FirewallOptions{})
	call := transfer(`{"amount":1,"memo":"x"}`)
	call.Details = true
	permit, err := open.Call(ctx, call)
	if err != nil || !permit.Allowed || !permit.Changed || string(permit.Arguments) != `{"amount":1}` {
		t.Fatalf("%+v %v", permit, err)
	}
	if !bytes.Contains(permit.Details, []byte(`"stripped":["/memo"]`)) {
		t.Fatalf("%s", permit.Details)
	}
	if calls, _ := open.Calls(); calls.Running != 1 {
		t.Fatalf("%+v", calls)
	}
	permit.Finish(airlock.OutcomeFailed)
	permit.Finish(airlock.OutcomeUnknown)
	if calls, _ := open.Calls(); calls != (airlock.Calls{Failed: 1}) {
		t.Fatalf("%+v", calls)
	}
	permit, err = open.Call(ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	permit.Finish(7)
	if calls, _ := open.Calls(); calls != (airlock.Calls{Failed: 1, Unknown: 1}) {
		t.Fatalf("an outcome that there is not: %+v", calls)
	}
}

func TestAForgottenPermitEndsAsUnknown(t *testing.T) {
	open := firewall(t, airlock.FirewallOptions{})
	if _, err := open.Call(ctx, transfer(`{"amount":1}`)); err != nil {
		t.Fatal(err)
	}
	for range 6000 {
		runtime.GC()
		if calls, _ := open.Calls(); calls == (airlock.Calls{Unknown: 1}) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	calls, err := open.Calls()
	t.Fatalf("%+v %v", calls, err)
}

func TestAPermitOutlivesItsFirewall(t *testing.T) {
	made, err := airlock.NewFirewall(airlock.FirewallOptions{Options: airlock.Options{Tools: []byte(tools)}})
	if err != nil {
		t.Fatal(err)
	}
	permit, err := made.Call(ctx, transfer(`{"amount":1}`))
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	permit.Finish(airlock.OutcomeOK)
	if _, err := made.Call(ctx, transfer(`{"amount":1}`)); err != airlock.ErrClosed {
		t.Fatal(err)
	}
	if _, err := made.Filter(ctx, "transfer", []byte("x"), airlock.Text); err != airlock.ErrClosed {
		t.Fatal(err)
	}
	if _, err := made.Calls(); err != airlock.ErrClosed || !made.Halted() || made.Close() != nil {
		t.Fatal(err)
	}
}

func TestSessionsAreCountedApart(t *testing.T) {
	policy := airlock.PolicyTOML("[[rule]]\nid = 'all'\neffect = 'allow'\ntools = '*'\n" +
		"[[limit]]\nid = 'two'\ntools = '*'\nkey = ['agent', 'session']\nrate = '2/1h'\n")
	limited := firewall(t, airlock.FirewallOptions{Options: airlock.Options{Policy: policy}})
	for _, agent := range []string{"ann", "bob"} {
		caller, err := airlock.NewCaller(agent, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b"} {
			session := limited.Session(id, caller)
			var ran []bool
			for range 3 {
				permit, err := session.Call(ctx, "transfer", []byte(`{"amount":1}`))
				if err == nil {
					permit.Finish(airlock.OutcomeOK)
				}
				ran = append(ran, err == nil)
			}
			if fmt.Sprint(ran) != "[true true false]" {
				t.Errorf("%s of %s: %v", id, agent, ran)
			}
		}
	}
}

func TestAFirewallRecordsWhatItDecides(t *testing.T) {
	folder := t.TempDir()
	policy := filepath.Join(folder, "policy.toml")
	if err := os.WriteFile(policy, []byte("denied_tools = ['delete_*']\n[audit]\npath = 'audit.jsonl'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	recorded := firewall(t, airlock.FirewallOptions{Options: airlock.Options{Policy: airlock.PolicyFile(policy)}})
	bot, err := airlock.NewCaller("bot", "acme")
	if err != nil {
		t.Fatal(err)
	}
	session := recorded.Session("s", bot)
	permit, err := session.Call(ctx, "transfer", []byte(`{"amount":1}`))
	if err != nil {
		t.Fatal(err)
	}
	permit.Finish(airlock.OutcomeOK)
	if _, err := session.Call(ctx, "delete_user", []byte("{}")); err == nil {
		t.Fatal("denied")
	}
	shown, err := session.Filter(ctx, "transfer", []byte("token "+secret()), airlock.Text)
	if err != nil || shown.Masked != 1 || bytes.Contains(shown.Output, []byte(secret())) {
		t.Fatalf("%s %v", shown.Output, err)
	}
	if err := recorded.FlushAudit(); err != nil {
		t.Fatal(err)
	}
	// The path is that of the policy file's own folder.
	log, err := os.ReadFile(filepath.Join(folder, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"transfer"`, `"tool_denied"`, `"bot"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	if strings.Contains(string(log), secret()) {
		t.Error("a secret was recorded")
	}
	if err := os.Rename(filepath.Join(folder, "audit.jsonl"), filepath.Join(folder, "old.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := recorded.ReopenAudit(); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Call(ctx, "delete_user", []byte("{}")); err == nil {
		t.Fatal("denied")
	}
	if log, err = os.ReadFile(filepath.Join(folder, "audit.jsonl")); err != nil || !bytes.Contains(log, []byte("tool_denied")) {
		t.Fatalf("%s %v", log, err)
	}
}

func TestAFirewallHalts(t *testing.T) {
	open := firewall(t, airlock.FirewallOptions{})
	for _, on := range []bool{true, false} {
		if err := open.Halt(on); err != nil || open.Halted() != on {
			t.Fatal(err)
		}
		_, err := open.Call(ctx, transfer(`{"amount":1}`))
		var refusal *airlock.RefusalError
		if on != (errors.As(err, &refusal) && refusal.Reason == airlock.ReasonHalted) {
			t.Fatal(err)
		}
	}
	kill := filepath.Join(t.TempDir(), "halt")
	watched := firewall(t, airlock.FirewallOptions{KillFile: kill})
	if err := watched.Halt(true); !errors.Is(err, airlock.StatusUnsupported) {
		t.Fatal(err)
	}
	if err := os.WriteFile(kill, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := watched.Call(ctx, transfer(`{"amount":1}`)); err == nil || !watched.Halted() {
		t.Fatal(err)
	}
}

func TestWhatAFirewallCannotHonour(t *testing.T) {
	for text, options := range map[string]airlock.FirewallOptions{
		"needs an audit log": {Options: airlock.Options{Policy: airlock.Preset("strict")}},
		"no/such/file":       {Options: airlock.Options{Policy: airlock.PolicyFile("no/such/file.toml")}},
		"denied_tool":        {Options: airlock.Options{Policy: airlock.PolicyTOML("denied_tool = ['x']")}},
		"audit":              {AuditFile: filepath.Join(t.TempDir(), "no", "folder", "audit.jsonl")},
	} {
		_, err := airlock.NewFirewall(options)
		var compile *airlock.CompileError
		if !errors.As(err, &compile) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	open := firewall(t, airlock.FirewallOptions{})
	if _, err := open.Call(ended, transfer(`{"amount":1}`)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := open.Filter(ended, "transfer", nil, airlock.Text); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, err := open.Call(ctx, transfer(`{"amount":"1"}`))
	var refusal *airlock.RefusalError
	if !errors.As(err, &refusal) || len(refusal.Violations()) != 1 {
		t.Fatal(err)
	}
}

const sessionRules = `unknown_tool = "forward"
[[rule]]
id = "delete"
effect = "allow"
tools = "delete_user"
[[rule]]
id = "read"
effect = "allow"
tools = "get_user"
adds = ["private"]
[[rule]]
id = "pay"
effect = "allow"
tools = "transfer"
once = ["args.amount"]
[[rule]]
id = "no-exfil"
effect = "deny"
tools = "delete_user"
labels = ["private"]
`

// ends makes a call of a session that ends so, and says why it was refused.
func ends(session *airlock.Session, tool, arguments string, outcome airlock.Outcome) (airlock.Reason, error) {
	permit, err := session.Call(ctx, tool, []byte(arguments))
	var refusal *airlock.RefusalError
	if errors.As(err, &refusal) {
		return refusal.Reason, nil
	}
	if err == nil {
		permit.Finish(outcome)
	}
	return 0, err
}

func TestASessionRemembersHowItsCallsEnded(t *testing.T) {
	ruled := firewall(t, airlock.FirewallOptions{Options: airlock.Options{Policy: airlock.PolicyTOML(sessionRules)}})
	ann, err := airlock.NewCaller("ann", "")
	if err != nil {
		t.Fatal(err)
	}
	session, other := ruled.Session("s", ann), ruled.Session("t", ann)
	for at, step := range []struct {
		session         *airlock.Session
		tool, arguments string
		outcome         airlock.Outcome
		want            airlock.Reason
	}{
		{session, "delete_user", `{}`, airlock.OutcomeOK, 0},
		{session, "get_user", `{}`, airlock.OutcomeOK, 0},
		{session, "delete_user", `{}`, airlock.OutcomeOK, airlock.ReasonSessionRule},
		{other, "delete_user", `{}`, airlock.OutcomeOK, 0},
		// What failed gives back what it took, what nobody knows of does not.
		{session, "transfer", `{"amount":1}`, airlock.OutcomeFailed, 0},
		{session, "transfer", `{"amount":1}`, airlock.OutcomeUnknown, 0},
		{session, "transfer", `{"amount":1}`, airlock.OutcomeOK, airlock.ReasonSessionRule},
		{session, "transfer", `{"amount":2}`, airlock.OutcomeOK, 0},
		{ruled.Session("", ann), "transfer", `{"amount":3}`, airlock.OutcomeOK, airlock.ReasonSessionRule},
	} {
		if got, err := ends(step.session, step.tool, step.arguments, step.outcome); got != step.want || err != nil {
			t.Errorf("step %d: %v %v", at, got, err)
		}
	}
	if err := session.End(); err != nil {
		t.Fatal(err)
	}
	if got, err := ends(session, "transfer", `{"amount":1}`, airlock.OutcomeOK); got != 0 || err != nil {
		t.Errorf("a new session: %v %v", got, err)
	}
	if err := ruled.Session("", ann).End(); !errors.Is(err, airlock.StatusInvalidArgument) {
		t.Error(err)
	}
}

func TestAReloadKeepsWhatWasCounted(t *testing.T) {
	options := airlock.FirewallOptions{Options: airlock.Options{Policy: airlock.PolicyTOML("rate_limits = { '*' = '3/hour' }")}}
	limited := firewall(t, options)
	session := limited.Session("s", nil)
	begun, err := session.Call(ctx, "transfer", []byte(`{"amount":1}`))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.toml")
	if err := os.WriteFile(file, []byte("denied_tools = ['delete_*']\nrate_limits = { '*' = '2/hour' }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := limited.Reload(airlock.PolicyFile(file)); err != nil {
		t.Fatal(err)
	}
	begun.Finish(airlock.OutcomeOK)
	var compile *airlock.CompileError
	bad := airlock.PolicyTOML("# one\nalowed_tools = []")
	if err := limited.Reload(bad); !errors.As(err, &compile) || compile.Line != 2 || !errors.Is(err, airlock.StatusPolicyInvalid) {
		t.Fatalf("%#v", err)
	}
	for at, want := range []airlock.Reason{0, airlock.ReasonRateLimited} {
		if got, err := ends(session, "transfer", `{"amount":1}`, airlock.OutcomeOK); got != want || err != nil {
			t.Errorf("%d: %v %v", at, got, err)
		}
	}
	if got, err := ends(session, "delete_user", `{}`, airlock.OutcomeOK); got != airlock.ReasonToolDenied || err != nil {
		t.Errorf("%v %v", got, err)
	}
	limited.Close()
	if err := limited.Reload(bad); err != airlock.ErrClosed {
		t.Error(err)
	}
	if err := session.End(); err != airlock.ErrClosed {
		t.Error(err)
	}
	if _, err := limited.NewRelay(airlock.RelayOptions{}); err != airlock.ErrClosed {
		t.Error(err)
	}
}

func TestARelayUnderAFirewallLooksAtItsClockAndPins(t *testing.T) {
	pins := filepath.Join(t.TempDir(), "pins.json")
	policy := airlock.PolicyTOML("[[rule]]\nid = 'now'\neffect = 'allow'\ntools = '*'\nwhen = { time = { from = '00:00', to = '24:00' } }\n")
	pinned := firewall(t, airlock.FirewallOptions{Options: airlock.Options{Policy: policy}, PinFile: pins})
	if _, err := pinned.NewRelay(airlock.RelayOptions{}); !errors.Is(err, airlock.StatusPinsFailed) {
		t.Fatal(err)
	}
	relay, err := pinned.NewRelay(airlock.RelayOptions{Server: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	call := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}`)
	action, err := relay.Client(call, nil, time.Time{})
	for action.Verb == airlock.Hold && err == nil {
		var request []byte
		if request, err = relay.ListRequest(); err != nil || request == nil {
			t.Fatal(err)
		}
		_, id, _ := strings.Cut(string(request), `"id":`)
		id, _, _ = strings.Cut(id, ",")
		list := `{"jsonrpc":"2.0","id":` + id + `,"result":{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}}`
		if _, err = relay.Server([]byte(list), nil); err != nil {
			t.Fatal(err)
		}
		action, err = relay.Client(call, nil, time.Time{})
	}
	if err != nil || action.Verb != airlock.Forward {
		t.Fatalf("%s %v", action.Message, err)
	}
	if kept, err := os.ReadFile(pins); err != nil || !bytes.Contains(kept, []byte("shop")) {
		t.Fatalf("%s %v", kept, err)
	}
}
