package logs

import (
	"slices"
	"time"

	"envelope/capture"
)

// Options say what the logs themselves do not.
type Options struct {
	Zone *time.Location // of stamps without a zone; nil is UTC
	// Year is that of stamps without one; 0 takes the one that brings a stamp
	// nearest to Near.
	Year int
	// Near gives a moment known from the inputs read so far, 0 where there is
	// none. It may be nil.
	Near    func() capture.Time
	Columns *Columns // of carriers' call records; nil where not given
}

// Formats gives the log formats as inputs for capture.Open, the more
// particular before the more general.
func Formats(o Options) []capture.Format {
	list := slices.Concat(
		[]capture.Format{carrier(o)}, // what a user gives a column map for is known by nothing else
		companyFormats(o),
		networkFormats(o),
		flowFormats(o),
		resolverFormats(o),
		serverFormats(o),
		mailFormats(o),
		callFormats(o),
		exportFormats(o),
		refusedFormats(),
	)
	for i := range list {
		list[i].Undated = list[i].Undated && o.Year == 0
	}
	return list
}
