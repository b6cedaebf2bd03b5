package evaluate

import (
	"errors"

	"envelope/analyze"
)

// Input is a report and the name under which the result speaks of it.
type Input struct {
	Name   string
	Report *analyze.Report
}

// Options say what to do beyond the figures of the reports themselves.
type Options struct {
	Baselines bool // also run the published methods on the reports' events
}

// Evaluate holds reports against the truth. The error is about the data that
// are built into this package.
func Evaluate(inputs []Input, t *Truth, o Options) (*Result, error) {
	k := t.talked()
	out := &Result{Schema: Schema, Truth: happened(t, k), Reports: []Run{}, Methods: []Baseline{}, Notes: []string{}}
	var methods []Method
	if o.Baselines {
		set, err := loadBaselines()
		if err != nil {
			return nil, errors.Join(errors.New("reading the baselines"), err)
		}
		out.Methods, methods = set.Baselines, set.methods()
	}
	var reports []*analyze.Report
	for _, in := range inputs {
		out.Reports = append(out.Reports, run(in, t, k, methods))
		reports = append(reports, in.Report)
	}
	out.Identify = measured(reports, t, k)
	out.notes(k)
	return out, nil
}

func happened(t *Truth, k *talk) Happened {
	return Happened{People: len(t.People), Messages: len(t.Messages), Calls: len(t.Calls), Any: len(k.any), Direct: len(k.direct), Groups: len(k.demanded()), Beyond: t.Beyond}
}

// run holds one report against the truth.
func run(in Input, t *Truth, k *talk, methods []Method) Run {
	rep := in.Report
	n := nameParties(rep, t)
	c := claimsOf(rep, n)
	r := Run{Report: in.Name, Unknown: n.unknown, Baselines: []Ranked{}}
	any, direct := k.excused(k.any), k.excused(k.direct)
	r.Any = contactFigures(c.any, k.any, any, k.pairs(), c, n)
	r.Direct = contactFigures(c.direct, k.direct, direct, k.pairs(), c, n)
	stated := statements(without(c.any, any), k.any)
	r.Calibration = Calibrate(stated)
	r.BrierAll = brierOfAll(stated, k.any, k.pairs()-len(any))
	r.Expected = expectedFalse(rep, n, k)
	r.Sent, r.From = eventFigures(rep, t, n, "sent")
	r.Received, r.To = eventFigures(rep, t, n, "received")
	r.Groups = groupFigures(rep, n, k)
	r.Calls = callFigures(rep, t, n)
	r.Identify = estimated(rep, n, k)
	if len(methods) > 0 {
		r.compare(rep, n, k, c, methods)
	}
	return r
}

// notes say what the figures cannot.
func (r *Result) notes(k *talk) {
	if r.Truth.Beyond > 0 {
		r.Notes = append(r.Notes, "messages and calls with people whose address is not known are no contacts that could be found, and are left out")
	}
	if wrong := k.pairs() - len(k.any); wrong > 0 && float64(wrong) < 1/falseRates()[len(falseRates())-1] {
		r.Notes = append(r.Notes, "false-positive rates below one in all pairs that did not talk mean: without a single false one")
	}
	if len(r.Methods) > 0 {
		r.Notes = append(r.Notes, "best F1 is by a threshold chosen with the truth, which no method has")
	}
	for i := range r.Reports {
		if s := r.Reports[i].Sample; s != nil && s.People < s.Of {
			r.Notes = append(r.Notes, "baselines looked at all pairs of a sample of the people; the report's figures beside theirs are by the same pairs")
			break
		}
	}
}
