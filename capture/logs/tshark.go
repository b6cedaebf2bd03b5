package logs

import (
	"fmt"
	"strings"
	"time"

	"envelope/capture"
)

// maxTshark bounds the flows that are gathered from packets at a time, and
// tsharkIdle is the pause that ends one: Zeek's for TCP.
const (
	maxTshark  = 100_000
	tsharkIdle = 5 * time.Minute
)

// tsharkFields is a list of packets by tshark -T fields -E header=y with absolute
// times and ports. Packets are summed up to flows; the lengths are those of
// link-layer frames.
func tsharkFields(o Options) capture.Format {
	f := capture.Format{
		Name: "tshark-fields", Title: "tshark -T fields -E header=y", Observer: capture.Network, Grain: capture.GrainFlow, Shows: exportShows, Hides: exportHides,
	}
	needed := []string{"frame.time_epoch", "ip.src", "ip.dst", "frame.len"}
	f.Sniff = flowTable(f, needed, "", nil).Sniff
	f.Read = readLines(func(r *reader) (func([]byte) error, func() error) {
		var t table
		g := &packetGather{r: r, open: make(map[flowKey]*flowRow)}
		return func(line []byte) error {
			if len(line) == 0 || t.header(string(line), needed) || t.columns == nil {
				return nil
			}
			if err := t.row(string(line)); err != nil {
				return err
			}
			w := flowRow{at: r.at}
			if ok, err := tsharkRow(&o, t.get, &w); !ok || err != nil {
				return err
			}
			g.add(&w)
			return nil
		}, g.end
	})
	return f
}

func tsharkRow(o *Options, get rowFields, w *flowRow) (bool, error) {
	sport, dport := get("tcp.srcport"), get("tcp.dstport")
	if w.proto = protoTCP; sport == "" {
		w.proto, sport, dport = protoUDP, get("udp.srcport"), get("udp.dstport")
	}
	source, target := get("ip.src"), get("ip.dst")
	if source == "" {
		source, target = get("ipv6.src"), get("ipv6.dst")
	}
	if sport == "" || source == "" || strings.Contains(source, ",") {
		return false, nil // no transport, or that of the packet an ICMP error quotes
	}
	if err := w.times(o, get("frame.time_epoch"), "", ""); err != nil {
		return false, err
	}
	if err := w.ends(source, sport, target, dport); err != nil {
		return false, err
	}
	w.host = get("tls.handshake.extensions_server_name")
	return true, w.counts("1", get("frame.len"), "", "")
}

// packetGather sums up packets to flows.
type packetGather struct {
	r     *reader
	open  map[flowKey]*flowRow
	queue []flowKey
}

func (g *packetGather) add(p *flowRow) {
	key, back := flowKey{p.proto, p.src, p.dst}, 0
	w, ok := g.open[key]
	if !ok {
		key, back = flowKey{p.proto, p.dst, p.src}, 1
		w, ok = g.open[key]
	}
	if ok && p.first.Sub(w.last) > tsharkIdle {
		g.tell(key)
		ok = false
	}
	if !ok {
		g.begin(p)
		return
	}
	w.first, w.last = min(w.first, p.first), max(w.last, p.last)
	w.packets[back] += p.packets[0]
	w.bytes[back] += p.bytes[0]
	if p.host != "" && w.host == "" {
		w.host, w.opener, w.how = p.host, 1-2*int8(back), "hello"
	}
}

func (g *packetGather) begin(p *flowRow) {
	if len(g.queue) >= 2*maxTshark || len(g.open) >= maxTshark {
		g.r.in.Warn(fmt.Sprintf("more than %d flows at a time; all were ended there", maxTshark))
		g.r.fail(g.end())
	}
	key := flowKey{p.proto, p.src, p.dst}
	if p.host != "" {
		p.opener, p.how = 1, "hello"
	}
	g.open[key] = p
	g.queue = append(g.queue, key)
}

func (g *packetGather) tell(key flowKey) {
	w := g.open[key]
	if w == nil || g.r.done {
		return
	}
	delete(g.open, key)
	g.r.flow(w.flow(g.r.in.Index))
}

// end tells the flows that are open, in the order they began.
func (g *packetGather) end() error {
	for _, key := range g.queue {
		g.tell(key)
	}
	g.queue = g.queue[:0]
	return nil
}
