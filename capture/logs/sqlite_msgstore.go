package logs

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"envelope/capture"
)

// readMsgstore reads msgstore.db of WhatsApp on Android, as it is since 2021. The
// column text_data and the names of files are never asked for. Times are in
// milliseconds since 1970. Types 7, 10, 11 and 90 are notices and calls; 1, 2,
// 3, 9, 13, 20, 42, 43 and 81 are pictures, voice, films, documents, GIFs, stickers,
// pictures and films to view once, and round films.
func readMsgstore(d *database) error {
	w := &messageRow{unit: time.Millisecond}
	size := "NULL"
	media := ""
	if d.columns["message_media"] != nil {
		size, media = d.column("message_media", "f", "file_size"), "LEFT JOIN message_media f ON f.message_row_id=m._id"
	}
	err := d.each(fmt.Sprintf(`SELECT m._id, m.timestamp/1000.0, m.from_me, m.message_type IN (7,10,11,90), m.message_type IN (1,2,3,9,13,20,42,43,81), %[1]s LIKE '%%@g.us',
		substr(m.key_id,1,100), substr(CASE WHEN %[1]s LIKE '%%@g.us' THEN %[2]s ELSE %[1]s END,1,255), substr(%[1]s,1,255), substr(%[3]s,1,255), %[4]s
		FROM message m JOIN chat c ON c._id=m.chat_row_id JOIN jid j ON j._id=c.jid_row_id LEFT JOIN jid s ON s._id=m.sender_jid_row_id %[5]s ORDER BY m._id`,
		androidJID("j"), androidJID("s"), d.column("chat", "c", "subject"), size, media), func() error {
		if w.kind.Int64 != 0 {
			return nil
		}
		return w.entry(d, "whatsapp", 0, whatsappNumber)
	}, &w.at, &w.mine, &w.kind, &w.media, &w.group, &w.id, &w.peer, &w.chat, &w.title, &w.size)
	if err != nil {
		return err
	}
	for _, read := range []func(*database) error{androidCalls, androidMembers, androidReceipts} {
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

// androidJID is the address that a row of the table jid has: its columns user and
// server are in every version.
func androidJID(alias string) string { return alias + ".user||'@'||" + alias + ".server" }

// androidCalls reads the calls. How one ended that was not talked in is a number
// without a public meaning.
func androidCalls(d *database) error {
	if d.columns["call_log"] == nil {
		return nil
	}
	var at, took sql.NullFloat64
	var mine, video sql.NullInt64
	var id, peer sql.NullString
	return d.each(fmt.Sprintf(`SELECT l._id, l.timestamp/1000.0, l.duration, l.from_me, l.video_call, substr(l.call_id,1,100), substr(%s,1,255)
		FROM call_log l JOIN jid j ON j._id=l.jid_row_id ORDER BY l._id`, androidJID("j")), func() error {
		t := epoch(at.Float64, 0)
		if t == 0 {
			return errors.New("no time of a call")
		}
		e := &capture.Entry{Kind: capture.EntryCall, Service: "whatsapp", ID: id.String, Unit: time.Millisecond, Call: &capture.CallEntry{Media: "audio"}}
		if video.Int64 != 0 {
			e.Call.Media = "video"
		}
		other := capture.End{Account: whatsappNumber(peer.String)}
		if e.From, e.Half = other, capture.HalfReceived; mine.Int64 != 0 {
			e.From, e.To, e.Half = capture.End{}, some(other), capture.HalfSent
		}
		if s := took.Float64; s > 0 && s < longestCall.Seconds() {
			e.Until, e.Call.Outcome = t.Add(time.Duration(s*float64(time.Second))), answered
		}
		d.entry(t, e)
		return nil
	}, &at, &took, &mine, &video, &id, &peer)
}

// androidMembers reads who is in which group.
func androidMembers(d *database) error {
	if d.columns["group_participant_user"] == nil {
		return nil
	}
	return d.members(fmt.Sprintf(`SELECT p._id, substr(%s,1,255), substr(%s,1,255), substr(%s,1,255), NULL FROM group_participant_user p
		JOIN jid g ON g._id=p.group_jid_row_id JOIN jid u ON u._id=p.user_jid_row_id LEFT JOIN chat c ON c.jid_row_id=g._id ORDER BY p._id`,
		androidJID("g"), d.column("chat", "c", "subject"), androidJID("u")), "whatsapp", whatsappNumber)
}

// members reads who is in which group, from rows of the group, its name, the member
// and the member's name.
func (d *database) members(query, service string, account func(string) string) error {
	var group, title, member, name sql.NullString
	return d.each(query, func() error {
		if member.String == "" || group.String == "" {
			return nil
		}
		d.entry(0, &capture.Entry{Kind: capture.EntryMember, Service: service, From: capture.End{Account: account(member.String), Name: name.String}, Group: group.String, GroupName: title.String})
		return nil
	}, &group, &title, &member, &name)
}

// androidReceipts reads when those whom the owner wrote to got and read it.
func androidReceipts(d *database) error {
	if d.columns["receipt_user"] == nil {
		return nil
	}
	return d.receipts(fmt.Sprintf(`SELECT r._id, 1, substr(m.key_id,1,100), substr(%s,1,255), %s/1000.0, %s/1000.0, CASE WHEN %s LIKE '%%@g.us' THEN %[4]s END, NULL FROM receipt_user r
		JOIN message m ON m._id=r.message_row_id JOIN jid u ON u._id=r.receipt_user_jid_row_id JOIN chat c ON c._id=m.chat_row_id JOIN jid j ON j._id=c.jid_row_id ORDER BY r._id`,
		androidJID("u"), d.column("receipt_user", "r", "receipt_timestamp"), d.column("receipt_user", "r", "read_timestamp"), androidJID("j")), 0, time.Millisecond, func(string) string { return "whatsapp" }, whatsappNumber)
}

// receipts reads rows of whether the message is the owner's, its id, the other
// end, when it was delivered and when it was read, the group, and the service.
// What somebody else wrote, the owner read.
func (d *database) receipts(query string, since int64, unit time.Duration, service, account func(string) string) error {
	var mine sql.NullInt64
	var id, peer, group, kind sql.NullString
	var got, read sql.NullFloat64
	return d.each(query, func() error {
		other := capture.End{Account: account(peer.String)}
		for _, r := range []struct {
			at   sql.NullFloat64
			what string
		}{{got, "delivery"}, {read, "read"}} {
			t := epoch(r.at.Float64, since)
			if r.at.Float64 == 0 || t == 0 || mine.Int64 == 0 && r.what == "delivery" {
				continue
			}
			e := &capture.Entry{Kind: capture.EntryReceipt, Service: service(kind.String), Type: r.what, ID: id.String, Group: group.String, Unit: unit, From: other}
			if mine.Int64 == 0 {
				e.From, e.To = capture.End{}, some(other)
			}
			d.entry(t, e)
		}
		return nil
	}, &mine, &id, &peer, &got, &read, &group, &kind)
}
