// Command answer answers what it is asked on standard input, for the test that compares languages byte for byte:
// ffi/tests/parity.rs asks it what it asks ffi/tests/c/answer.c, which says how.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"os"
	"strings"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
)

const (
	policy = iota
	tools
	tool
	input
	agent
	tenant
	roles
	what
	fields
)

type answerer struct {
	in     *bufio.Reader
	out    *bufio.Writer
	guard  *airlock.Guard
	policy string
	tools  string
}

func main() {
	a := answerer{in: bufio.NewReader(os.Stdin), out: bufio.NewWriter(os.Stdout)}
	for {
		question, err := a.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = a.answer(question)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := a.out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func (a *answerer) read() (question [fields]string, err error) {
	for at := range question {
		var length uint32
		if err := binary.Read(a.in, binary.NativeEndian, &length); err != nil {
			return question, err
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(a.in, text); err != nil {
			return question, err
		}
		question[at] = string(text)
	}
	return question, nil
}

func (a *answerer) answer(question [fields]string) error {
	if a.guard == nil || a.policy != question[policy] || a.tools != question[tools] {
		options := airlock.Options{Tools: []byte(question[tools]), WithholdTools: true, HostLimits: true}
		if question[policy] != "" {
			options.Policy = airlock.PolicyJSON(question[policy])
		}
		guard, err := airlock.New(options)
		if err != nil {
			return err
		}
		if a.guard != nil {
			a.guard.Close()
		}
		a.guard, a.policy, a.tools = guard, question[policy], question[tools]
	}
	if question[what] != "check" {
		return a.filter(question)
	}
	caller, err := airlock.NewCaller(question[agent], question[tenant], strings.Fields(question[roles])...)
	if err != nil {
		return err
	}
	verdict, err := a.guard.Check(context.Background(), airlock.Call{
		Tool: question[tool], Arguments: []byte(question[input]), Caller: caller, Details: true,
	})
	if err != nil {
		return err
	}
	bytes := verdict.Refusal
	if verdict.Allowed {
		bytes = verdict.Arguments
	}
	flags := bit(verdict.Changed, 1) | bit(verdict.Retryable, 2) | bit(verdict.Shadowed, 8)
	a.write(bit(verdict.Allowed, 1), uint32(verdict.Reason), flags, uint32(verdict.Violations))
	return errors.Join(a.text(bytes), a.text(verdict.Details))
}

func (a *answerer) filter(question [fields]string) error {
	format := airlock.Text
	if question[what] == "json" {
		format = airlock.JSON
	}
	filtered, err := a.guard.Filter(context.Background(), question[tool], []byte(question[input]), format)
	if err != nil {
		return err
	}
	a.write(1, 0, bit(filtered.Changed, 1)|bit(filtered.Truncated, 4), uint32(filtered.Masked))
	return errors.Join(a.text(filtered.Output), a.text(nil))
}

// write writes the status, which is OK, and numbers; Flush tells what went wrong.
func (a *answerer) write(numbers ...uint32) {
	_ = binary.Write(a.out, binary.NativeEndian, append([]uint32{0}, numbers...))
}

func (a *answerer) text(text []byte) error {
	_ = binary.Write(a.out, binary.NativeEndian, uint32(len(text)))
	_, err := a.out.Write(text)
	return err
}

func bit(on bool, value uint32) uint32 {
	if on {
		return value
	}
	return 0
}
