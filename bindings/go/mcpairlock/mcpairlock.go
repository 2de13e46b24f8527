// Package mcpairlock puts Airlock around a server of the official MCP SDK, in one line:
//
//	server.AddReceivingMiddleware(mcpairlock.New(guard))
//
// Every request of a client is decided on before the SDK handles it, and every result before the client gets it: arguments
// that a tool does not declare are cut, what does not fit is refused in words that let the model repair its call, the
// policy is enforced, secrets are masked. The tools are learned from the server's own list.
//
// In place of the guard stands a firewall where the policy has limits, sessions, pins or an audit log. Each client then has a
// session of its own.
//
// What a server says on its own (progress, log messages, sampling, elicitation) does not pass receiving middleware.
// [NewPair] guards that too.
package mcpairlock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

// Option changes how a server is guarded.
type Option func(*firewall)

// WithCaller says who makes a request, as the operator vouches for it (req.GetExtra().TokenInfo has the verified token of
// an HTTP request). nil is nobody in particular; with an error the request is answered with an error.
func WithCaller(identify func(ctx context.Context, req mcp.Request) (*airlock.Caller, error)) Option {
	return func(f *firewall) { f.identify = identify }
}

// WithRecord tells record every decision before it takes effect. With an error, what it would have let through is refused. Under
// a firewall it is called for several clients at once.
func WithRecord(record func(airlock.Event) error) Option {
	return func(f *firewall) { f.options.Record = record }
}

// WithMaxPending bounds the requests that are under way at once; without it, 1,024.
func WithMaxPending(count int) Option {
	return func(f *firewall) { f.options.MaxPending = count }
}

// WithServer names the server for a firewall: it is the key of its pins, which a firewall with a PinFile needs.
func WithServer(name string) Option {
	return func(f *firewall) { f.options.Server = name }
}

// Guard decides: an [airlock.Guard] or an [airlock.Firewall].
type Guard interface {
	NewRelay(airlock.RelayOptions) (*airlock.Relay, error)
}

// New returns middleware for the requests that a server receives. A guard may be closed afterwards, a firewall when the server
// has ended.
func New(guard Guard, options ...Option) mcp.Middleware {
	receiving, _ := NewPair(guard, options...)
	return receiving
}

// NewPair returns New's middleware, and middleware for what the same server sends on its own:
//
//	receiving, sending := mcpairlock.NewPair(guard)
//	server.AddReceivingMiddleware(receiving)
//	server.AddSendingMiddleware(sending)
func NewPair(guard Guard, options ...Option) (receiving, sending mcp.Middleware) {
	f := &firewall{guard: guard, seed: maphash.MakeSeed(), links: map[weak.Pointer[mcp.ServerSession]]*link{}}
	for _, option := range options {
		option(f)
	}
	relay, err := guard.NewRelay(f.options)
	switch _, sessions := guard.(*airlock.Firewall); {
	case err != nil:
		f.broken = err
	case !sessions:
		f.shared = newLink(relay, 0)
	default:
		// It can be had; each client gets one of its own.
		f.broken = relay.Close()
		if f.options.Server == "" {
			// For what relays tell each other of its tools. There are no pins, which would have wanted a name.
			f.options.Server = fmt.Sprintf("mcpairlock %d", servers.Add(1))
		}
	}
	return f.receive, f.send
}

var servers atomic.Int64

// firewall feeds relays with the messages that the SDK has parsed, as JSON-RPC with ids of its own.
type firewall struct {
	guard    Guard
	broken   error // why there are no relays
	options  airlock.RelayOptions
	identify func(context.Context, mcp.Request) (*airlock.Caller, error)
	lastID   atomic.Int64

	shared *link // the relay of all clients; none where each has its own
	mutex  sync.Mutex
	links  map[weak.Pointer[mcp.ServerSession]]*link

	looked  atomic.Int64 // when somebody last looked whether the tools changed, since start
	seed    maphash.Seed
	seen    atomic.Uint64 // what the list of tools was then
	version atomic.Uint64 // how often it was another one
	learned atomic.Uint64 // the version that a relay begins with
}

// link is a relay and what it knows of the server's tools.
type link struct {
	relay   *airlock.Relay
	listing chan struct{} // held by who asks the server for its tools
	version atomic.Uint64 // of the list that it was told of
}

func newLink(relay *airlock.Relay, version uint64) *link {
	made := &link{relay: relay, listing: make(chan struct{}, 1)}
	made.version.Store(version)
	return made
}

// link is the relay of the client that a request comes from or goes to. Those of clients that are gone are closed.
func (f *firewall) link(req mcp.Request) (*link, error) {
	if f.broken != nil || f.shared != nil {
		return f.shared, f.broken
	}
	session, ok := req.GetSession().(*mcp.ServerSession)
	if !ok || session == nil {
		return nil, errNoSession
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	key := weak.Make(session)
	if known := f.links[key]; known != nil {
		return known, nil
	}
	version := f.learned.Load()
	relay, err := f.guard.NewRelay(f.options)
	if err != nil {
		return nil, err
	}
	f.links[key] = newLink(relay, version)
	runtime.AddCleanup(session, f.forget, key)
	return f.links[key], nil
}

func (f *firewall) forget(key weak.Pointer[mcp.ServerSession]) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if gone := f.links[key]; gone != nil {
		_ = gone.relay.Close()
		delete(f.links, key)
	}
}

var errNoSession = errors.New("not a session of a server")

// Most times that one request waits for the server's list of tools.
const mostLists = 8

// Least time between two looks at the server's tools, and most pages that are looked at.
const (
	betweenLooks = time.Second
	mostPages    = 64
)

const (
	notification = "notifications/"
	callTool     = "tools/call"
	listTools    = "tools/list"
	// Its reply comes when the client hangs up, and is empty.
	listen = "subscriptions/listen"
)

// request is a JSON-RPC message with a method; reply is one without.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params,omitempty"`
}

type reply struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *jsonrpc.Error  `json:"error,omitempty"`
}

// receive is middleware for requests of clients.
func (f *firewall) receive(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if strings.HasPrefix(method, notification) || method == listen {
			return next(ctx, method, req)
		}
		caller, err := f.caller(ctx, req)
		if err != nil {
			return nil, unchecked(err)
		}
		link, err := f.link(req)
		if err != nil {
			return nil, unchecked(err)
		}
		id := f.newID()
		message, err := f.encode(id, method, req.GetParams())
		if err != nil {
			return nil, unchecked(err)
		}
		if method == callTool {
			f.refresh(ctx, next, req, link)
		}
		action, err := f.present(ctx, next, req, link, message, caller)
		switch {
		case err != nil:
			return nil, unchecked(err)
		case action.Verb == airlock.Answer:
			return decode(action.Message, &mcp.CallToolResult{})
		case action.Verb != airlock.Forward:
			return nil, unchecked(errors.New("it was dropped"))
		}
		// The relay waits for a reply; whatever happens now, it gets one.
		result, err := f.run(ctx, next, method, req, action)
		return link.reply(id, caller, result, err)
	}
}

// caller is who makes the request.
func (f *firewall) caller(ctx context.Context, req mcp.Request) (*airlock.Caller, error) {
	if f.identify == nil {
		return nil, nil
	}
	return f.identify(ctx, req)
}

// present decides on a message of the client, after asking the server for its tools where that is needed first.
func (f *firewall) present(ctx context.Context, next mcp.MethodHandler, req mcp.Request, link *link, message []byte, caller *airlock.Caller) (airlock.Action, error) {
	for range mostLists {
		action, err := link.relay.Client(message, caller, time.Time{})
		if err != nil || action.Verb != airlock.Hold {
			return action, err
		}
		if err := f.list(ctx, next, req, link, caller); err != nil {
			return airlock.Action{}, err
		}
	}
	return airlock.Action{}, errors.New("the list of tools does not come to rest")
}

// refresh has a relay forget the list of tools when it is another by now. The server's notice of that does not pass here, so now
// and then somebody looks, before a call.
func (f *firewall) refresh(ctx context.Context, next mcp.MethodHandler, req mcp.Request, link *link) {
	f.look(ctx, next, req)
	if version := f.version.Load(); link.version.Swap(version) != version {
		// Should this fail, the list is asked for no later than without it.
		_, _ = link.relay.Server([]byte(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`), nil)
	}
}

// look looks whether the list of tools is another than before.
func (f *firewall) look(ctx context.Context, next mcp.MethodHandler, req mcp.Request) {
	now, last := time.Since(start), f.looked.Load()
	session, ok := req.GetSession().(*mcp.ServerSession)
	if !ok || now-time.Duration(last) < betweenLooks || !f.looked.CompareAndSwap(last, int64(now)) {
		return
	}
	var list maphash.Hash
	list.SetSeed(f.seed)
	params := &mcp.ListToolsParams{}
	for range mostPages {
		result, err := next(ctx, listTools, &mcp.ListToolsRequest{Session: session, Params: params, Extra: req.GetExtra()})
		page, ok := result.(*mcp.ListToolsResult)
		if err != nil || !ok || json.NewEncoder(&list).Encode(page) != nil {
			return
		}
		if params = (&mcp.ListToolsParams{Cursor: page.NextCursor}); params.Cursor == "" {
			break
		}
	}
	if f.seen.Swap(list.Sum64()) != list.Sum64() {
		f.version.Add(1)
	}
}

// start is what moments are counted from; at first, nobody has looked for long.
var start = time.Now().Add(-betweenLooks)

// list asks the server for its tools, page by page, as the relay wants it.
func (f *firewall) list(ctx context.Context, next mcp.MethodHandler, req mcp.Request, link *link, caller *airlock.Caller) error {
	select {
	case link.listing <- struct{}{}:
		defer func() { <-link.listing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	session, ok := req.GetSession().(*mcp.ServerSession)
	if !ok {
		return errNoSession
	}
	version := f.version.Load()
	for {
		message, err := link.relay.ListRequest()
		if err != nil || message == nil {
			return err
		}
		var asked request
		params := &mcp.ListToolsParams{}
		if err := json.Unmarshal(message, &asked); err != nil {
			return err
		}
		if len(asked.Params) > 0 {
			if err := json.Unmarshal(asked.Params, params); err != nil {
				return err
			}
		}
		result, err := next(ctx, listTools, &mcp.ListToolsRequest{Session: session, Params: params, Extra: req.GetExtra()})
		if err != nil {
			return errors.Join(err, link.relay.AbandonList())
		}
		page, err := encodeReply(asked.ID, result, nil)
		if err == nil {
			var action airlock.Action
			action, err = link.relay.Server(page, caller)
			if err == nil && !action.Listing {
				f.learned.Store(version)
			}
		}
		if err != nil {
			return errors.Join(err, link.relay.AbandonList())
		}
	}
}

// run has the SDK handle a request, with the arguments that the relay left.
func (f *firewall) run(ctx context.Context, next mcp.MethodHandler, method string, req mcp.Request, action airlock.Action) (mcp.Result, error) {
	if !action.Changed {
		return next(ctx, method, req)
	}
	call, ok := req.(*mcp.CallToolRequest)
	if !ok || method != callTool {
		return nil, unchecked(errors.New("what is no call was changed"))
	}
	var changed struct {
		Params struct{ Arguments json.RawMessage }
	}
	if err := json.Unmarshal(action.Message, &changed); err != nil {
		return nil, unchecked(err)
	}
	params, copied := *call.Params, *call
	params.Arguments = changed.Params.Arguments
	copied.Params = &params
	return next(ctx, method, &copied)
}

// reply decides on what a request was answered with, a result or an error.
func (l *link) reply(id json.RawMessage, caller *airlock.Caller, result mcp.Result, failed error) (mcp.Result, error) {
	message, err := encodeReply(id, result, failed)
	if err != nil {
		// What cannot be spelt is answered in its place, so that the relay does not wait for ever.
		result, failed = nil, unchecked(err)
		if message, err = encodeReply(id, nil, failed); err != nil {
			return nil, unchecked(err)
		}
	}
	action, err := l.relay.Server(message, caller)
	switch {
	case err != nil:
		return nil, unchecked(err)
	case action.Verb != airlock.Forward:
		return nil, unchecked(errors.New("the reply was dropped"))
	case !action.Changed:
		return result, failed
	case result == nil:
		return decode(action.Message, nil)
	}
	shown, ok := reflect.New(reflect.TypeOf(result).Elem()).Interface().(mcp.Result)
	if !ok {
		return nil, unchecked(fmt.Errorf("a result of type %T", result))
	}
	if shown, err = decode(action.Message, shown); err != nil {
		return nil, err
	}
	if before, ok := result.(*mcp.ListToolsResult); ok {
		keepTools(shown, before.Tools)
	}
	return shown, nil
}

// keepTools puts the tools of the server in the place of what they became through JSON: the relay leaves tools out, it
// changes none.
func keepTools(shown mcp.Result, before []*mcp.Tool) {
	list, ok := shown.(*mcp.ListToolsResult)
	if !ok {
		return
	}
	at := 0
	for _, tool := range before {
		if at < len(list.Tools) && list.Tools[at].Name == tool.Name {
			list.Tools[at] = tool
			at++
		}
	}
}

// send is middleware for what a server sends on its own.
func (f *firewall) send(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		link, err := f.link(req)
		if err != nil {
			return nil, unchecked(err)
		}
		var id json.RawMessage
		if !strings.HasPrefix(method, notification) {
			id = f.newID()
		}
		message, err := f.encode(id, method, req.GetParams())
		if err != nil {
			return nil, unchecked(err)
		}
		action, err := link.relay.Server(message, nil)
		switch {
		case err != nil:
			return nil, unchecked(err)
		case action.Verb != airlock.Forward && id == nil:
			return nil, nil
		case action.Verb != airlock.Forward:
			return nil, unchecked(errors.New("it was dropped"))
		}
		if action.Changed {
			if req, err = withParams(req, action.Message); err != nil {
				return nil, unchecked(err)
			}
		}
		result, err := next(ctx, method, req)
		if id != nil {
			// The relay waits for a reply of the client, which it does not change.
			if answer, unspelt := encodeReply(id, result, err); unspelt == nil {
				_, _ = link.relay.Client(answer, nil, time.Time{})
			}
		}
		return result, err
	}
}

// withParams is a request of the server with the parameters that the relay left.
func withParams(req mcp.Request, message []byte) (mcp.Request, error) {
	sent, ok := req.(*mcp.ServerRequest[mcp.Params])
	if !ok {
		return nil, fmt.Errorf("a request of type %T", req)
	}
	var changed request
	if err := json.Unmarshal(message, &changed); err != nil {
		return nil, err
	}
	params, ok := reflect.New(reflect.TypeOf(sent.Params).Elem()).Interface().(mcp.Params)
	if !ok {
		return nil, fmt.Errorf("parameters of type %T", sent.Params)
	}
	if err := json.Unmarshal(changed.Params, params); err != nil {
		return nil, err
	}
	copied := *sent
	copied.Params = params
	return &copied, nil
}

func (f *firewall) newID() json.RawMessage {
	return fmt.Appendf(nil, "%d", f.lastID.Add(1))
}

// encode spells a request. The arguments of a call keep their bytes, but for blanks.
func (f *firewall) encode(id json.RawMessage, method string, params mcp.Params) ([]byte, error) {
	spelt, err := spell(params)
	if err != nil {
		return nil, err
	}
	if string(spelt) == "null" {
		spelt = nil
	}
	return spell(request{Version: "2.0", ID: id, Method: method, Params: spelt})
}

func encodeReply(id json.RawMessage, result mcp.Result, failed error) ([]byte, error) {
	message := reply{Version: "2.0", ID: id}
	switch {
	case failed != nil:
		message.Error = wireError(failed)
	default:
		spelt, err := spell(result)
		if err != nil {
			return nil, err
		}
		message.Result = spelt
	}
	return spell(message)
}

// wireError is what the SDK makes of an error that a handler returns.
func wireError(failed error) *jsonrpc.Error {
	if exact, ok := failed.(*jsonrpc.Error); ok {
		return exact
	}
	made := &jsonrpc.Error{Message: failed.Error()}
	if wrapped := (*jsonrpc.Error)(nil); errors.As(failed, &wrapped) {
		made.Code = wrapped.Code
	}
	return made
}

// spell is json.Marshal without escapes for HTML.
func spell(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// decode reads a reply into result, or as an error.
func decode(message []byte, result mcp.Result) (mcp.Result, error) {
	var said reply
	if err := json.Unmarshal(message, &said); err != nil {
		return nil, unchecked(err)
	}
	if said.Error != nil {
		return nil, said.Error
	}
	if result == nil || said.Result == nil {
		return nil, unchecked(errors.New("a reply without a result"))
	}
	if err := json.Unmarshal(said.Result, result); err != nil {
		return nil, unchecked(err)
	}
	if call, ok := result.(*mcp.CallToolResult); ok && call.StructuredContent != nil {
		// As bytes, so that large numbers keep their digits.
		var exact struct{ StructuredContent json.RawMessage }
		if err := json.Unmarshal(said.Result, &exact); err != nil {
			return nil, unchecked(err)
		}
		call.StructuredContent = exact.StructuredContent
	}
	return result, nil
}

// unchecked is the answer where no decision could be made. The client is not told why, other middleware is.
func unchecked(cause error) error {
	answer := &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the message could not be checked"}
	return &failure{answer, cause}
}

type failure struct {
	answer *jsonrpc.Error
	cause  error
}

func (f *failure) Error() string   { return f.answer.Error() }
func (f *failure) Unwrap() []error { return []error{f.answer, f.cause} }
