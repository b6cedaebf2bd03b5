package analyze

import (
	"net/netip"

	"envelope/analyze/infer"
)

// tellRows infers what flows of which only totals are known show: logins, and
// calls that are possible. Rows are told once, in the round after which they
// are let go.
func (a *Analyzer) tellRows(all []*conn) batches {
	var rows []infer.Conn
	uses := map[netip.Addr][]string{}
	for _, c := range all {
		service := c.match.Service
		if a.opt.Service != "" && service != "" && service != a.opt.Service {
			continue
		}
		if service != "" && !c.aside {
			client := c.Flow.Client.Addr()
			uses[client] = insert(uses[client], service)
		}
		if c.Flow.Row {
			row := c.Conn
			row.Service, row.Role, row.Weight = service, string(c.match.Role), c.match.Confidence
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return batches{infer.RowLogins(rows), infer.RowCalls(rows, uses)}
}
