package logs

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"envelope/capture"
)

const canary = "XYZZYSECRET"

// Samples of every format, made from the lists of fields, with a word in every
// place that can hold content.
var serverSamples = map[string]string{
	"jicofo": jicofoSample, "jvb": jvbSample, "asterisk-cel": celSample,
	"ejabberd": "2026-01-05 08:00:00 [outgoing, chat] Anna@example.org/phone -> ben@example.net/desk\n" +
		"2026-01-05 08:00:01.250 [info] <0.5.0>@ejabberd_c2s:process_auth:275 (tls|<0.5.0>) Accepted c2s SCRAM-SHA-256 authentication for anna@example.org by mnesia backend from 192.0.2.10\n" +
		"2026-01-05 08:00:02 [info] <0.5.0>@mod_http_upload:create_slot:1 Got HTTP upload slot for anna@example.org/phone (file: " + canary + ".jpg, size: 1234)\n",
	"prosody": "Jan 05 08:00:00 c2s01ab\tinfo\tAuthenticated as anna@example.org\n" +
		"Jan 05 08:00:01 c2s01ab\tdebug\tReceived[c2s]: <message to='ben@example.org' type='chat' id='x1'>" + canary + "\n" +
		"Jan 05 08:00:01 c2s02cd\tdebug\tSending[c2s]: <message from='anna@example.org/phone' to='ben@example.org/desk' type='chat' id='x1'>" + canary + "\n",
	"synapse": `2026-01-05 08:00:00,000 - synapse.access.http.8008 - 460 - INFO - PUT-7 - 192.0.2.10 - 8008 - {@anna:example.org} Processed request: 0.02sec/0.00sec (0, 0) (0/0/0) 59B 200 "PUT /_matrix/client/v3/rooms/!r1:example.org/send/m.room.encrypted/txn1?x=` + canary + ` HTTP/1.1" "Element/1.x" [0 dbevts]` + "\n",
	"matrix-access": `1767600000.250 192.0.2.10:50000 "PUT /_matrix/client/v3/rooms/!r1:example.org/send/m.room.encrypted/t1?access_token=` + canary + ` HTTP/1.1" 200 in=846 out=401 rt=0.024 ua="Element"` + "\n" +
		`192.0.2.11 - - [05/Jan/2026:08:00:02 +0000] "POST /_matrix/client/v3/rooms/%21r1:example.org/join HTTP/1.1" 200 59 "-" "Element"` + "\n",
	"coturn": "0: : log file opened: x\n7: : IPv4. Local relay addr: 203.0.113.5:49001\n7: : session 000000000000000001: new, realm=<r>, username=<1767603600:anna>, lifetime=600\n" +
		"8: : session 000000000000000001: peer 203.0.113.5 lifetime updated: 300\n9: : session 000000000000000001: usage: realm=<r>, username=<1767603600:anna>, rp=2, rb=300, sp=1, sb=200\n" +
		"9: : session 000000000000000001: closed (2nd stage), user <anna> realm <r> origin <>, local 203.0.113.5:3478, remote 192.0.2.10:50000, reason: " + canary + "\n" +
		"9: : session 000000000000000002: new, realm=<r>, username=<1767603600:ben>, lifetime=600\n",
	"maillog": "Jan  5 08:00:00 mx postfix/smtpd[1]: 4F1AB: client=host[192.0.2.10]\nJan  5 08:00:00 mx postfix/cleanup[2]: 4F1AB: warning: header Subject: " + canary + "\n" +
		"Jan  5 08:00:00 mx postfix/qmgr[3]: 4F1AB: from=<anna@Example.org>, size=2311, nrcpt=2 (queue active)\n" +
		"Jan  5 08:00:01 mx postfix/smtp[4]: 4F1AB: to=<ben@example.net>, relay=mx[198.51.100.9]:25, delay=0.9, dsn=2.0.0, status=sent (250 " + canary + ")\n" +
		"Jan  5 08:00:01 mx postfix/lmtp[4]: 4F1AB: to=<carla@example.org>, relay=x, delay=0.9, dsn=2.0.0, status=sent (250 ok)\nJan  5 08:00:02 mx postfix/qmgr[3]: 4F1AB: removed\n" +
		"Jan  5 08:00:03 mx dovecot: imap-login: Login: user=<ben@example.net>, method=PLAIN, rip=192.0.2.11, lip=198.51.100.9, session=<s1>\n",
	"dendrite": `time="2026-01-05T08:00:00.5Z" level=info msg="Sent event to roomserver" event_id="$e1" req.path="/_matrix/client/v3/rooms/!r1:example.org/send/m.room.encrypted/t1" room_id="!r1:example.org" user_id="@anna:example.org"` + "\n" +
		`time="2026-01-05T08:00:01Z" level=info msg="File uploaded" FileSizeBytes=900 UploadName="a user_id=@` + canary + ` x" user_id="@anna:example.org"` + "\n",
	"mail": "From anna@example.org Mon Jan  5 08:00:00 2026\nReceived: from b (b [198.51.100.9])\n\tby c; Mon, 5 Jan 2026 08:00:02 +0000\nReceived: from a (a [192.0.2.10]) by b; Mon, 5 Jan 2026 08:00:01 +0000\n" +
		"From: Anna <anna@Example.org>\nTo: Ben <ben@example.net>,\n carla@example.org\nSubject: " + canary + "\n " + canary + "\nDate: Mon, 5 Jan 2026 09:00:00 +0100\nMessage-ID: <m1@example.org>\n" +
		"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\n\n" + canary + "\n>From " + canary + "\nFrom: " + canary + "\n",
	"exim": "2026-01-05 08:00:00 1tUabc-000001-Ab <= anna@example.org H=host [192.0.2.10] P=esmtpsa S=2311 id=x@y T=\"" + canary + " S=9\"\n" +
		"2026-01-05 08:00:01 1tUabc-000001-Ab => ben@example.net R=dnslookup T=remote_smtp H=mx [198.51.100.9] C=\"250 " + canary + "\"\n2026-01-05 08:00:01 1tUabc-000001-Ab Completed\n",
}

func TestServerSamples(t *testing.T) {
	const noon = "2026-01-05T08:00:00Z"
	for name, want := range map[string][]struct {
		kind        capture.EntryKind
		from, to    string
		group, addr string
		size        uint64
	}{
		"ejabberd":      {{"message", "anna@example.org", "ben@example.net", "", "", 0}, {"login", "anna@example.org", "", "", "192.0.2.10", 0}, {"media", "anna@example.org", "", "", "", 1234}},
		"prosody":       {{"login", "anna@example.org", "", "", "", 0}, {"message", "anna@example.org", "ben@example.org", "", "", 0}, {"message", "anna@example.org", "ben@example.org", "", "", 0}},
		"synapse":       {{"message", "@anna:example.org", "", "!r1:example.org", "192.0.2.10", 0}},
		"matrix-access": {{"message", "", "", "!r1:example.org", "192.0.2.10", 846}, {"member", "", "", "!r1:example.org", "192.0.2.11", 0}},
		"coturn":        {{"call", "anna", "", "", "192.0.2.10", 0}, {"call", "ben", "", "", "", 0}},
		"maillog":       {{"message", "anna@example.org", "ben@example.net", "", "192.0.2.10", 2311}, {"message", "anna@example.org", "carla@example.org", "", "192.0.2.10", 2311}, {"login", "ben@example.net", "", "", "192.0.2.11", 0}},
		"dendrite":      {{"message", "@anna:example.org", "", "!r1:example.org", "", 0}, {"media", "@anna:example.org", "", "", "", 900}},
		"mail":          {{"message", "anna@example.org", "ben@example.net", "", "192.0.2.10", 0}},
		"exim":          {{"message", "anna@example.org", "ben@example.net", "", "192.0.2.10", 2311}},
	} {
		format, entries, times, _ := readEntries(t, serverSamples[name])
		if format != name || len(entries) != len(want) {
			t.Errorf("%s: read as %q, %d entries: %+v", name, format, len(entries), entries)
			continue
		}
		for i, w := range want {
			e, to, addr := entries[i], "", ""
			if len(e.To) > 0 {
				to = e.To[0].Account
			}
			if e.From.Addr.IsValid() {
				addr = e.From.Addr.String()
			}
			if e.Kind != w.kind || e.From.Account != w.from || to != w.to || e.Group != w.group || addr != w.addr || e.Size != w.size {
				t.Errorf("%s: entry %d is %+v, want %+v", name, i, e, w)
			}
			if name != "coturn" && times[i].Sub(at(noon)).Abs().Seconds() > 3.5 {
				t.Errorf("%s: entry %d is at %s", name, i, times[i].UTC())
			}
		}
	}
}

func TestServerLogsGiveNoContent(t *testing.T) {
	for name, sample := range serverSamples {
		_, entries, _, faults := readEntries(t, sample)
		for _, e := range entries {
			if strings.Contains(strings.Join([]string{e.From.Account, e.From.Name, e.From.Device, e.Group, e.GroupName, e.ID, e.Type, e.Style}, " "), canary) {
				t.Errorf("%s: an entry holds content: %+v", name, e)
			}
		}
		if strings.Contains(strings.Join(faults, "\n"), canary) {
			t.Errorf("%s: a message holds content: %q", name, faults)
		}
	}
}

// Bytes of any kind end every reader without harm.
func FuzzServerLogs(f *testing.F) {
	for _, sample := range serverSamples {
		f.Add([]byte(sample))
	}
	f.Add([]byte("Jan 99 08:00:00 c2s01\tinfo\tAuthenticated as \xff@\x00\n2026-13-45 99:00:00 [outgoing, x] -> \n99999999999.1 [::1]:1 \"PUT\" 200\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, format := range serverFamily(Options{}) {
			format.Sniff(text)
			in := &capture.Input{Reader: io.Reader(bytes.NewReader(text)), Path: "fuzz"}
			for r, err := range format.Read(in) {
				if err == nil && (r.Time < 0 || r.Time.UTC().Year() > 2262) {
					t.Errorf("%s: a time of %s", format.Name, r.Time.UTC())
				}
			}
		}
	})
}
