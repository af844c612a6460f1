package debuginfo

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A section is searched in pieces: what is looked for may lie across the end of one, and must not be found behind the section.
func TestContains(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	part := []byte("_vgwr")
	for range 300 {
		file := bytes.Repeat([]byte("_vg"), 20000)
		s := &section{off: rng.Uint64N(100), size: rng.Uint64N(50000)}
		at := rng.IntN(len(file) - len(part))
		if rng.IntN(2) == 0 { // around the end of a piece
			at = int(s.off) + (1+rng.IntN(3))<<14 - rng.IntN(16)
		}
		copy(file[at:], part)
		f := &elfFile{open: func() (File, error) { return memFile{bytes.NewReader(file)}, nil }}
		got, err := f.contains(s, part)
		if want := bytes.Contains(file[s.off:s.off+s.size], part); got != want || err != nil {
			t.Fatalf("section of %d bytes at %d, part at %d: %t, %v, wanted %t", s.size, s.off, at, got, err, want)
		}
	}
	f := &elfFile{open: func() (File, error) { return memFile{bytes.NewReader(make([]byte, 100))}, nil }}
	if _, err := f.contains(&section{off: 50, size: 51}, part); err == nil {
		t.Error("a section that ends behind the file is searched")
	}
}

// A held file is opened once, and closed when the last batch of reads ends, also one that outlives hold.
func TestHold(t *testing.T) {
	opened, closed := 0, 0
	f := &elfFile{open: func() (File, error) { opened++; return countedFile{memFile{bytes.NewReader(nil)}, &closed}, nil }}
	release := f.hold()
	again := f.hold()
	first, _ := f.use()
	second, _ := f.use()
	first.Close()
	again()
	release()
	if opened != 1 || closed != 0 {
		t.Errorf("opened %d times, closed %d times while a batch goes on", opened, closed)
	}
	second.Close()
	if third, _ := f.use(); opened != 2 || closed != 1 {
		t.Errorf("opened %d times, closed %d times behind the last batch", opened, closed)
	} else {
		third.Close()
	}
	if closed != 2 {
		t.Errorf("closed %d times of 2", closed)
	}
}

type countedFile struct {
	File
	n *int
}

func (f countedFile) Close() error {
	*f.n++
	return nil
}
