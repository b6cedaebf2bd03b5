package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"envelope/analyze/report"
)

// say prints one line of the program's own to standard error. Its text may hold
// file names and strings from captures, so it is cleaned.
func say(w io.Writer, kind, text string) {
	fmt.Fprintf(w, "envelope: %s: %s\n", kind, report.Clean(text))
}

// output hands a writer to write: standard output where path is empty, else the
// file of that name. A regular file appears complete or not at all; a pipe or
// device is simply written.
func output(stdout io.Writer, path string, write func(io.Writer) error) error {
	switch path {
	case "", "-", "/dev/stdout":
		return buffered(stdout, write)
	}
	if plain(path) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		return errors.Join(buffered(file, write), file.Close())
	}
	return replace(path, write)
}

// plain tells whether the path is there and is no regular file, so that it must
// not be replaced: a device, a pipe, a file descriptor of this process.
func plain(path string) bool {
	info, err := os.Stat(path)
	return err == nil && (!info.Mode().IsRegular() || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/"))
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	buf := bufio.NewWriter(w)
	if err := write(buf); err != nil {
		return err
	}
	return buf.Flush()
}

// replace writes a temporary file beside path and renames it.
func replace(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the link stays
	}
	temp, err := createTemp(path)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	err = errors.Join(buffered(temp, write), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the report: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

// createTemp makes a new file in the folder of path. os.CreateTemp would keep
// others from reading it; the mode of a report is that of any new file, or that
// of the file it replaces.
func createTemp(path string) (*os.File, error) {
	mode := fs.FileMode(0o666)
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is a folder")}
		}
		mode = info.Mode().Perm()
	}
	for i := range 100 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), i))
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
	return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("too many temporary files beside it")}
}

// checkOutput finds out before a long analysis whether the report can be
// written, and refuses to write over an input.
func checkOutput(path string, inputs []string) error {
	if path == "" || path == "-" || plain(path) && !isDir(path) {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && holdsAny(inputs, info) {
		return usage("choose another name for the report", "-o %s would write over an input", path)
	}
	temp, err := createTemp(path)
	if err != nil {
		return fmt.Errorf("the report could not be written: %w", err)
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// holdsAny tells whether the file is one of the inputs or in one of them.
func holdsAny(inputs []string, file fs.FileInfo) bool {
	found := false
	for _, input := range inputs {
		// Errors are told when the input is read.
		_ = filepath.WalkDir(input, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := os.Stat(path); err == nil && os.SameFile(info, file) {
				found = true
				return fs.SkipAll
			}
			return nil
		})
	}
	return found
}
