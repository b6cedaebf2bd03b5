package capture

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// archiveOf writes a ZIP archive of named files.
func archiveOf(t *testing.T, files ...[2]string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		member, err := w.Create(f[0])
		if err == nil {
			_, err = io.WriteString(member, f[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	must(0, w.Close())
	name := filepath.Join(t.TempDir(), "a.zip")
	must(0, os.WriteFile(name, out.Bytes(), 0o600))
	return name
}

func TestZip(t *testing.T) {
	name := archiveOf(t, [2]string{"b/two.txt", "TEXT two\nthree"}, [2]string{"photo.JPG", "\xff\xd8"}, [2]string{"a.txt.gz", string(zipped([]byte("TEXT one")))}, [2]string{"b/", ""})
	files, err := Expand([]string{name, Stdin})
	want := []string{name + "/a.txt.gz", name + "/b/two.txt", Stdin}
	if err != nil || !slices.Equal(files, want) {
		t.Fatalf("%q, %v", files, err)
	}
	if below, err := Expand([]string{filepath.Dir(name)}); err != nil || !slices.Equal(below, want[:2]) {
		t.Errorf("in a folder: %q, %v", below, err)
	}
	for i, records := range []int64{1, 2} {
		in, err := Open(files[i], 0, []Format{lines})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range in.All() {
			if err != nil {
				t.Error(err)
			}
		}
		if in.Records != records || in.Path != files[i] || (len(in.Warnings) == 1) != (i == 0) {
			t.Errorf("%s: %d records of %s, warnings %q", files[i], in.Records, in.Path, in.Warnings)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestZipRefuses(t *testing.T) {
	encrypted := archiveOf(t, [2]string{"a.txt", "TEXT"})
	stored, err := os.ReadFile(encrypted)
	must(0, err)
	stored[bytes.Index(stored, []byte("PK\x01\x02"))+8] |= 1
	must(0, os.WriteFile(encrypted, stored, 0o600))
	broken := archiveOf(t, [2]string{"a.txt", "TEXT"})
	must(0, os.Truncate(broken, 30))
	nested := archiveOf(t, [2]string{"in.zip", zipMagic + "more"})
	for path, want := range map[string]string{
		encrypted + "/a.txt":  "a.txt: is encrypted; unpack the ZIP archive with its password first",
		broken:                "bad ZIP archive: zip: not a valid zip file",
		nested + "/in.zip":    "which has to be unpacked first",
		nested + "/other.txt": "no such file in the ZIP archive",
		archiveOf(t, [2]string{"../a.txt", "TEXT"}): "a file name that leads out of it",
		archiveOf(t, [2]string{"a.png", "TEXT"}):    "a ZIP archive without a file to read",
	} {
		if _, err := Open(path, 0, []Format{lines}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if files, err := Expand([]string{path}); strings.HasSuffix(path, ".zip") && (err != nil || !strings.HasPrefix(files[0], path)) {
			t.Errorf("%s: %q, %v", path, files, err)
		}
	}
}

func TestZipBomb(t *testing.T) {
	g := &grown{r: strings.NewReader("0123456789"), path: "a.zip/b", left: 4}
	got, err := io.ReadAll(g)
	if string(got) != "0123" || err == nil || !strings.Contains(err.Error(), "grows to more than 200 times") {
		t.Errorf("%q, %v", got, err)
	}
	if memberLimit(1) != freeGrowth || memberLimit(1<<30) != maxGrowth<<30 {
		t.Error("another limit than said")
	}
}

func FuzzZip(f *testing.F) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	member, _ := w.Create("a.txt")
	_, _ = io.WriteString(member, "TEXT one")
	_ = w.Close()
	f.Add(out.Bytes())
	f.Add([]byte(zipMagic))
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(folder, "a.zip")
		must(0, os.WriteFile(name, b, 0o600))
		files, err := Expand([]string{name})
		if err != nil || len(files) == 0 {
			t.Fatalf("%q, %v", files, err)
		}
		in, err := Open(files[0], 0, []Format{lines})
		if err != nil {
			return
		}
		for range in.All() {
		}
		_ = in.Close()
	})
}
