package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// terminalWidth is the number of columns of the terminal behind w, 0 where
// there is none.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// progress draws one line on a terminal: bytes of all bytes, packets a second,
// time left. A nil progress draws nothing.
type progress struct {
	w    io.Writer
	done chan struct{}
	wait sync.WaitGroup
	last int // length of the line on the screen
}

// progressEvery is the time between two drawings of the line: quick enough to
// look alive, slow enough to read.
const progressEvery = 250 * time.Millisecond

// newProgress returns nil where w is not a terminal.
func newProgress(w io.Writer) *progress {
	if terminalWidth(w) == 0 {
		return nil
	}
	return &progress{w: w}
}

// start draws from now on what state says: the bytes read and the packets so
// far. total is the number of bytes of all inputs, 0 where that is not known.
// state is called from another goroutine.
func (p *progress) start(total int64, state func() (bytes, packets int64)) {
	if p == nil || p.done != nil {
		return
	}
	p.done = make(chan struct{})
	begin := time.Now()
	p.wait.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case now := <-tick.C:
				bytes, packets := state()
				p.draw(progressLine(bytes, total, packets, now.Sub(begin)))
			}
		}
	})
}

// stop ends the drawing and wipes the line.
func (p *progress) stop() {
	if p == nil || p.done == nil {
		return
	}
	close(p.done)
	p.wait.Wait()
	p.done = nil
	p.draw("")
	fmt.Fprint(p.w, "\r")
}

// draw writes over the line that is there, with spaces rather than with escape
// sequences, which not every terminal knows.
func (p *progress) draw(line string) {
	line = line[:min(len(line), max(terminalWidth(p.w)-1, 0))]
	fmt.Fprint(p.w, "\r", line, strings.Repeat(" ", max(p.last-len(line), 0)))
	p.last = len(line)
}

// progressLine is "12.0 MB of 345.0 MB, 1200000 packets/s, 8 s left".
func progressLine(bytes, total, packets int64, spent time.Duration) string {
	if total > 0 && bytes >= total {
		return fmt.Sprintf("%.1f MB read, working out who did what", float64(total)/1e6)
	}
	line := fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	if total > 0 {
		line += fmt.Sprintf(" of %.1f MB", float64(total)/1e6)
	}
	if s := spent.Seconds(); s > 0 {
		line += fmt.Sprintf(", %.0f packets/s", float64(packets)/s)
	}
	if bytes > 0 && total > 0 {
		line += fmt.Sprintf(", %.0f s left", spent.Seconds()*float64(total-bytes)/float64(bytes))
	}
	return line
}
