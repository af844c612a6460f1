package jit

import (
	"encoding/hex"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// TestMiddle asks for entries in the middle of a trace.
func TestMiddle(t *testing.T) {
	const base = 0x20000000
	for _, tc := range []struct {
		name   string
		tool   tool.Tool
		verify bool
		code   string // the entry asked for is behind the bar
		want   bool
	}{
		{name: "no tool", code: "90 | 90", want: true},
		{name: "in an instruction", code: "48 | 89 c3"},
		{name: "checked by itself", tool: definer{}, code: "48 8b 07 | 48 8b 0f", want: true},
		{name: "pop of what the trace has pushed", tool: definer{}, code: "53 | 5b"},
		{name: "in front of such a pop", tool: definer{}, code: "53 | 48 89 c3 5b"},
		{name: "behind such a pop", tool: definer{}, code: "53 5b | 48 89 c3", want: true},
		{name: "at the push", tool: definer{}, code: "48 89 c3 | 53 5b", want: true},
		{name: "flags made again", tool: definer{}, code: "48 39 d8 | 48 8b 0f  74 10"},
		{name: "flags made again further on", tool: definer{}, code: "48 39 d8 | 48 8d 3f  48 8b 0f  74 10"},
		{name: "behind flags made again", tool: definer{}, code: "48 39 d8  48 8b 0f | 74 10", want: true},
		{name: "counted", tool: &everything{}, code: "48 8b 07 | 48 8b 0f"},
		{name: "behind a call", tool: definer{}, code: "e8 00 01 00 00 | 90", want: true},
		{name: "code that is verified", verify: true, code: "90 | 90"},
	} {
		front, back, _ := strings.Cut(strings.ReplaceAll(tc.code, " ", ""), "|")
		code, err := hex.DecodeString(front + back)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, 0x0f, 0x05)
		for range 64 {
			code = append(code, 0x90)
		}
		tr := (&text{base, code}).translator(t, tc.tool)
		if tc.verify {
			tr.cfg.Verify = func(guest.Addr) bool { return true }
		}
		if _, err := tr.Entry(base); err != nil {
			t.Fatal(err)
		}
		at := guest.Addr(base + len(front)/2)
		host, err := tr.Entry(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tr.Stats().Middles == 1; got != tc.want {
			t.Errorf("%s: entered in the middle %v, want %v", tc.name, got, tc.want)
			continue
		}
		l := tr.Locate(host)
		if l.PC != at && !tc.verify {
			t.Errorf("%s: %#x is entered at code of %#x", tc.name, at, l.PC)
		}
		if !tc.want {
			continue
		}
		// The whole goes with its beginning, and with it the entry.
		tr.Discard(guest.Range{Start: base, End: base + 1})
		if again, err := tr.Entry(at); err != nil || again == host {
			t.Errorf("%s: the entry is still there: %v", tc.name, err)
		}
	}
}
