//go:build !cgo

package airlock

// The compiler shows the sentence.
const _ int = "airlock links a library through cgo: set CGO_ENABLED=1 and install a C compiler"
