package infer

// Threema reads the events of Threema's chat connections.
func Threema(conns []Conn) []Event { return nil }
