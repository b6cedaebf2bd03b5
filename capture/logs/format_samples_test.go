package logs

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"envelope/capture"
)

// formatSample is a good input of one format, with the canary in every place that
// can hold content.
type formatSample struct {
	text string
	// lines says that each line stands for itself: a bad one before the last
	// changes nothing else.
	lines bool
}

// sampleOptions are those under which all formats are there.
func sampleOptions() Options {
	return Options{Columns: &Columns{Names: map[string]string{"start": "zeit", "from": "von", "to": "nach", "kind": "art"}, Values: map[string]string{"gespräch": "call"}, Separator: ';'}}
}

// sampledFormats are all formats in the order in which they are asked.
func sampledFormats() []capture.Format { return Formats(sampleOptions()) }

const eveStamp = `{"timestamp":"2026-01-05T08:00:00.500000+0000","flow_id":11,"src_ip":"192.0.2.10","src_port":50112,"dest_ip":"198.51.100.7","dest_port":443,`

// lineSamples are of formats whose lines stand for themselves.
var lineSamples = map[string]string{
	"zeek-conn": `{"_path":"conn",` + zeekEnds + `,"proto":"tcp","duration":1.5,"orig_bytes":9,"resp_bytes":8,"conn_state":"SF","history":"` + canary + `","note":"` + canary + `"}` + "\n",
	"zeek-ssl":  `{"_path":"ssl",` + zeekEnds + `,"cipher":"x","server_name":"chat.example","subject":"CN=` + canary + `","last_alert":"` + canary + `"}` + "\n",
	"zeek-quic": `{"_path":"quic",` + zeekEnds + `,"client_initial_dcid":"` + canary + `","server_name":"chat.example","history":"` + canary + `"}` + "\n",
	"zeek-dns":  `{"_path":"dns",` + zeekEnds + `,"query":"chat.example","qtype_name":"TXT","rcode":0,"answers":["TXT 6 ` + canary + `","198.51.100.7"]}` + "\n",
	"zeek-dhcp": `{"_path":"dhcp","ts":1767600000.5,"mac":"02:00:5e:00:00:01","assigned_addr":"192.0.2.10","host_name":"annas-phone","lease_time":3600,"server_message":"` + canary + `","client_message":"` + canary + `","msg_types":["ACK"]}` + "\n",
	"zeek-smtp": `{"_path":"smtp",` + zeekEnds + `,"helo":"a.example","mailfrom":"anna@example.org","rcptto":["ben@example.net"],"msg_id":"<m1@example.org>","subject":"` + canary + `","last_reply":"250 ` + canary + `"}` + "\n",
	"zeek-sip": `{"_path":"sip",` + zeekEnds + `,"method":"MESSAGE","call_id":"k1","request_from":"<sip:anna@example.org>","request_to":"<sip:ben@example.net>","subject":"` + canary + `","warning":"` + canary + `","status_code":200,"status_msg":"` + canary + `","request_body_len":9}` + "\n" +
		`{"_path":"sip",` + strings.ReplaceAll(zeekEnds, "Cab1", "Cab2") + `,"method":"INVITE","call_id":"k2","request_from":"<sip:anna@example.org>","request_to":"<sip:ben@example.net>","status_code":486}` + "\n",
	"suricata-eve": eveStamp + `"event_type":"http","proto":"TCP","http":{"url":"/` + canary + `","http_user_agent":"` + canary + `","http_response_body_printable":"` + canary + `"}}` + "\n" +
		eveStamp + `"event_type":"smtp","proto":"TCP","smtp":{"helo":"x"},"email":{"from":"Anna <anna@example.org>","to":["ben@example.net"],"subject":"` + canary + `","attachment":["` + canary + `"]}}` + "\n" +
		eveStamp + `"event_type":"tls","proto":"TCP","payload_printable":"` + canary + `","tls":{"sni":"chat.example","subject":"CN=` + canary + `"}}` + "\n",
	"nfdump-csv":     "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n2026-01-05 08:00:00,2026-01-05 08:00:09,9.0,192.0.2.10,198.51.100.7,50112,443,TCP,...AP.S.,9,900,0,0\n",
	"nfdump-csv-new": "duration,firstSeen,proto,dstAddr,dstPort,srcAddr,srcPort,packets,bytes,flows\n60.0,2026-01-05 08:00:00.250,UDP,192.0.2.10,50112,198.51.100.7,3478,5,500,1\n",
	"nfdump-json":    `{"type":"FLOW","first":"2026-01-05T08:00:00.5","last":"2026-01-05T08:00:01.5","in_packets":2,"in_bytes":80,"proto":6,"tcp_flags":"......S.","src4_addr":"192.0.2.10","dst4_addr":"198.51.100.7","src_port":40000,"dst_port":40001,"payload":"` + canary + `"}` + "\n",
	"nfdump-text":    "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  Packets    Bytes Flows\n2026-01-05 08:00:00.000    9.000 TCP         192.0.2.10:50112 ->     198.51.100.7:443   ...AP.S.   0        9      900     1\n",
	"goflow2":        `{"type":"IPFIX","time_flow_start_ns":1767600000000000000,"time_flow_end_ns":1767600060000000000,"bytes":8200,"packets":31,"src_addr":"192.0.2.10","dst_addr":"198.51.100.7","proto":"TCP","src_port":50112,"dst_port":443,"sampling_rate":1,"payload":"` + canary + `"}` + "\n",
	"argus":          "Dir,SrcAddr,Sport,DstAddr,Dport,Proto,StartTime,Dur,SrcPkts,DstPkts,SrcBytes,DstBytes,suser,duser\n ->,192.0.2.10,50112,198.51.100.7,443,tcp,1767600000.5,1.5,3,4,300,400,s[9]=\"" + canary + "\",d[9]=\"" + canary + "\"\n",
	"pcapdroid-csv":  "IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Proto,Status,Info,BytesSent,BytesRcvd,PktsSent,PktsRcvd,FirstSeen,LastSeen,Url,Payload\n6,192.0.2.10,50112,198.51.100.7,443,10100,Chat,TLS,Open,chat.example,900,7000,9,7,1767600000000,1767600009000,/" + canary + "," + canary + "\n",
	"ndpireader-csv": "#flow_id,protocol,first_seen,last_seen,duration,src_ip,src_port,dst_ip,dst_port,ndpi_proto,server_name_sni,c_to_s_pkts,c_to_s_bytes,s_to_c_pkts,s_to_c_bytes,http_url,plen_bins\n1,6,1767600000.5,1767600001.5,1.0,192.0.2.10,50112,198.51.100.7,443,TLS,chat.example,3,300,4,400,/" + canary + "," + canary + "\n",
	"tshark-fields":  "frame.time_epoch,ip.src,ip.dst,frame.len,tcp.srcport,tcp.dstport,udp.srcport,udp.dstport,data.text\n1767600000.0,192.0.2.10,198.51.100.7,74,50112,443,,," + canary + "\n",
	"dnsmasq":        "Jan  5 08:00:00 dnsmasq[412]: query[TXT] chat.example from 192.0.2.10\nJan  5 08:00:00 dnsmasq[412]: reply chat.example is " + canary + "\nJan  5 08:00:02 dnsmasq[412]: query[A] b.example from 192.0.2.11\n",
	"unbound":        "[1767600000] unbound[88:0] info: 192.0.2.10 chat.example. A IN\n[1767600001] unbound[88:0] info: " + canary + " stopped\n[1767600001] unbound[88:0] info: 192.0.2.11 chat.example. A IN\n",
	"bind":           "05-Jan-2026 08:00:00.123 queries: info: client @0x7f0 192.0.2.10#53211 (chat.example): view in: query: chat.example IN A +E(0) (192.0.2.1)\n05-Jan-2026 08:00:00.124 general: info: " + canary + "\n05-Jan-2026 08:00:01.123 queries: info: client 192.0.2.11#53211: query: chat.example IN A +\n",
	"adguard-home":   `{"T":"2026-01-05T08:00:00.1Z","QH":"chat.example","QT":"A","QC":"IN","CP":"","IP":"192.0.2.10","Upstream":"` + canary + `","Answer":"AAGBgAABAAEAAAAABGNoYXQHZXhhbXBsZQAAAQABwAwAAQABAAAAPAAExjNkBw==","Elapsed":21000000}` + "\n",
	"dnsmasq-leases": "1767603600 02:00:5e:00:00:01 192.0.2.10 annas-phone 01:02:00:5e:00:00:01\n0 02:00:5e:00:00:02 192.0.2.11 * *\n",
	"dhcpd":          "Jan  5 08:00:00 gw dhcpd[9]: DHCPACK on 192.0.2.10 to 02:00:5e:00:00:01 (annas-phone) via eth0\nJan  5 08:00:00 gw dhcpd[9]: " + canary + "\nJan  5 08:00:01 gw dhcpd[9]: DHCPACK on 192.0.2.11 to 02:00:5e:00:00:02 (bens-phone) via eth0\n",
	"message-records": `{"ts":1772438560.6961,"kind":"text","service":"whatsapp","id":"t1","from":"anna","from_ip":"192.0.2.10","to":"ben","stanza_len":188,"body":"` + canary + `","text":"` + canary + `","filename":"` + canary + `"}` + "\n" +
		`{"ts":1772438580,"kind":"call","id":"c1","from":"ben","to":"anna","media":"audio","mode":"relayed","answered":true,"start":1772438585.5,"end":1772438590}` + "\n",
	"carrier-cdr":  "Art;Von;Zeit;Nach;Text\ngespräch;+15550100001;2026-01-05 08:00:00;+15550100002;" + canary + "\n",
	"bandicoot":    "direction,interaction,datetime,correspondent_id,call_duration,text\nin,call,2026-01-05 08:00:00,+15550100002,61," + canary + "\nout,text,2026-01-05 09:00:00,+15550100002,," + canary + "\n",
	"asterisk-cdr": `"","100","101","default","""Anna"" <100>","SIP/100-0001","SIP/101-0002","SendText","` + canary + `","2026-01-05 08:00:00","2026-01-05 08:00:05","2026-01-05 08:01:00",60,55,"ANSWERED","DOCUMENTATION","1.1","` + canary + `"` + "\n",
	"freeswitch-cdr": `"Anna","100","101","default","2026-01-05 08:00:00","2026-01-05 08:00:05","2026-01-05 08:01:00","60","55","NORMAL_CLEARING","11111111-2222-3333-4444-555555555555","","` + canary + `"` + "\n" +
		`"Ben","101","100","` + canary + `","2026-01-05 09:00:00","","2026-01-05 09:00:09","9","0","USER_BUSY","11111111-2222-3333-4444-555555555556","","` + canary + `"` + "\n",
	"kamailio-acc": accLine("1767600000", "INVITE", "k1", "486", canary) + accLine("1767600001", "MESSAGE", "k2", "200", canary+";body="+canary),
	"signal-cli": `{"envelope":{"sourceNumber":"+15550100001","sourceDevice":1,"timestamp":1767600000000,"dataMessage":{"timestamp":1767600000000,"message":"` + canary + `","quote":{"text":"` + canary + `"},"previews":[{"title":"` + canary + `"}],"reaction":null,"attachments":[{"contentType":"image/jpeg","filename":"` + canary + `","caption":"` + canary + `","size":3}]}}}` + "\n" +
		`{"envelope":{"sourceNumber":"+15550100002","sourceDevice":1,"timestamp":1767600001000,"dataMessage":{"timestamp":1767600001000,"message":"` + canary + `"}}}` + "\n",
	"signal-export": "[2026-01-05, 08:00] Anna: " + canary + "\n[2026-01-05, 08:01] Ben: " + canary + "\n",
	"whatsapp-chat": "[25/01/2026, 08:00:00] Anna: " + canary + "\nmore " + canary + "\n\u200e[25/01/2026, 08:00:01] Ben: " + canary + ".pdf \u200edocument omitted\n[25/01/2026, 08:00:02] Ben: <attached: " + canary + ".jpg>\n[25/01/2026, 08:00:03] Ben changed the group description: " + canary + "\n[25/01/2026, 08:00:04] Anna: " + canary + ": 08:00\n",
}

// documentSamples are of formats in which lines hang together.
var documentSamples = map[string]string{
	"zeek-other":   zeekHead + "#path\thttp\n#fields\tts\tuid\turi\n1767600000.5\tC\t" + canary + "\n",
	"dhcpd-leases": "lease 192.0.2.10 {\n  starts 1 2026/01/05 08:00:00;\n  ends 1 2026/01/05 09:00:00;\n  hardware ethernet 02:00:5e:00:00:01;\n  set x = \"" + canary + "\";\n  client-hostname \"annas-phone\";\n}\n",
	"subscribers":  "{\n \"subscribers\": {\n  \"192.0.2.11\": \"ben@example.net\"\n },\n \"services\": {\"198.51.100.7\": [\"chat.example\"]},\n \"notes\": \"" + canary + "\"\n}\n",
	"telegram-export": `{"name":"Ben","type":"personal_chat","id":2,"messages":[{"id":1,"type":"message","date":"2026-01-05T08:00:00","from":"Ben","from_id":"user2","text":["` + canary + `",{"type":"bold","text":"` + canary + `"}],"text_entities":[{"type":"bold","text":"` + canary + `"}],"file":"` + canary + `.pdf","file_name":"` + canary + `"},` + "\n" +
		`{"id":2,"type":"service","action":"edit_group_title","title":"` + canary + `","date":"2026-01-05T08:00:00","actor":"Ben","actor_id":"user2"},{"id":3,"type":"message","date":"` + "2026-01-05T08:00:09" + `","from":"Ben","from_id":"user2","text":"` + canary + `","forwarded_from":"` + canary + `","poll":{"question":"` + canary + `"}}]}`,
	"meta-export": `{"participants":[{"name":"Anna"},{"name":"Ben"}],"messages":[{"sender_name":"Anna","timestamp_ms":1767600000000,"content":"` + canary + `","share":{"link":"` + canary + `","share_text":"` + canary + `"},"reactions":[{"reaction":"` + canary + `","actor":"Ben"}]},` + "\n" +
		`{"sender_name":"Ben","timestamp_ms":1767600001000,"photos":[{"uri":"` + canary + `"}]}],"title":"Ben","thread_path":"inbox/ben_1"}`,
	"postqueue":    "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n4F1AB0C2D3*     2311 Mon Jan  5 08:00:00  anna@example.org\n      (host mx said: 450 " + canary + ")\n                                         ben@example.net\n\n-- 2 Kbytes in 1 Request.\n",
	"message-list": `{"messages":[{"timestamp":1767600000000,"isOutgoing":true,"size":12,"text":"` + canary + `","body":"` + canary + `"}]}`,
	"whatsapp-return-text": "Facebook Legal Request\nService WhatsApp\nAccount Identifier +15550100001\nProfile Definition\nText of " + canary + ".\nAbout\n" + canary + "\nMessage Log Definition\nType of each message.\n" +
		"Timestamp 2026-01-05 08:00:00 UTC | Message Id 3EB0 | Sender 15550100001 | Recipients 15550100002 | Type text | Message Style individual | Message Size 312\nGroups Definition\nThe groups.\nOwned Groups\nPicture\n" + canary + "\nID\n15550100001-1\nDescription\n" + canary + "\nSubject\nWalks\n",
	"whatsapp-return": `<html><head><title>Facebook Legal Request</title></head><body><div id="property-request_parameters" class="content-pane"><table><tr><th>Service</th><td>WhatsApp</td></tr><tr><th>Account Identifier</th><td>+15550100001</td></tr></table></div>` +
		`<div id="property-message_log" class="content-pane"><table><tr><th>Message Log Definition</th><td>` + canary + `</td></tr><tr><th>Timestamp</th><td>2026-01-05 08:00:00 UTC</td></tr><tr><th>Message Id</th><td>3EB0</td></tr><tr><th>Sender</th><td>15550100001</td></tr><tr><th>Recipients</th><td>15550100002</td></tr><tr><th>Type</th><td>text</td></tr><tr><th>Message Size</th><td>312</td></tr></table></div>` +
		`<div id="property-groups_info"><table><tr><th>Picture</th><td><img alt="` + canary + `">` + canary + `</td></tr><tr><th>ID</th><td>15550100001-1</td></tr><tr><th>Description</th><td>` + canary + `</td></tr><tr><th>Subject</th><td>Walks</td></tr></table></div>` +
		`<div id="property-offline_log_info"><table><tr><th>Timestamp</th><td>2026-01-05 08:00:00 UTC</td></tr><tr><th>From</th><td>15550100002</td></tr><tr><th>Event</th><td>message</td></tr><tr><th>Content</th><td>` + canary + `</td></tr></table></div></body></html>`,
}

// refusedSamples are of kinds of files that are known and not read.
var refusedSamples = map[string]string{
	"wireshark-list":  "\"No.\",\"Time\",\"Source\",\"Destination\",\"Protocol\",\"Length\",\"Info\"\n\"1\",\"0.0\",\"192.0.2.10\",\"198.51.100.7\",\"TCP\",\"74\",\"" + canary + "\"\n",
	"asterisk-log":    "[2026-01-05 08:00:00] NOTICE[12] chan_sip.c: " + canary + "\n",
	"freeswitch-log":  "2026-01-05 08:00:00.123456 97.10% [WARNING] sofia_reg.c:3223 " + canary + "\n",
	"kerio-security":  "[05/Jan/2026 08:00:00] Failed " + canary + "\n",
	"sogo":            "Jan 05 08:00:00 sogod [12]: " + canary + "\n",
	"matrix-identity": "05/Jan/2026:08:00:00 GET /_matrix/identity/v2/" + canary + "\n",
	"stun-table":      "name,message\nx,AAEACCESpEIBAgMEBQYHCAkKCwyAIgAEdGVzdA==\n",
	"markdown":        "# " + canary + "\n\ntext\n",
	"nfcapd":          "\x0c\xa5\x02\x00" + canary,
}

// formatSamples gives the samples of all formats by name.
func formatSamples(t testing.TB) map[string]formatSample {
	t.Helper()
	all := map[string]formatSample{}
	for name, text := range lineSamples {
		all[name] = formatSample{text, true}
	}
	for _, family := range []map[string]string{serverSamples, documentSamples, refusedSamples} {
		for name, text := range family {
			_, server := serverSamples[name]
			all[name] = formatSample{text, server && name != "mail"}
		}
	}
	database, err := os.ReadFile(databaseOf(t, strings.ReplaceAll(imessageTables, "CANARY", canary)))
	if err != nil {
		t.Fatal(err)
	}
	all["whatsapp-account"] = formatSample{text: strings.ReplaceAll(accountReports["page of lists"], "CANARY", canary)}
	all["sqlite"] = formatSample{text: string(database)}
	all["netflow"] = formatSample{text: netflow5Sample()}
	return all
}

// netflow5Sample is a datagram of version 5 with one flow: 24 bytes of header,
// 48 of flow (Cisco, "NetFlow Export Datagram Format").
func netflow5Sample() string {
	b := binary.BigEndian.AppendUint16(nil, 5)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint32(b, 60_000) // uptime
	b = binary.BigEndian.AppendUint32(b, 1767600000)
	b = append(b, make([]byte, 12)...)
	b = append(b, 192, 0, 2, 10, 198, 51, 100, 7, 0, 0, 0, 0, 0, 1, 0, 2)
	for _, n := range []uint32{9, 900, 50_000, 59_000} { // packets, bytes, first, last
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = binary.BigEndian.AppendUint16(b, 50112)
	b = binary.BigEndian.AppendUint16(b, 443)
	return string(append(b, 0, 0x18, 6, 0, 0, 0, 0, 0, 24, 24, 0, 0))
}
