package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"envelope/analyze"
	"envelope/analyze/report"
	"envelope/capture"
	"envelope/capture/simulate"
)

// demoFile is one capture of the demonstration.
type demoFile struct {
	name string
	data []byte
}

func newDemo() *cobra.Command {
	f, truth := &flags{}, ""
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make captures of an invented conversation and analyse them",
		Long: `demo makes captures of a conversation between invented people, analyses them as
any other file, and prints the report. Nothing is sent anywhere.`,
		Example: `  envelope demo
  envelope demo -o demo --truth truth`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, f, truth) },
	}
	cmd.Flags().SortFlags = false
	f.registerOutput(cmd.Flags())
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "keep the captures in `DIR`")
	cmd.Flags().StringVar(&truth, "truth", "", "write what really happened to truth.jsonl and hosts.json in `DIR`, for envelope evaluate")
	mustComplete(cmd, "format", reportFormats...)
	return cmd
}

func runDemo(cmd *cobra.Command, f *flags, truth string) error {
	recording, err := simulate.Demo().Run()
	if err != nil {
		return err
	}
	if err := writeTruth(truth, recording); err != nil {
		return err
	}
	files := demoFiles(recording)
	dir, done, err := demoFolder(f.output)
	if err != nil {
		return err
	}
	defer done()
	paths, err := writeDemo(dir, files)
	if err != nil {
		return err
	}
	kept := f.output
	f.output = "" // it names the folder of the captures, not a report
	o, write, err := f.options(cmd, paths[:1])
	if err != nil {
		return err
	}
	rep, unread, err := analyzeInputs(cmd.Context(), o)
	if err != nil {
		return err
	}
	for i := range rep.Inputs {
		// A temporary folder is named anew each time; the report is not.
		rep.Inputs[i].Path = filepath.Base(rep.Inputs[i].Path)
	}
	err = output(cmd.OutOrStdout(), "", func(w io.Writer) error { return demoReport(w, rep, write, f.format, demoNext(kept, files)) })
	if err != nil {
		return err
	}
	return conclude(cmd.Context(), cmd.ErrOrStderr(), true, rep, unread)
}

// demoReport writes the report and, for people, what to try next.
func demoReport(w io.Writer, rep *analyze.Report, write reportWriter, format, next string) error {
	if err := write(w, rep); err != nil || format != "text" {
		return err
	}
	_, err := fmt.Fprintf(w, "\nSimulated; nobody is real. Next: %s\n", next)
	return err
}

// demoNext is what to try next: another of the captures that were kept, or to
// keep them.
func demoNext(dir string, files []demoFile) string {
	if dir == "" {
		return "envelope analyze FILE, or envelope demo -o DIR"
	}
	return "envelope analyze " + report.Clean(filepath.Join(dir, files[len(files)-1].name))
}

// demoFolder is the folder for the captures, and what to do with it at the end.
func demoFolder(dir string) (string, func(), error) {
	if dir != "" {
		return dir, func() {}, os.MkdirAll(dir, 0o777)
	}
	dir, err := os.MkdirTemp("", "envelope-demo-")
	return dir, func() { os.RemoveAll(dir) }, err
}

func writeDemo(dir string, files []demoFile) ([]string, error) {
	var paths []string
	for _, file := range files {
		path := filepath.Join(dir, file.name)
		err := replace(path, func(w io.Writer) error {
			_, err := w.Write(file.data)
			return err
		})
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// demoFiles are the captures. The first is the one to analyse: what the network
// saw of everybody.
func demoFiles(recording *simulate.Recording) []demoFile {
	var files []demoFile
	for _, c := range recording.Captures {
		file := demoFile{c.Name, c.Data}
		if c.Observer == capture.Network {
			files = append([]demoFile{file}, files...)
		} else {
			files = append(files, file)
		}
	}
	return files
}

// writeTruth writes what really happened to a folder of its own, so that the
// folder of the captures holds captures only; nowhere where dir is empty.
func writeTruth(dir string, recording *simulate.Recording) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := replace(filepath.Join(dir, "truth.jsonl"), recording.WriteTruth); err != nil {
		return err
	}
	return replace(filepath.Join(dir, "hosts.json"), recording.WriteHosts)
}
