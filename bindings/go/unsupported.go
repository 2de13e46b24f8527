//go:build !cgo || (!(linux && (amd64 || arm64)) && !airlock_system)

package airlock

// The compiler shows the sentence.
const _ int = "airlock links a library through cgo: set CGO_ENABLED=1 and have a C compiler; " +
	"where the module brings no library (all but linux/amd64 and linux/arm64), install libairlock and build with -tags airlock_system"
