package main

import (
	"bytes"
	"database/sql"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/rogpeppe/go-internal/txtar"
)

// canary stands in all inputs of this test where content stands.
const canary = "XYZZYSECRET"

// canaryInputs writes an input of every kind to a folder, with the canary in each
// place that can hold content, and gives the columns of the carrier's records.
func canaryInputs(t *testing.T, dir string) (columns string) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "cases", "canary", "inputs.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		put(t, filepath.Join(dir, filepath.Base(f.Name)+".log"), f.Data)
	}
	put(t, filepath.Join(dir, "plain.pcap"), plainCapture(t))
	canaryDatabases(t, dir)
	columns = filepath.Join(t.TempDir(), "columns")
	put(t, columns, []byte("start=Zeit\nfrom=Von\nto=Nach\nkind=Art\ncall=gespräch\nseparator=;\n"))
	return columns
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// canaryDatabases writes the two databases of messages that are read.
func canaryDatabases(t *testing.T, dir string) {
	t.Helper()
	for name, statements := range map[string]string{
		"chat.db": `CREATE TABLE message (guid TEXT, text TEXT, subject TEXT, attributedBody BLOB, handle_id INTEGER, date INTEGER, is_from_me INTEGER, service TEXT, item_type INTEGER, cache_has_attachments INTEGER, destination_caller_id TEXT);
			CREATE TABLE handle (id TEXT); CREATE TABLE chat (guid TEXT, style INTEGER, chat_identifier TEXT, display_name TEXT); CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
			INSERT INTO handle VALUES ('+15550100002'); INSERT INTO chat VALUES ('g1',45,'+15550100002','');
			INSERT INTO message VALUES ('m1','XYZZYSECRET','XYZZYSECRET','XYZZYSECRET',1,789292800000000000,0,'iMessage',0,0,'+15550100001'),('m2','XYZZYSECRET','XYZZYSECRET','XYZZYSECRET',1,5e30,0,'iMessage',0,0,'');
			INSERT INTO chat_message_join VALUES (1,1),(1,2);`,
		"ChatStorage.sqlite": `CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZISFROMME INTEGER, ZMESSAGETYPE INTEGER, ZMESSAGEDATE REAL, ZCHATSESSION INTEGER, ZGROUPMEMBER INTEGER, ZTEXT TEXT, ZSTANZAID TEXT);
			CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZCONTACTJID TEXT, ZPARTNERNAME TEXT); CREATE TABLE ZWAGROUPMEMBER (Z_PK INTEGER PRIMARY KEY, ZMEMBERJID TEXT, ZCONTACTNAME TEXT);
			INSERT INTO ZWACHATSESSION VALUES (1,'15550100002@s.whatsapp.net','Ben');
			INSERT INTO ZWAMESSAGE VALUES (1,1,0,789292800,1,NULL,'XYZZYSECRET','A'),(2,0,0,-789292800000,1,NULL,'XYZZYSECRET','B');`,
	} {
		db, err := sql.Open("sqlite", filepath.Join(dir, name))
		if err == nil {
			_, err = db.Exec(statements)
		}
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// plainTalk is what protocols without encryption say, by the server's port.
var plainTalk = map[layers.TCPPort][]string{
	25:   {"MAIL FROM:<anna@example.org>\r\nRCPT TO:<ben@example.net>\r\nDATA\r\nSubject: XYZZYSECRET\r\n\r\nXYZZYSECRET\r\n.\r\n"},
	80:   {"POST /XYZZYSECRET HTTP/1.1\r\nHost: chat.example\r\nCookie: XYZZYSECRET\r\nUser-Agent: XYZZYSECRET\r\n\r\nXYZZYSECRET"},
	443:  {"\x16\x03\x01\x00\x40XYZZYSECRET", "\x17\x03\x03\x00\x0bXYZZYSECRET"},
	1883: {"\x30\x16\x00\x09a/b/c/d/eXYZZYSECRET"},
	5222: {"<stream:stream to='example.org' xmlns='jabber:client'>", "<message to='ben@example.net' type='chat'><subject>XYZZYSECRET</subject><body>XYZZYSECRET</body></message>", "<presence><status>XYZZYSECRET</status></presence>"},
	5060: {"MESSAGE sip:ben@example.net SIP/2.0\r\nSubject: XYZZYSECRET\r\nContent-Length: 11\r\n\r\nXYZZYSECRET"},
	6667: {"NICK anna\r\nPRIVMSG #walks :XYZZYSECRET\r\nTOPIC #walks :XYZZYSECRET\r\n"},
}

// plainCapture is a capture of plain text, and of a DNS answer that holds some.
func plainCapture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriterNanos(&b)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	send := func(back bool, transport gopacket.SerializableLayer, payload []byte) {
		link := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0x5e, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0x5e, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
		ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{192, 0, 2, 10}, DstIP: net.IP{198, 51, 100, 7}}
		if back {
			ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		}
		if _, is := transport.(*layers.UDP); is {
			ip.Protocol = layers.IPProtocolUDP
		}
		out := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true}, link, ip, transport, gopacket.Payload(payload)); err != nil {
			t.Fatal(err)
		}
		at = at.Add(100 * time.Millisecond)
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(out.Bytes()), Length: len(out.Bytes())}, out.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	for port, said := range plainTalk {
		seq, from := uint32(1), layers.TCPPort(50000)+port%1000
		send(false, &layers.TCP{SrcPort: from, DstPort: port, SYN: true, Window: 9000}, nil)
		send(true, &layers.TCP{SrcPort: port, DstPort: from, SYN: true, ACK: true, Ack: 1, Window: 9000}, nil)
		for _, text := range said {
			send(false, &layers.TCP{SrcPort: from, DstPort: port, ACK: true, PSH: true, Seq: seq, Ack: 1, Window: 9000}, []byte(text))
			send(true, &layers.TCP{SrcPort: port, DstPort: from, ACK: true, PSH: true, Seq: seq, Ack: 1, Window: 9000}, []byte(text))
			seq += uint32(len(text))
		}
	}
	answer := &layers.DNS{QR: true, QDCount: 1, ANCount: 1, Questions: []layers.DNSQuestion{{Name: []byte("chat.example"), Type: layers.DNSTypeTXT, Class: layers.DNSClassIN}},
		Answers: []layers.DNSResourceRecord{{Name: []byte("chat.example"), Type: layers.DNSTypeTXT, Class: layers.DNSClassIN, TXTs: [][]byte{[]byte(canary)}}}}
	text := gopacket.NewSerializeBuffer()
	if err := answer.SerializeTo(text, gopacket.SerializeOptions{FixLengths: true}); err != nil {
		t.Fatal(err)
	}
	send(true, &layers.UDP{SrcPort: 53, DstPort: 40000}, text.Bytes())
	send(false, &layers.UDP{SrcPort: 40001, DstPort: 5060}, []byte(plainTalk[5060][0]))
	send(false, &layers.UDP{SrcPort: 40002, DstPort: 443}, []byte(canary))
	return b.Bytes()
}

// TestNoContentComesOut runs the program over inputs of every kind, together and
// each alone, in every form of output: no word of a body is in any of it.
func TestNoContentComesOut(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	columns := canaryInputs(t, dir)
	check := func(args ...string) {
		t.Helper()
		_, stdout, stderr := try(t.Context(), nil, args...)
		for place, text := range map[string]string{"stdout": stdout, "stderr": stderr} {
			if i := strings.Index(text, canary); i >= 0 {
				t.Errorf("%s of envelope %s: ...%s...", place, strings.Join(args, " "), text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
	analyze := func(args ...string) {
		t.Helper()
		check(append([]string{"analyze", "--columns", columns}, args...)...)
	}
	analyze("--all", "--flows", dir)
	analyze("--min-confidence", "0", "--format", "json", "--flows", dir)
	analyze("--min-confidence", "0", "--format", "message-log", dir)
	analyze("--format", "json", "--flows", "-o", filepath.Join(out, "report.json"), dir)
	analyze("--format", "message-log", "-o", filepath.Join(out, "ours.csv"), dir)
	check("compare", "--rows", filepath.Join(out, "ours.csv"), filepath.Join(dir, "whatsapp-return.log"))
	check("compare", "--rows", "--format", "json", filepath.Join(out, "report.json"), filepath.Join(dir, "message-records.log"))
	read := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		read++
		analyze("--all", "--flows", path)
		analyze("--format", "json", "--channel", path, path)
		check("compare", "--rows", filepath.Join(out, "ours.csv"), path)
		return nil
	})
	if err != nil || read < 50 {
		t.Errorf("%d inputs, %v", read, err)
	}
	rep := reportOn(t, "--columns", columns, dir)
	if len(rep.Inputs) < 45 || len(rep.Events) < 30 || len(rep.Contacts) < 5 {
		t.Errorf("%d inputs, %d events, %d contacts", len(rep.Inputs), len(rep.Events), len(rep.Contacts))
	}
	for _, name := range []string{"report.json", "ours.csv"} {
		if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}
