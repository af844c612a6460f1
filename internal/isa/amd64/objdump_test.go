package amd64

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	files := append([]string{filepath.Join(runtime.GOROOT(), "bin", "go")}, objdumpFiles...)
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
				d.f.report(t, objdumpAllowed)
			})
		}
	}
}

// objdumpAllowed explains differences by prefix of their kind. docs/decoder.md has the list too.
var objdumpAllowed = map[string]string{
	"size CLFLUSH": "objdump prints a byte, the line has 64",
}

type differ struct {
	f             findings
	n             int // instructions compared
	mems, special int
	spaces        [5]int
	ranges        [][2]uint64 // functions, if only they are code
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
	if strings.HasPrefix(filepath.Base(name), "libcrypto") {
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
	synced := false
	for sc.Scan() {
		l := sc.Text()
		addr, rest, ok := strings.Cut(l, ":\t")
		if !ok {
			// Without a symbol, a piece may start within an instruction.
			synced = synced || strings.HasSuffix(l, ">:")
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
		return true
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
	case bad && err != nil:
		return
	case bad:
		d.f.add("objdump rejects "+in.Mnem(), ex)
		return
	case err != nil:
		d.f.add("undecoded "+strings.Fields(text)[0], ex)
		return
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
	if in.Row.Attr&ANop != 0 || in.Row.Ext == ExtX87 && a.mem == nil {
		// Operands of no-ops and of some x87 forms are a matter of taste.
		d.special++
		return
	}
	a.normalise(&in)
	b.normalise(&in)
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
