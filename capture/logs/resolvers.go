package logs

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"envelope/capture"
)

// unboundLog is the log of unbound with log-queries or log-replies, with its own
// stamps in seconds or through syslog.
func unboundLog(o Options) capture.Format {
	return capture.Format{
		Name: "unbound", Title: "unbound log", Observer: capture.Resolver, Grain: capture.GrainEntry, Shows: askShows, Hides: askHides, Early: true,
		Sniff: sniffLines(func(line []byte) bool {
			_, words := unboundWords(string(line))
			return isUnboundQuery(words)
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			told := pending[int]{in: r.in}
			return func(b []byte) error {
				stamp, words := unboundWords(string(b))
				if !isUnboundQuery(words) {
					return nil
				}
				key := strings.Join(words[:4], " ")
				if len(words) > 4 && told.open[key] > 0 { // the reply to a query that is told
					told.open[key]--
					return nil
				}
				if len(words) == 4 {
					told.put(key, told.open[key]+1)
				}
				t, err := stamp(&o, r.in)
				if err != nil {
					return err
				}
				return r.asked(t, logAddr(words[0]), words[1], netip.Addr{})
			}, nil
		}),
	}
}

func isUnboundQuery(words []string) bool {
	return len(words) >= 4 && words[3] == "IN" && logAddr(words[0]).IsValid() && strings.HasSuffix(words[1], ".")
}

// unboundWords gives the words behind "info:" and what reads the stamp.
func unboundWords(line string) (stamp func(*Options, *capture.Input) (capture.Time, error), words []string) {
	head, text, ok := strings.Cut(line, " info: ")
	if !ok || !strings.Contains(head, "unbound") {
		return nil, nil
	}
	words = strings.Fields(text)
	if len(words) > 0 && (words[0] == "query:" || words[0] == "reply:") { // log-tag-queryreply
		words = words[1:]
	}
	if number, found := strings.CutPrefix(head, "["); found {
		number, _, _ = strings.Cut(number, "]")
		return func(o *Options, _ *capture.Input) (capture.Time, error) {
			t, _, err := parseListTime(number, o.zone())
			return t, err
		}, words
	}
	l, ok := cutSyslog(line)
	if !ok {
		return nil, nil
	}
	return l.time, words
}

// bindLog is the query log of BIND 9, from its own file or through syslog.
func bindLog(o Options) capture.Format {
	return capture.Format{
		Name: "bind", Title: "BIND query log", Observer: capture.Resolver, Grain: capture.GrainEntry, Shows: askShows, Hides: askHides, Early: true,
		Sniff: sniffLines(func(line []byte) bool { _, _, _, ok := bindQuery(string(line)); return ok }),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error {
				stamp, client, name, ok := bindQuery(string(b))
				if !ok {
					return nil
				}
				t, err := bindTime(&o, r.in, stamp)
				if err != nil {
					return err
				}
				return r.asked(t, client, name, netip.Addr{})
			}, nil
		}),
	}
}

// bindQuery finds "client @0x7f 192.0.2.10#53211 (name): view v: query: name IN A";
// the object, the name in brackets and the view came with later versions.
func bindQuery(line string) (stamp string, client netip.Addr, name string, ok bool) {
	head, rest, ok := strings.Cut(line, "client ")
	if !ok {
		return "", client, "", false
	}
	who, what, ok := strings.Cut(rest, ": query: ")
	words := strings.Fields(what)
	if !ok || len(words) < 3 || words[1] != "IN" {
		return "", client, "", false
	}
	for word := range strings.FieldsSeq(who) {
		if addr, _, found := strings.Cut(word, "#"); found && !client.IsValid() {
			client = logAddr(addr)
		}
	}
	return head, client, words[0], client.IsValid()
}

// bindTime reads what stands before a query: "05-Jan-2026 08:00:00.123 queries: info: ",
// an ISO stamp, or that of syslog.
func bindTime(o *Options, in *capture.Input, head string) (capture.Time, error) {
	words := strings.Fields(head)
	if len(words) >= 2 {
		if t, err := parseZoned("02-Jan-2006 15:04:05.999999999", words[0]+" "+words[1], o.zone()); err == nil {
			return t, nil
		}
	}
	if l, ok := cutSyslog(head + "x"); ok {
		return l.time(o, in)
	}
	if len(words) == 0 {
		return 0, errors.New("no time")
	}
	t, _, err := parseListTime(words[0], o.zone())
	return t, err
}

// adguardLog is AdGuard Home's querylog.json: a JSON object a query, with the
// answer as a DNS message.
func adguardLog(o Options) capture.Format {
	return capture.Format{
		Name: "adguard-home", Title: "AdGuard Home querylog.json", Observer: capture.Resolver, Grain: capture.GrainEntry, Shows: askShows, Hides: askHides, Early: true,
		Sniff: func(head []byte) bool { return sniffObjects(head, []string{"T", "QH", "QT", "IP"}) },
		Read: readObjects(func(r *reader) (func(rowFields, int64) error, func() error) {
			return func(get rowFields, _ int64) error {
				t, _, err := parseListTime(get("T"), o.zone())
				if err != nil {
					return err
				}
				client := logAddr(get("IP"))
				if err := r.asked(t, client, get("QH"), netip.Addr{}); err != nil {
					return err
				}
				for _, addr := range answerAddrs(get("Answer")) {
					if err := r.asked(t, client, get("QH"), addr); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}),
	}
}

// answerAddrs gives the addresses of an answer in base64; what cannot be read
// has none, since the question stands all the same.
func answerAddrs(text string) (list []netip.Addr) {
	msg, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	var p dnsmessage.Parser
	if _, err := p.Start(msg); err != nil || p.SkipAllQuestions() != nil {
		return nil
	}
	for {
		h, err := p.AnswerHeader()
		if err != nil {
			return list
		}
		switch h.Type {
		case dnsmessage.TypeA:
			var a dnsmessage.AResource
			if a, err = p.AResource(); err == nil {
				list = append(list, netip.AddrFrom4(a.A))
			}
		case dnsmessage.TypeAAAA:
			var a dnsmessage.AAAAResource
			if a, err = p.AAAAResource(); err == nil {
				list = append(list, netip.AddrFrom16(a.AAAA).Unmap())
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return list
		}
	}
}
