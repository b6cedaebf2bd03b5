package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"envelope/capture"
)

// subscribersFormat reads which account has which address, as the database of
// an access network's subscribers has it: a JSON object whose "subscribers"
// gives the account by address, and whose "services", if there is one, gives
// host names by address.
func subscribersFormat() capture.Format {
	return capture.Format{
		Name: "subscribers", Title: "subscriber database: account by address (JSON)", Observer: capture.Carrier, Grain: capture.GrainEntry, Early: true,
		Shows: []string{"who"}, Hides: "what anybody did: it only says whose an address is",
		Sniff: sniffSubscribers, Read: readSubscribers,
	}
}

func sniffSubscribers(head []byte) bool {
	head = bytes.TrimLeft(head, "\ufeff \t\r\n")
	_, rest, found := bytes.Cut(head, []byte(`"subscribers"`))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return found && bytes.HasPrefix(head, []byte("{")) && bytes.HasPrefix(rest, []byte(":")) && bytes.HasPrefix(bytes.TrimLeft(rest[1:], " \t\r\n"), []byte("{"))
}

// maxSubscribers bounds the file, in bytes: a million subscribers take some
// 50 MB.
const maxSubscribers = 64 << 20

func readSubscribers(in *capture.Input) iter.Seq2[capture.Record, error] {
	return func(yield func(capture.Record, error) bool) {
		r := &reader{in: in, yield: yield}
		text, err := io.ReadAll(io.LimitReader(in.Reader, maxSubscribers+1))
		switch {
		case err != nil:
			r.fail(err)
			return
		case len(text) > maxSubscribers:
			r.fail(fmt.Errorf("more than %d MiB", maxSubscribers>>20))
			return
		}
		in.Bytes = int64(len(text))
		r.at = 1
		r.fail(r.subscribers(text))
	}
}

// subscribers yields the accounts in order of their addresses, each with the
// line that it stands on.
func (r *reader) subscribers(text []byte) error {
	var doc struct {
		Subscribers map[string]string   `json:"subscribers"`
		Services    map[string][]string `json:"services"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		var wrong *json.SyntaxError
		if errors.As(err, &wrong) {
			r.at = newLines(text).at(wrong.Offset)
		}
		return fmt.Errorf("not JSON of subscribers: %w", err)
	}
	where := newLines(text)
	for _, key := range slices.Sorted(maps.Keys(doc.Subscribers)) {
		r.at = where.at(int64(bytes.Index(text, []byte(`"`+key+`"`))))
		r.in.Packets++
		addr, err := netip.ParseAddr(key)
		if err != nil {
			r.fail(fmt.Errorf("%s is no address", quoted(key)))
			continue
		}
		r.entry(0, &capture.Entry{Kind: capture.EntryAccount, From: capture.End{Account: doc.Subscribers[key], Addr: addr.Unmap()}})
	}
	for _, key := range slices.Sorted(maps.Keys(doc.Services)) {
		addr, err := netip.ParseAddr(key)
		if err != nil {
			continue // a service may stand under a name
		}
		for _, host := range doc.Services[key] {
			r.name(0, &capture.Name{Addr: addr.Unmap(), Value: host, How: "dns"})
		}
	}
	return nil
}
