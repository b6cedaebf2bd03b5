package analyze

import (
	"cmp"
	"slices"

	"envelope/capture"
)

// flowRow is what --flows lists of one flow, kept small because every flow of
// the capture is kept.
type flowRow struct {
	id    uint64
	input int32
	Flow
}

func newFlowRow(f *capture.Flow) flowRow {
	return flowRow{f.ID, f.FirstAt.Input, Flow{
		Proto: protoName(f.Proto), Src: f.Client.Addr().String(), Sport: f.Client.Port(), Dst: f.Server.Addr().String(), Dport: f.Server.Port(),
		How: []string{}, Packets: f.Carries(), Bytes: f.Bytes[capture.Up] + f.Bytes[capture.Down], First: f.First.UTC(), Last: f.Last.UTC(),
		Host: f.Host, HostHow: f.HostHow, ALPN: slices.Clone(f.ALPN), JA4: f.JA4, ECH: f.ECH, App: f.App,
	}}
}

// flows lists all flows in the order of their first packets, each with the
// messenger that was found for it in the end.
func (d *document) flows(rows []flowRow, found map[uint64]verdict) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(x, y flowRow) int { return cmp.Compare(x.id, y.id) })
	d.Flows = []Flow{}
	for _, r := range rows {
		if v, ok := found[r.id]; ok {
			r.Service, r.Role, r.How, r.Confidence = v.service, v.role, v.how, v.confidence
		}
		d.Flows = append(d.Flows, r.Flow)
	}
}
