package exposure

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

//go:embed data/claims.json
var embedded []byte

// Claim is one statement by a company, an authority or a researcher on what
// somebody can or cannot know of people's talk.
type Claim struct {
	ID        string     `json:"id"` // "WA-01"
	Who       string     `json:"who"`
	Service   string     `json:"service"` // id as in analyze/service, or of a messenger not known there; "" for any
	Date      string     `json:"date"`    // YYYY, YYYY-MM or YYYY-MM-DD; "" for undated
	Source    Source     `json:"source"`
	Grade     string     `json:"grade"` // P: read in a primary source, S: in a secondary one
	Statement string     `json:"statement"`
	Facts     []Question `json:"facts"`
	Observer  Holder     `json:"observer"` // who is said to see it, or not to
	CanSee    Answer     `json:"can_see"`  // passes through its hands
	Keeps     Answer     `json:"keeps"`    // is stored
	HandsOver Answer     `json:"hands_over"`
	Test      Test       `json:"test"`
	Note      string     `json:"note,omitempty"`
}

// Source is where a claim was read.
type Source struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
}

// Answer is one of the three columns in which a claim is taken apart: what can
// be seen in transit, what is kept, and what is handed over are different.
type Answer struct {
	Word string `json:"word"` // yes, no, limited, unsaid
	Note string `json:"note,omitempty"`
}

// answers are the words of an Answer.
var answers = []string{"yes", "no", "limited", "unsaid"}

// Holder is whose knowledge a claim is about: an observer or somebody else.
type Holder string

// Holders that are no observers of their own.
const (
	HeldByAuthority Holder = "authority"   // police, court, state
	HeldByContact   Holder = "contact"     // the other end, or a contact of the user
	HeldByAnyone    Holder = "anyone"      // who knows the number
	HeldByThird     Holder = "third party" // cloud, push service, linked site
	HeldBySelf      Holder = "user"        // the user's own report or export
)

// Rule is how the data at hand decide a claim.
type Rule string

// The rules.
const (
	RuleShows Rule = "shows" // the facts can be known: data that show them reproduce the claim
	RuleHides Rule = "hides" // the facts cannot be known: data that show them contradict it
	RuleNone  Rule = "none"  // no traffic or log can tell
)

// Test is how a claim is held against data. The lists narrow what counts; empty
// ones narrow nothing.
type Test struct {
	Rule    Rule               `json:"rule"`
	By      []capture.Observer `json:"by,omitempty"`      // whose inputs could show it
	Grain   capture.Grain      `json:"grain,omitempty"`   // that all of an observer's inputs must have
	Formats []string           `json:"formats,omitempty"` // formats of which all of an observer's inputs must be
	Kinds   []string           `json:"kinds,omitempty"`   // of events
	Roles   []string           `json:"roles,omitempty"`   // of uses
	Details []Detail           `json:"details,omitempty"` // of accounts: any of them
	// Needs is what data would decide the claim; with RuleNone, why none can.
	Needs string `json:"needs"`
}

func (c *Claim) scope() scope {
	return scope{service: c.Service, kinds: c.Test.Kinds, roles: c.Test.Roles, details: c.Test.Details}
}

// Ledger is the claims in the order of the file, WhatsApp's first one at the
// top.
type Ledger []Claim

// Load reads the built-in ledger. An error names the claim and the field.
func Load() (Ledger, error) {
	ledger, err := parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("built-in claims: %w", err)
	}
	return ledger, nil
}

// Find gives the claim of an id, in any letter case.
func (l Ledger) Find(id string) (Claim, bool) {
	i := slices.IndexFunc(l, func(c Claim) bool { return strings.EqualFold(c.ID, id) })
	if i < 0 {
		return Claim{}, false
	}
	return l[i], true
}

// Of gives the claims about a messenger, in their order.
func (l Ledger) Of(service string) Ledger {
	out := Ledger{}
	for _, c := range l {
		if c.Service == service {
			out = append(out, c)
		}
	}
	return out
}

// Services gives the messengers that claims are about, sorted.
func (l Ledger) Services() []string {
	var out []string
	for _, c := range l {
		if c.Service != "" && !slices.Contains(out, c.Service) {
			out = append(out, c.Service)
		}
	}
	slices.Sort(out)
	return out
}

// parse reads a ledger and checks all of its fields.
func parse(text []byte) (Ledger, error) {
	var ledger Ledger
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&ledger); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	told := map[string]bool{}
	for i := range ledger {
		c := &ledger[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("claim %d (%q): %w", i+1, c.ID, err)
		}
		if told[c.ID] {
			return nil, fmt.Errorf("claim %d: id %q is there already", i+1, c.ID)
		}
		told[c.ID] = true
	}
	return ledger, nil
}

// check tells what is wrong with a claim, naming the field; nil if nothing is.
func (c *Claim) check() error {
	for _, f := range []struct{ name, value string }{
		{"who", c.Who}, {"source: title", c.Source.Title}, {"statement", c.Statement}, {"test: needs", c.Test.Needs},
	} {
		if f.value == "" {
			return fmt.Errorf("%s: empty", f.name)
		}
	}
	switch {
	case !validID(c.ID):
		return fmt.Errorf("id: %q is not like WA-01", c.ID)
	case strings.Trim(c.Service, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("service: %q is not made of a-z, 0-9 and -", c.Service)
	case !validDate(c.Date):
		return fmt.Errorf("date: %q is not YYYY, YYYY-MM or YYYY-MM-DD", c.Date)
	case c.Source.URL != "" && !strings.HasPrefix(c.Source.URL, "https://"):
		return fmt.Errorf("source: url: %q does not begin with https://", c.Source.URL)
	case c.Grade != "P" && c.Grade != "S":
		return fmt.Errorf("grade: unknown %q", c.Grade)
	case !holder(c.Observer):
		return fmt.Errorf("observer: unknown %q", c.Observer)
	case len(c.Facts) == 0:
		return errors.New("facts: none")
	}
	return errors.Join(
		known("facts", c.Facts, slices.Concat(Questions, claimed)),
		known("can_see, keeps, hands_over", []string{c.CanSee.Word, c.Keeps.Word, c.HandsOver.Word}, answers),
		c.Test.check())
}

func (t *Test) check() error {
	return errors.Join(
		known("test: rule", []Rule{t.Rule}, []Rule{RuleShows, RuleHides, RuleNone}),
		known("test: by", t.By, capture.Observers),
		known("test: grain", []capture.Grain{t.Grain}, []capture.Grain{"", capture.GrainFrame, capture.GrainFlow, capture.GrainEntry}),
		known("test: kinds", t.Kinds, append(slices.Concat(talk, states), "keepalive")),
		known("test: roles", t.Roles, []string{"message", "media", "call", "push"}),
		known("test: details", t.Details, details))
}

// known refuses words that are not in a vocabulary.
func known[T ~string](field string, words, vocabulary []T) error {
	for _, w := range words {
		if !slices.Contains(vocabulary, w) {
			return fmt.Errorf("%s: unknown %q", field, w)
		}
	}
	return nil
}

func holder(h Holder) bool {
	return slices.Contains([]Holder{HeldByAuthority, HeldByContact, HeldByAnyone, HeldByThird, HeldBySelf}, h) ||
		slices.Contains(capture.Observers, capture.Observer(h))
}

// validID tells ids of two capital letters and two digits.
func validID(s string) bool {
	return len(s) == 5 && s[2] == '-' &&
		strings.Trim(s[:2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && strings.Trim(s[3:], "0123456789") == ""
}

func validDate(s string) bool {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return s == ""
}
