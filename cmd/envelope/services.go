package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"envelope/analyze/report"
	"envelope/analyze/service"
)

func newServices() *cobra.Command {
	var format string
	var dirs []string
	cmd := &cobra.Command{
		Use:   "services",
		Short: "List the messengers that are known and what they are recognised by",
		Long: `services lists the messengers that are known and what they are recognised by.
With --format json each mark is given with its weight, source and date; a file
of the same form in a folder given with --services adds a messenger or replaces
what is known of one.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := loadServices(dirs)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				return report.KnownServices(cmd.OutOrStdout(), set.Describe(), widthOf(cmd))
			case "json":
				return servicesJSON(cmd.OutOrStdout(), set)
			}
			return unknownFormat(format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT`: text or json")
	cmd.Flags().StringArrayVar(&dirs, "services", nil, "also read what is known of messengers from `DIR`")
	mustComplete(cmd, "format", "text", "json")
	return cmd
}

func unknownFormat(format string) error {
	return usage("formats are text and json", "--format: unknown format %q", format)
}

// loadServices reads what is known of messengers; what is wrong in a folder of
// the user's is wrong usage.
func loadServices(dirs []string) (*service.Set, error) {
	for _, dir := range dirs {
		if !isDir(dir) {
			return nil, usage("", "--services: %s is no folder", dir)
		}
	}
	set, err := service.Load(dirs...)
	if err != nil && len(dirs) > 0 {
		return nil, usage("envelope services --format json shows the form of such files", "--services: %w", err)
	}
	return set, err
}

// serviceNames gives the name that people know for each id.
func serviceNames(set *service.Set) map[string]string {
	names := map[string]string{}
	for _, s := range set.Services() {
		names[s.ID] = s.Name
	}
	return names
}

func servicesJSON(w io.Writer, set *service.Set) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(set.Services())
}
