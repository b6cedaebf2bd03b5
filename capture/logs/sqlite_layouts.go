package logs

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// readPihole reads the database of Pi-hole's resolver: the names of devices,
// then who asked for what and when (https://docs.pi-hole.net/database/query-database/).
func readPihole(d *database) error {
	var at sql.NullFloat64
	var ip, name, mac sql.NullString
	device := func() error {
		addr, err := netip.ParseAddr(ip.String)
		if err != nil || name.String == "" && mac.String == "" {
			return nil // a device without an address says nothing
		}
		n := &capture.Name{Addr: addr.Unmap(), Value: strings.ToLower(name.String), How: "dhcp"}
		if hw, err := net.ParseMAC(mac.String); err == nil && len(hw) == len(n.MAC) {
			n.MAC = capture.MAC(hw)
		}
		d.name(epoch(at.Float64, 0), n)
		return nil
	}
	if d.columns["network"] != nil && d.columns["network_addresses"] != nil {
		err := d.each(`SELECT n.id, a.lastSeen, substr(a.ip,1,64), substr(`+d.column("network_addresses", "a", "name")+`,1,255), substr(n.hwaddr,1,32)
			FROM network_addresses a JOIN network n ON n.id=a.network_id ORDER BY a.lastSeen, a.ip`, device, &at, &ip, &name, &mac)
		if err != nil {
			return err
		}
	}
	queries := `SELECT q.id, q.timestamp, substr(c.ip,1,64), substr(n.domain,1,255) FROM query_storage q
		JOIN domain_by_id n ON n.id=q.domain JOIN client_by_id c ON c.id=q.client`
	if d.columns["query_storage"] == nil { // before version 5.15, all in one table
		queries = `SELECT q.id, q.timestamp, substr(q.client,1,64), substr(q.domain,1,255) FROM queries q`
	}
	// Types 1 to 4, 15 and 16 are A, AAAA, ANY, SRV, SVCB and HTTPS.
	return d.each(queries+` WHERE q.type IN (1,2,3,4,15,16) ORDER BY q.id`, func() error {
		addr, err := netip.ParseAddr(ip.String)
		t := epoch(at.Float64, 0)
		if err != nil || t == 0 {
			return errors.New("no address or time")
		}
		d.name(t, &capture.Name{Client: addr.Unmap(), Value: strings.ToLower(name.String), How: "dns"})
		return nil
	}, &at, &ip, &name)
}

// appleEpoch is 2001-01-01, from which Apple counts (Foundation, NSDate), in
// seconds since 1970.
const appleEpoch = 978307200

// epoch is a time in seconds since another one in seconds since 1970; 0 where it
// lies in no fitting year. More than a thousand years of seconds are
// nanoseconds, as newer versions write them.
func epoch(s float64, since int64) capture.Time {
	if s > 1e11 {
		s /= 1e9
	}
	s += float64(since)
	if !(s >= float64(earliest.Unix()) && s < float64(latest.Unix())) {
		return 0
	}
	return capture.Time(int64(s*1e6) * 1000)
}

// messageRow is a message as the databases of messengers have it.
type messageRow struct {
	unit                               time.Duration
	size                               sql.NullInt64
	at                                 sql.NullFloat64
	mine, kind, media, group           sql.NullInt64
	id, peer, chat, title, owner, name sql.NullString
	service                            sql.NullString
}

// entry makes the entry of a message. The owner of the device is the empty end
// where the database does not name them.
func (w *messageRow) entry(d *database, service string, since int64, account func(string) string) error {
	t := epoch(w.at.Float64, since)
	if t == 0 {
		return errors.New("no time of a message")
	}
	owner, peer := capture.End{Account: account(w.owner.String)}, capture.End{Account: account(w.peer.String), Name: w.name.String}
	e := &capture.Entry{Kind: capture.EntryMessage, Service: service, From: peer, To: some(owner), Half: capture.HalfReceived, ID: w.id.String, Unit: w.unit, Size: uint64(max(w.size.Int64, 0))}
	if w.mine.Int64 != 0 {
		e.From, e.To, e.Half = owner, some(peer), capture.HalfSent
	}
	if w.media.Int64 != 0 {
		e.Kind = capture.EntryMedia
	}
	if w.group.Int64 != 0 {
		e.Group, e.GroupName = w.chat.String, w.title.String
		if w.mine.Int64 != 0 {
			e.To = nil
		}
	}
	d.entry(t, e)
	return nil
}

// readIMessage reads chat.db of macOS and sms.db of iOS. The columns text and
// attributedBody are never asked for.
func readIMessage(d *database) error {
	w := &messageRow{unit: time.Second}
	col := func(name string) string { return d.column("message", "m", name) }
	query := fmt.Sprintf(`SELECT m.ROWID, m.date, m.is_from_me, %s, %s, c.style=43, substr(%s,1,100), substr(coalesce(h.id, c.chat_identifier),1,255),
		substr(c.chat_identifier,1,255), substr(%s,1,255), substr(%s,1,255), substr(%s,1,32)
		FROM message m LEFT JOIN handle h ON h.ROWID=m.handle_id LEFT JOIN chat_message_join j ON j.message_id=m.ROWID
		LEFT JOIN chat c ON c.ROWID=j.chat_id ORDER BY m.ROWID`,
		col("item_type"), col("cache_has_attachments"), col("guid"), d.column("chat", "c", "display_name"), col("destination_caller_id"), col("service"))
	err := d.each(query, func() error {
		if w.kind.Int64 != 0 { // changes of a group, shared locations
			return nil
		}
		return w.entry(d, appleService(w.service.String), appleEpoch, appleAccount)
	}, &w.at, &w.mine, &w.kind, &w.media, &w.group, &w.id, &w.peer, &w.chat, &w.title, &w.owner, &w.service)
	if err != nil {
		return err
	}
	return d.imessageOther()
}

// imessageOther reads the members of groups, and when messages were delivered
// and read. Who of a group did, the database does not say.
func (d *database) imessageOther() error {
	if d.columns["chat_handle_join"] != nil {
		err := d.members(fmt.Sprintf(`SELECT c.ROWID, substr(c.chat_identifier,1,255), substr(%s,1,255), substr(h.id,1,255), NULL
			FROM chat_handle_join j JOIN chat c ON c.ROWID=j.chat_id JOIN handle h ON h.ROWID=j.handle_id WHERE c.style=43 ORDER BY c.ROWID, h.ROWID`,
			d.column("chat", "c", "display_name")), "imessage", appleAccount)
		if err != nil {
			return err
		}
	}
	col := func(name string) string { return d.column("message", "m", name) }
	return d.receipts(fmt.Sprintf(`SELECT m.ROWID, m.is_from_me, substr(%s,1,100), substr(coalesce(h.id, CASE WHEN c.style<>43 THEN c.chat_identifier END),1,255), %s, %s,
		CASE WHEN c.style=43 THEN substr(c.chat_identifier,1,255) END, substr(%s,1,32) FROM message m LEFT JOIN handle h ON h.ROWID=m.handle_id
		LEFT JOIN chat_message_join j ON j.message_id=m.ROWID LEFT JOIN chat c ON c.ROWID=j.chat_id WHERE NOT (c.style=43 AND m.is_from_me) ORDER BY m.ROWID`,
		col("guid"), col("date_delivered"), col("date_read"), col("service")), appleEpoch, time.Second, appleService, appleAccount)
}

// appleService is the messenger that a word of the database means.
func appleService(word string) string {
	return map[string]string{"imessage": "imessage", "sms": "phone", "rcs": "rcs"}[strings.ToLower(word)]
}

// appleAccount is a telephone number or a mail address, which may have a letter
// for its kind before it ("p:", "E:").
func appleAccount(s string) string {
	if _, rest, ok := strings.Cut(s, ":"); ok && len(s)-len(rest) == 2 {
		s = rest
	}
	if user, host, ok := strings.Cut(s, "@"); ok {
		return user + "@" + strings.ToLower(host)
	}
	return calledNumber(s)
}

// readChatStorage reads ChatStorage.sqlite of WhatsApp on iOS. ZTEXT is never
// asked for. Kinds 6 and 10 are changes of a group and notices; 1, 2, 3, 8, 11
// and 15 are pictures, films, voice, documents, GIFs and stickers.
func readChatStorage(d *database) error {
	w := &messageRow{unit: time.Second}
	err := d.each(fmt.Sprintf(`SELECT m.Z_PK, m.ZMESSAGEDATE, m.ZISFROMME, m.ZMESSAGETYPE IN (6,10), m.ZMESSAGETYPE IN (1,2,3,8,11,15), c.ZCONTACTJID LIKE '%%@g.us',
		substr(%s,1,100), substr(CASE WHEN c.ZCONTACTJID LIKE '%%@g.us' THEN g.ZMEMBERJID ELSE c.ZCONTACTJID END,1,255),
		substr(c.ZCONTACTJID,1,255), substr(c.ZPARTNERNAME,1,255), substr(CASE WHEN c.ZCONTACTJID LIKE '%%@g.us' THEN %s ELSE c.ZPARTNERNAME END,1,255)
		FROM ZWAMESSAGE m JOIN ZWACHATSESSION c ON c.Z_PK=m.ZCHATSESSION LEFT JOIN ZWAGROUPMEMBER g ON g.Z_PK=m.ZGROUPMEMBER ORDER BY m.Z_PK`,
		d.column("zwamessage", "m", "ZSTANZAID"), d.column("zwagroupmember", "g", "ZCONTACTNAME")), func() error {
		if w.kind.Int64 != 0 {
			return nil
		}
		return w.entry(d, "whatsapp", appleEpoch, whatsappNumber)
	}, &w.at, &w.mine, &w.kind, &w.media, &w.group, &w.id, &w.peer, &w.chat, &w.title, &w.name)
	if err != nil || !slices.Contains(d.columns["zwagroupmember"], "zchatsession") {
		return err
	}
	return d.members(fmt.Sprintf(`SELECT g.Z_PK, substr(c.ZCONTACTJID,1,255), substr(c.ZPARTNERNAME,1,255), substr(g.ZMEMBERJID,1,255), substr(%s,1,255)
		FROM ZWAGROUPMEMBER g JOIN ZWACHATSESSION c ON c.Z_PK=g.ZCHATSESSION WHERE c.ZCONTACTJID LIKE '%%@g.us' AND %s IS NOT 0 ORDER BY g.Z_PK`,
		d.column("zwagroupmember", "g", "ZCONTACTNAME"), d.column("zwagroupmember", "g", "ZISACTIVE")), "whatsapp", whatsappNumber)
}

// whatsappNumber is the number of a WhatsApp address; addresses of other kinds,
// such as those that hide the number (@lid), stay as they are.
func whatsappNumber(jid string) string {
	user, host, _ := strings.Cut(jid, "@")
	user, _, _ = strings.Cut(user, ":") // the number of the device
	if host == "s.whatsapp.net" && user != "" && strings.Trim(user, "0123456789") == "" {
		return "+" + user
	}
	return jid
}
