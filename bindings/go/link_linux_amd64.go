//go:build cgo && !airlock_system

package airlock

/*
#cgo LDFLAGS: ${SRCDIR}/lib/linux_amd64/libairlock.a -lm -ldl -lpthread
#if !__has_include("lib/linux_amd64/libairlock.a")
#error "libairlock.a is not built yet: run 'go generate ./...' in bindings/go of a clone, or use -tags airlock_system"
#endif
*/
import "C"

import _ "github.com/airlock-mcp/airlock/bindings/go/lib/linux_amd64"
