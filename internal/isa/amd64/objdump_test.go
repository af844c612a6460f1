package amd64

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// The differ compares Decode and Text with objdump -d -M intel: length, memory operand with segment, base, index, scale,
// displacement and size, registers, masks, immediates, branch targets and mnemonics.

// objdumpFiles are patterns of the files to compare on. The short form takes a piece of each.
var objdumpFiles = []string{
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib64/ld-linux-x86-64.so.2",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libpython3*.so.1.0",
	"/usr/bin/perl",
	"/usr/lib/gcc/x86_64-linux-gnu/*/cc1",
	"/usr/bin/node",
}

func TestObjdump(t *testing.T) {
	if _, err := exec.LookPath("objdump"); err != nil {
		t.Skip("needs objdump")
	}
	files := objdumpFiles
	if goTool, err := exec.LookPath("go"); err == nil {
		files = append([]string{goTool}, files...)
	}
	if s := os.Getenv("GOGRIND_OBJDUMP"); s != "" {
		files = strings.Fields(s)
	}
	for _, pattern := range files {
		found, _ := filepath.Glob(pattern)
		for _, name := range found {
			t.Run(filepath.Base(name), func(t *testing.T) {
				d := &differ{f: findings{}}
				if err := d.file(name); err != nil {
					t.Fatal(err)
				}
				t.Logf("%d instructions, %d VEX, %d EVEX; %d memory operands, %d without text comparison", d.n, d.spaces[SpVEX],
					d.spaces[SpEVEX], d.mems, d.special)
				if d.n < 1000 {
					t.Errorf("only %d instructions", d.n)
				}
				d.f.report(t, nil)
			})
		}
	}
}

type differ struct {
	f             findings
	n             int // instructions compared
	mems, special int
	spaces        [5]int
	ranges        [][2]uint64 // functions, if only they are code
	slot          uint64      // compare only at multiples of it, if not 0
}

// file compares the .text of an ELF file.
func (d *differ) file(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text := f.Section(".text")
	if text == nil {
		return fmt.Errorf("%s: no .text", name)
	}
	if b := filepath.Base(name); strings.HasPrefix(b, "libcrypto") || b == "node" {
		// Hand-written assembly keeps tables between functions.
		if d.ranges, err = fdeRanges(f); err != nil {
			return err
		}
	}
	start, end := text.Addr, text.Addr+text.Size
	const short = 400 << 10
	if !long() && text.Size > short {
		start += text.Size / 3 &^ 15
		end = start + short
	}
	cmd := exec.Command("objdump", "-d", "-w", "-M", "intel", "-j", ".text", fmt.Sprintf("--start-address=%#x", start),
		fmt.Sprintf("--stop-address=%#x", end), name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := d.read(out, end-32); err != nil {
		return err
	}
	return cmd.Wait()
}

// read compares each line of objdump's output up to address end.
func (d *differ) read(out io.Reader, end uint64) error {
	sc := bufio.NewScanner(out)
	sc.Buffer(make([]byte, 1<<16), 1<<20)
	for sc.Scan() {
		addr, rest, ok := strings.Cut(sc.Text(), ":\t")
		if !ok {
			continue
		}
		pc, err := strconv.ParseUint(strings.TrimSpace(addr), 16, 64)
		if err != nil || pc >= end || !d.inRange(pc) {
			continue
		}
		bytes, text, _ := strings.Cut(rest, "\t")
		code, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(bytes), " ", ""))
		if err != nil || text == "" {
			continue
		}
		d.line(pc, code, strings.TrimSpace(text))
	}
	return sc.Err()
}

func (d *differ) inRange(pc uint64) bool {
	if d.ranges == nil {
		return d.slot == 0 || pc%d.slot == 0
	}
	i := sort.Search(len(d.ranges), func(i int) bool { return d.ranges[i][0] > pc }) - 1
	return i >= 0 && pc < d.ranges[i][1]
}

// line compares one instruction.
func (d *differ) line(pc uint64, code []byte, text string) {
	ex := fmt.Sprintf("%x %s", code, text)
	var in Inst
	// More bytes than the instruction has show when too many are taken.
	err := Decode(append(code[:len(code):len(code)], 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90), &in)
	switch bad := strings.Contains(text, "(bad)"); {
	case bad && (err != nil || int(in.Len) > len(code)):
		return // it takes single bytes
	case bad:
		d.f.add("objdump rejects "+in.Mnem(), ex)
		return
	case err != nil:
		d.f.add("undecoded "+strings.Fields(text)[0], ex)
		return
	}
	if in.near16() || d.slot != 0 && textPrefixes[strings.Fields(text)[0]] && len(code) < 3 {
		return // vendors differ; prefixes on their own
	}
	d.n++
	d.spaces[in.Space]++
	if int(in.Len) != len(code) {
		d.f.add("length "+in.Mnem(), fmt.Sprintf("%s, ours %d", ex, in.Len))
		return
	}
	ours := in.Text(pc)
	a, b := parseText(ours), parseText(text)
	if a.mem != nil {
		d.mems++
	}
	if in.Row.Attr&ANop != 0 {
		// Operands of no-ops are a matter of taste.
		d.special++
		return
	}
	a.normalise(&in)
	b.normalise(&in)
	// Some mnemonics have a suffix for the size.
	if suffix, ok := strings.CutPrefix(b.mnem, a.mnem); ok && len(suffix) == 1 && strings.Contains("wdq", suffix) {
		b.mnem = a.mnem
	}
	if b.size == "OWORD PTR" {
		b.size = "XMMWORD PTR"
	}
	for _, c := range []struct{ what, a, b string }{
		{"mnemonic", a.mnem, b.mnem},
		{"memory", fmt.Sprint(a.mem), fmt.Sprint(b.mem)},
		{"size", a.size, b.size},
		{"operands", strings.Join(a.ops, " "), strings.Join(b.ops, " ")},
	} {
		if c.a != c.b {
			d.f.add(c.what+" "+in.Mnem(), fmt.Sprintf("%s: %q, ours %q %s", ex, c.b, c.a, ours))
		}
	}
}

// fdeRanges are the functions that .eh_frame describes.
func fdeRanges(f *elf.File) ([][2]uint64, error) {
	s := f.Section(".eh_frame")
	if s == nil {
		return nil, fmt.Errorf("no .eh_frame")
	}
	data, err := s.Data()
	if err != nil {
		return nil, err
	}
	var l [][2]uint64
	for off := uint64(0); off+8 < uint64(len(data)); {
		n := uint64(binary.LittleEndian.Uint32(data[off:]))
		if n == 0 {
			break
		}
		// CIE pointer, then pc-relative start and length of 4 bytes (DW_EH_PE_pcrel|sdata4, what gcc emits).
		if binary.LittleEndian.Uint32(data[off+4:]) != 0 && n >= 12 {
			at := s.Addr + off + 8
			lo := at + uint64(int64(int32(binary.LittleEndian.Uint32(data[off+8:]))))
			l = append(l, [2]uint64{lo, lo + uint64(binary.LittleEndian.Uint32(data[off+12:]))})
		}
		off += 4 + n
	}
	sort.Slice(l, func(i, j int) bool { return l[i][0] < l[j][0] })
	return l, nil
}

// TestObjdumpForms compares random encodings of all forms.
func TestObjdumpForms(t *testing.T) {
	if _, err := exec.LookPath("objdump"); err != nil {
		t.Skip("needs objdump")
	}
	const slot = 32
	n := 4
	if long() {
		n = 40
	}
	var image []byte
	for _, code := range encodings(t, rand.New(rand.NewSource(5)), n) {
		image = append(image, code...)
		for len(image)%slot != 0 {
			image = append(image, 0x90)
		}
	}
	name := filepath.Join(t.TempDir(), "forms")
	if err := os.WriteFile(name, image, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("objdump", "-D", "-w", "-M", "intel", "-b", "binary", "-m", "i386:x86-64", name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &differ{f: findings{}, slot: slot}
	if err := d.read(out, uint64(len(image))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d instructions, %d memory operands", d.n, d.mems)
	d.f.report(t, formsAllowed)
}

// formsAllowed explains differences of TestObjdumpForms by a part of their kind.
var formsAllowed = func() map[string]string {
	m := map[string]string{}
	for why, kinds := range map[string]string{
		"objdump prints REX prefixes that do not count on their own": "length XCHG,length NOP,length PAUSE",
		"objdump is stricter with bits that CPUs ignore: VEX.B and EVEX.X of mask registers, prefixes of WBINVD, REX.R of " +
			"bndldx, REX of udb": "rejects K,rejects VPBROADCASTM,rejects VPMOVM2,rejects WBINVD,rejects NOP,rejects UDB",
		"objdump does not know undocumented x87 encodings": "rejects FCOM,rejects FSTP,rejects FXCH,rejects FFREEP",
		"objdump does not know it, or the prefix that makes it": "IBHF,PREFETCHIT,PREFETCHW,PREFETCH_RESERVED,RDPRU," +
			"mnemonic XCHG,operands XCHG,mnemonic LOOP,undecoded,rejects VS,rejects VP,rejects PBNDKB,rejects A,rejects CMP",
		"objdump names predicates":                                "VPCOM",
		"objdump names the register by W or 66":                   "operands IN,operands OUT,operands LSL,operands LAR,operands MOV$,MOVMSK,MOVMSKB,FSBASE,GSBASE,TPAUSE,UMWAIT,operands UD,size UD,UMONITOR",
		"objdump takes 66 for SSE, which 3DNow! ignores":          "operands PF,operands PI2,operands PAVGUSB,operands PMULHRW,operands PSWAPD,operands MOVDQ2Q,operands MOVQ2DQ,size PF,size PI2,size PAVGUSB,size PMULHRW,size PSWAPD",
		"objdump names scalar registers by vector length":         "operands VMOVS,operands VP2INTERSECT",
		"objdump says bad for the rounding of exact conversions":  "operands VCVTUSI2SD,operands VCVTSI2SD",
		"objdump prints the selector bits of the fourth register": "VPERMIL2P",
		"objdump prints its implicit operand":                     "operands XLAT",
		"objdump prints no size, or AMD's for far pointers":       "size AES,size CALL_FAR,size JMP_FAR,size ENQCMD,size INV,size LDDQU,size LFS,size LGS,size LSS,size LGDT,size LIDT,size SGDT,size SIDT,size MOVDIR64B,size VLDDQU,size F,size CLDEMOTE,size WRSS,size WRUSS,size INVLPG,size CLFLUSH",
	} {
		for _, k := range strings.Split(kinds, ",") {
			m[k] = why
		}
	}
	return m
}()
