package logs

import "envelope/capture"

// exportFormats are chats that people exported themselves, and databases of their devices.
func exportFormats(o Options) []capture.Format {
	return append(chatJSONFormats(o), signalCLIFormat(o), signalExportFormat(o), whatsappFormat(o), sqliteFormat(o))
}
