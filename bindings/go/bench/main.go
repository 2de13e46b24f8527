// Command bench says what a check from Go costs: beside the library alone, and beside encoding/json with
// santhosh-tekuri/jsonschema, over the labelled calls, in one run.
//
// All take turns; a figure is the median over rounds of the processor time of this thread. Work of the garbage
// collector on other threads is not in it, which favours the peer. The bar: 100 ns more than the library.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

const (
	rounds = 61
	passes = 5
	bar    = 100
)

type call struct {
	tool      string
	arguments []byte
	class     string
}

func main() {
	log.SetFlags(0)
	folder := os.Getenv("AIRLOCK_SHARED")
	if folder == "" {
		folder = "../../../../shared"
	}
	tools, err := readLines(filepath.Join(folder, "data/validation/dev_tools.jsonl"))
	if err != nil {
		fmt.Println("SKIPPED: the labelled calls are not here; set AIRLOCK_SHARED")
		return
	}
	lines, err := readLines(filepath.Join(folder, "data/validation/dev_calls.jsonl"))
	if err != nil {
		log.Fatal(err)
	}
	list, schemas := compile(tools)
	guard, err := airlock.New(airlock.Options{Tools: list, WithholdTools: true})
	if err != nil {
		log.Fatal(err)
	}
	library := newLibrary(list)
	runtime.LockOSThread()
	holds := true
	for _, class := range []string{"valid", ""} {
		holds = measure(class, readCalls(lines, class), guard, library, schemas) && holds
	}
	if !holds {
		log.Fatalf("more than %d ns over the library", bar)
	}
}

func measure(class string, calls []call, guard *airlock.Guard, library *library, schemas map[string]*jsonschema.Schema) bool {
	if class == "" {
		class = "all"
	}
	ctx := context.Background()
	contenders := []struct {
		name string
		run  func() int
	}{
		{"library", library.loop(calls)},
		{"Go", func() int {
			allowed := 0
			for at := range calls {
				verdict, err := guard.Check(ctx, airlock.Call{Tool: calls[at].tool, Arguments: calls[at].arguments})
				if err == nil && verdict.Allowed {
					allowed++
				}
			}
			return allowed
		}},
		{"encoding/json + jsonschema", func() int {
			allowed := 0
			for at := range calls {
				var value any
				if json.Unmarshal(calls[at].arguments, &value) != nil {
					continue
				}
				if schema := schemas[calls[at].tool]; schema != nil && schema.Validate(value) == nil {
					allowed++
				}
			}
			return allowed
		}},
	}
	times := make([][]float64, len(contenders))
	allowed := make([]int, len(contenders))
	for range rounds {
		for at, contender := range contenders {
			begin := threadTime()
			for range passes {
				allowed[at] = contender.run()
			}
			times[at] = append(times[at], float64(threadTime()-begin)/float64(passes*len(calls)))
		}
	}
	if allowed[0] != allowed[1] {
		log.Fatalf("the library allows %d, Go %d", allowed[0], allowed[1])
	}
	// Rounds next to each other share the weather: the median of differences, not the difference of medians.
	var over []float64
	for at := range times[0] {
		over = append(over, times[1][at]-times[0][at])
	}
	fmt.Printf("%s calls (%d):", class, len(calls))
	for at, contender := range contenders {
		fmt.Printf(" %s %.0f ns/call,", contender.name, median(times[at]))
	}
	fmt.Printf(" Go over the library %.0f ns/call, the peer %.1f times as long as Go\n", median(over), median(times[2])/median(times[1]))
	if class == "valid" {
		taken := mallocs(func() { contenders[1].run() })
		fmt.Printf("%s calls: %d allocations of Go\n", class, taken)
	}
	return class != "valid" || median(over) <= bar
}

// mallocs counts the allocations of a run.
func mallocs(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

func median(times []float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// compile makes the list of tools for Airlock and the schemas for the peer; nil for one that it cannot honour.
func compile(lines [][]byte) ([]byte, map[string]*jsonschema.Schema) {
	schemas := map[string]*jsonschema.Schema{}
	var list bytes.Buffer
	for _, line := range lines {
		var tool struct {
			Tool   string
			Schema json.RawMessage `json:"input_schema"`
		}
		if err := json.Unmarshal(line, &tool); err != nil {
			log.Fatal(err)
		}
		name, _ := json.Marshal(tool.Tool)
		fmt.Fprintf(&list, ",{\"name\":%s,\"inputSchema\":%s}", name, tool.Schema)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(tool.Schema))
		if err != nil {
			log.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		if compiler.AddResource("schema.json", document) == nil {
			schemas[tool.Tool], _ = compiler.Compile("schema.json")
		}
	}
	return slices.Concat([]byte("["), list.Bytes()[1:], []byte("]")), schemas
}

// readCalls is the calls of a class, or all, that are not meant to be large.
func readCalls(lines [][]byte, class string) []call {
	var calls []call
	for _, line := range lines {
		var labelled struct {
			Tool, Class string
			Text        *string `json:"arguments_text"`
			Base64      []byte  `json:"arguments_b64"`
		}
		if err := json.Unmarshal(line, &labelled); err != nil {
			log.Fatal(err)
		}
		arguments := labelled.Base64
		if labelled.Text != nil {
			arguments = []byte(*labelled.Text)
		}
		if len(arguments) < 4096 && (class == "" || class == labelled.Class) {
			calls = append(calls, call{labelled.Tool, arguments, labelled.Class})
		}
	}
	return calls
}

func readLines(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<26)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines, scanner.Err()
}
