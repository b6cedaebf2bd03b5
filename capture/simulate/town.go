package simulate

import "time"

// Town is a scenario by its statistics: how many people there are, who knows
// whom, what they use and how they behave. It is what a scenario file holds;
// every field is optional and explained here. Fields that are left out have
// the value that Defaults gives them.
//
// A message goes from a device through the messenger's server to every device
// of every receiver. The router that is recorded stands between the devices
// inside and all servers. People outside take part in everything and are never
// recorded.
type Town struct {
	Name   string    `json:"name"`            // of the scenario
	About  string    `json:"about,omitempty"` // one sentence
	Seed   uint64    `json:"seed"`
	Start  time.Time `json:"start"`
	Length Span      `json:"length"`

	People    []Citizen `json:"people,omitempty"` // by name; more may come out of Crowd
	Crowd     int       `json:"crowd,omitempty"`  // how many people to invent
	Outside   Share     `json:"outside"`          // of the crowd is outside the capture
	Strangers bool      `json:"strangers"`        // nobody inside writes to anybody inside

	Messengers []Messenger `json:"messengers,omitempty"`
	Pairs      []Pair      `json:"pairs,omitempty"`   // who writes to whom, by name
	Circles    []Circle    `json:"circles,omitempty"` // groups, by name
	Friends    Friends     `json:"friends"`           // who knows whom in the crowd
	Habits     Habits      `json:"habits"`
	Phones     Phones      `json:"phones"`
	Calls      Calls       `json:"calls"`
	Web        Web         `json:"web"`
	Flaws      Flaws       `json:"flaws"` // of events; captures have those of Tap
	Tap        Watch       `json:"tap"`
}

// Citizen is one person of a Town. What is left out is drawn as for the crowd.
type Citizen struct {
	Name       string   `json:"name"`                 // lower case letters, digits, ".", "-" and "_"
	Outside    bool     `json:"outside,omitempty"`    // the capture does not see this person
	Devices    int      `json:"devices,omitempty"`    // phone first
	Locked     *bool    `json:"locked,omitempty"`     // the phone sleeps when not in use
	Messengers []string `json:"messengers,omitempty"` // names
	NAT        *bool    `json:"nat,omitempty"`        // a home router hides the devices behind one address
}

// Messenger is one service. Kind chooses the protocol on the wire and the law
// of its frame lengths: "whatsapp", "signal", "xmpp" or "matrix".
type Messenger struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Share Share  `json:"share"`          // of the crowd uses it
	Host  string `json:"host,omitempty"` // of its server; empty for that of the kind
	Build uint64 `json:"build"`          // shifts lengths as versions and operators do; 0 for the lengths that were measured
}

// Pair is two people who write to each other, by name.
type Pair struct {
	A         string `json:"a"`
	B         string `json:"b"`
	Messenger string `json:"messenger"`
	Daily     int    `json:"daily"` // messages a day, both ways together
}

// Circle is a group, by the names of its members.
type Circle struct {
	Name      string   `json:"name"`
	Members   []string `json:"members"`
	Messenger string   `json:"messenger"`
	Daily     int      `json:"daily"` // messages a day of all members together
}

// Friends says who knows whom in the crowd. Numbers of contacts and of
// messages have heavy tails; most contacts live near each other.
type Friends struct {
	Contacts  int   `json:"contacts"`   // mean number of people that one person writes with
	Daily     int   `json:"daily"`      // mean messages a day of a pair
	Near      Share `json:"near"`       // of the contacts are among the nearest 50 people
	Groups    Share `json:"groups"`     // groups for each person: 0.2 is one for five people
	GroupSize int   `json:"group_size"` // mean number of members, at least 3
	GroupRate int   `json:"group_rate"` // mean messages a day of a group
}

// Habits is how people write.
type Habits struct {
	Burst    int   `json:"burst"`     // mean messages of one conversation
	Gap      Span  `json:"gap"`       // least time between two messages of a conversation; the law is Pareto with index 0.93
	GapMax   Span  `json:"gap_max"`   // and is cut here
	Reply    Share `json:"reply"`     // the next message of a conversation comes from the other side
	Typing   Share `json:"typing"`    // of the messages are announced by a typing notice
	Receipts Share `json:"receipts"`  // of the deliveries are confirmed
	Read     Share `json:"read"`      // of the deliveries are confirmed as read
	Media    Share `json:"media"`     // of the messages carry an attachment
	MediaMax int   `json:"media_max"` // bytes of the greatest attachment
	Hours    []int `json:"hours"`     // 24 weights: how active people are in each hour of the day (UTC)
	Linger   Span  `json:"linger"`    // how long a phone stays awake after use
	Check    Span  `json:"check"`     // how long a notified person takes to look, at most
}

// Phones is how the devices of the crowd are connected.
type Phones struct {
	Locked   Share   `json:"locked"`   // of the phones sleep when not in use
	Poll     Span    `json:"poll"`     // a sleeping phone connects this often
	Second   Share   `json:"second"`   // of the people have a computer as well
	Delay    [2]Span `json:"delay"`    // one way, device to router: each device has its own
	Server   [2]Span `json:"server"`   // one way, router to server: each messenger has its own
	Jitter   Span    `json:"jitter"`   // of each frame's way, at most
	Handling [2]Span `json:"handling"` // in the server, of each message
	NAT      Share   `json:"nat"`      // of the people sit behind a home router
	Arrive   Span    `json:"arrive"`   // devices log in within this time of the start
	Relogin  Span    `json:"relogin"`  // mean time between two lost connections; 0 for never
}

// Calls is how people call each other. The media are SRTP.
type Calls struct {
	Daily    Rate  `json:"daily"` // calls a day of a pair
	Answered Share `json:"answered"`
	Direct   Share `json:"direct"` // of the calls go from device to device, the others through a relay
	Video    Share `json:"video"`
	Mean     Span  `json:"mean"` // length
	Max      Span  `json:"max"`
}

// Web is background traffic: pages that have nothing to do with the talk.
type Web struct {
	Hourly int `json:"hourly"` // pages that each device loads
	Bytes  int `json:"bytes"`  // mean size of a page
}

// Flaws is how far a frame reader is from ideal. It applies to Events alone.
type Flaws struct {
	Missed Share `json:"missed"` // of the message-like frames are not told
	False  int   `json:"false"`  // frames an hour that each device is said to have had, and had not
	Jitter Span  `json:"jitter"` // of told times, at most, both ways
}

// Watch is who records, and how well.
type Watch struct {
	Devices int   `json:"devices"` // record at each device as well where there are at most so many
	Snap    int   `json:"snap"`    // bytes kept of each packet; 0 for all
	Missed  Share `json:"missed"`  // of the packets are not recorded
	Late    Share `json:"late"`    // of the data is lost before the router and seen when sent again
	Again   Share `json:"again"`   // of the data is lost behind the router and seen twice
	None    bool  `json:"none"`    // no captures: truth and server log alone
}
