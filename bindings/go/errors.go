package airlock

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrClosed is returned by what is used after Close.
var ErrClosed = errors.New("airlock: used after Close")

// Error makes a status an error, so that errors.Is(err, StatusUnsupported) works. Whatever the status, the call must
// not run and the output must not be shown.
func (s Status) Error() string { return "airlock: " + s.String() }

// CompileError says what of a policy or of tools cannot be honoured, for the person who configures. It wraps the
// Status: StatusPolicyInvalid, StatusToolInvalid, StatusUnsupported and so on.
type CompileError struct {
	Status Status
	// Message is a sentence or two.
	Message string
	// Pointer says where: an RFC 6901 pointer, or a path like rule[2].effect in a policy. May be empty.
	Pointer string
	// Line and Column in the document, from 1; 0 where none is known.
	Line, Column int
}

func (e *CompileError) Error() string {
	text := "airlock: " + e.Message
	if e.Pointer != "" {
		text += " (" + e.Pointer + ")"
	}
	if e.Line > 0 {
		text += fmt.Sprintf(", line %d column %d", e.Line, e.Column)
	}
	return text
}

// Unwrap returns the Status.
func (e *CompileError) Unwrap() error { return e.Status }

// RefusalError says that a call must not run or that an output must not be shown. Its text is safe to give to the
// model: no value of the call is in it.
type RefusalError struct {
	Reason Reason
	// JSON is the refusal for the model, at most MaxRefusal bytes. Empty for a stream.
	JSON []byte
	// Retryable says that the model may send a corrected call.
	Retryable bool
	// RetryAfter is when to try again; 0 where nothing is known of that.
	RetryAfter time.Duration
}

func (e *RefusalError) Error() string {
	if len(e.JSON) == 0 {
		return "airlock: refused: " + e.Reason.String()
	}
	return string(e.JSON)
}

// Violation is one thing that is wrong with the arguments of a call.
type Violation struct {
	// Path is an RFC 6901 pointer into the arguments.
	Path string `json:"path"`
	// Keyword is that of the schema which is broken, or parse, duplicateKey, ghost or policy.
	Keyword string `json:"keyword"`
	// Property is the name that is missing, for the keyword required.
	Property string `json:"property,omitempty"`
	Expected string `json:"expected,omitempty"`
	Received string `json:"received,omitempty"`
	Message  string `json:"message"`
	FixHint  string `json:"fix_hint,omitempty"`
	// Fix is what a program can do about it; nil where nothing is certain.
	Fix *Fix `json:"fix,omitempty"`
}

// Fix repairs a violation. Its values come from the schema, never from the call.
type Fix struct {
	Op   string          `json:"op"`
	Path string          `json:"path"`
	To   json.RawMessage `json:"to,omitempty"`
}

// Violations reads what is wrong, one by one; more may have been left out of the refusal to keep it short.
func (e *RefusalError) Violations() []Violation {
	var refusal struct {
		Violations []Violation `json:"violations"`
	}
	// Only the library writes refusals; what cannot be read has none.
	_ = json.Unmarshal(e.JSON, &refusal)
	return refusal.Violations
}
