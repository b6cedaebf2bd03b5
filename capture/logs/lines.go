package logs

import (
	"bytes"
	"sort"
)

// lines finds the line number of an offset.
type lines struct{ ends []int64 } // offsets of the line ends

func newLines(text []byte) *lines {
	l := &lines{}
	for i := 0; ; {
		k := bytes.IndexByte(text[i:], '\n')
		if k < 0 {
			return l
		}
		i += k + 1
		l.ends = append(l.ends, int64(i-1))
	}
}

// at is the line, from 1, that an offset lies in.
func (l *lines) at(offset int64) int64 {
	return int64(sort.Search(len(l.ends), func(i int) bool { return l.ends[i] >= offset })) + 1
}

// start is the offset at which a line starts, or -1 where there is none.
func (l *lines) start(line int64) int64 {
	switch {
	case line <= 1:
		return 0
	case line-2 >= int64(len(l.ends)):
		return -1
	}
	return l.ends[line-2] + 1
}
