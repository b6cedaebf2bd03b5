package main

import (
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"envelope/analyze/report"
	"envelope/capture"
	"envelope/capture/logs"
	"envelope/capture/packet"
)

func newFormats() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "formats",
		Short: "List the inputs that can be read, and what each can tell",
		Long: `formats lists the inputs that can be read: whose they are, how finely they show
what happened, what they can tell and what they cannot. Inputs are recognised by
their content, never by their name, also inside gzip, zstd, xz, bzip2 and ZIP.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := slices.Concat(packet.NewReader(packet.Options{}).Formats(), logs.Formats(logs.Options{}))
			switch format {
			case "text":
				return report.KnownFormats(cmd.OutOrStdout(), list, widthOf(cmd))
			case "json":
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(formatRows(list))
			}
			return unknownFormat(format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT`: text or json")
	mustComplete(cmd, "format", "text", "json")
	return cmd
}

// formatRow is a format as --format json shows it.
type formatRow struct {
	Format   string           `json:"format"`
	Title    string           `json:"title"`
	Observer capture.Observer `json:"observer"`
	Grain    capture.Grain    `json:"grain"`
	Shows    []string         `json:"shows"`
	Hides    string           `json:"hides"`
}

func formatRows(list []capture.Format) []formatRow {
	var rows []formatRow
	for _, f := range list {
		rows = append(rows, formatRow{f.Name, f.Title, f.Observer, f.Grain, f.Shows, f.Hides})
	}
	return rows
}

// widthOf is the width to fill: that of the terminal, or of a page.
func widthOf(cmd *cobra.Command) int {
	if width := terminalWidth(cmd.OutOrStdout()); width > 0 {
		return width
	}
	return report.DefaultWidth
}
