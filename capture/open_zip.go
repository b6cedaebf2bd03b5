package capture

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// zipMagic begins a ZIP archive that holds a file (APPNOTE.TXT 4.3.7).
const zipMagic = "PK\x03\x04"

// maxMembers bounds the files of an archive.
const maxMembers = 10_000

// A member may grow to maxGrowth times its stored size, and to freeGrowth bytes
// in any case: the most uniform logs shrink to a hundredth, and what shrinks
// more is made to fill disks and memories.
const (
	maxGrowth  = 200
	freeGrowth = 256 << 20
)

// isZip tells whether a file begins as a ZIP archive does.
func isZip(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(zipMagic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == zipMagic
}

// expandZip gives the paths of the members of a ZIP archive, "a.zip/member", and
// any other file, or an archive that cannot be read, as it is: Open says why.
func expandZip(file string) []string {
	if !isZip(file) {
		return []string{file}
	}
	members, err := zipMembers(file)
	if err != nil {
		return []string{file}
	}
	for i := range members {
		members[i] = file + "/" + members[i]
	}
	return members
}

// zipMembers lists the files of an archive that may hold records, in lexical
// order.
func zipMembers(file string) ([]string, error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: bad ZIP archive: %w", file, err)
	}
	defer archive.Close()
	if len(archive.File) > maxMembers {
		return nil, fmt.Errorf("%s: a ZIP archive of %d files, more than the %d allowed", file, len(archive.File), maxMembers)
	}
	var members []string
	for _, f := range archive.File {
		switch {
		case strings.HasSuffix(f.Name, "/") || isMedia(f.Name):
		case !filepath.IsLocal(f.Name):
			return nil, fmt.Errorf("%s: a ZIP archive with a file name that leads out of it", file)
		default:
			members = append(members, f.Name)
		}
	}
	slices.Sort(members)
	if members = slices.Compact(members); len(members) == 0 {
		return nil, fmt.Errorf("%s: a ZIP archive without a file to read", file)
	}
	return members, nil
}

// isMedia tells by the name whether a member is a picture, sound, film or page
// decoration, as exports hold them beside the records.
func isMedia(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".svg", ".ico", ".mp4", ".mov", ".3gp", ".webm", ".mp3",
		".m4a", ".aac", ".ogg", ".opus", ".amr", ".wav", ".pdf", ".vcf", ".tgs", ".css", ".js", ".woff", ".woff2", ".ttf"},
		strings.ToLower(path.Ext(name)))
}

// splitMember parts "a.zip/member"; ok is false where no part of the path is a
// file that begins as a ZIP archive does.
func splitMember(name string) (file, member string, ok bool) {
	for i := range len(name) {
		if !os.IsPathSeparator(name[i]) {
			continue
		}
		if info, err := os.Stat(name[:i]); err == nil && info.Mode().IsRegular() {
			return name[:i], name[i+1:], isZip(name[:i])
		}
	}
	return "", "", false
}

// openMember opens a member of an archive as a stream. Its size and hash are
// those of the member, without the archive's compression.
func openMember(file, member string, index int32, formats []Format) (*Input, error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: bad ZIP archive: %w", file, err)
	}
	in, err := readMember(&archive.Reader, file, member, index, formats)
	if err != nil {
		return nil, errors.Join(err, archive.Close())
	}
	in.closer = archive
	return in, nil
}

func readMember(archive *zip.Reader, file, member string, index int32, formats []Format) (*Input, error) {
	name := file + "/" + member
	i := slices.IndexFunc(archive.File, func(f *zip.File) bool { return f.Name == member })
	if i < 0 {
		return nil, fmt.Errorf("%s: no such file in the ZIP archive", name)
	}
	f := archive.File[i]
	if f.Flags&1 != 0 { // APPNOTE.TXT 4.4.4
		return nil, fmt.Errorf("%s: is encrypted; unpack the ZIP archive with its password first", name)
	}
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	in, err := OpenReader(&grown{r: content, path: name, left: memberLimit(f.CompressedSize64)}, name, index, formats)
	if err != nil {
		return nil, err
	}
	in.size = int64(min(f.UncompressedSize64, 1<<62))
	in.passedOver(archive, member)
	return in, nil
}

// memberLimit is the most bytes that a member of the stored size may have.
func memberLimit(stored uint64) uint64 { return max(freeGrowth, maxGrowth*min(stored, 1<<50)) }

// passedOver warns of the media of an archive, at the first of its files that
// is read.
func (in *Input) passedOver(archive *zip.Reader, member string) {
	media := 0
	for _, f := range archive.File {
		switch {
		case isMedia(f.Name):
			media++
		case f.Name < member && !strings.HasSuffix(f.Name, "/"):
			return
		}
	}
	if media > 0 {
		in.Warn(fmt.Sprintf("%d media files of the ZIP archive are not read", media))
	}
}

// grown ends a member that grows beyond its limit.
type grown struct {
	r    io.Reader
	path string
	left uint64
}

func (g *grown) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	if uint64(n) > g.left {
		n, err = int(g.left), &SyntaxError{Path: g.path, Unit: "byte", Msg: fmt.Sprintf("grows to more than %d times its size in the ZIP archive; the rest is not read", maxGrowth)}
	}
	g.left -= uint64(n)
	return n, err
}

// refused gives the reason why an archive was not taken apart, or err.
func refused(file string, head []byte, err error) error {
	if !bytes.HasPrefix(head, []byte(zipMagic)) || file == Stdin {
		return err
	}
	if _, why := zipMembers(file); why != nil && isZip(file) {
		return why
	}
	return err
}
