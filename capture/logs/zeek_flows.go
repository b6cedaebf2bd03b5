package logs

import (
	"bytes"
	"net/netip"

	"envelope/capture"
)

// Protocol numbers (IANA) of what the logs of network monitors name.
const (
	ipICMP  = 1
	ipTCP   = 6
	ipUDP   = 17
	ipICMP6 = 58
)

// flowHides is what rows of whole flows hide.
const flowHides = "whom: a row is one connection to a server, whoever the message was for; a chat connection of hours is one row, so single messages and calls do not show"

func zeekConn() *zeekLog {
	return &zeekLog{
		name:    "conn",
		columns: "proto service duration orig_bytes resp_bytes conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto vlan inner_vlan orig_l2_addr resp_l2_addr",
		marks:   [][]string{{"conn_state"}, {"orig_bytes", "resp_bytes"}, {"orig_pkts", "resp_pkts"}, {"orig_ip_bytes"}},
		wanted: []string{"proto", "duration", "orig_bytes", "resp_bytes", "conn_state", "orig_pkts", "orig_ip_bytes",
			"resp_pkts", "resp_ip_bytes", "ip_proto", "vlan", "orig_l2_addr", "resp_l2_addr"},
		start: func(z *zeek) zeekRows {
			f := new(capture.Flow)
			return zeekRows{row: func(at capture.Time) error { return z.conn(f, at) }}
		},
		format: capture.Format{Grain: capture.GrainFlow, Shows: []string{"who", "when", "duration", "volume", "device"},
			Hides: flowHides + "; the service only where ssl.log, quic.log or dns.log name the server"},
	}
}

func (z *zeek) conn(f *capture.Flow, at capture.Time) error {
	if err := z.flow(f, at); err != nil {
		return err
	}
	v := z.values[zeekOwn:]
	f.Last = max(at, after(at, v[1]))
	f.Proto = zeekProto(v[0], v[9])
	if f.Proto == ipICMP || f.Proto == ipICMP6 { // the ports are type and code
		f.Client, f.Server = netip.AddrPortFrom(f.Client.Addr(), 0), netip.AddrPortFrom(f.Server.Addr(), 0)
	}
	f.Payload = [2]uint64{number(v[2]), number(v[3])}
	f.Packets = [2]uint64{number(v[5]), number(v[7])}
	f.Bytes = [2]uint64{number(v[6]), number(v[8])}
	f.Midstream = bytes.Equal(v[4], []byte("OTH"))
	f.VLAN = uint16(min(number(v[10]), 4095))
	f.ClientMAC, f.ServerMAC = macOf(v[11]), macOf(v[12])
	z.r.flow(f)
	return nil
}

// zeekProto is the protocol number: where the log has none, by its name.
func zeekProto(name, n []byte) uint8 {
	if p := number(n); p > 0 && p < 256 {
		return uint8(p)
	}
	switch string(name) {
	case "tcp":
		return ipTCP
	case "udp":
		return ipUDP
	case "icmp":
		return ipICMP
	}
	return 0
}

func zeekSSL() *zeekLog {
	return &zeekLog{
		name:    "ssl",
		columns: "version cipher curve server_name resumed last_alert next_protocol established ssl_history cert_chain_fps client_cert_chain_fps sni_matches_cert validation_status cert_chain_fuids client_cert_chain_fuids subject issuer client_subject client_issuer ja3 ja3s ja4 session_id",
		marks:   [][]string{{"cipher"}, {"ssl_history"}, {"server_name", "established"}, {"cert_chain_fuids"}},
		wanted:  []string{"version", "server_name", "next_protocol", "ja4"},
		start: func(z *zeek) zeekRows {
			f := new(capture.Flow)
			return zeekRows{row: func(at capture.Time) error { return z.tls(f, at) }}
		},
		format: capture.Format{Grain: capture.GrainFlow, Early: true, Shows: []string{"who", "when", "service"},
			Hides: "whom and how much: it names the server of a connection, and conn.log has its duration and volume; hidden names (encrypted client hello) show that of the front only"},
	}
}

func (z *zeek) tls(f *capture.Flow, at capture.Time) error {
	if err := z.flow(f, at); err != nil {
		return err
	}
	v := z.values[zeekOwn:]
	f.Proto = ipTCP
	// DTLS says so; "h3" and "doq" are only spoken over QUIC (RFC 9114, RFC 9250).
	if bytes.HasPrefix(v[0], []byte("DTLS")) || bytes.HasPrefix(v[2], []byte("h3")) || bytes.Equal(v[2], []byte("doq")) {
		f.Proto = ipUDP
	}
	z.named(f, v[1], "sni", v[2], v[3])
	return nil
}

// named ends a row that says which server a flow went to.
func (z *zeek) named(f *capture.Flow, host []byte, how string, alpn, ja4 []byte) {
	f.Host = z.hosts.get(zeekUnescape(host))
	if f.Host != "" {
		f.HostHow = how
	}
	if len(alpn) > 0 {
		f.ALPN = z.lists.get(alpn)
	}
	f.JA4 = z.words.get(ja4)
	z.r.flow(f)
}

func zeekQUIC() *zeekLog {
	return &zeekLog{
		name:    "quic",
		columns: "version client_initial_dcid client_scid server_scid server_name client_protocol history",
		marks:   [][]string{{"client_initial_dcid"}, {"client_protocol"}, {"client_scid"}},
		wanted:  []string{"server_name", "client_protocol"},
		start: func(z *zeek) zeekRows {
			f := new(capture.Flow)
			return zeekRows{row: func(at capture.Time) error {
				err := z.flow(f, at)
				if err == nil {
					f.Proto = ipUDP
					z.named(f, z.values[zeekOwn], "quic", z.values[zeekOwn+1], nil)
				}
				return err
			}}
		},
		format: capture.Format{Grain: capture.GrainFlow, Early: true, Shows: []string{"who", "when", "service"},
			Hides: "whom and how much: it names the server of a connection, and conn.log has its duration and volume"},
	}
}
