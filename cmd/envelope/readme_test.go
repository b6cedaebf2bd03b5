package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the outputs in README.md anew")

// shown is the most lines of an output that the README shows; the rest is "...".
const shown = 24

// TestReadme runs every "$ envelope" line of the README, in order and in one
// folder, and compares what it shows of the first one's output.
func TestReadme(t *testing.T) {
	path, err := filepath.Abs(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var out []string
	ran := 0
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		out = append(out, lines[i])
		command, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			continue
		}
		ran++
		end := i + 1
		for end < len(lines) && lines[end] != "```" && !strings.HasPrefix(lines[end], "$ ") {
			end++
		}
		want := lines[i+1 : end]
		got := runLine(t, command)
		if ran == 1 {
			first := append(got[:min(shown, len(got))], "...")
			if !*update && strings.Join(first, "\n") != strings.Join(want, "\n") {
				t.Errorf("$ %s: the output in the README is not the program's (go test ./cmd/envelope -run Readme -update)", command)
			}
			want = first
		}
		out = append(out, want...)
		i = end - 1
	}
	if ran < 8 {
		t.Errorf("%d commands found in the README", ran)
	}
	if *update && !bytes.Equal(text, []byte(strings.Join(out, "\n"))) {
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// runLine runs one command of the README and returns the lines it printed.
func runLine(t *testing.T, command string) []string {
	t.Helper()
	args := words(command)
	switch {
	case len(args) > 3 && strings.Join(args[:3], " ") == "go run ./cmd/envelope":
		args = args[3:]
	case len(args) > 1 && args[0] == "envelope":
		args = args[1:]
	default:
		t.Fatalf("$ %s: not a command of envelope", command)
	}
	code, out, errs := try(t.Context(), nil, args...)
	if code != exitDone {
		t.Fatalf("$ %s: exit code %d: %s", command, code, errs)
	}
	return strings.Split(strings.TrimRight(out, "\n"), "\n")
}

// words splits a command line at spaces, except within double quotes.
func words(s string) []string {
	var out []string
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

// TestReadmeCommandsRunInCI holds the checks to the command that the README
// names for the tests.
func TestReadmeCommandsRunInCI(t *testing.T) {
	for _, path := range []string{"README.md", ".ci/run"} {
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"\ngo test ./...\n", "go run ./cmd/envelope demo"} {
			if !strings.Contains(string(text), command) {
				t.Errorf("%s does not hold %q", path, strings.TrimSpace(command))
			}
		}
	}
}
