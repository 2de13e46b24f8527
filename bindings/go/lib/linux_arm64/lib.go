// Package linux_arm64 is the folder of libairlock.a, which go generate puts here. It is a package so that go mod vendor
// takes the folder along.
package linux_arm64
