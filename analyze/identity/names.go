package identity

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReadNames reads the user's names for addresses and accounts: CSV (RFC 4180)
// with two columns, the address or account and the name, which may be followed
// by others. A first line whose first column is "address", "account" or
// "address-or-account" is taken for a header; empty lines and lines that start
// with # are skipped. An address or account that stands twice with different
// names is an error. Errors give the line.
func ReadNames(r io.Reader) (map[string]string, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.Comment = '#'
	in.TrimLeadingSpace = true
	in.ReuseRecord = true
	names := map[string]string{}
	for first := true; ; first = false {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err // names the line
		}
		if first {
			fields[0] = strings.TrimPrefix(fields[0], "\ufeff") // spreadsheets write a byte order mark
			if isHeader(fields[0]) {
				continue
			}
		}
		line, _ := in.FieldPos(0)
		if err := addName(names, fields); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func isHeader(field string) bool {
	switch strings.ToLower(strings.TrimSpace(field)) {
	case "address", "account", "address-or-account", "address or account", "address_or_account":
		return true
	}
	return false
}

func addName(names map[string]string, fields []string) error {
	if len(fields) < 2 {
		return errors.New("two columns wanted: address or account, name")
	}
	key, name := strings.TrimSpace(fields[0]), strings.TrimSpace(fields[1])
	if key == "" || name == "" {
		return errors.New("address or account, or name, is empty")
	}
	if old, ok := names[key]; ok && old != name {
		return fmt.Errorf("%q is named %q and %q", key, old, name)
	}
	names[key] = name
	return nil
}
