package evaluate

import (
	"cmp"
	"math"
	"slices"

	"envelope/capture"
)

// eventMatching is the event-based detector of Bahramali et al., NDSS 2020: the
// share of the events of a channel that have an event of the user near them in
// time and size. Here the channel is what one person sent, the user's events
// what the other received; the extraction of events from packets is that of the
// report.
type eventMatching struct {
	delta capture.Time // events match when they are less than delta - 1 s apart
	gamma float64      // and differ in size by less than this share of the channel's
	merge capture.Time // events of a channel that are nearer than this are one
	gap   capture.Time // the same for the user's
}

func (m eventMatching) prepare(streams []Stream) scorer {
	sent, received := make([][]Sighting, len(streams)), make([][]Sighting, len(streams))
	for i := range streams {
		sent[i] = merged(streams[i].Sent, m.merge, false)
		received[i] = merged(streams[i].Received, m.gap, true)
	}
	return func(a int32) func(int32) float64 {
		return func(b int32) float64 {
			matched := m.matched(sent[a], received[b]) + m.matched(sent[b], received[a])
			s, _ := share(matched, len(sent[a])+len(sent[b]))
			return s
		}
	}
}

// merged joins what follows within the gap and adds the sizes. The time is that
// of the first, or that of the last.
func merged(list []Sighting, gap capture.Time, last bool) []Sighting {
	var out []Sighting
	var end capture.Time
	for i, s := range list {
		if i > 0 && s.Time-end < gap {
			into := &out[len(out)-1]
			into.Bytes += s.Bytes
			if last {
				into.Time = s.Time
			}
		} else {
			out = append(out, s)
		}
		end = s.Time
	}
	return out
}

// ring is the step by which the detector widens its search.
const ring = capture.Time(1e9)

// matched is how many events of the channel find one of the user that is free:
// the first in order of time of the nearest whole second, as the released code
// searches.
func (m eventMatching) matched(channel, user []Sighting) int {
	reach := m.delta - ring
	start, n := 0, 0
	var used []bool
	for _, c := range channel {
		for start < len(user) && c.Time-user[start].Time >= reach {
			start++
		}
		best, nearest := -1, capture.Time(math.MaxInt64)
		for j := start; j < len(user) && user[j].Time-c.Time < reach; j++ {
			if used != nil && used[j] || !m.alike(c, user[j]) {
				continue
			}
			if d := max(c.Time-user[j].Time, user[j].Time-c.Time) / ring; d < nearest {
				best, nearest = j, d
			}
		}
		if best >= 0 {
			if used == nil {
				used = make([]bool, len(user))
			}
			used[best] = true
			n++
		}
	}
	return n
}

func (m eventMatching) alike(c, u Sighting) bool {
	return math.Abs(float64(u.Bytes)-float64(c.Bytes)) < m.gamma*float64(c.Bytes)
}

// inTime sorts sightings by time.
func inTime(list []Sighting) {
	slices.SortStableFunc(list, func(a, b Sighting) int { return cmp.Compare(a.Time, b.Time) })
}
