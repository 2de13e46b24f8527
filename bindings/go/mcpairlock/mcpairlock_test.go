package mcpairlock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
	"github.com/airlock-mcp/airlock/bindings/go/mcpairlock"
)

const asServer = "AIRLOCK_TEST_AS_SERVER"

// The test program is also the server of the tests over stdio.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	server := newServer(policy)
	if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

const policy = `
denied_tools = ['delete_*', 'hidden_*']

[output]
long = { max_chars = 200 }
`

// secret is made of parts, so that no file holds anything that looks like one.
func secret() string { return "ghp_" + strings.Repeat("aB3dE7gH1k", 4)[:36] }

type echoIn struct {
	Text  string `json:"text"`
	Count int    `json:"count,omitempty"`
}

type noteOut struct {
	Note string `json:"note"`
}

func newServer(policy string, options ...mcpairlock.Option) *mcp.Server {
	guard, err := airlock.New(airlock.Options{Policy: airlock.PolicyTOML(policy)})
	if err != nil {
		panic(err)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "shop", Version: "1"}, nil)
	receiving, sending := mcpairlock.NewPair(guard, options...)
	server.AddReceivingMiddleware(receiving)
	server.AddSendingMiddleware(sending)
	guard.Close()
	addTools(server)
	return server
}

func addTools(server *mcp.Server) {
	echo := func(_ context.Context, req *mcp.CallToolRequest, _ echoIn) (*mcp.CallToolResult, any, error) {
		return text(string(req.Params.Arguments)), nil, nil
	}
	mcp.AddTool(server, &mcp.Tool{Name: "echo"}, echo)
	mcp.AddTool(server, &mcp.Tool{Name: "delete_all"}, echo)
	mcp.AddTool(server, &mcp.Tool{Name: "note"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, noteOut, error) {
		return nil, noteOut{"token " + secret()}, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "fail"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return nil, nil, errors.New("no entry with " + secret())
	})
	mcp.AddTool(server, &mcp.Tool{Name: "broken"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return nil, nil, &jsonrpc.Error{Code: -32001, Message: "no entry with " + secret()}
	})
	mcp.AddTool(server, &mcp.Tool{Name: "long"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return text(strings.Repeat("word ", 1000)), nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "slow"}, func(ctx context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		notice := &mcp.ProgressNotificationParams{ProgressToken: req.Params.GetProgressToken(), Progress: 1, Message: "at " + secret()}
		if err := req.Session.NotifyProgress(ctx, notice); err != nil {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			cancelled <- struct{}{}
			return nil, nil, ctx.Err()
		case <-time.After(10 * time.Minute):
			return text("done"), nil, nil
		}
	})
}

// cancelled is told when a call of slow was cancelled, in this process.
var cancelled = make(chan struct{}, 8)

func text(text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

type client struct {
	*mcp.ClientSession
	progress chan string
}

func connect(t *testing.T, transport mcp.Transport) client {
	t.Helper()
	progress := make(chan string, 8)
	made := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, req *mcp.ProgressNotificationClientRequest) {
			progress <- req.Params.Message
		},
	})
	session, err := made.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return client{session, progress}
}

func inMemory(t *testing.T, server *mcp.Server) client {
	t.Helper()
	ours, theirs := mcp.NewInMemoryTransports()
	session, err := server.Connect(t.Context(), theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return connect(t, ours)
}

func (c client) call(t *testing.T, tool, arguments string) (*mcp.CallToolResult, string) {
	t.Helper()
	result, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	said := ""
	for _, content := range result.Content {
		if block, ok := content.(*mcp.TextContent); ok {
			said += block.Text
		}
	}
	return result, said
}

func (c client) fail(t *testing.T, tool, arguments string) *jsonrpc.Error {
	t.Helper()
	_, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	var wire *jsonrpc.Error
	if !errors.As(err, &wire) {
		t.Fatalf("%s: %v", tool, err)
	}
	return wire
}

func TestInMemory(t *testing.T) {
	behaves(t, func(t *testing.T) client { return inMemory(t, newServer(policy)) })
	t.Run("cancelled call", func(t *testing.T) {
		client := inMemory(t, newServer(policy))
		cancel(t, client)
		select {
		case <-cancelled:
		case <-time.After(time.Minute):
			t.Fatal("the handler was not told")
		}
	})
}

func TestStdio(t *testing.T) {
	behaves(t, func(t *testing.T) client {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), asServer+"=1")
		command.Stderr = os.Stderr
		return connect(t, &mcp.CommandTransport{Command: command})
	})
}

// behaves is what holds over every transport.
func behaves(t *testing.T, connect func(*testing.T) client) {
	client := connect(t)
	t.Run("valid call", func(t *testing.T) {
		if _, said := client.call(t, "echo", `{"text":"<&>","count":1}`); said != `{"text":"<&>","count":1}` {
			t.Fatal(said)
		}
	})
	t.Run("ghost", func(t *testing.T) {
		if result, said := client.call(t, "echo", `{"text":"a<b","made_up":1}`); result.IsError || said != `{"text":"a<b"}` {
			t.Fatal(said)
		}
	})
	t.Run("type", func(t *testing.T) {
		result, said := client.call(t, "echo", `{"text":"a","count":"2"}`)
		var refusal struct{ Status, Reason string }
		if err := json.Unmarshal([]byte(said), &refusal); err != nil || !result.IsError || refusal.Reason != "validation_failed" {
			t.Fatal(said, err)
		}
		if result.Meta["airlock/refusal"] == nil || result.StructuredContent != nil {
			t.Fatalf("%+v", result)
		}
	})
	t.Run("policy", func(t *testing.T) {
		if result, said := client.call(t, "delete_all", `{"text":"a"}`); !result.IsError || !strings.Contains(said, "tool_denied") {
			t.Fatal(said)
		}
	})
	t.Run("masking", func(t *testing.T) {
		result, said := client.call(t, "note", `{}`)
		all, err := json.Marshal(result)
		if err != nil || strings.Contains(string(all), secret()[10:]) || !strings.Contains(said, "token ") {
			t.Fatalf("%s %v", all, err)
		}
		if result, said := client.call(t, "fail", `{}`); !result.IsError || strings.Contains(said, secret()[10:]) || !strings.HasPrefix(said, "no entry") {
			t.Fatal(said)
		}
		if wire := client.fail(t, "broken", `{}`); wire.Code != -32001 || strings.Contains(wire.Message, secret()[10:]) || !strings.Contains(wire.Message, "no entry") {
			t.Fatal(wire)
		}
	})
	t.Run("truncation", func(t *testing.T) {
		if _, said := client.call(t, "long", `{}`); len(said) > 400 || !strings.HasPrefix(said, "word word") {
			t.Fatal(len(said), said)
		}
	})
	t.Run("unknown tool", func(t *testing.T) {
		if wire := client.fail(t, "nowhere", `{}`); wire.Code != jsonrpc.CodeInvalidParams || !strings.Contains(strings.ToLower(wire.Message), "unknown tool") {
			t.Fatal(wire)
		}
	})
	t.Run("list", func(t *testing.T) {
		list, err := client.ListTools(t.Context(), nil)
		if err != nil || len(list.Tools) != 7 {
			t.Fatal(list, err)
		}
	})
	t.Run("progress and cancellation", func(t *testing.T) {
		cancel(t, client)
		for len(cancelled) > 0 {
			<-cancelled
		}
		// The connection goes on.
		if _, said := client.call(t, "echo", `{"text":"a"}`); said != `{"text":"a"}` {
			t.Fatal(said)
		}
	})
}

// cancel cancels a call that has made progress.
func cancel(t *testing.T, client client) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	params := &mcp.CallToolParams{Name: "slow", Arguments: json.RawMessage("{}")}
	params.SetProgressToken("p1")
	failed := make(chan error, 1)
	go func() {
		_, err := client.CallTool(ctx, params)
		failed <- err
	}()
	select {
	case said := <-client.progress:
		if strings.Contains(said, secret()[10:]) || !strings.HasPrefix(said, "at ") {
			t.Errorf("progress is not masked: %s", said)
		}
	case <-time.After(time.Minute):
		t.Fatal("no progress")
	}
	stop()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestOneLine(t *testing.T) {
	guard, err := airlock.New(airlock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "shop", Version: "1"}, nil)
	server.AddReceivingMiddleware(mcpairlock.New(guard))
	addTools(server)
	client := inMemory(t, server)
	if _, said := client.call(t, "echo", `{"text":"a","ghost":1}`); said != `{"text":"a"}` {
		t.Fatal(said)
	}
}

func TestHiddenToolsAreNeitherListedNorTold(t *testing.T) {
	client := inMemory(t, newServer("denied_tools = ['delete_*']\nhide = true\n"))
	list, err := client.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range list.Tools {
		if tool.Name == "delete_all" || tool.InputSchema == nil {
			t.Errorf("%+v", tool)
		}
	}
	if len(list.Tools) != 6 {
		t.Errorf("%d tools", len(list.Tools))
	}
	hidden, nowhere := client.fail(t, "delete_all", `{"text":"a"}`), client.fail(t, "delete_none", `{}`)
	if hidden.Code != nowhere.Code || strings.ReplaceAll(hidden.Message, "_all", "_none") != nowhere.Message {
		t.Fatal(hidden, nowhere)
	}
}

func TestToolsThatComeLaterAreKnown(t *testing.T) {
	server := newServer(policy)
	client := inMemory(t, server)
	client.call(t, "echo", `{"text":"a"}`)
	echo := func(_ context.Context, req *mcp.CallToolRequest, _ struct {
		New int `json:"new"`
	}) (*mcp.CallToolResult, any, error) {
		return text(string(req.Params.Arguments)), nil, nil
	}
	mcp.AddTool(server, &mcp.Tool{Name: "later"}, echo)
	// A client that has seen the new list may call what is in it at once.
	if _, err := client.ListTools(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, said := client.call(t, "later", `{"new":1,"ghost":2}`); said != `{"new":1}` {
		t.Fatal(said)
	}
	// One that has not is known a second later at most.
	mcp.AddTool(server, &mcp.Tool{Name: "echo"}, echo)
	time.Sleep(1100 * time.Millisecond)
	if _, said := client.call(t, "echo", `{"new":1,"text":2}`); said != `{"new":1}` {
		t.Fatal(said)
	}
}

func TestCallersDecide(t *testing.T) {
	role := "guest"
	identify := func(context.Context, mcp.Request) (*airlock.Caller, error) {
		if role == "" {
			return nil, errors.New("who are you?")
		}
		return airlock.NewCaller("bot", "", role)
	}
	client := inMemory(t, newServer("allowed_roles = ['admin']", mcpairlock.WithCaller(identify)))
	if result, said := client.call(t, "echo", `{"text":"a"}`); !result.IsError || !strings.Contains(said, "role_denied") {
		t.Fatal(said)
	}
	role = "admin"
	if result, said := client.call(t, "echo", `{"text":"a"}`); result.IsError {
		t.Fatal(said)
	}
	role = ""
	if wire := client.fail(t, "echo", `{"text":"a"}`); wire.Code != jsonrpc.CodeInternalError || strings.Contains(wire.Message, "who") {
		t.Fatal(wire)
	}
}

func TestDecisionsAreRecordedOrDoNotTakeEffect(t *testing.T) {
	var mutex sync.Mutex
	var events []airlock.Event
	var full error
	record := func(event airlock.Event) error {
		mutex.Lock()
		defer mutex.Unlock()
		events = append(events, event)
		return full
	}
	client := inMemory(t, newServer(policy, mcpairlock.WithRecord(record)))
	client.call(t, "echo", `{"text":"a"}`)
	client.call(t, "delete_all", `{"text":"a"}`)
	mutex.Lock()
	kinds := map[airlock.EventKind]string{}
	for _, event := range events {
		kinds[event.Kind] = event.Tool
	}
	full = errors.New("disk full")
	mutex.Unlock()
	if kinds[airlock.EventAllowed] != "echo" || kinds[airlock.EventRefused] != "delete_all" {
		t.Fatalf("%+v", events)
	}
	if result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "echo", Arguments: json.RawMessage(`{"text":"a"}`)}); err == nil && !result.IsError {
		t.Fatalf("%+v", result)
	}
}

func TestLargeNumbersKeepTheirDigits(t *testing.T) {
	server := newServer(policy)
	schema := json.RawMessage(`{"type":"object","properties":{"big":{"type":"integer"}}}`)
	server.AddTool(&mcp.Tool{Name: "raw", InputSchema: schema}, func(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		said := text(secret())
		said.StructuredContent = req.Params.Arguments
		return said, nil
	})
	ours, theirs := mcp.NewInMemoryTransports()
	if _, err := server.Connect(t.Context(), theirs, nil); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	client := connect(t, &mcp.LoggingTransport{Transport: ours, Writer: &log})
	client.call(t, "raw", `{"big":9223372036854775809,"ghost":1}`)
	if want := `"structuredContent":{"big":9223372036854775809}`; !strings.Contains(log.String(), want) {
		t.Fatal(log.String())
	}
}

type lockedBuffer struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

func TestManyAtOnce(t *testing.T) {
	client := inMemory(t, newServer(policy))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for at := range 50 {
				want := fmt.Sprintf(`{"text":"%d.%d"}`, worker, at)
				if _, said := client.call(t, "echo", strings.Replace(want, "}", `,"ghost":1}`, 1)); said != want {
					t.Errorf("want %s, got %s", want, said)
				}
			}
		})
	}
	group.Wait()
}
