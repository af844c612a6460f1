package vbits

import (
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// TestEnterReadsPushed: enter copies pointers of frames one after the other. Where rbp is less than a frame above rsp, it copies what
// it has pushed itself.
func TestEnterReadsPushed(t *testing.T) {
	f, m := &flat{}, new(Machine)
	const sp = 512
	f.regs.GPR[guest.RSP] = flatBase + sp
	f.regs.GPR[guest.RBP] = flatBase + sp + 8 // the first copy is of the word at rsp, the next of the pushed rbp, and so on
	f.vbits[sp] = 0x0f
	for i := sp - 64; i < sp; i++ {
		f.vbits[i] = 0xff // what is overwritten
	}
	in := new(amd64.Inst)
	if err := amd64.Decode([]byte{0xc8, 0x00, 0x00, 0x05}, in); err != nil { // enter 0,5
		t.Fatal(err)
	}
	m.Step(in, f, f)
	m.Commit()
	// rbp, the word at rsp, rbp pushed, the copy of the word, the copy of rbp, the new frame.
	for i, want := range []byte{0, 0x0f, 0, 0x0f, 0, 0} {
		if got := f.vbits[sp-8*(i+1)]; got != want {
			t.Errorf("push %d: V bits %#x, want %#x", i, got, want)
		}
	}
}
