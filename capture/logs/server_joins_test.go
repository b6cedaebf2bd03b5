package logs

import (
	"fmt"
	"strings"
	"testing"

	"envelope/capture"
)

// said is what records say, in a line each.
func said(t *testing.T, text string) (format string, lines, faults []string) {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "test", 0, Formats(Options{Year: 2026}))
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range in.All() {
		switch {
		case err != nil:
			faults = append(faults, err.Error())
		case r.Name != nil:
			lines = append(lines, fmt.Sprintf("%d name %s %s %s", r.Origin.At, r.Name.Addr, r.Name.Value, r.Name.How))
		default:
			e, to := r.Entry, ""
			for _, end := range e.To {
				to += " to " + end.Account
			}
			lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%d %s %s %s %s%s %s %s %d", r.Origin.At, e.Kind, e.From.Account, e.From.Name, e.Group, to, e.From.Addr, e.Type, e.Size)), " "))
		}
	}
	return in.Format, lines, append(faults, in.Warnings...)
}

func TestServerLinesThatBelongTogether(t *testing.T) {
	const ej, sy = "2026-01-05 08:00:00.250 [info] <0.5.0>@", "2026-01-05 08:00:01,250 - synapse."
	for name, c := range map[string]struct{ text, want string }{
		"ejabberd: the hash ties a relayed leg to the account": {
			ej + "mod_stun_disco:handle_call:1 Offering STUN/TURN services to anna@example.org/phone (11cd27)\n" +
				"2026-01-05 08:00:10.250 [info] <0.5.0>@stun:2 Relayed 110 KiB (in 47665 B / 639 packets, out 64823 B / 681 packets), duration: 10 seconds [UDP, session e42f, user 1767603600:11cd27, client [2001:db8::4]:44875, relay 203.0.113.4:60008]\n",
			"1 presence anna@example.org invalid IP relay offered 0\n2 call anna@example.org 2001:db8::4 0"},
		"ejabberd: another server has a name, once": {
			strings.Repeat(ej+"ejabberd_s2s_in:1 (tls|<0.7.0>) Accepted inbound s2s EXTERNAL authentication Example.net -> example.org (192.0.2.1)\n", 2) +
				ej + "ejabberd_s2s_out:1 (tls|<0.7.0>) Accepted outbound s2s EXTERNAL authentication example.org -> example.com (::ffff:192.0.2.2)\n",
			"1 name 192.0.2.1 example.net federation\n3 name 192.0.2.2 example.com federation"},
		"ejabberd: copies and stored messages are counted once": {
			"2026-01-05 08:00:00 [outgoing, chat] anna@example.org/phone -> ben@example.org\n" +
				"2026-01-05 08:00:00 [outgoing, carbon] anna@example.org -> anna@example.org/desk\n" +
				"2026-01-05 08:00:00 [incoming, carbon] ben@example.org -> ben@example.org/desk\n" +
				"2026-01-05 08:00:00 [offline, chat] anna@example.org/phone -> ben@example.org\n" +
				"2026-01-05 08:09:00 [incoming, chat] anna@example.org/phone -> ben@example.org/desk\n",
			"1 message anna@example.org to ben@example.org invalid IP 0\n5 message anna@example.org to ben@example.org invalid IP 0"},
		"ejabberd: no size from the name of a file": {
			ej + "mod_http_upload:1 Got HTTP upload slot for anna@example.org/phone (file: size: 7)\n" +
				ej + "mod_http_upload:1 Got HTTP upload slot for anna@example.org/phone (file: a, size: 9, size: 1234)\n",
			"1 media anna@example.org invalid IP upload slot 0\n2 media anna@example.org invalid IP upload slot 1234"},
		"synapse: a server that brings events": {
			sy + "federation.transport.server.federation - 105 - INFO - PUT-1 - Received txn 77 from example.net. (PDUs: 3, EDUs: 1)\n" +
				sy + `access.http.8008 - 461 - INFO - PUT-1 - 192.0.2.1 - 8008 - {example.net} Processed request: 0.005sec 11B 200 "PUT /_matrix/federation/v1/send/77 HTTP/1.1" "Synapse/1.88.0" [0 dbevts]` + "\n" +
				sy + "federation.transport.server.federation - 105 - INFO - PUT-2 - Received txn 78 from example.net. (PDUs: 0, EDUs: 1)\n" +
				sy + `access.http.8008 - 461 - INFO - PUT-2 - 192.0.2.1 - 8008 - {example.net} Processed request: 0.005sec 11B 200 "PUT /_matrix/federation/v1/send/78 HTTP/1.1" "Synapse/1.88.0" [0 dbevts]` + "\n",
			"2 name 192.0.2.1 example.net federation\n2 presence 192.0.2.1 federation, events: 3 0"},
		"postqueue: all recipients of a mail": {
			"-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n4F1AB0C2D3*     2311 Mon Jan  5 08:00:00  anna@example.org\n      (host mx said: 450 later)\n" +
				"                                         ben@example.net\n                                         carla@example.com\n\n" +
				"5F1AB0C2D3!     99 Mon Jan  5 08:00:00  MAILER-DAEMON\n                                         anna@example.org\n\n-- 2 Kbytes in 2 Requests.\n",
			"2 message anna@example.org to ben@example.net to carla@example.com invalid IP 2311"},
		"mail: the first hop is the sender's address, others have names": {
			"Received: from mx.example.net (mx.example.net. [198.51.100.9]) by c; Mon, 5 Jan 2026 08:00:03 +0000\n" +
				"Received: from relay ([198.51.100.8] helo=relay) by mx.example.net; Mon, 5 Jan 2026 08:00:02 +0000\n" +
				"Received: from [10.0.0.7] (dsl.example.org [IPv6:2001:db8::7])\n\tby relay; Mon, 5 Jan 2026 08:00:01 +0000\n" +
				"From: anna@example.org\nTo: ben@example.net\nDate: Mon, 5 Jan 2026 08:00:00 +0000\nMessage-ID: <1@example.org>\n\nbody\n",
			"1 message anna@example.org to ben@example.net 2001:db8::7 0\n1 name 198.51.100.9 mx.example.net received"},
	} {
		if _, lines, faults := said(t, c.text); strings.Join(lines, "\n") != c.want || len(faults) > 0 {
			t.Errorf("%s:\n%s\nwant\n%s\n%q", name, strings.Join(lines, "\n"), c.want, faults)
		}
	}
}

// A line of the format with a stamp that is none is an error that names the line.
func TestServerLinesWithBadStamps(t *testing.T) {
	for name, bad := range map[string]string{
		"ejabberd":      "2026-13-05 08:00:00 [outgoing, chat] anna@example.org/phone -> ben@example.net/desk\n",
		"synapse":       "2026-01-05 25:00:00,000 - synapse.access.http.8008 - 460 - INFO - PUT-7 - x\n",
		"exim":          "2026-02-30 08:00:00 1tUabc-000001-Ab Completed\n",
		"maillog":       "Jan 35 08:00:00 mx postfix/smtpd[1]: 4F1AB: client=host[192.0.2.10]\n",
		"matrix-access": `192.0.2.11 - - [05/Foo/2026:08:00:02 +0000] "POST /_matrix/client/v3/rooms/!r:x/join HTTP/1.1" 200 59 "-" "Element"` + "\n",
		"coturn":        "2026-13-05 08:00:00: 7: session 000000000000000001: new, realm=<r>\n",
		"jvb":           "JVB 2026-13-05 08:00:00.000 INFO: [1] A.b#1: c\n",
		"jicofo":        "Jicofo 2026-13-05 08:00:00.000 INFO: [1] A.b#1: c\n",
	} {
		format, _, _, clean := readEntries(t, serverSamples[name])
		_, _, _, faults := readEntries(t, serverSamples[name]+bad)
		where := fmt.Sprintf("line %d: ", strings.Count(serverSamples[name], "\n")+1)
		if format != name || len(faults) != len(clean)+1 || !strings.Contains(strings.Join(faults, "\n"), where) {
			t.Errorf("%s (read as %s): %q, want an error of %s", name, format, faults, where)
		}
	}
}

// Mails that are broken in every way end harmlessly, and the good one behind them is read.
func TestHostileMailboxes(t *testing.T) {
	const good = "From anna@example.org Mon Jan  5 08:00:00 2026\nFrom: anna@example.org\nTo: ben@example.net\nDate: Mon, 5 Jan 2026 08:00:00 +0000\nMessage-ID: <1@example.org>\n\nbody\n\n"
	const head = "From x Mon Jan  5 08:00:00 2026\nMessage-ID: <2@example.org>\n"
	const date = "Date: Mon, 5 Jan 2026 08:00:00 +0000\n"
	for name, c := range map[string]struct {
		text    string
		records int
		faults  int
	}{
		"control characters":       {head + "From: \x00\x1b[31m@\x07\n" + date, 1, 1},
		"an endless field":         {head + "From: anna@example.org\n" + date + "To: " + strings.Repeat("ben@example.net, ", 200_000) + "\n", 2, 0},
		"a folded endless field":   {head + "From: anna@example.org\n" + date + "To: " + strings.Repeat(" ben@example.net,\n", 200_000), 2, 0},
		"a thousand hops":          {head + strings.Repeat("Received: from a (a.example [198.51.100.9]) by b; Mon, 5 Jan 2026 08:00:00 +0000\n", 1000) + "From: anna@example.org\n" + date, 2 + maxHops - 1, 0},
		"a year before mail":       {head + "From: anna@example.org\nDate: Mon, 5 Jan 0001 08:00:00 +0000\n", 1, 1},
		"a year to come":           {head + "From: anna@example.org\nDate: Mon, 5 Jan 9999 08:00:00 +0000\n", 1, 1},
		"no date":                  {head + "From: anna@example.org\n", 1, 1},
		"an address without end":   {head + "From: <<<<" + strings.Repeat("(", 50_000) + "\n" + date, 1, 1},
		"bytes of another charset": {head + "From: \xe4\xf6 <anna@example.org>\n" + date, 2, 0},
		"a hop without brackets":   {head + "Received: from (((( by ;;;;\nFrom: anna@example.org\n" + date, 2, 0},
	} {
		format, lines, faults := said(t, good+c.text+"\n"+canary+"\n\n"+good)
		records := len(lines) - 1
		if format != "mail" || records != c.records || len(faults) != c.faults || strings.Contains(strings.Join(append(lines, faults...), "\n"), canary) {
			t.Errorf("%s: %s, %d records, want %d; %.300q", name, format, records, c.records, faults)
		}
	}
}
