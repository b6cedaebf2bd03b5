package service

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed data/*.json
var embedded embed.FS

// Load reads the built-in files, then the *.json files of each of the user's
// folders in turn. A file whose id is known replaces what was known under that
// id; any other adds a messenger. An error names the file and the field.
func Load(dirs ...string) (*Set, error) {
	known := map[string]located{}
	if err := loadFolder(known, embedded, "data", "data"); err != nil {
		return nil, fmt.Errorf("built-in services: %w", err)
	}
	for _, dir := range dirs {
		if err := loadFolder(known, os.DirFS(dir), ".", dir); err != nil {
			return nil, fmt.Errorf("services: %w", err)
		}
	}
	if err := checkOwners(known); err != nil {
		return nil, err
	}
	return build(known), nil
}

// located is a messenger with the file that it came from.
type located struct {
	Service
	path string
	nth  int // among all files, in the order of reading
}

// loadFolder adds the files of one folder to known; shown is how messages name it.
func loadFolder(known map[string]located, fsys fs.FS, dir, shown string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err
	}
	here, nth := map[string]string{}, len(known)
	for _, v := range known {
		nth = max(nth, v.nth+1)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		path := filepath.ToSlash(filepath.Join(shown, e.Name()))
		text, err := fs.ReadFile(fsys, strings.TrimPrefix(dir+"/"+e.Name(), "./"))
		if err != nil {
			return err
		}
		v, err := parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if other, ok := here[v.ID]; ok {
			return fmt.Errorf("%s: id %q is that of %s", path, v.ID, other)
		}
		here[v.ID] = path
		known[v.ID] = located{v, path, nth}
		nth++
	}
	return nil
}

// checkOwners refuses a mark of two messengers, other than address ranges and
// ports, which may be shared, and a mark that one messenger has twice. The file
// that was read later is to blame.
func checkOwners(known map[string]located) error {
	owner := map[string]string{}
	for _, v := range slices.SortedFunc(maps.Values(known), func(a, b located) int { return cmp.Compare(a.nth, b.nth) }) {
		for j, m := range v.Marks {
			key := strings.Join([]string{string(m.Kind), strings.ToLower(m.Value), m.Tail, m.Port}, " ")
			if m.Kind == Net || m.Kind == Port {
				key = v.ID + " " + key
			}
			if other, ok := owner[key]; ok {
				return fmt.Errorf("%s: marks[%d]: value: %s %q is a mark of %s already", v.path, j, m.Kind, m.Value, other)
			}
			owner[key] = v.ID
		}
	}
	return nil
}

// parse reads one file and checks all of its fields.
func parse(text []byte) (Service, error) {
	var v Service
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, errors.New("more than one value")
	}
	return v, v.check()
}

// check tells what is wrong with v, naming the field; nil if nothing is.
func (v *Service) check() error {
	switch {
	case v.ID == "" || strings.Trim(v.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("id: %q is not made of a-z, 0-9 and -", v.ID)
	case v.Name == "":
		return errors.New("name: empty")
	case v.Company == "":
		return errors.New("company: empty")
	case len(v.Marks) == 0:
		return errors.New("marks: none")
	}
	for i, m := range v.Marks {
		if err := m.check(); err != nil {
			return fmt.Errorf("marks[%d] (%s %q): %w", i, m.Kind, m.Value, err)
		}
	}
	return nil
}

func (m *Mark) check() error {
	if !slices.Contains([]Role{Message, Media, Call, Push, Web, Other}, m.Role) {
		return fmt.Errorf("role: unknown %q", m.Role)
	}
	if m.Role == Other && m.Kind != Host {
		return fmt.Errorf("role: %q is for hosts only", m.Role)
	}
	if !(m.Weight > 0 && m.Weight <= 1) {
		return fmt.Errorf("weight: %v is not in (0,1]", m.Weight)
	}
	if m.Source == "" {
		return errors.New("source: empty")
	}
	if _, err := time.Parse(time.DateOnly, m.Date); err != nil {
		return fmt.Errorf("date: %q is not YYYY-MM-DD", m.Date)
	}
	return m.checkValue()
}

// maxPorts bounds a port mark: a wider range says nothing without an address,
// for which net marks have their own port field.
const maxPorts = 256

// checkValue tells whether the value has the form that its kind asks for.
func (m *Mark) checkValue() error {
	if m.Kind != Net && m.Tail+m.Port != "" {
		return errors.New("tail, port: for net marks only")
	}
	var err error
	switch m.Kind {
	case Host:
		_, err = parsePattern(m.Value)
	case Net:
		_, err = parseRange(m)
	case Port:
		var p ports
		if p, err = parsePorts(m.Value); err == nil && p.last-p.first >= maxPorts {
			err = fmt.Errorf("more than %d ports", maxPorts)
		}
	case App, Sign, Realm, ALPN, JA4:
		if m.Value == "" {
			err = errors.New("empty")
		}
	default:
		return fmt.Errorf("kind: unknown %q", m.Kind)
	}
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}
