package nulgrind

import (
	"testing"

	"gogrind/internal/tool"
)

func TestAddsNothing(t *testing.T) {
	b := &tool.Block{Start: 0x401000, Insts: make([]tool.Inst, 3)}
	n := New()
	n.Instrument(b)
	if len(b.Anns) != 0 {
		t.Errorf("%d annotations", len(b.Anns))
	}
	if _, replace := n.Finish(tool.Exit{Status: 7}); replace {
		t.Error("replaces the program's exit status")
	}
}
