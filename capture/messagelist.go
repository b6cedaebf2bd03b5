package capture

import "time"

// MessageList is a log of messages that somebody kept elsewhere: what was said
// in a channel, or what one person sent. It can stand in for one end of a
// conversation. It holds no text and no names.
type MessageList struct {
	Name     string // of the list in a report
	Path     string // of the file
	Messages []ListedMessage
	// Resolution is the unit in which the times were written: 1 s where all of
	// them are whole seconds; 0 where it is finer than a millisecond.
	Resolution time.Duration
	// Unzoned tells that times had no zone and were read in the one given.
	Unzoned  bool
	Warnings []string // lines that could not be read, and why
}

// ListedMessage is one message of a list.
type ListedMessage struct {
	Time  Time
	Size  uint64 // bytes of the text or the attachment as the list counts them; 0 where not known
	Media bool   // an attachment
	Text  bool   // a text; where neither is set, the kind is not known
	At    int64  // line of the file, from 1
}
