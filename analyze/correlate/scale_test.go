package correlate

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("TOWN"))
	h, _ := strconv.ParseFloat(os.Getenv("HOURS"), 64)
	if n == 0 {
		t.Skip()
	}
	x := newTown(n, h, 11)
	x.a = 24 / h * 0.8
	x.make()
	t0 := time.Now()
	res := Correlate(x.events, x.people, Options{})
	d := time.Since(t0)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d events %v %.0f ns/event sys %d MB: %+v groups %d contacts %d", len(x.events), d, float64(d)/float64(len(x.events)), m.Sys>>20, x.judge(res), len(res.Groups), len(res.Contacts))
}
