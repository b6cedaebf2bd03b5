package logs

import (
	"strings"
	"testing"

	"envelope/capture"
)

const (
	jicofoRoom   = "[room=green@conference.example.org meeting_id=bf2b5e2b] JitsiMeetConferenceImpl."
	jicofoSample = "Jicofo 2026-01-05 08:00:00.000 INFO: [1] Main.main#47: Starting Jicofo.\n" +
		"Jicofo 2026-01-05 08:00:00.500 INFO: [30] ConferenceIqHandler.handleConferenceIq#86: Conference request for room Green@conference.example.org, from 11111111-89d4-4e65-b61a-c243d48fd69e@example.org/" + canary + "\n" +
		"Jicofo 2026-01-05 08:00:01.000 INFO: [30] " + jicofoRoom + "onMemberJoined#743: Member joined:11111111 stats-id=Anna-GD5 region=null room=main\n" +
		"Jicofo 2026-01-05 08:00:11.000 INFO: [30] " + jicofoRoom + "onMemberJoined#743: Member joined:22222222 stats-id=null region=null room=main\n" +
		"java.lang.Exception: " + canary + "\n\tat x\n" +
		"Jicofo 2026-01-05 08:01:11.000 INFO: [30] " + jicofoRoom + "onMemberLeft#957: Member left:11111111\n" +
		"Jicofo 2026-01-05 08:01:12.000 INFO: [30] " + jicofoRoom + "onMemberLeft#957: Member left:22222222\n" +
		"Jicofo 2026-01-05 08:01:12.001 INFO: [30] " + jicofoRoom + "stop#476: Stopped.\n"

	jvbRoom   = "[confId=bf27 conf_name=green@muc.example.org meeting_id=319a0e49"
	jvbSample = "JVB 2026-01-05 08:00:00.000 INFO: [1] MainKt.main#75: Starting jitsi-videobridge\n" +
		"JVB 2026-01-05 08:00:01.000 INFO: [25] " + jvbRoom + " epId=11111111 stats_id=Anna-GD5 local_ufrag=a ufrag=a] ConnectivityCheckClient.processSuccessResponse#664: Pair validated: 10.0.0.1:10000/udp/srflx -> 192.0.2.10:45811/udp/prflx (stream.RTP).\n" +
		"JVB 2026-01-05 08:00:02.000 INFO: [25] " + jvbRoom + " epId=22222222 stats_id=Ben-Ab1 local_ufrag=b ufrag=b] ConnectivityCheckClient.processSuccessResponse#664: Pair validated: 10.0.0.1:10000/udp/srflx -> [2001:db8::2]:45812/udp/prflx (stream-22222222.RTP).\n" +
		"JVB 2026-01-05 08:00:03.000 INFO: [25] " + jvbRoom + " epId=22222222 stats_id=Ben-Ab1] Endpoint.message#1: " + canary + "\n" +
		"JVB 2026-01-05 08:01:02.000 INFO: [54] " + jvbRoom + " epId=22222222 stats_id=Ben-Ab1] Endpoint.expire#1050: Expired.\n" +
		"JVB 2026-01-05 08:01:06.000 INFO: [54] " + jvbRoom + " epId=11111111 stats_id=Anna-GD5] Endpoint.expire#1050: Expired.\n" +
		"JVB 2026-01-05 08:01:06.001 INFO: [54] " + jvbRoom + "] Conference.updateStatisticsOnExpire#617: expire_conf,duration=65\n"
)

// A meeting of two is a call of the time that both were there.
func TestJitsiMeetings(t *testing.T) {
	for _, c := range []struct {
		name, text, kinds        string
		from, account, with      string
		addr, since, until, path string
		faults                   int
	}{
		{"jicofo", jicofoSample + "Jicofo 2026-13-05 08:00:12.000 INFO: [30] x.y#1: z\n", "login member login member logout logout call", "Anna-GD5", "11111111-89d4-4e65-b61a-c243d48fd69e@example.org", "22222222", "invalid IP", "2026-01-05T08:00:11Z", "2026-01-05T08:01:11Z", "", 1},
		{"jvb", jvbSample, "login member login member logout logout call", "Anna-GD5", "", "Ben-Ab1", "192.0.2.10", "2026-01-05T08:00:02Z", "2026-01-05T08:01:02Z", "relayed", 0},
	} {
		format, entries, times, faults := readEntries(t, c.text)
		var kinds []string
		for _, e := range entries {
			kinds = append(kinds, string(e.Kind))
		}
		if format != c.name || strings.Join(kinds, " ") != c.kinds || len(faults) != c.faults {
			t.Fatalf("%s: read as %q: %v, %q", c.name, format, kinds, faults)
		}
		call, since := entries[len(entries)-1], times[len(times)-1]
		if call.From.Name != c.from || call.From.Account != c.account || call.To[0].Name != c.with || call.From.Addr.String() != c.addr ||
			since != at(c.since) || call.Until != at(c.until) || call.Call.Path != c.path || call.Service != "jitsi" || !strings.HasPrefix(call.Group, "green@") {
			t.Errorf("%s: the call is %+v at %s", c.name, call, since.UTC())
		}
	}
}

// Nobody has a call alone.
func TestJitsiMeetingOfOne(t *testing.T) {
	alone := strings.ReplaceAll(jicofoSample, "Member joined:22222222", "Member seen")
	_, entries, _, _ := readEntries(t, alone)
	for _, e := range entries {
		if e.Kind == capture.EntryCall {
			t.Errorf("a call of one: %+v", e)
		}
	}
}
