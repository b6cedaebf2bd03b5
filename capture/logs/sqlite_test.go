package logs

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"envelope/capture"
)

// databaseOf makes a database by statements.
func databaseOf(t testing.TB, statements string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a #1?.db")
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(name), "x.db"))
	if err == nil {
		_, err = db.Exec(statements)
	}
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		err = os.Rename(filepath.Join(filepath.Dir(name), "x.db"), name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	piholeTables = `CREATE TABLE query_storage (id INTEGER PRIMARY KEY, timestamp REAL, type INTEGER, status INTEGER, domain INTEGER, client INTEGER);
		CREATE TABLE domain_by_id (id INTEGER PRIMARY KEY, domain TEXT); CREATE TABLE client_by_id (id INTEGER PRIMARY KEY, ip TEXT, name TEXT);
		CREATE TABLE network (id INTEGER PRIMARY KEY, hwaddr TEXT); CREATE TABLE network_addresses (network_id INTEGER, ip TEXT, lastSeen INTEGER, name TEXT);
		INSERT INTO network VALUES (1,'02:00:5e:00:00:01'); INSERT INTO network_addresses VALUES (1,'192.0.2.10',1767600000,'Annas-Phone');
		INSERT INTO domain_by_id VALUES (1,'chat.example'); INSERT INTO client_by_id VALUES (1,'192.0.2.10','');
		INSERT INTO query_storage VALUES (1,1767600000.5,1,2,1,1),(2,1767600001,6,2,1,1),(3,'soon',1,2,1,1);`
	imessageTables = `CREATE TABLE message (guid TEXT, text TEXT, attributedBody BLOB, handle_id INTEGER, date INTEGER, is_from_me INTEGER, service TEXT, item_type INTEGER, cache_has_attachments INTEGER, destination_caller_id TEXT);
		CREATE TABLE handle (id TEXT); CREATE TABLE chat (guid TEXT, style INTEGER, chat_identifier TEXT, display_name TEXT);
		CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
		INSERT INTO handle VALUES ('+15550100002'); INSERT INTO chat VALUES ('g1',45,'+15550100002',''),('g2',43,'chat7','Canary Club');
		INSERT INTO message VALUES ('m1','CANARY','CANARY',1,789292800000000000,0,'iMessage',0,0,'+15550100001'),
			('m2','CANARY','CANARY',0,789292860,1,'SMS',0,1,'E:anna@Example.org'),('m3','CANARY',NULL,1,789292920000000000,0,'iMessage',0,0,''),('m4','CANARY',NULL,1,5e30,0,'iMessage',0,0,'');
		INSERT INTO chat_message_join VALUES (1,1),(1,2),(2,3),(1,4);`
	whatsappTables = `CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZISFROMME INTEGER, ZMESSAGETYPE INTEGER, ZMESSAGEDATE REAL, ZCHATSESSION INTEGER, ZGROUPMEMBER INTEGER, ZTEXT TEXT, ZSTANZAID TEXT);
		CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZCONTACTJID TEXT, ZPARTNERNAME TEXT); CREATE TABLE ZWAGROUPMEMBER (Z_PK INTEGER PRIMARY KEY, ZMEMBERJID TEXT, ZCONTACTNAME TEXT);
		INSERT INTO ZWACHATSESSION VALUES (1,'15550100002@s.whatsapp.net','Ben'),(2,'15550100001-1@g.us','Club'); INSERT INTO ZWAGROUPMEMBER VALUES (1,'15550100003@s.whatsapp.net','Carla');
		INSERT INTO ZWAMESSAGE VALUES (1,1,0,789292800,1,NULL,'CANARY','A'),(2,0,1,789292860,2,1,'CANARY','B'),(3,0,10,789292860,1,NULL,'CANARY','C');`
)

func TestSQLite(t *testing.T) {
	for _, c := range []struct {
		name, statements string
		observer         capture.Observer
		want, bad        string
	}{
		{"Pi-hole", piholeTables, capture.Resolver, "1767600000000000000 192.0.2.10 annas-phone dhcp|1767600000500000000 192.0.2.10 chat.example dns", ": row 3: a value of another type than its column's"},
		{"iMessage", imessageTables, capture.Device, "2026-01-05 08:00:00 message +15550100002>+15550100001 imessage m1|" +
			"2026-01-05 08:01:00 media anna@example.org>+15550100002 phone m2|2026-01-05 08:02:00 message +15550100002 imessage m3 chat7", ": row 4: no time of a message"},
		{"WhatsApp", whatsappTables, capture.Device, "2026-01-05 08:00:00 message >+15550100002 whatsapp A|2026-01-05 08:01:00 media +15550100003 whatsapp B 15550100001-1@g.us", ""},
		{"another", `CREATE TABLE a (b); CREATE VIEW message AS SELECT 1`, capture.Device, "", `: SQLite database with unknown tables: "a"; tried Pi-hole FTL, iMessage chat.db, WhatsApp ChatStorage`},
	} {
		in, err := capture.Open(databaseOf(t, c.statements), 0, []capture.Format{sqliteFormat(Options{})})
		if err != nil {
			t.Fatal(err)
		}
		got, bad := sqliteLines(in)
		if got != c.want || !strings.HasSuffix(bad, c.bad) || in.Observer != c.observer || strings.Contains(got+bad, "CANARY") {
			t.Errorf("%s, %s\n%s\n%s", c.name, in.Observer, got, bad)
		}
		_ = in.Close()
	}
}

func sqliteLines(in *capture.Input) (got, bad string) {
	var list []string
	for rec, err := range in.All() {
		switch {
		case err != nil:
			bad = err.Error()
		case rec.Name != nil:
			addr := rec.Name.Addr
			if !addr.IsValid() {
				addr = rec.Name.Client
			}
			list = append(list, strings.Join([]string{strconv.FormatInt(int64(rec.Time), 10), addr.String(), rec.Name.Value, rec.Name.How}, " "))
		default:
			e := rec.Entry
			list = append(list, strings.TrimSpace(callLine(rec)+" "+e.Service+" "+e.ID+" "+e.Group))
		}
	}
	return strings.Join(list, "|"), bad
}

// A database from a pipe is copied to a temporary file, which goes away.
func TestSQLiteFromPipe(t *testing.T) {
	text, err := os.ReadFile(databaseOf(t, whatsappTables))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	in, err := capture.OpenReader(strings.NewReader(string(text)), capture.Stdin, 0, []capture.Format{sqliteFormat(Options{})})
	if err != nil {
		t.Fatal(err)
	}
	if got, bad := sqliteLines(in); bad != "" || strings.Count(got, "|") != 1 {
		t.Error(got, bad)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v left, %v", left, err)
	}
}

func FuzzSQLite(f *testing.F) {
	f.Add([]byte(sqliteMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &capture.Input{Path: "-", Reader: strings.NewReader(sqliteMagic + string(b))}
		for rec, err := range sqliteFormat(Options{}).Read(in) {
			if err == nil && rec.Time < 0 {
				t.Fatal(rec.Time)
			}
		}
	})
}
