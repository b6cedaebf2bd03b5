package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// How much memory may be in use before garbage is collected more often than
// collectSeldom has it: least for whatever the inputs, more as more of it is no
// garbage, and most in any case.
const (
	leastRoom = 1150 << 20
	mostRoom  = 4 << 30
)

// collectSeldom lets the heap grow to three times of what is in use before
// garbage is collected, which costs less processor time; from leastRoom on it is
// collected as often as needed to stay below (see giveRoom). The environment
// variables GOGC and GOMEMLIMIT go before.
func collectSeldom() {
	if ownPace() {
		debug.SetGCPercent(200)
		debug.SetMemoryLimit(leastRoom)
	}
}

func ownPace() bool { return os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" }

// giveRoom raises what may be in use to so many times of what the last collection
// left, where that is more: close to the bound one collection would follow the
// other.
func giveRoom(times float64) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	room := min(int64(times*float64(live[0].Value.Uint64())), mostRoom)
	if ownPace() && room > debug.SetMemoryLimit(-1) {
		debug.SetMemoryLimit(room)
	}
}

// What reading needs at most, as multiples of what is held, and what a report
// does: it is about as large as what it is made of.
const (
	roomToRead   = 2
	roomToReport = 2.5
)
