package packet

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"envelope/capture"
	"envelope/capture/wire"
)

// Options say what a Reader looks at.
type Options struct {
	// Classify gives the interest in a flow by what is known of it so far. It is
	// asked when facts change, not for every packet. Nil collects everything.
	Classify  func(*capture.Flow) capture.Interest
	Filter    *Filter      // packets to look at; nil for all
	From, To  capture.Time // half-open range of time; 0 for no bound
	QUICHello bool         // read QUIC client hellos, whose keys are public
	MaxFlows  int          // live flows kept at most; 0 for DefaultMaxFlows
	// Exports reads the flows of NetFlow and IPFIX inside of an input, if it is
	// not nil: take is given each UDP payload that may be such, where it is, when,
	// and from whom to whom; end comes when the input ends.
	Exports func(in *capture.Input, yield func(capture.Record, error) bool) (take func(at int64, now capture.Time, from, to netip.AddrPort, b []byte), end func())
}

// DefaultMaxFlows bounds the live flows: about 1 GB at 600 bytes a flow.
const DefaultMaxFlows = 1 << 21

// maxUndecided bounds the frames of all undecided flows together, 32 bytes each.
const maxUndecided = 1 << 21

// Reader turns captures into records. It reads one input after the other and
// keeps its flows from one to the next where the second follows the first in
// time, as the files of one rotating capture do.
type Reader struct {
	opt          Options
	table        *table
	decoder      *Decoder
	names        names
	in           *capture.Input
	yield        func(capture.Record, error) bool
	stopped      bool
	nextID       uint64
	now          capture.Time // of the last packet that had a time
	begun        bool         // the input's first packet with a time was there
	raw          Raw          // the packet read last
	ahead        bool         // it is not decoded yet
	batch        [maxBatch]pending
	current      pending          // the packet at hand that is not of a batch
	warm         uint64           // read ahead
	hello        wire.ClientHello // the latest, for the memory of its lists
	undecided    int              // frames of undecided flows
	reordered    int              // bytes held of segments that came too early
	spare        []capture.Frame  // for frames to be put in order
	freeTCP      []*tcpFraming
	freeQuest    []*quest
	freeUDP      []*udpFraming
	freeGreeting []*greeting
	sockets      sockets
	exported     func(at int64, now capture.Time, from, to netip.AddrPort, b []byte)
	// Counters of what was not looked at, for warnings.
	evicted    int64
	unreadable map[Verdict]int64
	fragments  FragmentStats // of the decoder when the input began
	msdus      int64
}

// NewReader returns a reader without flows.
func NewReader(o Options) *Reader {
	if o.MaxFlows <= 0 {
		o.MaxFlows = DefaultMaxFlows
	}
	return &Reader{opt: o, table: newTable(), decoder: NewDecoder(), unreadable: map[Verdict]int64{}}
}

// Formats gives the capture formats as inputs for capture.Open; all of them
// feed this reader.
func (r *Reader) Formats() []capture.Format {
	shows := []string{"who", "whom", "when", "duration", "volume", "service", "device", "location", "group", "presence"}
	const hides = "contents; whom and groups where the other end's traffic is not in the capture"
	return []capture.Format{
		{Name: "pcap", Title: "packet capture (pcap)", Observer: capture.Network, Grain: capture.GrainFrame, Shows: shows, Hides: hides, Sniff: SniffPcap, Read: r.Read},
		{Name: "pcapng", Title: "packet capture (pcapng, also with PCAPdroid's blocks)", Observer: capture.Network, Grain: capture.GrainFrame, Shows: shows, Hides: hides,
			Sniff: SniffPcapng, Read: r.Read},
	}
}

// Read yields the records of one capture: names as they are seen, flows when
// they end or much was gathered. Flows that are alive at the end of the input
// stay; Finish yields them. Errors: *capture.SyntaxError for a bad packet or
// block, after which reading goes on; any other error ends the input.
func (r *Reader) Read(in *capture.Input) iter.Seq2[capture.Record, error] {
	return func(yield func(capture.Record, error) bool) {
		src, err := NewSource(in.Reader, in.Path)
		if err != nil {
			yield(capture.Record{}, err)
			return
		}
		r.in, r.yield, r.stopped, r.begun, r.ahead = in, yield, false, false, false
		clear(r.unreadable)
		r.evicted = 0
		r.fragments, r.msdus = r.decoder.Fragments(), r.decoder.SkippedMSDUs()
		end := r.exports()
		if err := r.run(src); err != nil && !r.stopped {
			r.stopped = !yield(capture.Record{}, err)
		}
		end()
		r.account(src)
	}
}

// isSyntax tells an error of one packet, behind which reading goes on.
func isSyntax(err error) bool {
	var bad *capture.SyntaxError
	return errors.As(err, &bad)
}

// rotation is the longest pause between two files of one rotating capture.
const rotation = 60e9

// continues ends all flows unless the new input follows the last one closely.
func (r *Reader) continues(t capture.Time) {
	if d := t.Sub(r.now); r.table.live > 0 && (d < -1e9 || d > rotation) {
		r.finish()
		r.now = 0
	}
}

// Finish ends all flows and yields them, and lets the memory for flows go: what
// is concluded from the records needs room of its own.
func (r *Reader) Finish() iter.Seq2[capture.Record, error] {
	return func(yield func(capture.Record, error) bool) {
		r.yield, r.stopped = yield, false
		r.finish()
		r.table, r.freeTCP, r.freeQuest, r.freeUDP, r.freeGreeting = newTable(), nil, nil, nil, nil
	}
}

// finish ends the live flows in the order of their first packets.
func (r *Reader) finish() {
	byID := make([]*flow, 0, r.table.live)
	r.table.all(func(fl *flow) { byID = append(byID, fl) })
	slices.SortFunc(byID, func(a, b *flow) int { return cmp.Compare(a.f.ID, b.f.ID) })
	for _, fl := range byID {
		r.end(fl)
	}
	r.sockets.reset()
}

// account reports what was counted as the input's warnings.
func (r *Reader) account(src *Source) {
	for _, w := range src.Warnings() {
		r.in.Warn(w)
	}
	var list []string
	for v, n := range r.unreadable {
		list = append(list, fmt.Sprintf("%d packets not read: %s: %s", n, v.Outcome, v.Why))
	}
	slices.Sort(list)
	for _, w := range list {
		r.in.Warn(w)
	}
	if r.evicted > 0 {
		r.in.Warn(fmt.Sprintf("%d flows ended early: more than %d at once", r.evicted, r.opt.MaxFlows))
	}
	r.leftOut()
}

// leftOut reports what the decoder could not put together.
func (r *Reader) leftOut() {
	now := r.decoder.Fragments()
	if n := now.Incomplete - r.fragments.Incomplete; n > 0 {
		r.in.Warn(fmt.Sprintf("%d fragmented datagrams are incomplete", n))
	}
	if n := now.Overlapping - r.fragments.Overlapping; n > 0 {
		r.in.Warn(fmt.Sprintf("%d fragments overlap with others: the bytes that came first count", n))
	}
	if n := r.decoder.SkippedMSDUs() - r.msdus; n > 0 {
		r.in.Warn(fmt.Sprintf("%d packets not read: they stand behind the first one of an aggregated 802.11 frame", n))
	}
}

// packet takes a decoded packet through filter and flow table.
func (r *Reader) packet(b *pending) {
	p := &b.Packet
	if p.App != "" && r.in.Observer == capture.Network {
		r.in.Observer = capture.Device // only the device itself knows its applications
	}
	if !r.looksAt(p, b.verdict) {
		return
	}
	if p.Time != 0 { // not the latest: one wrong time stamp must not end all flows
		r.now = p.Time
	}
	r.flowPacket(b)
	r.sweep()
	if r.decoder.waiting() {
		r.incomplete(r.now)
	}
}

// looksAt tells whether a packet belongs to a flow that is asked for.
func (r *Reader) looksAt(p *Packet, v Verdict) bool {
	if v.Outcome > NoPorts {
		r.unread(v)
		if v.Outcome != Cut || p.SrcPort|p.DstPort == 0 {
			return false
		}
	}
	return r.opt.Filter == nil || r.opt.Filter.Match(p)
}

// incomplete counts the datagrams of which not all fragments came by now: the
// first fragment has the ports. Their time is that of the first to come, which
// is past; the clock stays.
func (r *Reader) incomplete(now capture.Time) {
	b := &r.current
	p := &b.Packet
	for !r.stopped {
		v, ok := r.decoder.Incomplete(now, p)
		if !ok {
			return
		}
		if r.looksAt(p, v) {
			b.identify()
			r.flowPacket(b)
		}
	}
}

// unread counts a packet that could not be read to its end. Packets of other
// protocols than IP are none of our business.
func (r *Reader) unread(v Verdict) {
	switch v.Outcome {
	case NotIP, Held:
	case Malformed, Encrypted, UnknownLink, Cut:
		r.unreadable[v]++
	}
}

// flowPacket counts the packet into its flow.
func (r *Reader) flowPacket(b *pending) {
	p := &b.Packet
	at := capture.Origin{Input: r.in.Index, At: p.Number}
	fl := r.table.get(b)
	if fl != nil && fl.over(p, fl.direction(b.fromA)) {
		r.end(fl)
		fl = nil
	}
	if fl == nil {
		fl = r.begin(b, at)
	}
	dir := fl.direction(b.fromA)
	fl.count(p, dir, at)
	switch {
	case p.Fragment: // its payload has no transport header
	case p.Proto == ProtoTCP:
		r.tcp(fl, dir, p, at)
	case p.Proto == ProtoUDP:
		if r.exported != nil && mayExport(p) {
			r.exported(p.Number, p.Time, netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort), p.Payload)
		}
		r.udp(fl, dir, p, at)
	}
	if fl.full() {
		r.emit(fl, false)
	}
}

// begin enters a new flow, and ends the one longest swept over when there are
// too many.
func (r *Reader) begin(b *pending, at capture.Origin) *flow {
	p := &b.Packet
	if r.table.live >= r.opt.MaxFlows {
		r.evict()
	}
	fl := r.table.add(&b.key, b.hash)
	r.nextID++
	fl.begin(p, b.fromA, r.nextID, at)
	if p.Proto == ProtoUDP {
		r.sockets.relate(fl, p.Time)
	}
	if !fl.naming() {
		fl.host(r.names.of(fl.f.Client.Addr(), fl.f.Server.Addr()), "dns")
	}
	return fl
}

// sweepStep is how many places of the table are looked at per packet: two, so
// that the sweep outruns any growth.
const sweepStep = 2

// sweep ends flows that were idle for too long.
func (r *Reader) sweep() {
	for range sweepStep {
		fl := r.table.due(r.now)
		if fl == nil {
			continue
		}
		if end := fl.f.Last.Add(fl.timeout()); r.now > end {
			r.end(fl)
		} else {
			r.table.rest(fl, end)
		}
	}
}

// evict ends the next flow of the sweep that is of no interest, or any.
func (r *Reader) evict() {
	r.evicted++
	var victim *flow
	for range 64 {
		if fl := r.table.next(); fl != nil {
			victim = fl
			if fl.interest != capture.Collect {
				break
			}
		}
	}
	for victim == nil {
		victim = r.table.next()
	}
	r.end(victim)
}

// end yields a flow's last record and takes it out of the table.
func (r *Reader) end(fl *flow) {
	for fl.early > 0 { // again: the directions may change places
		r.drain(fl, capture.Up)
		r.drain(fl, capture.Down)
	}
	if fl.udp != nil {
		fl.udp.flush()
	}
	r.emit(fl, true)
	r.release(fl)
	r.table.remove(fl)
}

// release gives the framing state back.
func (r *Reader) release(fl *flow) {
	if fl.tcp != nil {
		for i := range fl.tcp.order {
			o := &fl.tcp.order[i]
			r.reordered -= o.bytes
			clear(o.held)
		}
		fl.early = 0
		fl.tcp.found()
		fl.tcp.forgo()
		r.freeTCP = append(r.freeTCP, fl.tcp)
		fl.tcp = nil
	}
	if fl.udp != nil {
		r.freeUDP = append(r.freeUDP, fl.udp)
		fl.udp = nil
	}
}

// emit yields what was gathered of a flow.
func (r *Reader) emit(fl *flow, final bool) {
	if r.stopped {
		return
	}
	f := &fl.f
	f.Final = final
	r.spare = capture.Interleave(f.Frames, r.spare) // those of one direction may have been held back
	rec := capture.Record{Origin: f.FirstAt, Time: f.First, Grain: capture.GrainFrame, Flow: f}
	if len(f.Frames)+len(f.Signals)+len(f.Bursts) == 0 {
		rec.Grain = capture.GrainFlow
	}
	if !r.yield(rec, nil) {
		r.stopped = true
	}
	r.forget(fl)
}

// forget drops what was gathered of a flow, and keeps the memory for more.
func (r *Reader) forget(fl *flow) {
	f := &fl.f
	f.Frames, f.Signals, f.Bursts = f.Frames[:0], f.Signals[:0], f.Bursts[:0]
	if fl.tcp != nil {
		fl.tcp.burst = [2]int32{-1, -1}
	}
	r.recount(fl)
}

// recount keeps the number of frames of undecided flows right after a change
// of the flow's frames or interest.
func (r *Reader) recount(fl *flow) {
	n := 0
	if fl.interest == capture.Undecided {
		n = len(fl.f.Frames)
	}
	r.undecided += n - fl.counted
	fl.counted = n
}

// gather notes a frame of a flow, within the bounds, and tells whether it did.
func (r *Reader) gather(fl *flow, f *capture.Frame) bool {
	if fl.interest == capture.Undecided {
		if len(fl.f.Frames) >= maxUndecidedFrames || r.undecided >= maxUndecided {
			fl.f.FramesUncollected = true
			return false
		}
		r.undecided++
		fl.counted++
	}
	if fl.f.Frames == nil {
		fl.f.Frames = make([]capture.Frame, 0, firstFrames)
	}
	fl.f.Frames = append(fl.f.Frames, *f)
	return true
}

// signal notes a message of call set-up. The socket it came from belongs to a
// call from now on.
func (r *Reader) signal(fl *flow, s capture.Signal) {
	r.sockets.add(&fl.f, s.Time)
	if len(fl.f.Signals) < maxGathered {
		fl.f.Signals = append(fl.f.Signals, s)
	}
}

// burst notes datagrams of one kind.
func (r *Reader) burst(fl *flow, b capture.Burst) {
	if len(fl.f.Bursts) < maxGathered {
		fl.f.Bursts = append(fl.f.Bursts, b)
	}
}

// judge asks for the interest in a flow when its facts changed.
func (r *Reader) judge(fl *flow) {
	if fl.asked {
		return
	}
	fl.asked = true
	fl.interest = capture.Collect
	if r.opt.Classify != nil {
		fl.interest = r.opt.Classify(&fl.f)
	}
	r.table.wake(fl) // the idle time depends on the interest
	if fl.interest == capture.Ignore {
		fl.f.FramesUncollected = fl.f.FramesUncollected || len(fl.f.Frames) > 0
		r.forget(fl)
	} else {
		r.recount(fl)
	}
}
