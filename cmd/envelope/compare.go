package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"envelope/analyze"
	"envelope/analyze/evaluate"
	"envelope/capture"
)

// compareFlags are the flags of compare as they were typed.
type compareFlags struct {
	flags
	rows bool
}

func newCompare() *cobra.Command {
	f := &compareFlags{}
	cmd := &cobra.Command{
		Use:   "compare OURS RECORD",
		Short: "Lay reconstructed messages beside an operator's record of them",
		Long: `compare lays a reconstruction beside a record: which messages of the record were
recovered, which were missed, and which of ours are not in it. Each side is a
message log (envelope analyze --format message-log), a report in JSON, or any
input that envelope analyze reads: a capture, a server's log, a legal-process
return. Clocks are aligned; who of ours is who of theirs is told by name, else
by what both have at the same times.`,
		Example: `  envelope compare ours.csv records.html
  envelope compare router.pcapng prosody.log
  envelope compare --rows --format json report.json return.zip`,
		RunE: func(cmd *cobra.Command, args []string) error { return runCompare(cmd, args, f) },
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&f.format, "format", "text", "`FORMAT`: text or json")
	set.BoolVar(&f.rows, "rows", false, "list the rows that were missed and those that are not in the record")
	set.StringVar(&f.names, "names", "", "names for addresses and accounts: CSV `FILE`")
	set.StringVar(&f.logTZ, "log-tz", "UTC", "time `ZONE` of log lines that name none")
	set.IntVar(&f.year, "year", 0, "`YEAR` of log lines whose stamps have none; else that of the other side")
	mustComplete(cmd, "format", "text", "json")
	return cmd
}

func runCompare(cmd *cobra.Command, args []string, f *compareFlags) error {
	if len(args) != 2 {
		return usage("give what was reconstructed, then the record", "%d inputs given, 2 are wanted", len(args))
	}
	if f.format != "text" && f.format != "json" {
		return unknownFormat(f.format)
	}
	f.least, f.tz = defaultLeast, "UTC"
	ours, err := f.messages(cmd, args[0])
	if err != nil {
		return err
	}
	if len(ours) > 0 && f.year == 0 {
		f.year = ours[0].Time.UTC().Year()
	}
	theirs, err := f.messages(cmd, args[1])
	if err != nil {
		return err
	}
	c := evaluate.Compare(ours, theirs)
	if f.format == "json" {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(c.Document(f.rows))
	}
	return evaluate.CompareText(cmd.OutOrStdout(), c, f.rows, widthOf(cmd))
}

// messages reads one side, whatever it is.
func (f *compareFlags) messages(cmd *cobra.Command, path string) ([]evaluate.LogRow, error) {
	head, err := headOf(path)
	if err != nil {
		return nil, err
	}
	var list []evaluate.LogRow
	switch {
	case evaluate.IsMessageLog(head):
		err = opened(path, nil, func(in io.Reader) (err error) {
			list, err = evaluate.ReadMessageLog(in)
			return err
		})
		return list, err
	case bytes.Contains(head, []byte(`"`+analyze.Schema+`"`)):
		var rep *analyze.Report
		err = opened(path, nil, func(in io.Reader) (err error) {
			rep, err = evaluate.ReadReport(in, path)
			return err
		})
		if err != nil {
			return nil, err
		}
		return evaluate.MessagesOf(rep)
	}
	return f.read(cmd.Context(), cmd, path)
}

// read analyses an input.
func (f *compareFlags) read(ctx context.Context, cmd *cobra.Command, path string) ([]evaluate.LogRow, error) {
	o, _, err := f.options(cmd, []string{path})
	if err != nil {
		return nil, err
	}
	rep, unread, err := readInputs(ctx, o)
	if err = cmp.Or(err, first(unread)); err != nil {
		return nil, err
	}
	return evaluate.MessagesOf(rep)
}

func first(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}

// headOf reads the first bytes of a file; of a folder there are none.
func headOf(path string) ([]byte, error) {
	if isDir(path) {
		return nil, nil
	}
	head := make([]byte, capture.SniffLen)
	n := 0
	err := opened(path, nil, func(in io.Reader) error {
		n, _ = io.ReadFull(in, head) // a short file is a short head
		return nil
	})
	if os.IsNotExist(err) {
		return nil, usage("", "%w", err)
	}
	return head[:n], err
}
