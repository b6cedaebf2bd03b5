package report

import (
	"io"
	"strings"

	"envelope/analyze"
	"envelope/analyze/service"
	"envelope/capture"
)

// KnownServices writes what is known of each messenger as a table of at most
// width terminal columns.
func KnownServices(w io.Writer, rows []service.Row, width int) error {
	t := &table{into: 1, cols: []column{
		{title: "id", keep: 9},
		{title: "name", keep: 9},
		{title: "company", keep: 4, least: 10},
		{title: "recognised by", keep: 6, least: 12, prefix: "by "},
		{title: "marks", right: true, keep: 3, prefix: "marks "},
		{title: "newest", keep: 5, prefix: "newest "},
	}}
	for _, r := range rows {
		kinds := make([]string, len(r.Kinds))
		for i, k := range r.Kinds {
			kinds[i] = string(k)
		}
		t.add(Clean(r.ID), Clean(r.Name), Clean(r.Company), strings.Join(kinds, ", "), grouped(int64(r.Marks)), Clean(r.Newest))
	}
	return t.render(w, max(width, minWidth))
}

// KnownFormats writes which inputs can be read, whose they are and what they
// can tell, as a table of at most width terminal columns.
func KnownFormats(w io.Writer, list []capture.Format, width int) error {
	t := &table{into: 1, cols: []column{
		{title: "format", keep: 9},
		{title: "what it is", keep: 8, least: 14},
		{title: "observer", keep: 7},
		{title: "grain", keep: 6},
		{title: "can tell", keep: 5, least: 16, prefix: "can tell "},
		{title: "cannot tell", keep: 4, least: 20, prefix: "cannot tell "},
	}}
	for _, f := range list {
		t.add(Clean(f.Name), Clean(f.Title), Clean(string(f.Observer)), Clean(string(f.Grain)), strings.Join(f.Shows, ", "), Clean(f.Hides))
	}
	return t.render(w, max(width, minWidth))
}

// AtLeast returns a copy of r without the events, services, contacts, groups and
// parties of channels that are less probable than least, from 0 to 1.
func AtLeast(r *analyze.Report, least float64) *analyze.Report {
	v, out := newView(r, least), *r
	out.Events, out.Services, out.Contacts, out.Groups = v.events, v.services, v.contacts, v.groups
	out.Channels = channelsAtLeast(r.Channels, least)
	return &out
}
