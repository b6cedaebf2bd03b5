package analyze_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/analyze/service"
	"envelope/capture"
	"envelope/capture/packet"
)

// tapsReport analyses captures as inputs of their own, the times of each moved
// by a shift.
func tapsReport(t *testing.T, paths []string, shifts []time.Duration) *analyze.Report {
	t.Helper()
	set, err := service.Load()
	if err != nil {
		t.Fatal(err)
	}
	a := analyze.New(analyze.Options{Services: set})
	r := packet.NewReader(packet.Options{Classify: a.Classify})
	var inputs []analyze.Input
	take := func(rec capture.Record, err error) {
		if err == nil {
			shiftRecord(&rec, shifts[len(inputs)-1])
			a.Add(&rec)
		}
	}
	for i, path := range paths {
		in, err := capture.Open(path, int32(i), r.Formats())
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, analyze.Input{ID: fmt.Sprintf("i%d", i+1), Path: path})
		for rec, err := range in.All() {
			take(rec, err)
		}
		for rec, err := range r.Finish() {
			take(rec, err)
		}
		in.Close()
	}
	return a.Report(inputs)
}

func shiftRecord(rec *capture.Record, by time.Duration) {
	f := rec.Flow
	if f == nil || by == 0 {
		return
	}
	n := *f
	n.First, n.Last = f.First.Add(by), f.Last.Add(by)
	n.Frames, n.Signals, n.Bursts = slices.Clone(f.Frames), slices.Clone(f.Signals), slices.Clone(f.Bursts)
	for i := range n.Frames {
		n.Frames[i].Time = n.Frames[i].Time.Add(by)
	}
	for i := range n.Signals {
		n.Signals[i].Time = n.Signals[i].Time.Add(by)
	}
	for i := range n.Bursts {
		n.Bursts[i].First, n.Bursts[i].Last = n.Bursts[i].First.Add(by), n.Bursts[i].Last.Add(by)
	}
	rec.Flow = &n
}

// tapShifts are what the inputs' clocks are wrong by: the first is right.
var tapShifts = []time.Duration{0, -4321e6, 2950e6, 4870e6, -150e6, -2890e6, 3333e6, 1700e6, -4990e6, 640e6, 1200e6, -777e6, 4444e6, -3600e6, 90e6, 2222e6, -1111e6}

// TestTapsLab gives the clients' captures of a recording as inputs with wrong
// clocks: the offsets are found within 20 ms, from what people write to each
// other alone; and with the tap between them all, within 5 ms, where nothing
// counts twice. unknown is the number of clients who write nothing.
func TestTapsLab(t *testing.T) {
	for _, c := range []struct {
		lab               string
		unknown, contacts int
	}{{"A-xmpp-prosody", 0, 25}, {"A2-xmpp-prosody-16", 0, 43}, {"C0-matrix-small", 0, 15}, {"D-calls", 1, 8}} {
		t.Run(c.lab, func(t *testing.T) {
			dir := sharedFile(t, "lab/"+c.lab)
			clients, err := filepath.Glob(filepath.Join(dir, "client-*.pcap.gz"))
			if err != nil || len(clients) == 0 {
				t.Fatal("no clients")
			}
			slices.Sort(clients)
			rep := tapsReport(t, clients, tapShifts)
			if n := wrongClocks(t, rep, 20*time.Millisecond); n > c.unknown {
				t.Errorf("%d clocks not found", n)
			}
			if len(rep.Contacts) < c.contacts {
				t.Errorf("%d contacts, want %d", len(rep.Contacts), c.contacts)
			}
			alone := tapsReport(t, []string{filepath.Join(dir, "router.pcapng")}, tapShifts)
			both := tapsReport(t, append([]string{filepath.Join(dir, "router.pcapng")}, clients...), tapShifts)
			if n := wrongClocks(t, both, 5*time.Millisecond); n > 0 {
				t.Errorf("with the router: %d clocks not found", n)
			}
			if len(both.Events) != len(alone.Events) || len(both.Contacts) != len(alone.Contacts) {
				t.Errorf("with the router: %d events and %d contacts, the router alone shows %d and %d", len(both.Events), len(both.Contacts), len(alone.Events), len(alone.Contacts))
			}
		})
	}
}

// TestTapsDraws shifts the clocks at random: those of all who write are found,
// and none is found wrong. With the clocks of some rotated by minutes nothing is
// found between these and the others, unless packets of calls went past both.
func TestTapsDraws(t *testing.T) {
	for _, lab := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small", "D-calls"} {
		clients, _ := filepath.Glob(filepath.Join(sharedFile(t, "lab/"+lab), "client-*.pcap.gz"))
		slices.Sort(clients)
		for seed := range uint64(2) {
			dice := rand.New(rand.NewPCG(seed, 17))
			shifts, rotated := make([]time.Duration, len(clients)), make([]time.Duration, len(clients))
			for i := range shifts {
				shifts[i] = time.Duration(dice.Int64N(10e9) - 5e9)
				if dice.IntN(2) == 0 {
					rotated[i] = time.Duration(62e9 + seed*30e9)
				}
			}
			name := fmt.Sprintf("%s, draw %d", lab, seed)
			islands := comparedRight(t, name, clients, shifts)
			if islands > 1 && lab != "D-calls" { // there two circles share no contact
				t.Errorf("%s: not all clocks were compared", name)
			}
			comparedRight(t, name+", rotated", clients, rotated)
		}
	}
}

// comparedRight wants no clock to be found wrong, and gives the number of groups
// of inputs between which nothing was found.
func comparedRight(t *testing.T, name string, paths []string, wrong []time.Duration) int {
	t.Helper()
	rep := tapsReport(t, paths, wrong)
	refs, groups := references(rep)
	for i, in := range rep.Inputs {
		if off := time.Duration(in.ClockOffset*1e9) + wrong[i] - wrong[refs[i]]; off.Abs() > 20*time.Millisecond {
			t.Errorf("%s: %s is wrong by %v", name, filepath.Base(in.Path), off)
		}
	}
	return groups
}

// references reads from the report which inputs have one clock: for each the
// first that shares it; and how many such groups there are.
func references(rep *analyze.Report) (of []int, groups int) {
	of, groups = make([]int, len(rep.Inputs)), 1
	for _, l := range rep.Limits {
		if l.What != "clocks" {
			continue
		}
		_, list, _ := strings.Cut(l.Why, ": ")
		list, _, _ = strings.Cut(list, ";")
		islands := strings.Split(list, "|")
		groups = len(islands)
		for _, g := range islands {
			first := -1
			for _, id := range strings.Fields(g) {
				i := slices.IndexFunc(rep.Inputs, func(in analyze.Input) bool { return in.ID == id })
				if first < 0 {
					first = i
				}
				of[i] = first
			}
		}
	}
	return of, groups
}

// wrongClocks counts offsets that are wrong by more than a tolerance.
func wrongClocks(t *testing.T, rep *analyze.Report, within time.Duration) int {
	n := 0
	for i, in := range rep.Inputs {
		off := time.Duration(in.ClockOffset*1e9) + tapShifts[i]
		if off.Abs() > within {
			t.Logf("%s: wrong by %v", filepath.Base(in.Path), off)
			n++
		}
	}
	return n
}

// TestTapsIdle: people online who never write give no contact, whatever is
// thought of the clocks.
func TestTapsIdle(t *testing.T) {
	clients, _ := filepath.Glob(filepath.Join(sharedFile(t, "lab/N-xmpp-idle"), "client-*.pcap.gz"))
	slices.Sort(clients)
	if rep := tapsReport(t, clients, tapShifts); len(rep.Contacts)+len(rep.Groups) > 0 {
		t.Errorf("%d contacts, %d groups", len(rep.Contacts), len(rep.Groups))
	}
}

// TestTapsOneWay: two ends of one group of which only what goes up was captured
// belong together, unless one clock is rotated.
func TestTapsOneWay(t *testing.T) {
	paths := []string{sharedFile(t, "corpus/pcap/yuvalbar__attacker.pcap"), sharedFile(t, "corpus/pcap/yuvalbar__attacked.pcap")}
	for _, wrong := range []time.Duration{0, 75 * time.Second, 3 * time.Minute, -4 * time.Minute} {
		rep := tapsReport(t, paths, []time.Duration{0, wrong})
		if tied := len(rep.Contacts) == 1; tied != (wrong == 0) {
			t.Errorf("clock rotated by %v: %d contacts", wrong, len(rep.Contacts))
		}
	}
}
