package exposure

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
)

// outcomes is what becomes of each claim on four views of its messenger: the
// operator's log and a tap's frames that show everything, a user's own export
// that does, and a tap of three idle clients. R is reproduced, P partly, N not
// reproduced, T not testable, C contradicted. A claim about nobody's data in
// particular (T throughout) is one that no data decide.
const outcomes = `
WA-01 RRRN, WA-02 RTRT, WA-03 TTTT, WA-04 TTTT, WA-05 RTRT, WA-06 RRRN, WA-07 RRRR, WA-08 RRRN,
WA-09 RRRN, WA-10 RTRT, WA-11 RRRT, WA-12 RRRR, WA-13 RRRT, WA-14 TTTT, WA-15 TTTT, WA-16 RTRT,
WA-17 TTTT, WA-18 RRRN, WA-19 TTTT, WA-20 RTRT, WA-21 TTTT, WA-22 TTTT, WA-23 RTRT, WA-24 RTRT,
WA-25 RTRT, WA-26 TTTT, WA-27 RRTN, WA-28 RTTT, WA-29 TTTT, WA-30 RRTN, WA-31 RRTN, WA-33 TTTT,
WA-34 RTRT, WA-35 RTTT, WA-38 TCTP, WA-39 RTTT, WA-40 TTTT, WA-41 RRRN, WA-42 TTTT, WA-43 TTCT,
WA-44 TTRT, WA-45 RTTT, WA-46 RTTT, WA-47 RRRN, WA-48 RTTT, WA-49 PPTN, WA-50 TRTN, WA-51 RTRT,
WA-52 TTTT, WA-53 TTTT, SI-01 TTTT, SI-02 TTTT, SI-03 TTTT, SI-04 RTTT, SI-05 RTTT, SI-06 RTTT,
SI-07 RTTT, SI-08 TTTT, IM-01 PPTP, IM-02 TTTT, IM-03 TRRR, IM-04 PPTT, IM-05 TTTT, IM-06 TTTT,
PU-01 TRRT, PU-02 TTTT, TG-01 RRTP, TG-02 RTRT, TG-03 TTTT, TG-04 TTTT, TG-05 TTTT, ME-01 RRRN,
ME-02 RTRT, TH-01 TTTT, TH-02 RRTN, TH-03 CTTT, TH-04 TTTT, VI-01 RRTN, VI-02 RRRN, VI-03 RTRT,
VI-04 RRTN, WC-01 RRTN, WC-02 RTRT, WC-03 TTTT, LI-01 RRTN, LI-02 TTTT, WI-01 TTTT, WK-01 TTTT,
MX-01 RTTT, MX-02 RTRT, XM-01 RRRN, XM-02 RRRN, OL-01 RRTR, SE-01 TTTT, DI-01 RTRT, RC-01 RTTT,
`

var letters = map[byte]Outcome{'R': Reproduced, 'P': Partly, 'N': NotReproduced, 'T': NotTestable, 'C': Contradicted}

func TestEachClaimOnEachView(t *testing.T) {
	want := map[string]string{}
	for cell := range strings.SplitSeq(strings.ReplaceAll(outcomes, "\n", " "), ",") {
		if id, states, ok := strings.Cut(strings.TrimSpace(cell), " "); ok {
			want[id] = states
		}
	}
	for _, c := range ledger(t) {
		s := c.Service
		if s == "" {
			s = "whatsapp"
		}
		export := rich(s, capture.Device, capture.GrainEntry)
		export.Inputs[0].Format = "whatsapp-account"
		views := []View{rich(s, capture.Operator, capture.GrainEntry), rich(s, capture.Network, capture.GrainFrame), export, idle(s, capture.GrainFrame, 3)}
		if len(want[c.ID]) != len(views) {
			t.Errorf("%s: no outcome is given", c.ID)
			continue
		}
		for i, v := range views {
			got := Judge(Ledger{c}, v, []View{v})[0]
			if w := letters[want[c.ID][i]]; got.State != w {
				t.Errorf("%s on view %d: %s, want %s: %s", c.ID, i, got.State, w, got.Why)
			}
			if !strings.HasSuffix(got.Why, ".") || (len(got.Evidence) > 0) != (got.State == Reproduced || got.State == Partly || got.State == Contradicted) {
				t.Errorf("%s on view %d: %+v", c.ID, i, got)
			}
		}
	}
}

func judged(t *testing.T, id string, all View, single ...View) Verdict {
	t.Helper()
	c, ok := ledger(t).Find(id)
	if !ok {
		t.Fatalf("no claim %s", id)
	}
	return Judge(Ledger{c}, all, single)[0]
}

func TestWhoChatsWithWhomAndWhen(t *testing.T) {
	tap := rich("whatsapp", capture.Network, capture.GrainFrame)
	unsure := rich("whatsapp", capture.Network, capture.GrainFrame)
	blind := rich("whatsapp", capture.Network, capture.GrainFrame)
	for i := range unsure.Contacts {
		unsure.Contacts[i].Confidence = 0.7
	}
	unsure.Events, blind.Events = without(unsure.Events), without(blind.Events)
	blind.Contacts, blind.Groups = nil, nil
	for _, x := range []struct {
		name     string
		view     View
		state    Outcome
		evidence []string
		why      string
	}{
		{"contacts", tap, Reproduced, []string{"p1-p2", "p1-p3"}, "whom (2 pairs)"},
		{"contacts in doubt", unsure, Partly, []string{"e1", "e2", "e3"}, "whom (2 pairs) only at p < 0.9"},
		{"messages without their peers", blind, Partly, nil, "could show whom but hold nothing of the kind"},
		{"nobody talks", idle("whatsapp", capture.GrainFrame, 3), NotReproduced, []string{}, "hold nothing of the kind"},
		{"flow rows", idle("whatsapp", capture.GrainFlow, 3), Partly, []string{"p1", "p2", "p3"}, "cannot show whom"},
		{"another messenger", rich("signal", capture.Network, capture.GrainFrame), NotTestable, []string{}, "no data on whatsapp were given"},
		{"no data", View{}, NotTestable, []string{}, "no data on whatsapp were given"},
	} {
		got := judged(t, "WA-01", x.view, x.view)
		if got.State != x.state || !strings.Contains(got.Why, x.why) {
			t.Errorf("%s: %s: %s", x.name, got.State, got.Why)
		}
		if x.name != "contacts in doubt" && x.evidence != nil && !slices.Equal(got.Evidence, x.evidence) {
			t.Errorf("%s: evidence %v, want %v", x.name, got.Evidence, x.evidence)
		}
	}
}

// What nobody could hide is no proof that it is hidden; what others saw and
// this observer did not speaks for the limit, as far as it goes.
func TestLimits(t *testing.T) {
	tap := idle("whatsapp", capture.GrainFrame, 3)
	tap.Uses, tap.Parties = nil, nil
	tap.Events = each([]Event{{ID: "e1", Kind: "keepalive", Service: "whatsapp", Party: "p1", Confidence: 0.5}})
	operator := rich("whatsapp", capture.Operator, capture.GrainEntry)
	if got := judged(t, "WA-38", operator, tap, operator); got.State != Partly {
		t.Errorf("%+v", got)
	}
	if got := judged(t, "WA-38", operator, operator); got.State != NotTestable || !strings.Contains(got.Why, "of another kind") {
		t.Errorf("an operator's log on what the network sees: %+v", got)
	}
	report := idle("whatsapp", capture.GrainEntry, 1)
	report.Observer, report.Inputs = capture.Device, []Input{{capture.Device, capture.GrainEntry, "whatsapp-account"}}
	report.Uses, report.Parties[0].Accounts = nil, 1
	if got := judged(t, "WA-43", operator, report, operator); got.State != Partly {
		t.Errorf("a report without messages beside a log with them: %+v", got)
	}
	if got := judged(t, "WA-43", report, report); got.State != NotTestable {
		t.Errorf("a report alone: %+v", got)
	}
}

func TestTogetherDecidesWhereAloneCannot(t *testing.T) {
	all := rich("whatsapp", "", capture.GrainFrame)
	tap := idle("whatsapp", capture.GrainFrame, 2)
	phone := idle("whatsapp", capture.GrainFrame, 1)
	phone.Observer, phone.Inputs = capture.Device, []Input{{capture.Device, capture.GrainFrame, "test"}}
	all.Inputs = append(all.Inputs[:0], tap.Inputs[0], phone.Inputs[0])
	got := judged(t, "WA-01", all, tap, phone)
	if got.State != Reproduced || !strings.Contains(got.Why, "the device and network") {
		t.Errorf("%+v", got)
	}
}

func TestEqualViewsGiveEqualVerdicts(t *testing.T) {
	l := ledger(t)
	run := func() ([]Verdict, []Fact) {
		v := rich("whatsapp", capture.Network, capture.GrainFrame)
		return Judge(l, v, []View{v}), Facts(v)
	}
	verdicts, facts := run()
	for range 5 {
		if v, f := run(); !reflect.DeepEqual(v, verdicts) || !reflect.DeepEqual(f, facts) {
			t.Fatal("two runs differ")
		}
	}
}
