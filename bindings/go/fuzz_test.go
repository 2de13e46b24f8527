package airlock_test

import (
	"encoding/json"
	"testing"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

// FuzzCheck: whatever the arguments, a call is allowed with arguments that are allowed again unchanged, or it is
// refused with a refusal that is JSON and short.
func FuzzCheck(f *testing.F) {
	schema := `{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"array","items":{"type":"string"}},
		"c":{"type":"object","properties":{"d":{"enum":["x","y"]}},"additionalProperties":false}}}`
	guard, err := airlock.New(airlock.Options{Tools: []byte(`[{"name":"t","inputSchema":` + schema + `}]`)})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":"1","b":["x",2],"c":{"d":"z","e":1}}`, `{"ghost":{"a":[1,2,{"b":null}]}}`, `{"a":1,"a":2}`,
		`{"a":1e400,"b":"\ud800"}`, "{\"\xff\":1}", `[`, ``, `{"c":{"d":"x","D":"y"}}`, `{"b":[["[[[[[["]]}`,
	} {
		f.Add("t", []byte(seed))
	}
	for _, line := range vectorLines(f) {
		var vector vector
		if json.Unmarshal([]byte(line), &vector) == nil && vector.Call != nil && vector.Call.Text != nil {
			f.Add("t", []byte(*vector.Call.Text))
		}
	}
	f.Fuzz(func(t *testing.T, tool string, arguments []byte) {
		call := airlock.Call{Tool: tool, Arguments: arguments, Details: true}
		verdict, err := guard.Check(ctx, call)
		switch {
		case err != nil:
			if err != airlock.StatusInvalidUTF8 {
				t.Fatal(err)
			}
		case verdict.Allowed:
			call.Arguments = verdict.Arguments
			again, err := guard.Check(ctx, call)
			if err != nil || !again.Allowed || again.Changed {
				t.Fatalf("%q then %+v %v", verdict.Arguments, again, err)
			}
			if !json.Valid(verdict.Arguments) {
				t.Fatalf("%q", verdict.Arguments)
			}
		case !json.Valid(verdict.Refusal) || len(verdict.Refusal) > airlock.MaxRefusal || verdict.Reason == 0:
			t.Fatalf("%+v", verdict)
		}
		if err == nil && !json.Valid(verdict.Details) {
			t.Fatalf("%s", verdict.Details)
		}
	})
}
