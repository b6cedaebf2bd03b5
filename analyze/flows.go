package analyze

import (
	"slices"

	"envelope/capture"
)

// flowRow is what --flows lists of one flow, kept small because every flow of
// the capture is kept.
type flowRow struct {
	id uint64
	Flow
}

func newFlowRow(f *capture.Flow) flowRow {
	return flowRow{f.ID, Flow{
		Proto: protoName(f.Proto), Src: f.Client.Addr().String(), Sport: f.Client.Port(), Dst: f.Server.Addr().String(), Dport: f.Server.Port(),
		How: []string{}, Packets: f.Carries(), Bytes: f.Bytes[0] + f.Bytes[1], First: f.First.UTC(), Last: f.Last.UTC(),
		Host: f.Host, HostHow: f.HostHow, ALPN: slices.Clone(f.ALPN), JA4: f.JA4, ECH: f.ECH, App: f.App,
	}}
}

// flows lists all flows in the order of their first packets, each with the
// messenger that was found for it in the end.
func (d *document) flows(rows []flowRow, all []*conn) {
	found := map[uint64]*conn{}
	for _, c := range all {
		found[c.Flow.ID] = c
	}
	slices.SortFunc(rows, func(x, y flowRow) int { return int(int64(x.id) - int64(y.id)) })
	d.Flows = []Flow{}
	for _, r := range rows {
		if c := found[r.id]; c != nil && c.match.Service != "" && c.match.Confidence >= d.opt.Least {
			r.Service, r.Role, r.How, r.Confidence = c.match.Service, string(c.match.Role), c.how, round(c.match.Confidence)
		}
		d.Flows = append(d.Flows, r.Flow)
	}
}
