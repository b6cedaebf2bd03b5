package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"envelope/analyze"
)

// number spells small numbers out, as prose does at the start of a sentence.
func number(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return grouped(int64(n))
}

// lowerNumber is text that starts with a spelled number, for the middle of a
// sentence.
func lowerNumber(s string) string {
	word, rest, _ := strings.Cut(s, " ")
	if rest == "parties" {
		return strings.ToLower(word) + " " + rest
	}
	return s
}

// grouped writes n with commas between groups of three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 message" or "2 messages".
func plural(n int, one string) string { return grouped(int64(n)) + " " + plurals(n, one) }

// plurals is one, or its plural where n is not 1.
func plurals(n int, one string) string {
	switch {
	case n == 1:
		return one
	case strings.HasSuffix(one, "s"):
		return one + "es"
	case strings.HasSuffix(one, "y"):
		return one[:len(one)-1] + "ies"
	}
	return one + "s"
}

// list is "a, b and c".
func list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// size writes bytes with three significant digits and SI prefixes.
func size(n uint64) string {
	v, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	i := 0
	for ; v >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	if i == 0 || v >= 99.95 {
		return fmt.Sprintf("%.0f"+hard+"%s", v, units[i])
	}
	return fmt.Sprintf("%.1f"+hard+"%s", v, units[i])
}

// length writes a duration in at most two units: "29 s", "3 min 12 s".
func length(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.1f"+hard+"s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f"+hard+"s", d.Truncate(time.Second).Seconds())
	case d < time.Hour:
		return units(d, time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "min")
	}
	return units(d, 24*time.Hour, "d", time.Hour, "h")
}

func units(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	s := grouped(int64(d/big)) + hard + bigName
	if rest := d % big / small; rest > 0 {
		s += fmt.Sprintf(hard+"%d"+hard+"%s", rest, smallName)
	}
	return s
}

// sure is a grade with its probability. A probability that is not 1 never
// reads as 1.00.
func sure(grade string, p float64) string {
	if grade == "" {
		grade = "unsure"
	}
	return grade + " " + probability(p)
}

func probability(p float64) string {
	if p < 1 && p > 0.99 {
		return ">0.99"
	}
	return strconv.FormatFloat(p, 'f', 2, 64)
}

// sureRange is the grade and the probabilities of several statements.
func sureRange(grade string, low, high float64) string {
	if probability(low) == probability(high) {
		return sure(grade, low)
	}
	return sure(grade, low) + "-" + probability(high)
}

// maxPackets is how many packet numbers or ranges stand in one cell; what is
// left out is counted.
const maxPackets = 2

// packets is evidence in compact form: "1:17,23-25" is packet 17 and packets
// 23 to 25 of input 1.
func packets(evidence []analyze.Evidence) string {
	sorted := slices.Clone(evidence)
	slices.SortStableFunc(sorted, func(a, b analyze.Evidence) int {
		if a.Input != b.Input {
			return strings.Compare(a.Input, b.Input)
		}
		return int(min(max(a.At-b.At, -1), 1))
	})
	var parts []string
	input, shown, left := "", 0, 0
	for i := 0; i < len(sorted); {
		first, next := sorted[i], run(sorted, i)
		last := sorted[next-1]
		i = next
		if shown == maxPackets {
			left += int(last.At-first.At) + 1
			continue
		}
		shown++
		text := fromTo(first.At, last.At)
		if first.Input == input && len(parts) > 0 {
			parts[len(parts)-1] += "," + text
			continue
		}
		input = first.Input
		parts = append(parts, Clean(input)+":"+text)
	}
	if left > 0 {
		parts[len(parts)-1] += hard + "+" + grouped(int64(left))
	}
	return strings.Join(parts, " ")
}

// run is the index behind the consecutive or equal numbers that start at i.
func run(sorted []analyze.Evidence, i int) int {
	j := i + 1
	for j < len(sorted) && sorted[j].Input == sorted[i].Input && sorted[j].At-sorted[j-1].At <= 1 {
		j++
	}
	return j
}

func fromTo(first, last int64) string {
	if first == last {
		return strconv.FormatInt(first, 10)
	}
	return fmt.Sprintf("%d-%d", first, last)
}
