package logs

import (
	"testing"

	"envelope/capture"
)

// Rows of the sample of cel_custom: a call that was answered, one that was not, and
// one that the log ends within.
const celSample = `"CHAN_START","1767600000.5","Anna","5550100","","","","5550101","default","PJSIP/anna-00000001","","","3","","1.0","1.0","","","",""
"CHAN_START","1767600001.5","","","","","","s","default","PJSIP/ben-00000002","","","3","","1.1","1.0","","","",""
"ANSWER","1767600005.5","","5550101","","","","","default","PJSIP/ben-00000002","AppDial","","3","","1.1","1.0","","","",""
"BRIDGE_ENTER","1767600005.6","","5550101","","","","","default","PJSIP/ben-00000002","AppDial","XYZZYSECRET","3","","1.1","1.0","","XYZZYSECRET","XYZZYSECRET",""
"HANGUP","1767600065.5","Anna","5550100","","","","5550101","default","PJSIP/anna-00000001","","","3","","1.0","1.0","","","","{""hangupcause"":16,""hangupsource"":"""",""dialstatus"":""ANSWER""}"
"LINKEDID_END","1767600065.6","Anna","5550100","","","","5550101","default","PJSIP/anna-00000001","","","3","","1.0","1.0","","","",""
"CHAN_START","1767600100.5","Carla","5550102","","","","5550101","default","DAHDI/1-1","","","3","","2.0","2.0","","","",""
"HANGUP","1767600110.5","Carla","5550102","","","","5550101","default","DAHDI/1-1","","","3","","2.0","2.0","","","","17,,BUSY"
"LINKEDID_END","1767600110.6","Carla","5550102","","","","5550101","default","DAHDI/1-1","","","3","","2.0","2.0","","","",""
"CHAN_START","1767600200.5","Anna","5550100","","","","5550102","default","PJSIP/anna-00000003","","","3","","3.0","3.0","","","",""
`

func TestAsteriskCEL(t *testing.T) {
	format, entries, times, faults := readEntries(t, celSample+`"ANSWER","noon","","","","","","","","","","","","","3.0","3.0"`)
	if format != "asterisk-cel" || len(entries) != 3 || len(faults) != 1 {
		t.Fatalf("read as %q: %+v, %q", format, entries, faults)
	}
	for i, want := range []struct {
		from, to, service, outcome string
		lasted                     float64
	}{
		{"5550100", "5550101", "sip", answered, 65.1},
		{"5550102", "5550101", "phone", busy, 10.1},
		{"5550100", "5550102", "sip", "", 0},
	} {
		e := entries[i]
		lasted := 0.0
		if e.Until != 0 {
			lasted = e.Until.Sub(times[i]).Seconds()
		}
		if e.Kind != capture.EntryCall || e.From.Account != want.from || e.To[0].Account != want.to || e.Service != want.service || e.Call.Outcome != want.outcome || lasted != want.lasted {
			t.Errorf("call %d: %+v %+v, lasted %.1f s, want %+v", i, e, *e.Call, lasted, want)
		}
	}
	if entries[0].Call.Answered.Sub(times[0]).Seconds() != 5.1 || entries[0].From.Device != "PJSIP/anna" {
		t.Errorf("the first call: %+v", entries[0])
	}
}
