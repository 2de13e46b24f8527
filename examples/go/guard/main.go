// Command guard checks calls and masks outputs without any MCP server: go run ./guard
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

const tools = `[
	{"name": "transfer", "inputSchema": {"type": "object", "properties": {"amount": {"type": "integer"}}}},
	{"name": "delete_user", "inputSchema": {"type": "object"}}
]`

func main() {
	guard, err := airlock.New(airlock.Options{
		Policy: airlock.PolicyTOML(`denied_tools = ["delete_*"]`),
		Tools:  []byte(tools),
	})
	if err != nil {
		log.Fatal(err) // says where
	}
	defer guard.Close()
	ctx := context.Background()

	for _, call := range []airlock.Call{
		{Tool: "transfer", Arguments: []byte(`{"amount":100,"note":"made up"}`)},
		{Tool: "transfer", Arguments: []byte(`{"amount":"100"}`)},
		{Tool: "delete_user", Arguments: []byte(`{}`)},
	} {
		arguments, err := guard.Enforce(ctx, call)
		var refusal *airlock.RefusalError
		switch {
		case errors.As(err, &refusal):
			fmt.Println("refused:", refusal.Reason)
			for _, violation := range refusal.Violations() {
				fmt.Println("  ", violation.FixHint)
			}
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("run %s with %s\n", call.Tool, arguments)
		}
	}

	output := []byte("mail ann@example.com, password=Tr0ub4dor&3")
	filtered, err := guard.Filter(ctx, "transfer", output, airlock.Text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s (%d masked)\n", filtered.Output, filtered.Masked)

	reader, err := guard.NewReader(strings.NewReader("a log, line by line: password=Tr0ub4dor&3\n"), "tail_log")
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	if _, err := io.Copy(os.Stdout, reader); err != nil {
		log.Fatal(err)
	}
}
