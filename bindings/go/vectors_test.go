package airlock_test

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

type vector struct {
	Name   string
	Tools  json.RawMessage
	Policy json.RawMessage
	Call   *struct {
		Tool   string
		Text   *string `json:"arguments_text"`
		Base64 []byte  `json:"arguments_base64"`
		Agent  string
		Tenant string
		Roles  []string
	}
	Tool   string
	Output *struct{ Text, JSON *string }
	Expect struct {
		Decision  string
		Reason    *string
		Arguments *string `json:"arguments_text"`
		Refusal   *string
		Stripped  []string
		Suggest   []any
		Bytes     string
		Masked    int
		Truncated bool
	}
}

// The golden vectors, which core and every binding answer alike.
func TestGoldenVectors(t *testing.T) {
	count := 0
	for _, line := range vectorLines(t) {
		var vector vector
		if err := json.Unmarshal([]byte(line), &vector); err != nil {
			t.Fatal(err)
		}
		count++
		t.Run(vector.Name, func(t *testing.T) { vector.run(t) })
	}
	if count < 100 {
		t.Fatalf("%d vectors", count)
	}
}

func (v *vector) run(t *testing.T) {
	options := airlock.Options{Tools: v.Tools, WithholdTools: true, HostLimits: true}
	if len(v.Policy) > 0 && string(v.Policy) != "null" {
		options.Policy = airlock.PolicyJSON(string(v.Policy))
	}
	guard, err := airlock.New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer guard.Close()
	if v.Output != nil {
		text, format := v.Output.Text, airlock.Text
		if v.Output.JSON != nil {
			text, format = v.Output.JSON, airlock.JSON
		}
		filtered, err := guard.Filter(ctx, v.Tool, []byte(*text), format)
		if err != nil || string(filtered.Output) != v.Expect.Bytes || filtered.Masked != v.Expect.Masked || filtered.Truncated != v.Expect.Truncated {
			t.Fatalf("%+v %v", filtered, err)
		}
		return
	}
	caller, err := airlock.NewCaller(v.Call.Agent, v.Call.Tenant, v.Call.Roles...)
	if err != nil {
		t.Fatal(err)
	}
	arguments := v.Call.Base64
	if v.Call.Text != nil {
		arguments = []byte(*v.Call.Text)
	}
	verdict := check(t, guard, airlock.Call{Tool: v.Call.Tool, Arguments: arguments, Caller: caller, Details: true})
	var details struct {
		Decision string
		Stripped []string
		Suggest  []any
	}
	if err := json.Unmarshal(verdict.Details, &details); err != nil {
		t.Fatal(err)
	}
	same := func(what string, want, got any) {
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: want %v, got %v", what, want, got)
		}
	}
	same("decision", v.Expect.Decision, details.Decision)
	same("allowed", v.Expect.Decision == "allow", verdict.Allowed)
	same("stripped", v.Expect.Stripped, details.Stripped)
	same("suggest", v.Expect.Suggest, details.Suggest)
	if verdict.Allowed {
		same("arguments", *v.Expect.Arguments, string(verdict.Arguments))
	} else {
		same("reason", *v.Expect.Reason, verdict.Reason.String())
		same("refusal", *v.Expect.Refusal, string(verdict.Refusal))
	}
}

// vectorLines reads the vectors with their secrets put in.
func vectorLines(t testing.TB) []string {
	t.Helper()
	const folder = "../../testdata/"
	var secrets map[string][]string
	data, err := os.ReadFile(folder + "secrets.json")
	if err == nil {
		err = json.Unmarshal(data, &secrets)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(folder + "vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	name := regexp.MustCompile(`\$\{([a-z0-9_]+)\}`)
	var lines []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		lines = append(lines, name.ReplaceAllStringFunc(scanner.Text(), func(word string) string {
			parts, known := secrets[strings.Trim(word, "${}")]
			if !known {
				return word
			}
			return strings.Join(parts, "")
		}))
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
