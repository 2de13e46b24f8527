//go:build race

package airlock_test

const raceEnabled = true
