//go:build cgo && airlock_system

package airlock

// #cgo pkg-config: airlock
import "C"
