package logs

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"envelope/capture"
)

// sqliteMagic begins every SQLite database (https://sqlite.org/fileformat.html, 1.3).
const sqliteMagic = "SQLite format 3\x00"

// maxSpool bounds a database that has to be written out before it can be
// read, in bytes.
const maxSpool = 16 << 30

// sqliteFormat reads databases of devices and resolvers; which one it is, its
// tables tell.
func sqliteFormat(_ Options) capture.Format {
	return capture.Format{
		Name: "sqlite", Title: "SQLite database: Pi-hole FTL, iMessage chat.db, WhatsApp ChatStorage (iOS) and msgstore (Android)", Observer: capture.Device,
		Grain: capture.GrainEntry, Early: true, Shows: []string{"who", "whom", "when", "duration", "device", "service", "group"},
		Hides: "What was written, which is never selected; of messages it has only those of the device's owner, of names only when they were asked for.",
		Sniff: func(head []byte) bool { return bytes.HasPrefix(head, []byte(sqliteMagic)) },
		Read:  readSQLite,
	}
}

// sqliteLayout is a database that is known by its tables.
type sqliteLayout struct {
	name     string
	observer capture.Observer
	tables   []string
	read     func(d *database) error
}

func sqliteLayouts() []sqliteLayout {
	return []sqliteLayout{
		{"Pi-hole FTL", capture.Resolver, []string{"query_storage", "domain_by_id", "client_by_id"}, readPihole},
		{"Pi-hole FTL before 5.15", capture.Resolver, []string{"queries", "ftl"}, readPihole},
		{"iMessage chat.db", capture.Device, []string{"message", "handle", "chat", "chat_message_join"}, readIMessage},
		{"WhatsApp ChatStorage", capture.Device, []string{"zwamessage", "zwachatsession", "zwagroupmember"}, readChatStorage},
		{"WhatsApp msgstore", capture.Device, []string{"message", "chat", "jid"}, readMsgstore},
	}
}

func readSQLite(in *capture.Input) iter.Seq2[capture.Record, error] {
	return func(yield func(capture.Record, error) bool) {
		r := &reader{in: in, yield: yield}
		r.fail(r.sqlite())
	}
}

func (r *reader) sqlite() error {
	path, remove, err := r.databaseFile()
	if err != nil {
		return err
	}
	defer remove()
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro&immutable=1&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	d := &database{reader: r, db: db}
	if err := d.schema(); err != nil {
		return err
	}
	return d.layout()
}

// databaseFile gives a file that holds the database: the input itself, or a
// temporary copy where the input is compressed, piped or in an archive.
func (r *reader) databaseFile() (path string, remove func(), err error) {
	path, err = filepath.Abs(r.in.Path)
	if err == nil && len(r.in.Compression) == 0 && isDatabase(path) {
		if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
			r.in.Warn("the write-ahead log beside the database (-wal) is not read: its newest rows are missing")
		}
		return path, func() {}, nil
	}
	file, err := os.CreateTemp("", "envelope-*.sqlite")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(file.Name()) } // a temporary file; nothing can be done about one that stays
	n, err := io.Copy(file, io.LimitReader(r.in.Reader, maxSpool+1))
	if n > maxSpool {
		err = fmt.Errorf("a database of more than %d GiB that is not a plain file; unpack it first", maxSpool>>30)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		remove()
		return "", nil, err
	}
	return file.Name(), remove, nil
}

func isDatabase(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, len(sqliteMagic))
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	_, err = io.ReadFull(file, head)
	return err == nil && string(head) == sqliteMagic
}

// database is an open database and the columns of its tables. Views do not
// count: the query of a hostile one may never end.
type database struct {
	*reader
	db      *sql.DB
	columns map[string][]string // by table, all in lower case
}

// maxTables bounds the tables that are looked at.
const maxTables = 1000

func (d *database) schema() error {
	d.columns = map[string][]string{}
	rows, err := d.db.Query(`SELECT substr(m.name,1,100), substr(p.name,1,100) FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type='table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' LIMIT 100000`)
	if err != nil {
		return fmt.Errorf("not a readable SQLite database: %w", err)
	}
	defer rows.Close()
	for rows.Next() && len(d.columns) < maxTables {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return err
		}
		table = strings.ToLower(table)
		d.columns[table] = append(d.columns[table], strings.ToLower(column))
	}
	return rows.Err()
}

// layout reads the database by the layout that its tables tell.
func (d *database) layout() error {
	var tried []string
	for _, l := range sqliteLayouts() {
		if !slices.ContainsFunc(l.tables, func(t string) bool { return d.columns[t] == nil }) {
			d.in.Observer = l.observer
			return l.read(d)
		}
		tried = append(tried, l.name)
	}
	var tables []string
	for t := range d.columns {
		tables = append(tables, fmt.Sprintf("%.40q", t))
	}
	slices.Sort(tables)
	return &capture.SyntaxError{Path: d.in.Path, Unit: "row", Msg: fmt.Sprintf("SQLite database with unknown tables: %s; tried %s",
		strings.Join(tables[:min(len(tables), 10)], ", "), strings.Join(tried, ", "))}
}

// column is the column of a table under an alias, or NULL where a version of
// the database does not have it.
func (d *database) column(table, alias, column string) string {
	if slices.Contains(d.columns[table], strings.ToLower(column)) {
		return alias + "." + column
	}
	return "NULL"
}

// each takes the rows of a query, whose first column is the row's number. A row
// that cannot be read is reported, and the others are read.
func (d *database) each(query string, take func() error, into ...any) error {
	rows, err := d.db.Query(query)
	if err != nil {
		return fmt.Errorf("not a readable SQLite database: %w", err)
	}
	defer rows.Close()
	for rows.Next() && !d.done {
		d.in.Packets++
		err := rows.Scan(append([]any{&d.at}, into...)...)
		if err == nil {
			err = take()
		} else {
			err = errors.New("a value of another type than its column's")
		}
		if err != nil {
			d.fail(&capture.SyntaxError{Path: d.in.Path, At: d.at, Unit: "row", Msg: err.Error()})
		}
	}
	return rows.Err()
}
