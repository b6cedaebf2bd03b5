package logs

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"envelope/capture"
)

// zeekLog is one of Zeek's log types (docs.zeek.org, "Zeek Log Formats").
type zeekLog struct {
	name    string     // as in #path and _path
	columns string     // the standard ones, by which a header without #fields is known
	marks   [][]string // keys of which any one set, all there, tells a JSON line without _path
	wanted  []string   // columns to read, behind those of zeekCommon
	start   func(z *zeek) zeekRows
	format  capture.Format // with what people are told
}

// zeekRows takes the rows of one type of log: row after each row, end (nil for
// none) behind the last.
type zeekRows struct {
	row func(at capture.Time) error
	end func()
}

// zeekCommon are the columns that nearly all logs have, and their places among
// the fields of a row.
var zeekCommon = []string{"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"}

const (
	zeekTS = iota
	zeekUID
	zeekOrigAddr
	zeekOrigPort
	zeekRespAddr
	zeekRespPort
	zeekOwn // the first of a log's own
)

func zeekLogs() []*zeekLog {
	return []*zeekLog{zeekConn(), zeekSSL(), zeekQUIC(), zeekDNS(), zeekDHCP(), zeekSMTP(), zeekSIP()}
}

// zeekFormats gives one format for each log that is read, and one for all
// others: they are recognised, and said to be of no use.
func zeekFormats(o Options) []capture.Format {
	logs := zeekLogs()
	formats := make([]capture.Format, 0, len(logs)+1)
	for _, l := range logs {
		f := l.format
		f.Name, f.Title, f.Observer = "zeek-"+l.name, "Zeek "+l.name+".log", capture.Network
		f.Sniff = func(head []byte) bool { return zeekKind(logs, head) == l.name }
		f.Read = readLines(newZeek(o, l).start)
		formats = append(formats, f)
	}
	return append(formats, capture.Format{
		Name: "zeek-other", Title: "other Zeek logs", Observer: capture.Network, Grain: capture.GrainEntry,
		Hides: "nothing is read from logs such as x509, weird, ntp, files or known_hosts: they tell nothing of who used a messenger, or when",
		Sniff: func(head []byte) bool { return zeekKind(logs, head) != "" },
		Read:  readLines(newZeek(o, nil).start),
	})
}

// zeek reads one Zeek log, in rows with a header or JSON lines. Where logs are
// strung together in one file, each row is read as what its header or _path says.
type zeek struct {
	*rawValues
	r       *reader
	logs    []*zeekLog
	log     *zeekLog // of the rows at hand, nil for one that is not read
	open    map[string]*zeekOpen
	rows    *zeekOpen
	values  [][]byte    // of the row at hand, by field; nil where not set
	typed   []jsonValue // the same, of a JSON line; nil otherwise
	tsv     zeekTable
	options Options
}

// zeekOpen is one type of log as read in one input.
type zeekOpen struct {
	zeekRows
	json   *jsonLine
	values [][]byte
}

// newZeek gives a reader to start with rows of the log l.
func newZeek(o Options, l *zeekLog) *zeek { return &zeek{options: o, log: l} }

func (z *zeek) start(r *reader) (func([]byte) error, func() error) {
	in := &zeek{rawValues: newRawValues(z.options.zone()), r: r, logs: zeekLogs(), open: map[string]*zeekOpen{}, tsv: newZeekTable()}
	if z.log != nil {
		in.use(z.log.name)
	}
	return in.line, in.end
}

func (z *zeek) end() error {
	for _, l := range z.logs {
		if o := z.open[l.name]; o != nil && o.end != nil {
			o.end()
		}
	}
	return nil
}

// use turns to the log of a name.
func (z *zeek) use(name string) {
	z.log = nil
	for _, l := range z.logs {
		if l.name == name {
			z.log = l
		}
	}
	if z.log == nil {
		z.r.in.Warn(zeekUnused(name))
		return
	}
	if z.open[name] == nil {
		keys := append(slices.Concat(zeekCommon, z.log.wanted), "_path")
		z.values = make([][]byte, len(keys)-1)
		z.open[name] = &zeekOpen{z.log.start(z), newJSONLine(keys...), z.values}
	}
	z.rows = z.open[name]
	z.values = z.rows.values
}

// zeekUnused says why nothing of a log is used.
func zeekUnused(name string) string {
	why := "it tells nothing of who used a messenger, or when"
	switch name {
	case "conn_long", "conn_summary":
		why = "conn.log has the same connections at their end"
	case "known_hosts", "known_devices", "known_services":
		why = "it says what was on the network, and not who that was nor what they used"
	case "x509", "files", "ocsp":
		why = "it describes certificates and files, and ssl.log has who met them"
	case "http", "irc", "mqtt_publish", "websocket":
		why = "no messenger that encrypts is seen there, and what it holds are contents"
	}
	return fmt.Sprintf("nothing is used of Zeek %s.log: %s", zeekName(name), why)
}

// zeekName is the name of a log where it looks like one.
func zeekName(name string) string {
	if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return "(unknown)"
	}
	return name
}

func (z *zeek) line(line []byte) error {
	switch {
	case len(bytes.TrimSpace(line)) == 0:
		return nil
	case line[0] == '{':
		return z.jsonRow(line)
	case line[0] == '#':
		z.tsv.comment(line)
		if name := z.tsv.path; name != "" && (z.log == nil || z.log.name != name) {
			z.use(name)
		}
		return nil
	}
	return z.tableRow(line)
}

func (z *zeek) jsonRow(line []byte) error {
	if z.log == nil {
		return z.turn(line)
	}
	p := z.rows.json
	if err := p.scan(line); err != nil {
		return err
	}
	path := p.values[len(p.values)-1]
	if path.kind == jsonString && string(path.text) != z.log.name {
		if z.use(zeekName(string(path.text))); z.log == nil {
			return nil
		}
		return z.jsonRow(line)
	}
	z.typed = p.values
	for i := range z.values {
		z.values[i] = p.values[i].text
	}
	return z.row()
}

// turn reads a line behind lines that are not read.
func (z *zeek) turn(line []byte) error {
	if name := zeekKindOf(z.logs, line); name != "" {
		z.use(name)
	}
	if z.log == nil {
		return nil
	}
	return z.jsonRow(line)
}

func (z *zeek) tableRow(line []byte) error {
	if z.tsv.fields == nil {
		if name := zeekHeader(z.logs, line); name != "" {
			z.tsv.header(bytes.Split(line, []byte{'\t'}))
			if z.log == nil || z.log.name != name {
				z.use(name)
			}
			return nil
		}
		return fmt.Errorf("a row without a #fields line before it")
	}
	if z.log == nil {
		return nil
	}
	z.typed = nil
	if err := z.tsv.split(line, z.log.wanted, z.values); err != nil {
		return err
	}
	return z.row()
}

func (z *zeek) row() error {
	if z.values[zeekTS] == nil {
		return fmt.Errorf("a row without a time (ts) is not used")
	}
	at, ok := z.stamp(z.values[zeekTS])
	if !ok {
		return fmt.Errorf("ts: %s is no time", quoted(string(z.values[zeekTS])))
	}
	return z.rows.row(at)
}

// list gives the elements of a set or vector.
func (z *zeek) list(field int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if z.typed != nil {
			for v := range z.rows.json.items(z.typed[field]) {
				if v.kind == jsonString && !yield(v.text) {
					return
				}
			}
			return
		}
		for rest, more := z.values[field], z.values[field] != nil; more; {
			var item []byte
			item, rest, more = bytes.Cut(rest, z.tsv.set)
			if !yield(zeekUnescape(item)) {
				return
			}
		}
	}
}

// text gives a column as text for people.
func (z *zeek) text(field int) string { return z.words.get(zeekUnescape(z.values[field])) }

// flow begins a flow with what every row of one says.
func (z *zeek) flow(f *capture.Flow, at capture.Time) error {
	*f = capture.Flow{
		Client:    z.addrPort(z.values[zeekOrigAddr], z.values[zeekOrigPort]),
		Server:    z.addrPort(z.values[zeekRespAddr], z.values[zeekRespPort]),
		ClientHow: "log", First: at, Last: at, Ref: z.ref(z.values[zeekUID]),
	}
	if !f.Client.Addr().IsValid() || !f.Server.Addr().IsValid() {
		return fmt.Errorf("a connection without two addresses (id.orig_h, id.resp_h)")
	}
	return nil
}
