package logs

import "envelope/capture"

// companyFormats are what messenger companies hand over: legal-process returns and account reports.
func companyFormats(o Options) []capture.Format {
	return append(returnFormats(o), accountFormat(o))
}
