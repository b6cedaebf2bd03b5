package wire

import "testing"

func TestParseThreemaFrame(t *testing.T) {
	if n, ok := ParseThreemaFrame([]byte{0x24, 0x01, 9}); n != 0x124 || !ok {
		t.Errorf("got %d, %v", n, ok)
	}
	if _, ok := ParseThreemaFrame([]byte{0x24}); ok {
		t.Error("one byte was read")
	}
}
