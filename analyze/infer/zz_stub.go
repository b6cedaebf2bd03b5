package infer

func Telegram(conns []Conn) []Event { return nil }
