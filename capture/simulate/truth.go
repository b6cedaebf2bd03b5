package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"envelope/capture"
)

// Truth is one thing that happened, one line of truth.jsonl. Fields that do
// not belong to a kind are absent.
type Truth struct {
	Time        Seconds    `json:"ts"`
	Kind        string     `json:"kind"` // text, media, receipt, typing, call
	Service     string     `json:"service"`
	ID          string     `json:"id"`
	From        string     `json:"from"`
	FromIP      string     `json:"from_ip"`
	Group       string     `json:"group,omitempty"`
	To          Recipients `json:"to"`
	ToIP        string     `json:"to_ip,omitempty"`
	ToIPs       []string   `json:"to_ips,omitempty"`     // of a group
	ToOutside   []string   `json:"to_outside,omitempty"` // receivers that the capture does not see
	StanzaLen   int        `json:"stanza_len,omitempty"` // of the sender's frame or record, by its length field
	Delivered   []Delivery `json:"delivered,omitempty"`
	State       string     `json:"state,omitempty"` // of typing: composing; of a receipt: delivered, read
	MediaBytes  int        `json:"media_bytes,omitempty"`
	UploadStart Seconds    `json:"upload_start,omitzero"`
	Media       string     `json:"media,omitempty"` // of a call: audio
	Mode        string     `json:"mode,omitempty"`  // of a call: p2p, relayed
	Answered    *bool      `json:"answered,omitempty"`
	Start       Seconds    `json:"start,omitzero"` // of the media
	End         Seconds    `json:"end,omitzero"`
	Why         string     `json:"why,omitempty"`
}

// Recipients are names: one is written as a string, several as a list.
type Recipients []string

// MarshalJSON writes one name as a string.
func (r Recipients) MarshalJSON() ([]byte, error) {
	if len(r) == 1 {
		return json.Marshal(r[0])
	}
	return json.Marshal([]string(r))
}

// Delivery is when a message got to one receiver.
type Delivery struct {
	To   string  `json:"to"`
	IP   string  `json:"ip"`
	Time Seconds `json:"ts"`
}

// Seconds is a time that is written as decimal seconds since 1970.
type Seconds capture.Time

// MarshalJSON writes four decimals, as the lab does, without going through
// floating point.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%04d", s/1e9, s%1e9/1e5), nil
}

// WriteTruth writes the truth, one JSON object a line.
func (r *Recording) WriteTruth(w io.Writer) error {
	enc := json.NewEncoder(w)
	for _, t := range r.Truth {
		if err := enc.Encode(t); err != nil {
			return err
		}
	}
	return nil
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

// happened notes that from did something to to.
func (w *world) happened(at capture.Time, from, to *person, t Truth) {
	t.Time, t.From, t.To = Seconds(at), from.Name, Recipients{to.Name}
	t.FromIP, t.ToIP = from.host.Addr().String(), to.host.Addr().String()
	w.truth = append(w.truth, t)
}

// delivered makes the one delivery of a message.
func delivered(to *person, at capture.Time) []Delivery {
	return []Delivery{{To: to.Name, IP: to.host.Addr().String(), Time: Seconds(at)}}
}

// sortedTruth orders the truth by time and gives every line its id.
func (w *world) sortedTruth() []Truth {
	slices.SortStableFunc(w.truth, func(a, b Truth) int { return cmp.Compare(a.Time, b.Time) })
	for i := range w.truth {
		w.truth[i].ID = "t" + strconv.Itoa(i+1)
	}
	return w.truth
}
