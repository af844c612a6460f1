package jit

import (
	"bytes"
	"debug/elf"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// text is real code to translate, at the guest address it is linked to. It is never run.
type text struct {
	base uint64
	code []byte
}

// loadText reads the .text section of the first of the files that there is; this program's own is always there.
func loadText(t testing.TB, files ...string) *text {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, self) {
		f, err := elf.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		if s := f.Section(".text"); s != nil {
			code, err := s.Data()
			if err != nil {
				t.Fatal(err)
			}
			base := s.Addr
			if base < uint64(guest.MinAddr) {
				base += 0x4000000
			}
			return &text{base, code}
		}
	}
	t.Fatal("no code to translate")
	return nil
}

func (x *text) fetch(pc guest.Addr) []byte {
	if off := uint64(pc) - x.base; off < uint64(len(x.code)) {
		return x.code[off:]
	}
	return nil
}

// blocks returns up to n addresses where instructions start, spread over the text.
func (x *text) blocks(n int) []guest.Addr {
	var list []guest.Addr
	var in amd64.Inst
	step := len(x.code) / n
	for at, next := 0, 0; at < len(x.code)-64; {
		if at >= next {
			list = append(list, guest.Addr(x.base+uint64(at)))
			next += step
		}
		if amd64.Decode(x.code[at:], &in) != nil {
			at++
			continue
		}
		at += int(in.Len)
	}
	return list
}

func (x *text) translator(t testing.TB, annotate tool.Tool) *Translator {
	t.Helper()
	if err := initOnce(); err != nil {
		t.Fatal(err)
	}
	cache := guest.Range{Start: guest.CodeCache, End: guest.CodeCache + testCache}
	clear(guest.Bytes(cache.Start, testCache))
	tr, err := New(Config{Cache: cache, Fetch: x.fetch, Tool: annotate, Shadow: annotate != nil, Warn: func(string, ...any) {}})
	if err != nil {
		t.Fatal(err)
	}
	tr.keepFlags = true // here calls are translated that never run, and the first one behind which flags are read changes all code
	return tr
}

// image copies the code that tr has made.
func image(tr *Translator) []byte {
	b := bytes.Clone(tr.hot.buf[tr.codeStart:tr.hot.pos])
	return append(b, tr.cold.buf[tr.coldStart:tr.cold.pos]...)
}

// TestSameBytes translates the same blocks in two fresh translators, and each block alone in two orders: the code must be the
// same to the byte.
func TestSameBytes(t *testing.T) {
	x := loadText(t)
	blocks := x.blocks(1500)
	for _, annotate := range []tool.Tool{nil, &everything{}} {
		var whole [2][]byte
		for i := range whole {
			tr := x.translator(t, annotate)
			for _, pc := range blocks {
				if _, err := tr.Entry(pc); err != nil {
					t.Fatal(err)
				}
			}
			whole[i] = image(tr)
		}
		if !bytes.Equal(whole[0], whole[1]) {
			t.Errorf("two translators made different code, tool %v", annotate != nil)
		}

		tr := x.translator(t, annotate)
		alone := make(map[guest.Addr][]byte)
		for _, pc := range blocks {
			tr.Flush()
			tr.Entry(pc)
			alone[pc] = image(tr)
		}
		order := rand.New(rand.NewPCG(seedWanted(t), 23))
		order.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
		different := 0
		for _, pc := range blocks {
			tr.Flush()
			tr.Entry(pc)
			if !bytes.Equal(image(tr), alone[pc]) {
				if different++; different < 5 {
					t.Errorf("block at %#x: other code in another order, tool %v", uint64(pc), annotate != nil)
				}
			}
		}
	}
}

// BenchmarkTranslate translates a large program's text block by block; the metric is guest instructions per second.
// cpuTime is the processor time that the process has taken, collections of garbage included.
func cpuTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func BenchmarkTranslate(b *testing.B) {
	x := loadText(b, "/usr/bin/python3")
	blocks := x.blocks(40_000)
	for _, c := range []struct {
		name string
		tool tool.Tool
	}{{"plain", nil}, {"checks", definer{}}, {"everything", &everything{noCount: true}}} {
		b.Run(c.name, func(b *testing.B) {
			tr := x.translator(b, c.tool)
			tr.cfg.Steps = true
			start := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				_, err := tr.Entry(blocks[i%len(blocks)])
				if err != nil && !errors.Is(err, ErrFull) {
					b.Fatal(err)
				}
				if err != nil || (i+1)%len(blocks) == 0 {
					tr.Flush()
				}
			}
			insts := tr.Stats().Insts
			spent := cpuTime(b) - start
			b.ReportMetric(float64(insts)/spent.Seconds(), "insts/cpu-s")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(insts), "ns/inst")
		})
	}
}
