package logs

import "strings"

// accountField is what a label of an account report stands for.
type accountField uint8

const (
	accountUnknown  accountField = iota
	accountIgnored               // known, and nothing that is read: settings, terms, the company's own numbers
	accountSettings              // all below it are settings, which have the names of facts
	accountNumber
	accountName
	accountRegistered
	accountSeen
	accountAddress
	accountDevice
	accountEmail
	accountProfile // about and picture: that they are there is told, and not what they are
	accountContacts
	accountGroups
	accountBlocked
	accountID
)

// accountLabels are the words for each field. The company documents none of
// them: they are those of its help pages, of its legal-process return and of
// public parsers of the report, which know its two lists by two names each.
var accountLabels = map[accountField][]string{
	accountNumber: {"phone number", "phone", "number", "telephone number", "mobile number", "account number", "account phone number", "user phone number",
		"msisdn", "account identifier", "wa number", "phone numbers"},
	accountName: {"name", "push name", "pushname", "user name", "display name", "profile name", "full name", "your name", "verified name"},
	accountRegistered: {"registration time", "registration date", "registered", "registered on", "registered at", "registration timestamp", "registration", "creation time",
		"account created", "account creation time", "account creation date", "created at", "service start", "member since"},
	accountSeen: {"last seen", "last connection", "last connection time", "last connected", "last online", "last activity", "last active", "online since",
		"last seen time", "last login"},
	accountAddress: {"last ip", "last ip address", "last known ip", "last known ip address", "ip address", "ip addresses", "ip", "connection ip", "last connection ip",
		"connected from", "registration ip"},
	accountDevice: {"device type", "device", "device model", "phone model", "model", "device manufacturer", "manufacturer", "platform", "device platform",
		"operating system", "os", "os version", "device os", "device os version", "device os build number", "os build number"},
	accountEmail:    {"email", "emails", "email address", "email addresses", "e mail"},
	accountProfile:  {"about", "about text", "status", "status text", "profile picture", "profile photo", "profile pictures", "profile photos", "profile picture url"},
	accountContacts: {"contacts", "wa contacts", "contact", "contact numbers", "contacts numbers", "contact list", "address book", "address book info", "symmetric contacts", "asymmetric contacts"},
	accountGroups: {"groups", "wa groups", "group", "group names", "group name", "group list", "groups info", "owned groups", "participating groups", "owned", "participating",
		"subject"},
	accountBlocked: {"blocked", "blocked contacts", "blocked numbers", "blocked users", "block list", "blocklist", "blocked list"},
	accountID:      {"id", "jid", "group id", "lid"},
	accountSettings: {"settings", "privacy settings", "privacy", "account settings", "wa settings", "user settings", "privacy setting", "notification settings", "security settings",
		"chat settings"},
	accountIgnored: {"app version", "version", "carrier", "network", "mcc", "mnc", "country", "country code", "language", "locale", "time zone", "timezone", "generated", "report generated",
		"generated on", "generated at", "date range", "terms", "terms of service", "terms of service version", "terms of service acceptance", "accepted terms", "privacy policy", "tos",
		"two step verification", "two factor authentication", "read receipts", "notifications", "connection state", "device id", "service", "account type", "total", "total contacts", "total groups",
		"number of contacts", "number of groups", "count", "size", "creation", "picture", "thumbnail", "description", "topic", "whatsapp", "whatsapp account information", "account information",
		"user information", "account info", "registration information", "connection information", "device information", "contacts and groups", "inactive since", "payment", "payments"},
}

// accountField gives the field of each label.
func newAccountWords() map[string]accountField {
	words := map[string]accountField{}
	for field, list := range accountLabels {
		for _, word := range list {
			words[word] = field
		}
	}
	return words
}

// labelWords writes a label as words in lower case: "lastSeenTime",
// "last_seen_time" and "Last seen time:" are one.
func labelWords(s string) string {
	var b strings.Builder
	space, lower := true, false
	for _, c := range strings.TrimSpace(s) {
		switch {
		case c == '_' || c == '-' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\u00a0' || c == '\r':
			if !space {
				b.WriteByte(' ')
			}
			space, lower = true, false
			continue
		case c >= 'A' && c <= 'Z':
			if lower {
				b.WriteByte(' ')
			}
			c, lower = c-'A'+'a', false
		default:
			lower = true
		}
		space = false
		b.WriteRune(c)
	}
	return strings.TrimSpace(b.String())
}
