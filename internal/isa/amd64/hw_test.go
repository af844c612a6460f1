package amd64

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// The hardware oracle: testdata/hw.c runs single instructions with a given state. The tests here compare what the CPU
// did with what the tables say. Forms that the CPU lacks are not verified; forms that are dangerous or need the
// kernel's help are skipped by name.

// hwRec is a record of testdata/hw.c.
type hwRec []byte

// Addresses and offsets of testdata/hw.c.
const (
	hwCodeEnd = 0x20001000 // instructions end here
	hwMid     = 0x30008000
	hwDataEnd = 0x30010000
	hwBefore  = 256
	hwAfter   = 768

	hwG, hwFl, hwK, hwZ, hwST = 56, 184, 192, 256, 2304
	hwMXCSR, hwFCW, hwMem     = 2432, 2436, 2448
	hwLen                     = hwMem + hwBefore + hwAfter
)

func (r hwRec) u64(off int) uint64     { return binary.LittleEndian.Uint64(r[off:]) }
func (r hwRec) set(off int, v uint64)  { binary.LittleEndian.PutUint64(r[off:], v) }
func (r hwRec) sig() int               { return int(r[1]) }
func (r hwRec) err() uint64            { return r.u64(24) }
func (r hwRec) cr2() uint64            { return r.u64(32) }
func (r hwRec) rip() uint64            { return r.u64(40) }
func (r hwRec) g(i int) uint64         { return r.u64(hwG + 8*i) }
func (r hwRec) setG(i int, v uint64)   { r.set(hwG+8*i, v) }
func (r hwRec) k(i int) uint64         { return r.u64(hwK + 8*i) }
func (r hwRec) z(i int) []byte         { return r[hwZ+64*i:][:64] }
func (r hwRec) st(i int) []byte        { return r[hwST+16*i:][:16] }
func (r hwRec) fl() uint64             { return r.u64(hwFl) }
func (r hwRec) mxcsr() uint32          { return binary.LittleEndian.Uint32(r[hwMXCSR:]) }
func (r hwRec) mem() []byte            { return r[hwMem:hwLen] }
func (r hwRec) clone() hwRec           { return append(hwRec(nil), r...) }
func (r hwRec) setCode(b []byte) hwRec { r[0] = byte(len(b)); copy(r[8:24], b); return r }

// fetch reports a fault on fetching beyond the bytes; done that the instruction ended and the next was fetched.
func (r hwRec) fetch() bool {
	return r.sig() == 11 && r.cr2() == hwCodeEnd && r.err()&0x10 != 0 && r.rip() == hwCodeEnd-uint64(r[0])
}
func (r hwRec) done() bool {
	return r.sig() == 11 && r.cr2() == hwCodeEnd && r.err()&0x10 != 0 && r.rip() == hwCodeEnd
}

// hw runs records on the CPU.
type hw struct {
	prog, dir string
	xcr0      uint64
}

func newHW(t *testing.T) *hw {
	t.Helper()
	if runtime.GOARCH != "amd64" || runtime.GOOS != "linux" {
		t.Skip("needs an x86-64 CPU")
	}
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc")
	}
	h := &hw{dir: t.TempDir()}
	h.prog = filepath.Join(h.dir, "hw")
	// Without AVX, the signal handler keeps its hands off upper vector halves.
	out, err := exec.Command(cc, "-O2", "-fno-stack-protector", "-mno-avx", "-o", h.prog, "testdata/hw.c").CombinedOutput()
	if err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	if out, err = exec.Command(h.prog).Output(); err == nil {
		h.xcr0, err = strconv.ParseUint(strings.TrimSpace(string(out)), 0, 64)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run replaces the records by their results, in portions that keep the file small.
func (h *hw) run(t *testing.T, recs []hwRec) {
	t.Helper()
	name := filepath.Join(h.dir, "records")
	for len(recs) > 0 {
		n := min(len(recs), 8000)
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs[:n] {
			if _, err := f.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		if out, err := exec.Command(h.prog, name).CombinedOutput(); err != nil {
			t.Fatalf("hw: %v\n%s", err, out)
		}
		data, err := os.ReadFile(name)
		if err != nil || len(data) != n*hwLen {
			t.Fatalf("hw: %d bytes, %v", len(data), err)
		}
		for i := range n {
			copy(recs[i], data[i*hwLen:])
		}
		recs = recs[n:]
	}
}

// randomState is a record with random registers and memory, as far as the CPU has them.
func (h *hw) randomState(rng *rand.Rand) hwRec {
	r := make(hwRec, hwLen)
	rng.Read(r[hwG:])
	for i := range 16 {
		if rng.Intn(3) == 0 { // shift counts, indices
			r.setG(i, uint64(rng.Intn(64)))
		}
	}
	r.set(hwFl, uint64(rng.Intn(1<<12))&0x8d5)
	floats := rng.Intn(2) == 0
	for i := range 32 {
		z := r.z(i)
		if floats { // 2 to 3, for both single and double
			for j := 0; j < 64; j += 8 {
				z[j+7], z[j+3] = 0x40, 0x40
			}
		}
		switch {
		case h.xcr0&(1<<2) == 0:
			clear(z[16:])
		case h.xcr0&(1<<6) == 0:
			clear(z[32:])
		}
		if i >= 16 && h.xcr0&(1<<7) == 0 {
			clear(z)
		}
	}
	if h.xcr0&(1<<5) == 0 {
		clear(r[hwK:hwZ])
	}
	for i := range 8 { // normal numbers
		s := r.st(i)
		s[7] |= 0x80
		binary.LittleEndian.PutUint16(s[8:], 0x3fff+uint16(rng.Intn(16)))
		clear(s[10:])
	}
	binary.LittleEndian.PutUint32(r[hwMXCSR:], 0x1f80)
	binary.LittleEndian.PutUint64(r[hwFCW:], 0x37f|0xff<<32) // control word, tags: all registers valid
	return r
}

// findings counts problems by kind and keeps an example of each.
type findings map[string]*struct {
	n  int
	ex string
}

func (f findings) add(kind, ex string) {
	if f[kind] == nil {
		f[kind] = &struct {
			n  int
			ex string
		}{ex: ex}
	}
	f[kind].n++
}

// report fails the test for each kind that no key of allowed is a part of, and logs the others. "$" is the end of a kind.
func (f findings) report(t *testing.T, allowed map[string]string) {
	t.Helper()
	var kinds []string
	for k := range f {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		line := fmt.Sprintf("%5d %s: %s", f[k].n, k, f[k].ex)
		why := ""
		for p, w := range allowed {
			if strings.Contains(k+"$", p) {
				why = w
			}
		}
		if why == "" {
			t.Error(line)
		} else {
			t.Log(line, "--", why)
		}
	}
}

// long reports whether the long form of the oracles is asked for; the short one takes seconds.
func long() bool { return os.Getenv("GOGRIND_LONG") != "" }

// TestReject: byte strings that Decode rejects are undefined opcodes for the CPU.
func TestReject(t *testing.T) {
	h := newHW(t)
	rng := rand.New(rand.NewSource(3))
	n := 4000
	if long() {
		n = 60000
	}
	var recs []hwRec
	seen := map[string]bool{}
	in := new(Inst)
	any := func() byte { return byte(rng.Intn(256)) }
	for len(recs) < n {
		var b []byte
		switch rng.Intn(6) {
		case 0:
			b = []byte{any()}
		case 1:
			b = []byte{0x0f, any()}
		case 2:
			b = []byte{0x0f, 0x38 | byte(rng.Intn(2))<<1, any()}
		case 3:
			b = []byte{0xc4, any()&0xe0 | byte(1+rng.Intn(3)), any(), any()}
		case 4:
			b = []byte{0xc5, any(), any()}
		case 5:
			b = []byte{0x62, any()&0xf0 | byte(1+rng.Intn(6)), any() | 4, any(), any()}
		}
		if rng.Intn(3) == 0 && b[0] < 0xc4 && b[0] != 0x62 {
			b = append([]byte{[]byte{0x66, 0xf2, 0xf3, 0xf0, 0x48}[rng.Intn(5)]}, b...)
		}
		for len(b) < maxLen {
			b = append(b, any())
		}
		if Decode(b, in) == nil || seen[string(b[:6])] {
			continue
		}
		seen[string(b[:6])] = true
		recs = append(recs, h.randomState(rng).setCode(b))
	}
	h.run(t, recs)
	f := findings{}
	for _, r := range recs {
		if r.sig() != 4 && !ignoredBits(r[8:8+r[0]]) {
			f.add(fmt.Sprintf("signal %d %x", r.sig(), r[8:11]), fmt.Sprintf("%x", r[8:8+r[0]]))
		}
	}
	f.report(t, map[string]string{
		"signal 11 0f01": "virtualisation instructions of AMD",
		"signal 5 0f01":  "virtualisation instructions of AMD",
	})
}

// ignoredBits reports whether b differs from an instruction only in bits that Intel wants clear and AMD ignores: the
// high bits of mask registers in VEX forms; EVEX.b between registers and EVEX.z without a mask, of integer forms.
func ignoredBits(b []byte) bool {
	c := append([]byte{}, b...)
	mask := false
	switch b[0] {
	case 0xc4:
		c[1] |= 0x80
		c[2] |= 0x40
		mask = true
	case 0xc5:
		c[1] |= 0xc0
		mask = true
	case 0x62:
		c[3] &^= 0x10
		if c[3]&7 == 0 {
			c[3] &^= 0x80
		}
	}
	in := new(Inst)
	return Decode(c, in) == nil && (!mask || strings.HasPrefix(in.Mnem(), "K"))
}
