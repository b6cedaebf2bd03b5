package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// version is what envelope version prints and a report names.
const version = "0.1.0"

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3 // done, but part of the input was not read
)

// failure is an error with the exit code that it asks for and, where there is
// something to say, advice.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is an error of whoever typed the command.
func usage(hint, format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), hint}
}

// errPartial says that part of the input was not read. What was not read has
// been told by then.
var errPartial = &failure{code: exitPartial, err: errors.New("part of the input was not read")}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return tell(stderr, root.ExecuteContext(ctx))
}

// tell prints an error and its hint, and returns the exit code.
func tell(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{code: exitFailed, err: err}
	}
	if err != error(errPartial) {
		say(stderr, "error", err.Error())
	}
	if f.hint != "" {
		say(stderr, "hint", f.hint)
	}
	return f.code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "envelope",
		Short: "Says who talked to whom, when and how, from captures of encrypted messengers",
		Long: `envelope reads the outside of the envelope and never the letter: from packet
captures of end-to-end encrypted messengers, and without decrypting anything, it
says who talked to whom, when and how, how sure that is, and which packets show it.`,
		Example: `  envelope demo
  envelope analyze capture.pcapng
  envelope analyze --format json -o report.json captures/`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("envelope {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("see "+cmd.CommandPath()+" --help", "%w", err)
	})
	root.AddCommand(newAnalyze(), newClaims(), newCompare(), newDemo(), newEvaluate(), newFormats(), newServices(), newSimulate(), newVersion())
	return root
}

// noCommand is reached when the first argument names no command.
func noCommand(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see envelope --help"
	if _, err := os.Stat(args[0]); err == nil {
		hint = "to analyse it: envelope analyze " + args[0]
	}
	return usage(hint, "unknown command %q", args[0])
}

// noArguments is cobra.NoArgs with our exit code.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("see "+cmd.CommandPath()+" --help", "%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "envelope %s\n", version)
			return err
		},
	}
}
