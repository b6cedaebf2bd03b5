package logs

import "envelope/capture"

// mailFormats are the logs and headers of mail.
func mailFormats(o Options) []capture.Format {
	return []capture.Format{postfixFormat(o), eximFormat(o), showqFormat(o), mailFormat()}
}
