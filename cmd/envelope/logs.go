package main

import (
	"os"

	"envelope/capture/logs"
)

// readColumns reads the column map of --columns.
func readColumns(path string) (*logs.Columns, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, usage("", "--columns: %w", err)
	}
	defer file.Close()
	columns, err := logs.ReadColumns(file)
	if err != nil {
		return nil, usage("one line each: our word for a field, then the name of its column", "--columns: %s: %w", path, err)
	}
	return columns, nil
}
