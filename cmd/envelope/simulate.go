package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"envelope/analyze/report"
	"envelope/capture/simulate"
)

// simulation is what the flags of simulate ask for.
type simulation struct {
	dir      string
	messages string
	list     bool
	seed     uint64
	people   int
	length   time.Duration
	none     bool
}

func newSimulate() *cobra.Command {
	f := &simulation{}
	cmd := &cobra.Command{
		Use:   "simulate SCENARIO",
		Short: "Make captures of invented people, with the truth of who wrote to whom",
		Long: `simulate plays a scenario of people, messengers and habits and writes what every
observer would have recorded: router.pcap, a capture for each device where there
are few, the server's log (server.jsonl), and the truth: who wrote to whom and
when (truth.jsonl; what only people outside the captures took part in is in
truth-outside.jsonl) and who has which address (hosts.json). The same scenario
and seed give the same bytes. Nothing is sent anywhere.

SCENARIO is the name of a scenario of the program (--list) or a JSON file. A file
has the fields of scenario.json, which every simulation writes beside its
captures; what it leaves out has a usual value.

With --messages people send the messages of a log, at its times, in place of
invented ones: CSV with a header, or JSON with one object a line, of time
(RFC 3339 or seconds), from, to or group, and optionally kind (text, media,
call) and size.`,
		Example: `  envelope simulate --list
  envelope simulate office -o office
  envelope analyze office/router.pcap
  envelope simulate phones --messages log.csv -o replay`,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.list || len(args) == 1 {
				return nil
			}
			return usage("envelope simulate --list shows the scenarios of the program", "simulate takes one scenario, got %d arguments", len(args))
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runSimulate(cmd, args, f) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.dir, "output", "o", "", "write the files to `DIR`")
	fl.BoolVar(&f.list, "list", false, "list the scenarios of the program")
	fl.StringVar(&f.messages, "messages", "", "play the messages of the log `FILE`")
	fl.Uint64Var(&f.seed, "seed", 0, "draw everything from `N` (default: the scenario's own)")
	fl.IntVar(&f.people, "people", 0, "invent `N` people in place of the scenario's crowd")
	fl.DurationVar(&f.length, "length", 0, "play for this `TIME`, such as 90m")
	fl.BoolVar(&f.none, "no-captures", false, "write the truth and the server's log alone")
	return cmd
}

func runSimulate(cmd *cobra.Command, args []string, f *simulation) error {
	switch {
	case f.list:
		return output(cmd.OutOrStdout(), "", listScenarios)
	case f.dir == "":
		return usage("for example: -o "+args[0]+"-1", "simulate wants a folder to write to: -o DIR")
	case args[0] == simulate.DemoName:
		return simulateDemo(f)
	}
	town, err := f.town(args[0])
	if err != nil {
		return err
	}
	play, err := f.play(town)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o777); err != nil {
		return err
	}
	return play.Record(func(name string) (io.WriteCloser, error) {
		file, err := os.Create(filepath.Join(f.dir, name))
		return &interrupted{file, cmd.Context()}, err
	})
}

// interrupted is a file that cannot be written any more when its context is
// done.
type interrupted struct {
	*os.File
	ctx context.Context
}

func (i *interrupted) Write(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.File.Write(b)
}

func listScenarios(w io.Writer) error {
	for _, n := range simulate.Names() {
		if _, err := fmt.Fprintf(w, "%-10s %s\n", n.Name, n.About); err != nil {
			return err
		}
	}
	return nil
}

// town reads the scenario and changes it as the flags say.
func (f *simulation) town(name string) (*simulate.Town, error) {
	t, err := openTown(name)
	if err != nil {
		return nil, err
	}
	if f.people != 0 {
		t.Crowd = f.people
	}
	if f.length != 0 {
		t.Length = simulate.Span(f.length)
	}
	if f.seed != 0 {
		t.Seed = f.seed
	}
	t.Tap.None = t.Tap.None || f.none
	return t, nil
}

// openTown finds a scenario: by name where it has no dot and no slash.
func openTown(name string) (*simulate.Town, error) {
	if !strings.ContainsAny(name, "./"+string(filepath.Separator)) {
		t, err := simulate.Embedded(name)
		if err != nil {
			return nil, usage("envelope simulate --list shows them; a file is named with its folder or ending", "%w", err)
		}
		return t, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, pathError(err)
	}
	defer file.Close()
	return simulate.ReadTown(report.Clean(name), file)
}

// pathError is an error of a file that says which.
func pathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", report.Clean(p.Path), p.Err)
	}
	return err
}

// play prepares the scenario, with the log if there is one.
func (f *simulation) play(t *simulate.Town) (*simulate.Play, error) {
	if f.messages == "" {
		return t.Play(0)
	}
	file, err := os.Open(f.messages)
	if err != nil {
		return nil, pathError(err)
	}
	defer file.Close()
	lines, err := simulate.ReadLog(file, t.Start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", report.Clean(f.messages), err)
	}
	return t.Replay(0, lines)
}

// simulateDemo writes the story of the demonstration.
func simulateDemo(f *simulation) error {
	if f.messages != "" || f.people != 0 || f.length != 0 || f.none {
		return usage("", "the scenario demo is a story: it takes no flag but --seed and --output")
	}
	s := simulate.Demo()
	if f.seed != 0 {
		s.Seed = f.seed
	}
	recording, err := s.Run()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o777); err != nil {
		return err
	}
	var files []demoFile
	for _, c := range recording.Captures {
		files = append(files, demoFile{c.Name, c.Data})
	}
	if _, err := writeDemo(f.dir, files); err != nil {
		return err
	}
	return errors.Join(replace(filepath.Join(f.dir, simulate.TruthFile), recording.WriteTruth),
		replace(filepath.Join(f.dir, simulate.HostsFile), recording.WriteHosts))
}
