package correlate

import "testing"

func BenchmarkTown(b *testing.B) {
	for _, n := range []int{1000} {
		x := newTown(n, 8, 1).make()
		b.Run("", func(b *testing.B) {
			for b.Loop() {
				Correlate(x.events, x.people, Options{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x.events)), "ns/event")
		})
	}
}
