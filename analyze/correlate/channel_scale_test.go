package correlate

import "testing"

// BenchmarkFindChannel is a list of 100 messages against 10,000 parties of 100
// events each.
func BenchmarkFindChannel(b *testing.B) {
	list, events, o := conversation(7, 100, 10000, 100, 0)
	b.ReportAllocs()
	for b.Loop() {
		if got := FindChannel(list, events, 10000, o); len(got.Parties) == 0 || got.Parties[0].Party != 0 {
			b.Fatal(got.Note)
		}
	}
}
