package jit

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

// only is a tool that asks for one kind of annotation on the first instruction of a block.
type only struct {
	everything
	op     tool.Op
	behind bool
	shared bool
	taken  bool
	n      int64 // what an OpCount adds beside 1
}

func (o *only) Instrument(b *tool.Block) {
	x := &b.Insts[0]
	switch o.op {
	case tool.OpCheck, tool.OpDefine:
		for k := range x.Mem {
			b.Anns = append(b.Anns, tool.Ann{Op: o.op, Mem: k})
		}
	case tool.OpCount:
		b.Anns = append(b.Anns, tool.Ann{Op: o.op, Arg: 1 + o.n, Ptr: counterAddr, Behind: o.behind, Taken: o.taken})
	case tool.OpEvent:
		b.Anns = append(b.Anns, tool.Ann{Op: o.op, Arg: 0x1234, Behind: o.behind})
	case tool.OpEventAddr:
		for k := range x.Mem {
			b.Anns = append(b.Anns, tool.Ann{Op: o.op, Mem: k, Arg: 0x1234 + int64(k)})
		}
	case tool.OpDataMiss:
		for i := range b.Insts {
			for k := range b.Insts[i].Mem {
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: o.op, Mem: k, Ptr: counterAddr + guest.Addr(16*(i+k))})
			}
		}
	case tool.OpCodeMiss:
		b.Anns = append(b.Anns, tool.Ann{Op: o.op, Ptr: counterAddr, Same: o.behind})
	case tool.OpEventRounds:
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEventAddr, Arg: 0x1234}, tool.Ann{Op: o.op, Arg: 0x1235})
	default:
		b.Anns = append(b.Anns, tool.Ann{Op: o.op})
	}
}

// goldenRows are the pieces of guest code whose translation testdata/golden.txt has. dead is xor %ebp, %ebp: behind it in the
// row, the flags are dead before it.
var goldenRows = []struct {
	name   string
	code   string // hex
	at     uint64
	shadow bool
	tool   tool.Tool
}{
	{"check, 1 byte, flags live", "8a06", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 1 byte, flags dead", "8a06 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 2 bytes, flags live", "668b06", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 2 bytes, flags dead", "668b06 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 4 bytes, flags live", "8b06", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 4 bytes, flags dead", "8b06 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 8 bytes, flags live", "488b4608", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 8 bytes, flags dead", "488b4608 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 16 bytes, flags live", "0f1006", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 16 bytes, flags dead", "0f1006 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 32 bytes, flags dead", "c5fc1006 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, 10 bytes, flags dead", "db2e 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"prefetch", "410f18140a", codeLow, true, &only{op: tool.OpCheck}},
	{"prefetch for writing", "0f0d4e08", codeLow, true, &only{op: tool.OpCheck}},
	{"prefetch without shadow", "0f180e", codeLow, false, &only{op: tool.OpCheck}},
	{"clflush", "0fae3e", codeLow, true, &only{op: tool.OpCheck}},
	{"check of a store, 8 bytes, flags live", "48894608", codeLow, true, &only{op: tool.OpCheck}},
	{"check of a store, 8 bytes, flags dead", "48894608 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check of a store, 2 bytes, flags live", "66894608", codeLow, true, &only{op: tool.OpCheck}},
	{"check of a store, 1 byte, flags dead", "884608 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check of a pop", "5b", codeLow, true, &only{op: tool.OpCheck}},
	{"check of thread-local storage", "64488b042510000000 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check of the stack canary", "64488b042528000000", codeLow, true, &only{op: tool.OpCheck}},
	{"return, red zone", "c3", codeLow, true, &only{op: tool.OpReturn}},
	{"define, push", "53", codeLow, true, &only{op: tool.OpDefine}},
	{"define, 4 bytes", "897c240c", codeLow, true, &only{op: tool.OpDefine}},
	{"define, 16 bytes", "0f114424e8", codeLow, true, &only{op: tool.OpDefine}},
	{"check, base and index", "8b44be10 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, rip-relative, near", "8b0500010000 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, rip-relative, far", "8b0500010000 31ed", codeFar, true, &only{op: tool.OpCheck}},
	{"check, string move", "a4 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"check, repeated string move", "f3a4 31ed", codeLow, true, &only{op: tool.OpCheck}},
	{"stack, push", "55", codeLow, true, &only{op: tool.OpStack}},
	{"stack, pop", "5d", codeLow, true, &only{op: tool.OpStack}},
	{"stack, sub 32", "4883ec20", codeLow, true, &only{op: tool.OpStack}},
	{"stack, sub 4096", "4881ec00100000", codeLow, true, &only{op: tool.OpStack}},
	{"stack, add 32", "4883c420", codeLow, true, &only{op: tool.OpStack}},
	{"stack, leave", "c9", codeLow, true, &only{op: tool.OpStack}},
	{"stack, ret", "c3", codeLow, true, &only{op: tool.OpStack}},
	{"stack, call", "e8fb000000 31ed", codeLow, true, &only{op: tool.OpStack}},
	{"count, flags live", "90", codeLow, false, &only{op: tool.OpCount}},
	{"count, flags dead", "90 31ed", codeLow, false, &only{op: tool.OpCount}},
	{"count of 5, flags dead", "90 31ed", codeLow, false, &only{op: tool.OpCount, n: 4}},
	{"count of 500, flags dead", "90 31ed", codeLow, false, &only{op: tool.OpCount, n: 499}},
	{"count, taken", "7510", codeLow, false, &only{op: tool.OpCount, taken: true}},
	{"count, taken, jrcxz", "e310", codeLow, false, &only{op: tool.OpCount, taken: true}},
	{"count, not taken", "7510", codeLow, false, &only{op: tool.OpCount, behind: true}},
	{"count, shared, flags live", "90", codeLow, false, &only{op: tool.OpCount, shared: true}},
	{"count, shared, flags dead", "90 31ed", codeLow, false, &only{op: tool.OpCount, shared: true}},
	{"event", "90", codeLow, false, &only{op: tool.OpEvent}},
	{"event, not taken", "7510", codeLow, false, &only{op: tool.OpEvent, behind: true}},
	{"event, load", "488b4608", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, base and index in the way", "488b441008", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, 32-bit address", "67488b4608", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, rip-relative", "488b0500010000", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, fs", "64488b4310", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, push", "55", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, push memory", "ff7010", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, pop to memory", "8f442408", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, leave", "c9", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, string move", "a4", codeLow, false, &only{op: tool.OpEventAddr}},
	{"event, repeated string move", "f3a4", codeLow, false, &only{op: tool.OpEventRounds}},
	{"event, masked store", "62f17c49110e", codeLow, false, &only{op: tool.OpEventAddr}},
	{"miss, load, flags dead", "488b4608 31ed", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, load, flags live", "488b4608", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, load, flags live, rax in the way", "488b441008", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, push, flags dead", "55 31ed", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, two fields by one register, one by a later one, before flags are", "4839d8 488b4608 488b5610 488b0a 7500", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, two pushes, flags live", "53 55", codeLow, false, &only{op: tool.OpDataMiss}},
	{"miss, masked store, flags dead", "62f17c49110e 31ed", codeLow, false, &only{op: tool.OpDataMiss}},
	{"fetch, flags dead", "90 31ed", codeLow, false, &only{op: tool.OpCodeMiss}},
	{"fetch, flags live", "90", codeLow, false, &only{op: tool.OpCodeMiss}},
	{"fetch, two lines, flags dead", "488b4608 31ed", codeLow + 62, false, &only{op: tool.OpCodeMiss}},
	{"fetch, two lines, flags live", "488b4608", codeLow + 62, false, &only{op: tool.OpCodeMiss}},
	{"fetch, second line, flags dead", "488b4608 31ed", codeLow + 62, false, &only{op: tool.OpCodeMiss, behind: true}},
	{"call, flags live, below 2 GB", "e8fb000000", codeLow, false, nil},
	{"call, flags dead, below 2 GB", "e8fb000000 31ed", codeLow, false, nil},
	{"call, flags live, above 2 GB", "e8fb000000", codeFar, false, nil},
	{"call, flags dead, above 2 GB", "e8fb000000 31ed", codeFar, false, nil},
	{"ret", "c3", codeLow, false, nil},
	{"ret 16", "c21000", codeLow, false, nil},
	{"jump", "e9fb000000", codeLow, false, nil},
	{"conditional jump", "7510", codeLow, false, nil},
	{"conditional jump in the trace", "7502 8bc0 8bc8", codeLow, false, nil},
	{"jrcxz", "e310", codeLow, false, nil},
	{"indirect jump, register", "ffe0", codeLow, false, nil},
	{"indirect jump, table", "ff24c500000030", codeLow, false, nil},
	{"indirect jump, rip-relative, far", "ff2500010000", codeFar, false, nil},
	{"indirect call, register", "ffd0 31ed", codeLow, false, nil},
	{"indirect call, memory", "ff5010 31ed", codeLow, false, nil},
	{"load, rip-relative, near", "488b0500010000", codeLow, false, nil},
	{"load, rip-relative, far", "488b0500010000", codeFar, false, nil},
	{"lea, rip-relative", "488d0500010000", codeLow, false, nil},
	{"fs: constant, without shadow", "64488b042528000000", codeLow, false, nil},
	{"fs: constant, with shadow", "64488b042528000000", codeLow, true, nil},
	{"fs: base, with shadow", "64488b4310", codeLow, true, nil},
	{"fs: base and index, with shadow", "64488b44f310", codeLow, true, nil},
	{"gs: constant", "65488b042528000000", codeLow, false, nil},
	{"moffs64", "48a10000000000100000", codeLow, false, nil},
	{"rdfsbase", "f3480faec0", codeLow, false, nil},
	{"wrfsbase", "f3480faed0", codeLow, false, nil},
	{"syscall", "0f05", codeLow, false, nil},
}

// host prints the host code of the only fragment of tr: straight code and what follows it, then the out-of-line code. Addresses
// that depend on where this program is linked, and offsets in the context, are given by name.
func host(tr *Translator) (text string, insts int) {
	f := tr.frags.at(1)
	names := map[uint64]string{
		uint64(tr.exitStub) + tr.base:  "exit",
		uint64(tr.missRet) + tr.base:   "missRet",
		uint64(tr.missIB) + tr.base:    "missIB",
		uint64(tr.moveStack) + tr.base: "moveStack",
	}
	if tr.cfg.Caches.Data != nil {
		for i, at := range tr.stores {
			names[uint64(at)+tr.base] = fmt.Sprintf("stores%d", 1<<i)
		}
		names[uint64(tr.misses.data)+tr.base] = "missData"
		names[uint64(tr.misses.code)+tr.base] = "missCode"
		names[uint64(tr.misses.codes)+tr.base] = "missCodes"
	}
	slots := map[int32]string{vcpu.OffExit: "exit", vcpu.OffIBTarget: "target", vcpu.OffFSBase: "fsbase", vcpu.OffGSBase: "gsbase", vcpu.OffEvents: "events"}
	for i := int32(0); i < 18; i++ {
		slots[vcpu.OffSpill+8*i] = fmt.Sprintf("spill%d", i)
	}
	label := func(a uint64) string {
		off := uint32(a - tr.base)
		switch {
		case names[a] != "":
			return names[a]
		case a < tr.base+codeOff || a >= tr.base+testCache && names[a] == "":
			return fmt.Sprintf("%#x", a)
		case off >= f.start && off < f.hotEnd:
			return fmt.Sprintf("hot+%#x", off-f.start)
		case off >= f.cold && off < f.coldEnd:
			return fmt.Sprintf("cold+%#x", off-f.cold)
		}
		return fmt.Sprintf("%#x", a)
	}
	addrRE := regexp.MustCompile(`0x[0-9a-f]{6,8}\b`)
	slotRE := regexp.MustCompile(`fs:\[?0x([0-9a-f]+)\]?`)
	var b strings.Builder
	part := func(name string, from, to uint32) {
		if from == to {
			return
		}
		fmt.Fprintf(&b, "%s\n", name)
		code := tr.hot.buf[from:to]
		for at := 0; at < len(code); {
			var in amd64.Inst
			if err := amd64.Decode(code[at:], &in); err != nil {
				fmt.Fprintf(&b, "\t%+v\n", err)
				return
			}
			pc := tr.base + uint64(from) + uint64(at)
			line := in.Text(pc)
			line = addrRE.ReplaceAllStringFunc(line, func(s string) string {
				n, _ := strconv.ParseUint(s[2:], 16, 64)
				return label(n)
			})
			line = slotRE.ReplaceAllStringFunc(line, func(s string) string {
				n, _ := strconv.ParseInt(slotRE.FindStringSubmatch(s)[1], 16, 64)
				if name := slots[int32(n)]; name != "" {
					return "fs:" + name
				}
				return s
			})
			fmt.Fprintf(&b, "\t%s\n", line)
			at += int(in.Len)
			insts++
		}
	}
	part("hot", f.start, f.hotEnd)
	part("cold", f.cold, f.coldEnd)
	return b.String(), insts
}

// TestGolden compares host code, and the number of its instructions, with testdata/golden.txt.
func TestGolden(t *testing.T) {
	if err := initOnce(); err != nil {
		t.Fatal(err)
	}
	if !hasBMI2 {
		t.Skip("the golden code is that of processors with rorx")
	}
	var b strings.Builder
	b.WriteString("# Host code for guest code, by golden_test.go; go test -run Golden -update writes it anew.\n")
	for _, row := range goldenRows {
		code, err := hex.DecodeString(strings.ReplaceAll(row.code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		x := &text{row.at, append(code, 0x0f, 0x05, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
			0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90)}
		cache := guest.Range{Start: guest.CodeCache, End: guest.CodeCache + testCache}
		clear(guest.Bytes(cache.Start, codeOff))
		cfg := Config{Cache: cache, Fetch: x.fetch, Tool: row.tool, Shadow: row.shadow}
		if o, ok := row.tool.(*only); ok && o.op >= tool.OpDataMiss {
			cfg.Caches = tool.Caches{
				Data: &tool.Cache{Line: 64, Sets: 64, Ways: 12, Limit: 64, Start: counterAddr},
				Code: &tool.Cache{Line: 64, Sets: 64, Ways: 8, Limit: 64, Start: counterAddr + 0x4000},
				Last: &tool.Cache{Line: 64, Sets: 1024, Ways: 16, Limit: 64, Start: 1 << 40},
			}
		}
		tr, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if o, ok := row.tool.(*only); ok && o.shared {
			tr.Share()
		}
		_, err = tr.Entry(guest.Addr(row.at))
		if errors.Is(err, ErrFull) { // flags are read behind a call
			tr.Flush()
			_, err = tr.Entry(guest.Addr(row.at))
		}
		if err != nil {
			t.Fatal(err)
		}
		text, n := host(tr)
		fmt.Fprintf(&b, "\n== %s: %s at %#x, %d instructions\n%s", row.name, row.code, row.at, n, text)
	}
	const file = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(b.String(), "\n== "), strings.Split(string(want), "\n== ")
	for i := 0; i < len(got) || i < len(old); i++ {
		var g, o string
		if i < len(got) {
			g = got[i]
		}
		if i < len(old) {
			o = old[i]
		}
		if g != o {
			t.Errorf("got:\n%s\nwant:\n%s", g, o)
		}
	}
}
