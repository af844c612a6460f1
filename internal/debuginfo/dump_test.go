package debuginfo

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// TestLines: the rows of all tables say the same as look-ups of their first and last bytes, and are those that readelf lists.
func TestLines(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2")
	s, o := space(t, path)
	var rows []LineRow
	o.Lines(func(r LineRow) bool {
		rows = append(rows, r)
		return true
	})
	if len(rows) < 10 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		for _, a := range []uint64{r.Low, r.High - 1} {
			fs := s.Frames(guest.Addr(a), nil)
			if f := fs[0]; f.File != r.File || f.Line != r.Line {
				t.Errorf("%#x: row %+v, looked up %s:%d", a, r, f.File, f.Line)
			}
		}
	}
	if out, err := exec.Command("readelf", "--debug-dump=decodedline", path).Output(); err == nil {
		last := rows[len(rows)-1]
		if !slices.ContainsFunc(strings.Split(string(out), "\n"), func(l string) bool {
			f := strings.Fields(l)
			return len(f) >= 3 && f[0] == last.File && f[2] == fmt.Sprintf("%#x", last.Low)
		}) {
			t.Errorf("readelf does not list %+v:\n%s", last, out)
		}
	}
	n := 0
	o.Lines(func(LineRow) bool { n++; return false })
	if n != 1 {
		t.Errorf("%d rows after a false", n)
	}
}

// TestSegments: code and data of an object lie in its segments.
func TestSegments(t *testing.T) {
	_, o := space(t, build(t, ".c", inlineC, "gcc", "-g"))
	in := func(a guest.Addr) bool {
		return slices.ContainsFunc(o.Segments(), func(r guest.Range) bool { return r.Contains(a) })
	}
	if !in(o.Entry()) || !in(o.Text.Start) || in(o.Segments()[0].Start-1) {
		t.Errorf("entry %#x, text %v, segments %v", uint64(o.Entry()), o.Text, o.Segments())
	}
}

// TestMismatched: --allow-mismatched-debuginfo takes another build's debug information, but out of the extra directory only.
func TestMismatched(t *testing.T) {
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("objcopy is not installed")
	}
	mine := build(t, ".c", "int main(void) { return 0; }\n", "gcc", "-g", "-Wl,--build-id=0x1111")
	other := build(t, ".c", "\n\nint main(void) { return 0; }\n", "gcc", "-g", "-Wl,--build-id=0x2222")
	extra := t.TempDir()
	run(t, extra, "objcopy", "--only-keep-debug", other, "prog.debug")
	run(t, extra, "objcopy", "--strip-debug", "--add-gnu-debuglink="+extra+"/prog.debug", mine)
	run(t, extra, "sh", "-c", "echo >> prog.debug") // its checksum is another one now
	for _, row := range []struct {
		allow bool
		extra string
		line  int
	}{{false, extra, 0}, {true, extra, 3}, {true, "", 0}} {
		s := NewSpace(Options{ExtraDebugPath: row.extra, AllowMismatched: row.allow})
		o, err := s.AddImage(mine, 0)
		if err != nil {
			t.Fatal(err)
		}
		at := guest.Addr(0)
		o.Symbols(func(y Symbol) bool {
			if y.Name == "main" {
				at = y.Addr
			}
			return at == 0
		})
		if f := s.Frames(at, nil)[0]; f.Line != row.line {
			t.Errorf("%+v: %s:%d", row, f.File, f.Line)
		}
	}
}
