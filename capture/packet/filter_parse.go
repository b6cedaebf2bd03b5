package packet

import (
	"fmt"
	"slices"
	"strings"
)

// ParseFilter compiles an expression in the language of pcap-filter(7). An
// empty expression selects everything. Known are
//
//	[ip|ip6] [src|dst|src or dst|src and dst] host ADDR
//	[ip|ip6] [src|dst|...] net CIDR, net 10.0, net ADDR mask MASK
//	[tcp|udp|sctp] [src|dst|...] port N, portrange A-B
//	[ip|ip6] proto N|NAME, and ip ip6 tcp udp sctp icmp icmp6 igmp esp pim vrrp
//	ether [src|dst|host] MAC, vlan [ID], less N, greater N
//	and && or || not ! ( )
//
// As there, "and" and "or" bind equally strongly and from the left, and an
// address or number alone repeats the words in front of the one before
// ("port 80 or 443"). Anything else is an error that names the word, its
// position in bytes from 1, and what is known instead.
func ParseFilter(expr string) (*Filter, error) {
	words, err := filterWords(expr)
	if err != nil {
		return nil, err
	}
	if len(words) == 1 {
		return &Filter{everything}, nil
	}
	ps := filterParser{words: words}
	match, err := ps.expression()
	if err == nil && ps.peek() != "" {
		err = ps.wrong("expected and, or, or the end of the expression")
	}
	if err != nil {
		return nil, err
	}
	return &Filter{match}, nil
}

// maxFilterDepth bounds the parentheses within each other.
const maxFilterDepth = 100

// filterWord is one word and its position in bytes from 1. The last one is
// empty and stands behind the end.
type filterWord struct {
	text string
	at   int
}

func filterWords(expr string) ([]filterWord, error) {
	var words []filterWord
	for i := 0; i < len(expr); {
		n := filterWordLength(expr[i:])
		switch {
		case expr[i] == ' ' || expr[i] == '\t' || expr[i] == '\n' || expr[i] == '\r':
			i++
			continue
		case n == 0:
			end := i + strings.IndexAny(expr[i:]+" ", " \t\n\r")
			return nil, filterError(filterWord{expr[i:end], i + 1},
				"byte tests and comparisons are not known; known are "+filterKnown)
		}
		words = append(words, filterWord{expr[i : i+n], i + 1})
		i += n
	}
	return append(words, filterWord{"", len(expr) + 1}), nil
}

// filterWordLength is the length of the word at the start of s, 0 if none
// starts there.
func filterWordLength(s string) int {
	if strings.HasPrefix(s, "&&") || strings.HasPrefix(s, "||") {
		return 2
	}
	if strings.ContainsRune("()!", rune(s[0])) {
		return 1
	}
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'z' ||
		s[n] >= 'A' && s[n] <= 'Z' || strings.IndexByte(".:/-_\\", s[n]) >= 0) {
		n++
	}
	return n
}

const filterKnown = "host, net, port, portrange, proto, src, dst, ip, ip6, tcp, udp, sctp, icmp, icmp6, " +
	"igmp, esp, pim, vrrp, ether, vlan, less, greater, and, or, not"

var filterKeywords = strings.Split(filterKnown+", mask, (, ), !, &&, ||", ", ")

func filterError(w filterWord, why string) error {
	if w.text == "" {
		return fmt.Errorf("filter: at the end (position %d): %s", w.at, why)
	}
	return fmt.Errorf("filter: %q at position %d: %s", w.text, w.at, why)
}

// filterHead is the qualifiers in front of an address or number.
type filterHead struct {
	proto string // ip, ip6, tcp, udp, sctp, ether or ""
	ends  ends
	kind  string // host, net, port, portrange, proto
}

type filterParser struct {
	words []filterWord
	next  int
	depth int
	last  *filterHead // what an address or number alone repeats
}

func (ps *filterParser) peek() string { return ps.words[ps.next].text }

func (ps *filterParser) take() filterWord {
	w := ps.words[ps.next]
	if w.text != "" {
		ps.next++
	}
	return w
}

// accept takes the next word if it is one of these.
func (ps *filterParser) accept(texts ...string) string {
	if w := ps.peek(); w != "" && slices.Contains(texts, w) {
		ps.next++
		return w
	}
	return ""
}

// wrong is the error for the next word.
func (ps *filterParser) wrong(why string) error { return filterError(ps.words[ps.next], why) }

// expression parses terms joined by "and" and "or" from the left.
func (ps *filterParser) expression() (predicate, error) {
	left, err := ps.term()
	for err == nil {
		join := both
		switch ps.accept("and", "&&", "or", "||") {
		case "":
			return left, nil
		case "or", "||":
			join = either
		}
		var right predicate
		if right, err = ps.term(); err == nil {
			left = join(left, right)
		}
	}
	return nil, err
}

// term parses one primitive or group and the negations in front of it.
func (ps *filterParser) term() (predicate, error) {
	negated := false
	for ps.accept("not", "!") != "" {
		negated = !negated
	}
	match, err := ps.factor()
	if err == nil && negated {
		match = not(match)
	}
	return match, err
}

func (ps *filterParser) factor() (predicate, error) {
	w := ps.peek()
	switch {
	case w == "(":
		return ps.group()
	case slices.Contains(filterKeywords, w):
		return ps.primitive()
	case w != "" && ps.last != nil:
		return ps.operand(*ps.last)
	case w == "":
		return nil, ps.wrong("an expression is missing")
	}
	return nil, ps.wrong("not known here; known are " + filterKnown)
}

// group parses parentheses. One that begins with an address or number goes on
// with the qualifiers in front of it; after any other there is nothing to
// repeat.
func (ps *filterParser) group() (predicate, error) {
	if ps.depth++; ps.depth > maxFilterDepth {
		return nil, ps.wrong("too many parentheses")
	}
	ps.take()
	list := !slices.Contains(filterKeywords, ps.peek())
	match, err := ps.expression()
	if err != nil {
		return nil, err
	}
	if ps.accept(")") == "" {
		return nil, ps.wrong("expected and, or, or a closing parenthesis")
	}
	if ps.depth--; !list {
		ps.last = nil
	}
	return match, nil
}

// primitive parses one keyword and what belongs to it.
func (ps *filterParser) primitive() (predicate, error) {
	ps.last = nil
	switch w := ps.peek(); w {
	case "less", "greater":
		return ps.length()
	case "vlan":
		return ps.vlan()
	case "ip", "ip6", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "esp", "pim", "vrrp":
		ps.take()
		if !slices.Contains([]string{"src", "dst", "host", "net", "port", "portrange", "proto"}, ps.peek()) {
			return abbreviation(w), nil
		}
		return ps.qualified(w)
	case "ether":
		ps.take()
		return ps.qualified(w)
	case "src", "dst", "host", "net", "port", "portrange", "proto":
		return ps.qualified("")
	}
	return nil, ps.wrong("not known here; expected the start of an expression")
}

// abbreviation gives the test of a protocol name alone.
func abbreviation(name string) predicate {
	switch name {
	case "ip":
		return onVersion(4)
	case "ip6":
		return onVersion(6)
	case "icmp", "igmp":
		return onProto(4, filterProtos[name])
	case "icmp6":
		return onProto(6, ProtoICMPv6)
	}
	return onProto(0, filterProtos[name])
}

// qualified parses direction, type and operand after a protocol qualifier.
func (ps *filterParser) qualified(proto string) (predicate, error) {
	before := ps.next
	h := filterHead{proto: proto, ends: ps.direction()}
	start := ps.next
	h.kind = ps.accept("host", "net", "port", "portrange", "proto")
	if h.kind == "" {
		if start == before { // no direction either
			return nil, ps.wrong("expected src, dst, host, net, port, portrange or proto")
		}
		h.kind = "host"
	}
	if why := h.conflict(); why != "" {
		return nil, filterError(ps.words[start], why)
	}
	ps.last = &h
	if ps.peek() != "(" {
		return ps.operand(h)
	}
	if slices.Contains(filterKeywords, ps.words[ps.next+1].text) {
		return nil, ps.wrong("expected an address or number, or a list of these")
	}
	return ps.group()
}

// direction parses src, dst, "src or dst" and "src and dst".
func (ps *filterParser) direction() ends {
	first := ps.accept("src", "dst")
	if first == "" {
		return anyEnd
	}
	other := map[string]string{"src": "dst", "dst": "src"}[first]
	if rest := ps.words[ps.next:]; len(rest) > 2 && rest[1].text == other {
		switch rest[0].text {
		case "or", "||":
			ps.next += 2
			return anyEnd
		case "and", "&&":
			ps.next += 2
			return bothEnds
		}
	}
	if first == "src" {
		return srcEnd
	}
	return dstEnd
}

// conflict names what is wrong with a combination of qualifiers.
func (h *filterHead) conflict() string {
	ports := h.kind == "port" || h.kind == "portrange"
	switch h.proto {
	case "":
	case "ip", "ip6":
		if ports {
			return fmt.Sprintf("%s does not go with ports; write %q", h.proto, h.proto+" and "+h.kind+" N")
		}
	case "tcp", "udp", "sctp":
		if !ports {
			return fmt.Sprintf("%s goes with port and portrange only; write %q", h.proto, h.proto+" and "+h.kind+" ...")
		}
	case "ether":
		if h.kind != "host" {
			return "ether goes with host, src and dst only"
		}
	default:
		return h.proto + " takes no qualifiers; join with and"
	}
	if h.kind == "proto" && h.ends != anyEnd {
		return "proto has no direction"
	}
	return ""
}
