//go:build cgo

package airlock

// #include "abi.h"
import "C"

import (
	"os"
	"strings"
)

// Policy is where a guard has its policy from: [Preset], [PolicyTOML], [PolicyJSON] or [PolicyFile]. The zero Policy
// is the preset permissive.
type Policy struct {
	format C.uint32_t
	text   string
	path   string
}

// Preset is a policy by name: permissive, read_only, strict or business_hours.
func Preset(name string) Policy { return Policy{format: C.AIRLOCK_POLICY_PRESET, text: name} }

// PolicyTOML is a policy document in TOML.
func PolicyTOML(document string) Policy {
	return Policy{format: C.AIRLOCK_POLICY_TOML, text: document}
}

// PolicyJSON is a policy document in JSON.
func PolicyJSON(document string) Policy {
	return Policy{format: C.AIRLOCK_POLICY_JSON, text: document}
}

// PolicyFile is the policy document in a file, which New reads: JSON when its name ends with .json, else TOML.
func PolicyFile(path string) Policy { return Policy{path: path} }

// opened leaves the reading of a file to the library, which then knows where relative paths in it begin.
func (p Policy) opened() (Policy, error) {
	if p.path != "" {
		return Policy{format: C.AIRLOCK_POLICY_FILE, text: p.path}, nil
	}
	return p.read()
}

func (p Policy) read() (Policy, error) {
	switch {
	case p.path != "":
		document, err := os.ReadFile(p.path)
		if err != nil {
			return p, err
		}
		p.text, p.format = string(document), C.AIRLOCK_POLICY_TOML
		if strings.HasSuffix(p.path, ".json") {
			p.format = C.AIRLOCK_POLICY_JSON
		}
	case p.text == "" && p.format == C.AIRLOCK_POLICY_PRESET:
		p.text = "permissive"
	}
	if p.text == "" {
		// An empty text would be absent, which is the preset. An empty document is one all the same.
		p.text = "\n"
	}
	return p, nil
}
