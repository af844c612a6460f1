package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gogrind/internal/guest"
)

// memory is guest memory for tests: a few pieces, of which some have been touched.
type memory map[guest.Addr][]byte

func (m memory) read(p []byte, a guest.Addr) int {
	for at, b := range m {
		if a >= at && a < at+guest.Addr(len(b)) {
			return copy(p, b[a-at:])
		}
	}
	return 0
}

func (m memory) touched(r guest.Range) guest.Range {
	first := guest.Range{Start: r.End, End: r.End}
	for at, b := range m {
		piece := guest.Range{Start: max(at, r.Start), End: min(at+guest.Addr(len(b)), r.End)}
		if piece.Start < piece.End && piece.Start < first.Start {
			first = piece
		}
	}
	return first
}

func sample() (*Core, memory) {
	mem := memory{0x10000: bytes.Repeat([]byte{1}, page), 0x40000000: bytes.Repeat([]byte{7}, 2*page), 0x7fff0000: bytes.Repeat([]byte{9}, page/2)}
	c := &Core{
		Signal: 11, PID: 70, Parent: 60, Name: "prog", Args: "prog --x",
		Auxv: make([]byte, 32),
		Threads: []Thread{
			{TID: 70, Regs: guest.Regs{RIP: 0x10123, FSBase: 0x7000}, FP: make([]byte, 512), XSave: make([]byte, 832), XCR0: 7},
			{TID: 71, Regs: guest.Regs{RIP: 0x10456}},
		},
		Mappings: []Mapping{
			{Range: guest.Range{Start: 0x10000, End: 0x13000}, Prot: guest.Read | guest.Exec, Path: "/bin/prog", Offset: 0x2000, Dump: page},
			{Range: guest.Range{Start: 0x20000, End: 0x30000}},                                                         // a guard
			{Range: guest.Range{Start: 0x30000000, End: 0x70000000}, Prot: guest.Read | guest.Write, Dump: 0x40000000}, // 1 GB, of which two pages were touched
			{Range: guest.Range{Start: 0x7fff0000, End: 0x7fff1000}, Prot: guest.Read, Dump: page},                     // half of it can be read
		},
		Read: mem.read, Touched: mem.touched,
	}
	c.Threads[0].Regs.GPR[guest.RSP] = 0x7fff0800
	return c, mem
}

func write(t *testing.T, c *Core, limit uint64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "core")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := c.WriteTo(f, limit); err != nil {
		t.Fatal(err)
	}
	return name
}

// What debug/elf reads of a core is what was put in.
func TestWrite(t *testing.T) {
	c, _ := sample()
	name := write(t, c, ^uint64(0))
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_CORE || f.Machine != machine {
		t.Errorf("type %v, machine %v", f.Type, f.Machine)
	}
	want := []struct {
		addr, mem, file uint64
		flags           elf.ProgFlag
		at              uint64 // address to look at, 0: none
		b               byte
	}{
		{0x10000, 0x3000, page, elf.PF_R | elf.PF_X, 0x10fff, 1},
		{0x30000000, 0x40000000, 0x40000000, elf.PF_R | elf.PF_W, 0x40001fff, 7},
		{0x7fff0000, 0x1000, 0x1000, elf.PF_R, 0x7fff0001, 9},
	}
	loads := f.Progs[1:]
	if len(loads) != len(want) || f.Progs[0].Type != elf.PT_NOTE {
		t.Fatalf("program headers: %v", f.Progs)
	}
	for i, w := range want {
		p := loads[i]
		if p.Vaddr != w.addr || p.Memsz != w.mem || p.Filesz != w.file || p.Flags != w.flags || p.Off%page != 0 {
			t.Errorf("segment %d is %+v", i, p.ProgHeader)
		}
		b := make([]byte, 1)
		if _, err := p.ReadAt(b, int64(w.at-w.addr)); err != nil || b[0] != w.b {
			t.Errorf("at %#x there is %d, %v; want %d", w.at, b[0], err, w.b)
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size < 0x40000000 || st.Blocks*512 > 1<<20 {
		t.Errorf("size %d, of which %d bytes are on disk", st.Size, st.Blocks*512)
	}
}

// notesOf are the notes of a file by type, in order.
func notesOf(t *testing.T, name string) map[uint32][][]byte {
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, f.Progs[0].Filesz)
	if _, err := f.Progs[0].ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	notes := make(map[uint32][][]byte)
	for len(b) >= 12 {
		get := binary.LittleEndian.Uint32
		nameLen, size, typ := (get(b)+3)&^3, get(b[4:]), get(b[8:])
		notes[typ] = append(notes[typ], b[12+nameLen:][:size])
		b = b[12+nameLen+(size+3)&^3:]
	}
	if len(b) != 0 {
		t.Errorf("%d bytes behind the last note", len(b))
	}
	return notes
}

func TestNotes(t *testing.T) {
	c, _ := sample()
	n := notesOf(t, write(t, c, ^uint64(0)))
	get := binary.LittleEndian.Uint64
	if s := n[ntPrStatus]; len(s) != 2 || get(s[0][112+16*8:]) != 0x10123 || get(s[1][112+16*8:]) != 0x10456 || get(s[0][112+19*8:]) != 0x7fff0800 ||
		get(s[0][112+21*8:]) != 0x7000 || s[0][12] != 11 || s[1][32] != 71 {
		t.Errorf("statuses %x", s)
	}
	if s := n[ntPrPSInfo]; len(s) != 1 || string(s[0][40:44]) != "prog" || string(s[0][56:64]) != "prog --x" || s[0][24] != 70 {
		t.Errorf("process %x", s)
	}
	if s := n[ntFile]; len(s) != 1 || get(s[0]) != 1 || get(s[0][8:]) != page || get(s[0][32:]) != 2 || string(s[0][40:]) != "/bin/prog\x00" {
		t.Errorf("files %x", s)
	}
	if s := n[ntXState]; len(s) != 1 || len(s[0]) != 832 || get(s[0][xcr0Offset:]) != 7 {
		t.Errorf("vector state %x", s)
	}
	if len(n[ntFPRegs]) != 1 || len(n[ntAuxv]) != 1 || len(n[ntSigInfo]) != 1 {
		t.Errorf("notes %v", n)
	}
}

// A limit cuts the file, and nothing else changes.
func TestLimit(t *testing.T) {
	c, _ := sample()
	for _, limit := range []uint64{0, 100, page + 10, 3 * page} {
		b, err := os.ReadFile(write(t, c, limit))
		if err != nil || uint64(len(b)) != limit {
			t.Errorf("limit %d: %d bytes, %v", limit, len(b), err)
		}
	}
}

// readelf finds nothing to complain of.
func TestReadelf(t *testing.T) {
	if _, err := exec.LookPath("readelf"); err != nil {
		t.Skip("readelf (binutils) is not installed")
	}
	c, _ := sample()
	out, err := exec.Command("readelf", "-hln", "-W", write(t, c, ^uint64(0))).CombinedOutput()
	if err != nil || strings.Contains(string(out), "arning") || strings.Contains(string(out), "rror") {
		t.Errorf("%v\n%s", err, out)
	}
}
