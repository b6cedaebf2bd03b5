package main

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"envelope/analyze/exposure"
	"envelope/analyze/report"
)

func newClaims() *cobra.Command {
	var format, id string
	cmd := &cobra.Command{
		Use:   "claims [ID]",
		Short: "List what companies and researchers say can be seen of messages",
		Long: `claims lists what messenger companies, authorities and researchers say can be
seen of people's messages: which facts, by whom, and apart from each other what
passes through somebody's hands, what is kept and what is handed over. Grade P
was read in a primary source, S in a secondary one. With an ID one claim is
shown with its source and with what data it needs to be tested. What became of
each claim on given data is in the report of envelope analyze.`,
		Example: `  envelope claims
  envelope claims WA-01
  envelope claims --service signal --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ledger, err := exposure.Load()
			if err != nil {
				return err
			}
			switch {
			case len(args) > 1:
				return usage("see envelope claims --help", "envelope claims takes one ID, got %q", args[1])
			case len(args) == 1 && id != "":
				return usage("give one of them", "envelope claims: --service with the ID %q", args[0])
			case len(args) == 1:
				return oneClaim(cmd.OutOrStdout(), ledger, args[0], format)
			}
			return listClaims(cmd.OutOrStdout(), ledger, id, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT`: text or json")
	cmd.Flags().StringVar(&id, "service", "", "only claims about the messenger with this `ID`, such as whatsapp")
	mustComplete(cmd, "format", "text", "json")
	return cmd
}

// oneClaim writes one claim whole.
func oneClaim(w io.Writer, ledger exposure.Ledger, id, format string) error {
	c, ok := ledger.Find(id)
	if !ok {
		return usage("envelope claims lists them", "unknown claim %q", id)
	}
	return claimsAs(w, format, c, func(width int) error { return report.OneClaim(w, c, width) })
}

// listClaims writes the claims about a messenger, or all for "".
func listClaims(w io.Writer, ledger exposure.Ledger, service, format string) error {
	if service != "" {
		known := ledger.Services()
		if ledger = ledger.Of(service); len(ledger) == 0 {
			return usage("there are claims about "+strings.Join(known, ", "), "--service: no claim about %q", service)
		}
	}
	return claimsAs(w, format, ledger, func(width int) error { return report.KnownClaims(w, ledger, width) })
}

// claimsAs writes v as JSON, or as the text that a function makes of it.
func claimsAs(w io.Writer, format string, v any, text func(width int) error) error {
	switch format {
	case "text":
		width := terminalWidth(w)
		if width == 0 {
			width = report.DefaultWidth
		}
		return text(width)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	return unknownFormat(format)
}
