package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"envelope": main})
}

// TestScripts runs the stories of testdata/script, which call the program as a
// shell does. -update writes their expected outputs anew.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"cut":     cut,
			"hostile": hostile,
		},
	})
}

// exits CODE PROGRAM ARG... runs a program, which must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	got := 0
	var ended *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cut FILE SIZE NEW writes the first SIZE bytes of a file to another.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(data[:size]), 0o666))
}

// hostile CAPTURE ADDRESS copies a capture to a file whose name holds escape
// sequences, in the folder hostile, and gives the address such a name in
// names.csv.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(ts.MkAbs("hostile"), 0o777))
	path := filepath.Join(ts.MkAbs("hostile"), "a\x1b[2J\u202eb.pcap")
	ts.Check(os.WriteFile(path, []byte(ts.ReadFile(args[0])), 0o666))
	names := args[1] + ",\"\x1b]0;owned\x07\u202eAnna\u009b31m\"\n"
	ts.Check(os.WriteFile(ts.MkAbs("names.csv"), []byte(names), 0o666))
}
