package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"envelope/analyze/evaluate"
)

// evaluateFlags are the flags of evaluate as they were typed.
type evaluateFlags struct {
	truth, hosts, format, output string
	baselines                    bool
}

func newEvaluate() *cobra.Command {
	f := &evaluateFlags{}
	cmd := &cobra.Command{
		Use:   "evaluate REPORT... --truth FILE|DIR",
		Short: "Hold reports against what really happened",
		Long: `evaluate holds reports, as envelope analyze --format json writes them, against
what really happened: contacts, groups, calls, single messages and the
probabilities that were stated. With --baselines the published methods of finding
out who talked to whom run on the messages of the same report.

The truth is one JSON object a line, with the kinds text, media and call, as
envelope demo --truth DIR writes to truth.jsonl; hosts.json says which address
belongs to which account. A folder given with --truth holds both, and may hold
truth-outside.jsonl: what the people did with others whom the capture does not
show. Each may be compressed with gzip. Several reports of ever longer parts of one recording
(made with --to) also tell after how many messages each contact was certain.`,
		Example: `  envelope demo -o demo --truth truth
  envelope analyze --format json -o report.json demo/router.pcap
  envelope evaluate report.json --truth truth --baselines`,
		RunE: func(cmd *cobra.Command, args []string) error { return runEvaluate(cmd, args, f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.truth, "truth", "", "what really happened: a `FILE`, or a folder with truth.jsonl and hosts.json")
	flags.StringVar(&f.hosts, "hosts", "", "which address belongs to which account: `FILE`")
	flags.BoolVar(&f.baselines, "baselines", false, "also run the published methods on the same messages")
	flags.StringVar(&f.format, "format", "text", "`FORMAT`: text or json")
	flags.StringVarP(&f.output, "output", "o", "", "write the figures to `FILE`, not over an input")
	mustComplete(cmd, "format", "text", "json")
	return cmd
}

func runEvaluate(cmd *cobra.Command, args []string, f *evaluateFlags) error {
	switch {
	case len(args) == 0:
		return usage("a report is what envelope analyze --format json writes", "no report given")
	case f.truth == "":
		return usage("--truth names the file or folder that says what really happened", "no truth given")
	case f.format != "text" && f.format != "json":
		return unknownFormat(f.format)
	}
	if err := checkOutput(f.output, append([]string{f.truth}, args...)); err != nil {
		return err
	}
	truth, err := readTruth(f.truth, f.hosts)
	if err != nil {
		return err
	}
	inputs, err := readReports(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	result, err := evaluate.Evaluate(inputs, truth, evaluate.Options{Baselines: f.baselines})
	if err != nil {
		return err
	}
	return output(cmd.OutOrStdout(), f.output, func(w io.Writer) error {
		if f.format == "json" {
			return evaluationJSON(w, result)
		}
		width := 0
		if f.output == "" {
			width = terminalWidth(cmd.OutOrStdout())
		}
		return evaluate.Text(w, result, width)
	})
}

func evaluationJSON(w io.Writer, r *evaluate.Result) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func readReports(paths []string, stdin io.Reader) ([]evaluate.Input, error) {
	var out []evaluate.Input
	for _, path := range paths {
		err := opened(path, stdin, func(in io.Reader) error {
			rep, err := evaluate.ReadReport(in, path)
			out = append(out, evaluate.Input{Name: path, Report: rep})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// outsideFile holds, in a folder given with --truth, what the people did with
// others whom the capture does not show.
const outsideFile = "truth-outside.jsonl"

// readTruth reads a truth file or folder. In a folder the hosts may be left
// out: the truth then says itself who had which address.
func readTruth(path, hosts string) (*evaluate.Truth, error) {
	outside := ""
	if dir := path; isDir(dir) {
		path = compressedOr(filepath.Join(dir, "truth.jsonl"))
		if file := compressedOr(filepath.Join(dir, "hosts.json")); hosts == "" && exists(file) {
			hosts = file
		}
		outside = compressedOr(filepath.Join(dir, outsideFile))
	}
	accounts, err := readHosts(hosts)
	if err != nil {
		return nil, err
	}
	var truth *evaluate.Truth
	err = opened(path, nil, func(in io.Reader) (err error) {
		truth, err = evaluate.ReadTruth(in, path, accounts)
		return err
	})
	if err != nil || outside == "" || !exists(outside) {
		return truth, err
	}
	return truth, opened(outside, nil, func(in io.Reader) error { return truth.Add(in, outside) })
}

// readHosts reads which address belongs to which account; nil without a file.
func readHosts(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	var accounts map[string]string
	err := opened(path, nil, func(in io.Reader) (err error) {
		accounts, err = evaluate.ReadHosts(in, path)
		return err
	})
	return accounts, err
}

// compressedOr is the path, or that of its compressed form where only that is
// there.
func compressedOr(path string) string {
	if !exists(path) && exists(path+".gz") {
		return path + ".gz"
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// opened reads a file, or standard input where path is "-", through gzip where
// its content is compressed.
func opened(path string, stdin io.Reader, read func(io.Reader) error) error {
	in := stdin
	if path != "-" || stdin == nil {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	buf := bufio.NewReader(in)
	magic, _ := buf.Peek(2) // an error comes again below
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return read(buf)
	}
	unpacked, err := gzip.NewReader(buf)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return read(unpacked)
}
