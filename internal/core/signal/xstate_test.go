package signal

import (
	"bytes"
	"testing"
)

// A handler starts with initial state, but keeps the MXCSR mask of the CPU and its protection keys.
func TestResetXState(t *testing.T) {
	for _, keys := range []uint64{0, xPKRU} {
		x := bytes.Repeat([]byte{0x77}, XSaveSize(defaultFeatures()))
		put64(x[offHeader:], xX87|xSSE|keys)
		resetXState(x)
		if x[0] != 0x7f || x[1] != 3 || get32(x[offMXCSR:]) != 0x1f80 || get32(x[offMXCSRMask:]) != 0x77777777 {
			t.Errorf("control words % x", x[:32])
		}
		if got := get64(x[offHeader:]); got != keys {
			t.Errorf("header %#x, want %#x", got, keys)
		}
		if x[offXMM] != 0 || len(x) > endHeader && (x[endHeader] == 0) != (keys == 0) {
			t.Errorf("contents %#x %#x with keys %#x", x[offXMM], x[endHeader], keys)
		}
	}
}

func TestXSaveSize(t *testing.T) {
	_, enabled, _, _ := cpuid(0xd, 0)
	if got := XSaveSize(xcr0()); got != int(enabled) {
		t.Errorf("%d bytes for what is enabled, the CPU says %d", got, enabled)
	}
	if got := XSaveSize(xX87 | xSSE); got != 576 {
		t.Errorf("%d bytes for x87 and SSE", got)
	}
}
