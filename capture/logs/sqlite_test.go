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
		CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZCONTACTJID TEXT, ZPARTNERNAME TEXT); CREATE TABLE ZWAGROUPMEMBER (Z_PK INTEGER PRIMARY KEY, ZMEMBERJID TEXT, ZCONTACTNAME TEXT, ZCHATSESSION INTEGER);
		INSERT INTO ZWACHATSESSION VALUES (1,'15550100002@s.whatsapp.net','Ben'),(2,'15550100001-1@g.us','Club'); INSERT INTO ZWAGROUPMEMBER VALUES (1,'15550100003@s.whatsapp.net','Carla',2);
		INSERT INTO ZWAMESSAGE VALUES (1,1,0,789292800,1,NULL,'CANARY','A'),(2,0,1,789292860,2,1,'CANARY','B'),(3,0,10,789292860,1,NULL,'CANARY','C');`
)

// Tables that later or earlier versions have besides.
const (
	oldPiholeTables = `CREATE TABLE ftl (id INTEGER PRIMARY KEY, value BLOB); CREATE TABLE queries (id INTEGER PRIMARY KEY, timestamp INTEGER, type INTEGER, status INTEGER, domain TEXT, client TEXT, forward TEXT);
		INSERT INTO queries VALUES (1,1767600000,2,2,'Chat.example','192.0.2.10',NULL),(2,1767600001,7,2,'canary.example','192.0.2.10',NULL);`
	imessageMore = `CREATE TABLE message (guid TEXT, text TEXT, handle_id INTEGER, date INTEGER, date_read INTEGER, date_delivered INTEGER, is_from_me INTEGER, service TEXT);
		CREATE TABLE handle (id TEXT); CREATE TABLE chat (style INTEGER, chat_identifier TEXT, display_name TEXT); CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
		CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER); INSERT INTO handle VALUES ('+15550100002'),('carla@Example.org');
		INSERT INTO chat VALUES (45,'+15550100002',''),(43,'chat7','Club'); INSERT INTO chat_handle_join VALUES (1,1),(2,1),(2,2);
		INSERT INTO message VALUES ('m1','CANARY',0,789292800000000000,789292810000000000,789292801000000000,1,'iMessage'),('m2','CANARY',2,789292860000000000,789292870000000000,789292861000000000,0,'iMessage'),
			('m3','CANARY',0,789292880000000000,789292890000000000,0,1,'iMessage'); INSERT INTO chat_message_join VALUES (1,1),(2,2),(2,3);`
	msgstoreTables = `CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT); CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER, subject TEXT);
		CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id INTEGER, from_me INTEGER, key_id TEXT, sender_jid_row_id INTEGER, timestamp INTEGER, message_type INTEGER, text_data TEXT);
		CREATE TABLE message_media (message_row_id INTEGER PRIMARY KEY, file_size INTEGER, file_path TEXT, media_name TEXT);
		CREATE TABLE call_log (_id INTEGER PRIMARY KEY, jid_row_id INTEGER, from_me INTEGER, call_id TEXT, timestamp INTEGER, video_call INTEGER, duration INTEGER, call_result INTEGER);
		CREATE TABLE group_participant_user (_id INTEGER PRIMARY KEY, group_jid_row_id INTEGER, user_jid_row_id INTEGER);
		CREATE TABLE receipt_user (_id INTEGER PRIMARY KEY, message_row_id INTEGER, receipt_user_jid_row_id INTEGER, receipt_timestamp INTEGER, read_timestamp INTEGER);
		INSERT INTO jid VALUES (1,'15550100002','s.whatsapp.net'),(2,'15550100001-1','g.us'),(3,'15550100003','s.whatsapp.net'); INSERT INTO chat VALUES (1,1,NULL),(2,2,'Club');
		INSERT INTO message VALUES (1,1,1,'A',NULL,1767600000500,0,'CANARY'),(2,2,0,'B',3,1767600060000,1,'CANARY'),(3,1,0,'C',NULL,1767600060000,7,'CANARY'),(4,1,0,'D',NULL,-5,0,'CANARY');
		INSERT INTO message_media VALUES (2,4711,'CANARY.jpg','CANARY'); INSERT INTO call_log VALUES (1,1,1,'call:1',1767600100000,1,61,5),(2,3,0,'call:2',1767600200000,0,0,2);
		INSERT INTO group_participant_user VALUES (1,2,1),(2,2,3); INSERT INTO receipt_user VALUES (1,1,1,1767600001000,1767600009000);`
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
		{"WhatsApp", whatsappTables, capture.Device, "2026-01-05 08:00:00 message >+15550100002 whatsapp A|2026-01-05 08:01:00 media +15550100003 whatsapp B 15550100001-1@g.us|1970-01-01 00:00:00 member +15550100003 whatsapp  15550100001-1@g.us", ""},
		{"Pi-hole before 5.15", oldPiholeTables, capture.Resolver, "1767600000000000000 192.0.2.10 chat.example dns", ""},
		{"iMessage, members and receipts", imessageMore, capture.Device, "2026-01-05 08:00:00 message >+15550100002 imessage m1|2026-01-05 08:01:00 message carla@example.org imessage m2 chat7|" +
			"2026-01-05 08:01:20 message  imessage m3 chat7|1970-01-01 00:00:00 member +15550100002 imessage  chat7|1970-01-01 00:00:00 member carla@example.org imessage  chat7|" +
			"2026-01-05 08:00:01 receipt +15550100002 imessage m1|2026-01-05 08:00:10 receipt +15550100002 imessage m1|2026-01-05 08:01:10 receipt >carla@example.org imessage m2 chat7", ""},
		{"WhatsApp on Android", msgstoreTables, capture.Device, "2026-01-05 08:00:00 message >+15550100002 whatsapp A|2026-01-05 08:01:00 media +15550100003 whatsapp B 15550100001-1@g.us|" +
			"2026-01-05 08:01:40 call >+15550100002 answered 1m1s whatsapp call:1|2026-01-05 08:03:20 call +15550100003  0s whatsapp call:2|" +
			"1970-01-01 00:00:00 member +15550100002 whatsapp  15550100001-1@g.us|1970-01-01 00:00:00 member +15550100003 whatsapp  15550100001-1@g.us|" +
			"2026-01-05 08:00:01 receipt +15550100002 whatsapp A|2026-01-05 08:00:09 receipt +15550100002 whatsapp A", ": row 4: no time of a message"},
		{"another", `CREATE TABLE a (b); CREATE VIEW message AS SELECT 1`, capture.Device, "", `: SQLite database with unknown tables: "a"; tried Pi-hole FTL, Pi-hole FTL before 5.15, iMessage chat.db, WhatsApp ChatStorage, WhatsApp msgstore`},
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
	if got, bad := sqliteLines(in); bad != "" || strings.Count(got, "|") != 2 {
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
