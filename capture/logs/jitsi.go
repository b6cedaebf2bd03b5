package logs

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// jicofoFormat is the log of Jicofo, which calls a Jitsi meeting together
// (github.com/jitsi/jicofo, JitsiMeetConferenceImpl and ConferenceIqHandler). A
// meeting is yielded as a call of each member, from joining to leaving, in the
// group that is its room.
func jicofoFormat(o Options) capture.Format {
	return capture.Format{
		Name: "jicofo", Title: "Jitsi conference log (Jicofo)", Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "service", "group", "presence"},
		Hides: "Who somebody is beyond a random account and the name that the meeting or its browser chose, and from where: addresses are with the XMPP server and the bridge.",
		Sniff: sniffLines(jitsiSource("Jicofo", "JitsiMeetConferenceImpl.", "ConferenceIqHandler.", "JicofoServices.", "Main.main")),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			j := &jitsi{r: r, o: &o, event: jicofoEvent}
			return j.line, j.end
		}),
	}
}

// jvbFormat is the log of the Jitsi Videobridge, which relays the media
// (github.com/jitsi/jitsi-videobridge, Conference and Endpoint).
func jvbFormat(o Options) capture.Format {
	return capture.Format{
		Name: "jvb", Title: "Jitsi bridge log (Videobridge)", Observer: capture.Relay, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "service", "location", "group", "presence"},
		Hides: "Who somebody is: an endpoint has a random id and at most the name of its device; addresses are there where the log has the chosen pair of ICE.",
		Sniff: sniffLines(jitsiSource("JVB", "MainKt.main", "Videobridge.", "VideobridgeExpireThread.", "EndpointMessageTransport.", "org.ice4j.")),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			j := &jitsi{r: r, o: &o, event: jvbEvent, path: "relayed"}
			return j.line, j.end
		}),
	}
}

// jitsiSource tells lines of one of Jitsi's services, with its name before the
// stamp (as packages set it up) or by the classes that write.
func jitsiSource(name string, classes ...string) func([]byte) bool {
	return func(line []byte) bool {
		_, l, err := jitsiLine(string(line), time.UTC)
		if err != nil || l.text == "" {
			return false
		}
		if l.service != "" {
			return l.service == name
		}
		return slices.ContainsFunc(classes, func(c string) bool { return strings.HasPrefix(l.text, c) })
	}
}

// jitsiRow is a line of a Jitsi service: the service (which older versions do not
// write), the words in brackets that say what it is about, and the class, method
// and text behind them.
type jitsiRow struct {
	service string
	about   map[string]string
	text    string
}

// jitsiLine parts "Jicofo 2026-01-05 08:00:00.123 INFO: [30] [room=R meeting_id=M] Class.method#1: text".
// The text is empty for what is no such line, such as those of a stack trace.
func jitsiLine(s string, zone *time.Location) (at capture.Time, l jitsiRow, err error) {
	for _, name := range []string{"Jicofo", "JVB"} {
		if rest, ok := strings.CutPrefix(s, name+" "); ok {
			s, l.service = rest, name
		}
	}
	at, rest, ok := isoStamp(s, zone)
	if !ok {
		if err = badStamp(s); l.service == "" {
			err = nil
		}
		return 0, l, err
	}
	level, rest, ok := strings.Cut(rest, ": [")
	_, rest, ok2 := strings.Cut(rest, "] ")
	if !ok || !ok2 || len(level) > 8 {
		return at, l, nil
	}
	if words, text, ok := strings.Cut(rest, "] "); ok && strings.HasPrefix(words, "[") {
		l.about, rest = keyValues(words[1:]), text
	}
	l.text = rest
	return at, l, nil
}

// jitsi follows the meetings of one log.
type jitsi struct {
	r        *reader
	o        *Options
	event    func(j *jitsi, l jitsiRow)
	path     string                 // of the media, where the log is of what relays them
	at       capture.Time           // of the line at hand
	accounts bounded[string]        // by room and id within it
	meetings bounded[*jitsiMeeting] // by room
}

func (j *jitsi) line(b []byte) error {
	at, l, err := jitsiLine(string(b), j.o.zone())
	if err != nil || l.text == "" {
		return err
	}
	j.at = at
	j.event(j, l)
	return nil
}

func (j *jitsi) end() error {
	for _, room := range j.meetings.order {
		j.stop(room)
	}
	j.meetings.warn(j.r, "meetings")
	j.r.unused("the log is of a Jitsi service that no meeting was held with: nobody joined one")
	return nil
}

// jicofoEvent takes a line of Jicofo.
func jicofoEvent(j *jitsi, l jitsiRow) {
	room := strings.ToLower(l.about["room"])
	_, text, _ := strings.Cut(l.text, ": ")
	switch {
	case strings.HasPrefix(text, "Conference request for room "):
		room, _ := between(text, "for room ", ",")
		from, _ := between(text, ", from ", "")
		j.request(strings.ToLower(room), jidEnd(strings.TrimSpace(from)))
	case room == "":
	case strings.HasPrefix(text, "Member joined:"):
		id, words, _ := strings.Cut(text[len("Member joined:"):], " ")
		j.join(room, l.about["meeting_id"], id, keyValues(words)["stats-id"], netip.AddrPort{})
	case strings.HasPrefix(text, "Member left:"):
		j.leave(room, text[len("Member left:"):])
	case strings.HasPrefix(text, "Stopped.") && strings.HasPrefix(l.text, "JitsiMeetConferenceImpl."):
		j.stop(room)
	}
}

// request keeps the account behind the id that it will have in a room: the
// first eight characters of its name (lib-jitsi-meet, JitsiConference).
func (j *jitsi) request(room string, who capture.End) {
	name, _, _ := strings.Cut(who.Account, "@")
	if len(name) >= 8 {
		j.accounts.put(room+"/"+name[:8], who.Account)
	}
}

// jvbEvent takes a line of the bridge. An endpoint is there from when its
// connectivity checks have found a way to its expiry.
func jvbEvent(j *jitsi, l jitsiRow) {
	room, id := strings.ToLower(l.about["conf_name"]), l.about["epId"]
	switch {
	case room == "":
	case strings.Contains(l.text, ": expire_conf,"):
		j.stop(room)
	case id == "":
	case strings.HasPrefix(l.text, "Endpoint.expire") && strings.HasSuffix(l.text, ": Expired."):
		j.leave(room, id)
	case strings.Contains(l.text, ": Pair validated: "), strings.Contains(l.text, ": Selected pair for stream "):
		j.join(room, l.about["meeting_id"], id, l.about["stats_id"], farAddr(l.text))
	}
}
