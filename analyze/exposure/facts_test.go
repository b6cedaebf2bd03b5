package exposure

import (
	"math"
	"reflect"
	"testing"

	"envelope/capture"
)

func statesOf(v View) map[Question]State {
	out := map[Question]State{}
	for _, f := range Facts(v) {
		out[f.Fact] = f.State
	}
	return out
}

func TestFactsKeepNotVisibleFromNoData(t *testing.T) {
	for _, x := range []struct {
		name string
		view View
		want map[Question]State
	}{
		{"one client in frames", idle("whatsapp", capture.GrainFrame, 1),
			map[Question]State{FactWho: Seen, FactWhen: Seen, FactWhom: NotVisible, FactGroup: NotVisible, FactPresence: NoData, FactContent: NotVisible}},
		{"two clients in frames", idle("whatsapp", capture.GrainFrame, 2), map[Question]State{FactWhom: NoData, FactGroup: NotVisible}},
		{"three clients in frames", idle("whatsapp", capture.GrainFrame, 3), map[Question]State{FactWhom: NoData, FactGroup: NoData}},
		{"flow rows", idle("whatsapp", capture.GrainFlow, 9),
			map[Question]State{FactWho: Seen, FactWhom: NotVisible, FactDuration: Seen, FactVolume: Seen, FactPresence: NotVisible, FactDevice: NotVisible}},
		{"operator's log", rich("xmpp", capture.Operator, capture.GrainEntry),
			map[Question]State{FactWhom: Seen, FactGroup: Seen, FactPresence: Seen, FactLocation: Seen, FactContent: NotVisible}},
		{"empty query log", View{Observer: capture.Resolver, Inputs: []Input{{capture.Resolver, capture.GrainEntry, "test"}}},
			map[Question]State{FactWho: NoData, FactWhom: NotVisible, FactVolume: NotVisible}},
		{"no input", View{}, map[Question]State{FactWho: NotVisible}},
	} {
		got := statesOf(x.view)
		for q, want := range x.want {
			if got[q] != want {
				t.Errorf("%s: %s is %s, want %s", x.name, q, got[q], want)
			}
		}
	}
}

func TestFactsCountWithConfidenceAndEvidence(t *testing.T) {
	v := rich("whatsapp", capture.Network, capture.GrainFrame)
	for i := range v.Contacts {
		v.Contacts[i].Seen = false
	}
	for _, f := range Facts(v) {
		if f.Fact != FactWhom {
			continue
		}
		if f.State != Inferred || f.Count != 2 || math.Abs(f.Confidence-0.97) > 1e-9 || !reflect.DeepEqual(f.Evidence, []string{"p1-p2", "p1-p3"}) {
			t.Errorf("%+v", f)
		}
		return
	}
	t.Error("no answer to whom")
}

func TestVisitsToWebSitesAreNoUse(t *testing.T) {
	v := idle("whatsapp", capture.GrainFrame, 1)
	v.Uses[0].Roles = []string{"web"}
	if got := statesOf(v)[FactWho]; got != NoData {
		t.Errorf("who is %s", got)
	}
}

func TestTogetherTellsWhatNoneKnowsAlone(t *testing.T) {
	tap := rich("whatsapp", capture.Network, capture.GrainFrame)
	leases := View{Observer: capture.Resolver, Inputs: []Input{{capture.Resolver, capture.GrainEntry, "test"}}, Parties: tap.Parties, Uses: tap.Uses}
	all := rich("whatsapp", "", capture.GrainFrame)
	tap.Parties = append([]Party(nil), tap.Parties...)
	for i := range tap.Parties {
		tap.Parties[i].Named = false
	}
	for _, g := range Together([]View{tap, leases}, all) {
		want := map[string]int{"contacts of two named parties": 2, "contacts": 0, "parties with a name": 0, "events of a named party": 7}
		if n, ok := want[g.What]; ok && g.New != n {
			t.Errorf("%s: %+v, want %d new", g.What, g, n)
		}
	}
}

func TestEffectiveCandidates(t *testing.T) {
	for _, x := range []struct {
		odds       []float64
		further    int
		want, best float64
	}{
		{nil, 8, 8, 0.125},
		{[]float64{0.25, 0.25, 0.25, 0.25}, 1, 4, 0.25},
		{[]float64{1}, 3, 1, 1},
		{[]float64{0.5}, 1, 2, 0.5},
		{[]float64{2, 2}, 1, 2, 0.5},
		{[]float64{math.NaN(), -1, math.Inf(1)}, 4, 4, 0.25},
		{[]float64{0.5}, 0, 2, 0.5},
	} {
		got, best := effective(x.odds, x.further)
		if math.Abs(got-x.want) > 1e-9 || math.Abs(best-x.best) > 1e-9 {
			t.Errorf("%v and %d more: %v, best %v; want %v, %v", x.odds, x.further, got, best, x.want, x.best)
		}
	}
}

func TestWhomMeasuresTheGuess(t *testing.T) {
	v := idle("whatsapp", capture.GrainFrame, 4)
	v.Events = each([]Event{
		{ID: "e1", Kind: "message", Service: "whatsapp", Party: "p1", Confidence: 0.9},                                     // three others, or outside
		{ID: "e2", Kind: "message", Service: "whatsapp", Party: "p1", Confidence: 0.9, Odds: []float64{0.5, 0.5}},          // one of two
		{ID: "e3", Kind: "message", Service: "whatsapp", Party: "p1", Peer: "p2", Confidence: 0.9, Seen: true},             // read
		{ID: "e4", Kind: "receipt", Service: "whatsapp", Party: "p1", Confidence: 0.9},                                     // no talk
		{ID: "e5", Kind: "message", Service: "signal", Party: "p9", Confidence: 0.9},                                       // alone on its messenger
		{ID: "e6", Kind: "message", Service: "whatsapp", Party: "p1", Confidence: 0.9, Peer: "p3", PeerConfidence: 0.9999}, // nearly sure
	})

	g := Whom(v)
	if g.Events != 3 || g.Read != 1 || g.Outside != 1 || g.Candidates < 2.3 || g.Candidates > 2.4 || g.Best < 0.58 || g.Best > 0.59 {
		t.Errorf("%+v", g)
	}
}
