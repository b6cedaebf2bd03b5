package analyze

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"envelope/capture"
)

// held is the memory in use, in bytes.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// writes gives a server's lines of n messages among 10,000 accounts: one when it
// is handed over, one when it is delivered.
func writes(a *Analyzer, n int) {
	for i := range n {
		from, to := (i*7919)%10000, (i*104729+1)%10000
		e := capture.Entry{Kind: capture.EntryMessage, Service: "xmpp", From: account(fmt.Sprintf("user%d@example.org", from)),
			To: accounts(fmt.Sprintf("user%d@example.org", to)), Half: capture.HalfSent, ID: fmt.Sprintf("message-%d", i)}
		a.Add(logLine(int64(2*i+1), float64(i)*0.3, e))
		e.Half = capture.HalfReceived
		a.Add(logLine(int64(2*i+2), float64(i)*0.3+0.1, e))
	}
}

// calls gives a carrier's rows of n calls among 10,000 numbers.
func calls(a *Analyzer, n int) {
	for i := range n {
		e := capture.Entry{Kind: capture.EntryCall, Service: "phone", From: account(fmt.Sprintf("+1555%07d", (i*7919)%10000)),
			To: accounts(fmt.Sprintf("+1555%07d", (i*104729+1)%10000)), ID: fmt.Sprintf("call-%d", i),
			Until: capture.TimeOf(noon.Add(time.Duration(i)*300*time.Millisecond + time.Minute)), Call: &capture.CallEntry{Outcome: "answered"}}
		a.Add(logLine(int64(i+1), float64(i)*0.3, e))
	}
}

// BenchmarkLogs concludes from large logs. The memory is what is held before the
// report, and with it, for each line.
func BenchmarkLogs(b *testing.B) {
	for _, c := range []struct {
		name  string
		write func(*Analyzer, int)
		lines int // of each message or call
	}{{"messages", writes, 2}, {"calls", calls, 1}} {
		for _, n := range []int{100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					before := held()
					a := newTest(b, Options{})
					c.write(a, n)
					kept := held()
					r := a.Report([]Input{{ID: "i1", Observer: "operator", Grain: "entry"}})
					after := held()
					runtime.KeepAlive(a)
					if len(r.Events) != n*c.lines {
						b.Fatalf("%d events", len(r.Events))
					}
					b.ReportMetric(float64(kept-before)/float64(n*c.lines), "B-kept/line")
					b.ReportMetric(float64(after-before)/float64(n*c.lines), "B-in-all/line")
				}
			})
		}
	}
}
