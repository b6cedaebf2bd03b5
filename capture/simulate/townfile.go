package simulate

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

//go:embed scenarios
var scenarioFiles embed.FS

// DemoName is the name of the scenario that is a story, not a Town: see Demo.
const DemoName = "demo"

// Named is one embedded scenario.
type Named struct {
	Name  string
	About string
}

// Names lists the embedded scenarios, Demo first.
func Names() []Named {
	out := []Named{{DemoName, "Anna, Ben and Carla for a quarter of an hour: chats, a photo, a voice note, a call."}}
	entries, _ := scenarioFiles.ReadDir("scenarios")
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		if t, err := Embedded(name); err == nil {
			out = append(out, Named{name, t.About})
		}
	}
	return out
}

// Embedded returns the embedded town of that name.
func Embedded(name string) (*Town, error) {
	data, err := scenarioFiles.ReadFile("scenarios/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no scenario is called %q", clip(name))
	}
	return ReadTown(name+".json", bytes.NewReader(data))
}

// Defaults returns a town of nobody, whose other fields have the values that
// a scenario file need not name.
func Defaults() Town {
	ms := func(n int) Span { return Span(time.Duration(n) * time.Millisecond) }
	return Town{
		Seed: 1, Start: time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC), Length: Span(time.Hour),
		Messengers: []Messenger{{Name: "xmpp", Kind: "xmpp", Share: 1_000_000}},
		Friends:    Friends{Contacts: 6, Daily: 12, Near: 750_000, Groups: 100_000, GroupSize: 6, GroupRate: 12},
		Habits: Habits{Burst: 8, Gap: Span(5 * time.Second), GapMax: Span(3 * time.Minute), Reply: 620_000, Typing: 300_000,
			Receipts: 970_000, Read: 800_000, Media: 60_000, MediaMax: 300_000, Linger: Span(2 * time.Minute), Check: Span(2 * time.Minute),
			Hours: []int{2, 1, 1, 1, 1, 2, 5, 8, 9, 9, 9, 10, 11, 10, 9, 9, 9, 10, 11, 12, 12, 10, 7, 4}},
		Phones: Phones{Poll: Span(3 * time.Minute), Delay: [2]Span{ms(4), ms(40)}, Server: [2]Span{ms(8), ms(25)}, Jitter: ms(6),
			Handling: [2]Span{ms(5), ms(60)}, Arrive: Span(time.Minute)},
		Calls: Calls{Answered: 800_000, Direct: 500_000, Video: 250_000, Mean: Span(90 * time.Second), Max: Span(10 * time.Minute)},
		Web:   Web{Bytes: 60_000},
		Tap:   Watch{Devices: 20},
	}
}

// ReadTown reads a scenario file: one JSON object with the fields of Town. What
// it does not name has the value of Defaults. Unknown fields, values of
// another type, and towns that Check refuses are errors that name the file
// and the field.
func ReadTown(path string, r io.Reader) (*Town, error) {
	t := Defaults()
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, explained(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: something follows the scenario", path)
	}
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &t, nil
}

// explained puts an error of encoding/json into words for people.
func explained(err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("the scenario must be an object, not %s", clip(kind.Value))
	case errors.As(err, &kind):
		return fmt.Errorf("field %s: want %s, not %s", kind.Field, forms(kind.Type), clip(kind.Value))
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the JSON is not complete")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: ")) // unknown field "x"
}

// Bounds of a town. Addresses, memory and times stay in range within them.
const (
	maxPeople     = 1_000_000
	maxDevices    = 8
	maxMessengers = 8
	maxDaily      = 100_000
)

// Check finds what is wrong with a town; the error names the field. A town of
// nobody is right: a message log may fill it.
func (t *Town) Check() error {
	return errors.Join(slices.DeleteFunc([]error{
		t.checkTimes(), t.checkMessengers(), t.checkPeople(), t.checkTalk(), t.checkHabits(), t.checkPhones(),
	}, func(err error) bool { return err == nil })...)
}

func field(name, format string, args ...any) error {
	return fmt.Errorf("field "+name+": "+format, args...)
}

func (t *Town) checkTimes() error {
	switch y := t.Start.Year(); {
	case y < 1971 || y > 2200:
		return field("start", "year %d, want 1971 to 2200", y)
	case t.Length <= 0:
		return field("length", "must be above 0")
	}
	return nil
}

func (t *Town) checkMessengers() error {
	if len(t.Messengers) == 0 || len(t.Messengers) > maxMessengers {
		return field("messengers", "%d of them, want 1 to %d", len(t.Messengers), maxMessengers)
	}
	known, kinds := map[string]bool{}, map[string]bool{}
	for i, m := range t.Messengers {
		at := fmt.Sprintf("messengers[%d]", i)
		if _, ok := lawOf(m.Kind, 0); !ok {
			return field(at+".kind", "%q is none of whatsapp, signal, xmpp, matrix", clip(m.Kind))
		}
		if m.Name == "" || known[m.Name] {
			return field(at+".name", "%q is empty or there twice", clip(m.Name))
		}
		if kinds[m.Kind] && m.Host == "" {
			return field(at+".host", "the second messenger of kind %q wants a host of its own", m.Kind)
		}
		if m.Host != "" && !plainName(m.Host) {
			return field(at+".host", "%q is no host name", clip(m.Host))
		}
		known[m.Name], kinds[m.Kind] = true, true
	}
	return nil
}

// plainName tells whether a name can stand in a host name and a file name.
func plainName(s string) bool {
	return s != "" && len(s) <= 60 && !strings.HasPrefix(s, ".") && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r))
	}) < 0
}

// speakable tells whether a name from a log can be an account.
func speakable(s string) bool {
	return s != "" && len(s) <= 200 && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func (t *Town) messenger(name string) bool {
	return slices.ContainsFunc(t.Messengers, func(m Messenger) bool { return m.Name == name })
}

func (t *Town) checkPeople() error {
	if n := len(t.People) + t.Crowd; t.Crowd < 0 || n > maxPeople {
		return field("crowd", "%d people, want at most %d", n, maxPeople)
	}
	known := map[string]bool{}
	for i, c := range t.People {
		at := fmt.Sprintf("people[%d]", i)
		switch {
		case !speakable(c.Name) || known[c.Name]:
			return field(at+".name", "%q is no name, or there twice", clip(c.Name))
		case c.Devices < 0 || c.Devices > maxDevices:
			return field(at+".devices", "%d, want at most %d", c.Devices, maxDevices)
		}
		known[c.Name] = true
		for j, m := range c.Messengers {
			if !t.messenger(m) {
				return field(fmt.Sprintf("%s.messengers[%d]", at, j), "no messenger is called %q", clip(m))
			}
		}
	}
	return nil
}

// checkTalk checks pairs and circles.
func (t *Town) checkTalk() error {
	people := map[string]*Citizen{}
	for i := range t.People {
		people[t.People[i].Name] = &t.People[i]
	}
	member := func(at, name, messenger string) error {
		c := people[name]
		switch {
		case !t.messenger(messenger):
			return field(at+".messenger", "no messenger is called %q", clip(messenger))
		case c == nil:
			return field(at, "nobody is called %q", clip(name))
		case c.Messengers != nil && !slices.Contains(c.Messengers, messenger):
			return field(at, "%q does not use %q", clip(name), clip(messenger))
		}
		return nil
	}
	for i, x := range t.Pairs {
		at := fmt.Sprintf("pairs[%d]", i)
		if x.A == x.B || x.Daily < 0 || x.Daily > maxDaily {
			return field(at, "wants two people and 0 to %d messages a day", maxDaily)
		}
		if err := errors.Join(member(at+".a", x.A, x.Messenger), member(at+".b", x.B, x.Messenger)); err != nil {
			return err
		}
		if t.Strangers && !people[x.A].Outside && !people[x.B].Outside {
			return field(at, "strangers is set, and both are inside")
		}
	}
	for i, c := range t.Circles {
		at := fmt.Sprintf("circles[%d]", i)
		members := slices.Clone(c.Members)
		slices.Sort(members)
		if c.Name == "" || len(slices.Compact(members)) < 3 || len(members) != len(c.Members) || c.Daily < 0 || c.Daily > maxDaily {
			return field(at, "wants a name, at least three different members, and 0 to %d messages a day", maxDaily)
		}
		for j, name := range c.Members {
			if err := member(fmt.Sprintf("%s.members[%d]", at, j), name, c.Messenger); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Town) checkHabits() error {
	f, h := &t.Friends, &t.Habits
	switch {
	case min(f.Contacts, f.Daily, f.GroupSize, f.GroupRate) < 0 || max(f.Contacts, f.Daily, f.GroupSize, f.GroupRate) > maxDaily:
		return field("friends", "a number below 0 or above %d", maxDaily)
	case h.Burst < 1 || h.Burst > 10_000:
		return field("habits.burst", "%d, want 1 to 10000", h.Burst)
	case h.Gap < Span(time.Millisecond) || h.GapMax < h.Gap:
		return field("habits.gap", "want at least 1ms, and gap_max no less")
	case h.MediaMax < 1 || h.MediaMax > 1<<28:
		return field("habits.media_max", "%d, want 1 to %d bytes", h.MediaMax, 1<<28)
	case len(h.Hours) != 24 || slices.Min(h.Hours) < 0 || slices.Max(h.Hours) > 1000:
		return field("habits.hours", "want 24 numbers from 0 to 1000")
	}
	return nil
}

func (t *Town) checkPhones() error {
	const most = Span(30 * time.Second) // of a way: all that is under way fits into a minute
	ph := &t.Phones
	for _, x := range []struct {
		name string
		span [2]Span
	}{{"phones.delay", ph.Delay}, {"phones.server", ph.Server}, {"phones.handling", ph.Handling}, {"phones.jitter", [2]Span{0, ph.Jitter}},
		{"flaws.jitter", [2]Span{0, t.Flaws.Jitter}}} {
		if x.span[1] < x.span[0] || x.span[1] > most {
			return field(x.name, "want from least to most, at most 30s")
		}
	}
	switch {
	case ph.Poll < Span(10*time.Second):
		return field("phones.poll", "want at least 10s")
	case ph.Arrive < Span(time.Second) || ph.Arrive > Span(day):
		return field("phones.arrive", "want 1s to 24h")
	case ph.Relogin != 0 && ph.Relogin < Span(time.Minute):
		return field("phones.relogin", "want at least 1m, or 0")
	case t.Calls.Max < Span(5*time.Second) || t.Calls.Max > Span(day):
		return field("calls.max", "want 5s to 24h")
	case t.Web.Hourly < 0 || t.Web.Hourly > 3600 || t.Web.Bytes < 100 || t.Web.Bytes > 1<<24:
		return field("web", "want 0 to 3600 pages an hour of 100 to %d bytes", 1<<24)
	case t.Flaws.False < 0 || t.Flaws.False > 36_000:
		return field("flaws.false", "want 0 to 36000 an hour")
	case t.Tap.Snap != 0 && (t.Tap.Snap < 54 || t.Tap.Snap > 262_144):
		return field("tap.snap", "want 0, or 54 to 262144 bytes")
	}
	return nil
}
