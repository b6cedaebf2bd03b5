package main

import (
	"context"
	"slices"

	"envelope/analyze"
	"envelope/analyze/exposure"
	"envelope/capture"
)

// analyzeInputs reads the inputs and analyses them, all together and, where they
// are of several observers, those of each observer alone: what one could tell
// must not rest on what another knows. The results are as those of readInputs.
func analyzeInputs(ctx context.Context, o *options) (*analyze.Report, []error, error) {
	rep, unread, err := readInputs(ctx, o)
	if err != nil {
		return nil, unread, err
	}
	if o.as != "" {
		if rep, err = readAs(ctx, o, rep, o.as); err != nil {
			return nil, unread, err
		}
	}
	ledger, err := exposure.Load()
	if err != nil {
		return nil, unread, err
	}
	var alone []*analyze.Report
	if list := observersOf(rep); len(list) > 1 {
		for _, kind := range list {
			single, err := readAs(ctx, o, rep, kind)
			if err != nil {
				rep.Warnings = append(rep.Warnings, err.Error())
				continue
			}
			alone = append(alone, single)
		}
	}
	rep.Expose(ledger, alone)
	return rep, unread, nil
}

// observersOf lists the observers of inputs that were read, in their fixed order.
func observersOf(rep *analyze.Report) []capture.Observer {
	return slices.DeleteFunc(slices.Clone(capture.Observers), func(kind capture.Observer) bool {
		return !slices.ContainsFunc(rep.Inputs, func(in analyze.Input) bool { return in.Observer == string(kind) })
	})
}

// readAs reads the inputs of one observer again, by themselves.
func readAs(ctx context.Context, o *options, rep *analyze.Report, kind capture.Observer) (*analyze.Report, error) {
	own := *o
	own.inputs, own.progress = nil, nil
	for _, in := range rep.Inputs {
		switch {
		case in.Observer != string(kind):
		case in.Path == capture.Stdin:
			return nil, usage("write it to a file first", "standard input cannot be read again for what the %s alone could tell", kind)
		default:
			own.inputs = append(own.inputs, in.Path)
		}
	}
	switch len(own.inputs) {
	case 0:
		return nil, usage("the inputs' observers are: "+kindList(observersOf(rep)), "--as %s: no input is of this observer", kind)
	case len(rep.Inputs):
		return rep, nil
	}
	single, _, err := readInputs(ctx, &own)
	return single, err
}
