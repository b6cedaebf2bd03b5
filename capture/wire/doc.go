// Package wire holds pure decoders of clear-text protocol fields: bytes in,
// fields out. It knows TLS, DTLS and QUIC hellos, STUN and TURN, RTP, DNS and
// the framings of some messengers.
//
// It decrypts no contents. The only keys it ever derives are those of QUIC
// Initial packets, which RFC 9001 section 5.2 makes computable by every
// observer from the packet itself.
//
// Input is hostile: decoders never panic, never allocate in proportion to a
// length field, and report what they could not read. Where a packet was cut by
// a snap length they give what was there and say so. The decoders keep no
// state outside their receivers, start nothing and read no clock.
package wire
