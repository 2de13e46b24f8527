//go:build cgo && !(linux && (amd64 || arm64)) && !airlock_system

package airlock

// The compiler shows the sentence.
const _ int = "airlock has no library for this platform: install libairlock and build with -tags airlock_system"
