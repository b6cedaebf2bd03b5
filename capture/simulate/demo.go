package simulate

import (
	"net/netip"
	"time"

	"envelope/capture"
)

// Demo returns the embedded story: a quarter of an hour in the lives of Anna,
// Ben and Carla, seen by a tap at their provider's router and by Anna's phone.
//
// Anna and Ben chat over WhatsApp, she sends him a photo, he answers with a
// voice note, and she calls him. Ben and Carla chat over Signal. Carla is
// logged in to WhatsApp too and says nothing there. All three look at web
// sites in between. The people are invented and their addresses are those for
// documentation (RFC 5737, RFC 3849).
func Demo() *Scenario {
	at := netip.MustParseAddr
	return &Scenario{
		Seed:   20170326,
		Start:  capture.TimeOf(time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC)),
		Length: 15 * time.Minute,
		People: []Person{
			{Name: "anna", Device: "Anna's phone", Addrs: []netip.Addr{at("203.0.113.7")}, Services: []string{"whatsapp"}, Login: 2 * time.Second},
			{Name: "ben", Device: "Ben's phone", Addrs: []netip.Addr{at("198.51.100.23")}, Inner: at("192.168.1.23"),
				Services: []string{"whatsapp", "signal"}, Login: 7 * time.Second},
			{Name: "carla", Device: "Carla's phone", Addrs: []netip.Addr{at("198.51.100.77"), at("2001:db8:77::4d")},
				Services: []string{"signal", "whatsapp"}, Login: 13 * time.Second},
		},
		Acts: append(append(demoTalk(), demoSignal()...), demoWeb()...),
		Taps: []Tap{
			{Name: "router.pcap", Observer: capture.Network},
			{Name: "anna.pcap", Observer: capture.Device, Person: "anna"},
		},
	}
}

// moment is a time within the given second: nobody acts on the full second.
func moment(sec int) time.Duration {
	return time.Duration(sec)*time.Second + time.Duration(sec*397%1000)*time.Millisecond
}

// demoTalk is what happens between Anna and Ben.
func demoTalk() []Act {
	const anna, ben = "anna", "ben"
	text := func(sec, size int, from, to string) Act {
		return Act{At: moment(sec), Kind: ActText, Service: "whatsapp", From: from, To: to, Size: size}
	}
	return []Act{
		text(74, 34, anna, ben), text(91, 12, ben, anna), text(104, 58, anna, ben), text(121, 41, ben, anna),
		text(128, 9, ben, anna), text(145, 120, anna, ben), text(171, 27, ben, anna), text(189, 16, anna, ben),
		{At: moment(232), Kind: ActPhoto, Service: "whatsapp", From: anna, To: ben, Size: 184_000},
		text(251, 22, ben, anna), text(266, 43, anna, ben),
		{At: moment(287), Kind: ActVoice, Service: "whatsapp", From: ben, To: anna, Size: 23_400},
		text(318, 31, anna, ben), text(333, 8, ben, anna),
		{At: moment(366), Kind: ActCall, Service: "whatsapp", From: anna, To: ben, Ring: 6200 * time.Millisecond, Length: 118 * time.Second},
		text(531, 47, ben, anna), text(549, 19, anna, ben), text(571, 105, ben, anna), text(602, 38, anna, ben),
		text(655, 14, ben, anna), text(683, 62, anna, ben), text(724, 25, ben, anna), text(741, 11, anna, ben),
		text(802, 53, ben, anna), text(826, 7, anna, ben),
	}
}

// demoSignal is what happens between Ben and Carla.
func demoSignal() []Act {
	text := func(sec, size int, from, to string) Act {
		return Act{At: moment(sec), Kind: ActText, Service: "signal", From: from, To: to, Size: size}
	}
	const ben, carla = "ben", "carla"
	return []Act{
		text(58, 29, carla, ben), text(83, 64, ben, carla), text(112, 18, carla, ben), text(159, 93, carla, ben),
		text(203, 21, ben, carla), text(219, 36, carla, ben), text(306, 140, ben, carla), text(345, 10, carla, ben),
		text(508, 45, carla, ben), text(556, 23, ben, carla), text(588, 77, carla, ben), text(631, 13, ben, carla),
		text(667, 52, carla, ben), text(709, 31, ben, carla), text(768, 26, carla, ben), text(791, 88, ben, carla),
	}
}

// demoWeb is what they read meanwhile: it has nothing to do with the talk.
func demoWeb() []Act {
	page := func(sec int, who, site string, size int) Act {
		return Act{At: moment(sec), Kind: ActBrowse, From: who, To: site, Size: size}
	}
	return []Act{
		page(22, "carla", "www.example.org", 41_000), page(37, "anna", "news.example.net", 88_000),
		page(98, "carla", "news.example.net", 86_500), page(136, "ben", "weather.example.com", 19_300),
		page(211, "anna", "www.example.org", 39_800), page(274, "carla", "shop.example.com", 122_000),
		page(401, "carla", "shop.example.com", 57_000), page(463, "carla", "www.example.org", 12_700),
		page(519, "anna", "weather.example.com", 20_100), page(612, "ben", "news.example.net", 91_200),
		page(736, "anna", "shop.example.com", 103_000), page(845, "ben", "www.example.org", 40_600),
	}
}
