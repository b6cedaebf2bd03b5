package wire

import (
	"crypto/x509"
	"errors"
)

// maxNames bounds the names kept of one certificate. Shared hosting puts up to
// some hundred on one.
const maxNames = 128

// ErrNoCertificate tells that a handshake message holds no whole certificate.
var ErrNoCertificate = errors.New("no readable certificate")

// CertificateNames are the names in a server's leaf certificate, which TLS 1.2
// and older show in clear.
type CertificateNames struct {
	CommonName string   // as it stands, printable ASCII or empty; often no host name
	DNSNames   []string // lower case, in the order of the certificate, a leading "*." kept; valid host names only
}

// ParseCertificateNames reads the names of the first certificate in a
// Certificate message (type 11, three bytes of length, body; RFC 5246 section
// 7.4.2) that may have been cut behind it. DTLS messages are read once their
// header is in this form. The error is ErrNoCertificate or the one of
// crypto/x509.
func ParseCertificateNames(msg []byte) (CertificateNames, error) {
	if len(msg) < 10 || msg[0] != HandshakeCertificate {
		return CertificateNames{}, ErrNoCertificate
	}
	n := int(msg[7])<<16 | int(msg[8])<<8 | int(msg[9])
	if n == 0 || n > maxHandshake || n > len(msg)-10 {
		return CertificateNames{}, ErrNoCertificate
	}
	leaf, err := x509.ParseCertificate(msg[10:][:n])
	if err != nil {
		return CertificateNames{}, err
	}
	names := CertificateNames{CommonName: printable([]byte(leaf.Subject.CommonName), maxServerName)}
	for _, name := range leaf.DNSNames {
		if len(names.DNSNames) == maxNames {
			break
		}
		if name = certificateHost(name); name != "" {
			names.DNSNames = append(names.DNSNames, name)
		}
	}
	return names, nil
}

// certificateHost is hostName for a name that may have a wildcard as its first
// label (RFC 6125 section 6.4.3).
func certificateHost(name string) string {
	if len(name) > 2 && name[:2] == "*." {
		if rest := hostName([]byte(name[2:])); rest != "" {
			return "*." + rest
		}
		return ""
	}
	return hostName([]byte(name))
}
