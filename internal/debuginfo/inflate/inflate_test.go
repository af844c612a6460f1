package inflate

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func compressed(t testing.TB, level int, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samples are data that need stored, fixed and dynamic blocks, long codes, and distances shorter than lengths.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 300_000)
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 3)
	}
	return map[string][]byte{
		"empty": {}, "one": {7}, "noise": noise, "skewed": skewed, "zeros": make([]byte, 70_000),
		"text":   []byte(strings.Repeat("a line of text, and another one; ", 3000)),
		"short":  []byte("hello"),
		"period": bytes.Repeat([]byte("abc"), 10_000),
	}
}

func TestZlib(t *testing.T) {
	for name, data := range samples() {
		for _, level := range []int{zlib.NoCompression, zlib.HuffmanOnly, 1, 6, 9} {
			src := compressed(t, level, data)
			dst := make([]byte, len(data))
			if err := Zlib(dst, src); err != nil || !bytes.Equal(dst, data) {
				t.Errorf("%s at level %d: %v, equal %v", name, level, err, bytes.Equal(dst, data))
			}
			if err := Zlib(make([]byte, len(data)+1), src); err != errShort {
				t.Errorf("%s: one byte too few: %v", name, err)
			}
			if len(data) > 0 {
				if err := Zlib(dst[1:], src); err != errLong {
					t.Errorf("%s: one byte too many: %v", name, err)
				}
				if err := Zlib(dst, src[:len(src)/2]); err == nil {
					t.Errorf("%s: half of the stream is enough", name)
				}
			}
		}
	}
	if err := Zlib(nil, []byte("PK")); err != errHeader {
		t.Error(err)
	}
}

// from reads src, which must be asked for in order and to its end at most.
func from(t *testing.T, src []byte) func(p []byte, off int) error {
	next := 0
	return func(p []byte, off int) error {
		if off != next || len(p) == 0 || off+len(p) > len(src) {
			t.Fatalf("asked for %d bytes at %d of %d, behind %d", len(p), off, len(src), next)
		}
		next += copy(p, src[off:])
		return nil
	}
}

// TestWindow: input that does not fit the window is read as it is needed, and an error of reading is one of decompressing.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	data := make([]byte, 8*window)
	for i := range data {
		data[i] = byte(r.ExpFloat64() * 20)
	}
	for _, level := range []int{zlib.NoCompression, 1, 6} {
		src := compressed(t, level, data)
		dst := make([]byte, len(data))
		read := 0
		fails := false
		s := NewStream(dst, len(src), func(p []byte, off int) error {
			if fails {
				return io.ErrUnexpectedEOF
			}
			read += len(p)
			return from(t, src[off:])(p, 0)
		})
		if n, err := s.To(100); err != nil || n < 100 || read > window {
			t.Errorf("level %d: %d bytes, of %d read, %v", level, n, read, err)
		}
		if n, err := s.To(len(data) / 2); err != nil || !bytes.Equal(dst[:n], data[:n]) || read > len(src)/2+2*window {
			t.Errorf("level %d: %d bytes, of %d read, %v", level, n, read, err)
		}
		fails = true
		n, err := s.To(len(data))
		if err != io.ErrUnexpectedEOF || n < len(data)/2 || !bytes.Equal(dst[:n], data[:n]) {
			t.Errorf("level %d: %d bytes, %v", level, n, err)
		}
		dst = make([]byte, len(data))
		if n, err := NewStream(dst, len(src), from(t, src)).To(len(data)); err != nil || n != len(data) || !bytes.Equal(dst, data) {
			t.Errorf("level %d: %d bytes, %v", level, n, err)
		}
	}
}

// TestParts: a stream that is decompressed a part at a time gives the same, and not all of it before all is wanted.
func TestParts(t *testing.T) {
	for name, data := range samples() {
		for _, level := range []int{zlib.NoCompression, zlib.HuffmanOnly, 6} {
			dst := make([]byte, len(data))
			src := compressed(t, level, data)
			s := NewStream(dst, len(src), from(t, src))
			for n := 0; n < len(data); n += 1 + n/3 {
				have, err := s.To(n)
				if err != nil || have < n || !bytes.Equal(dst[:have], data[:have]) {
					t.Fatalf("%s at level %d: %d bytes of %d: %v", name, level, have, n, err)
				}
				if have > n+1<<16 {
					t.Fatalf("%s at level %d: %d bytes where %d were wanted", name, level, have, n)
				}
			}
			if have, err := s.To(len(data)); err != nil || have != len(data) || !bytes.Equal(dst, data) {
				t.Errorf("%s at level %d: %d bytes of %d: %v", name, level, have, len(data), err)
			}
		}
	}
}

// FuzzZlib compares with the standard library.
func FuzzZlib(f *testing.F) {
	for _, data := range samples() {
		f.Add(compressed(f, 6, data[:min(len(data), 2000)]), len(data))
	}
	f.Fuzz(func(t *testing.T, src []byte, size int) {
		if size < 0 || size > 1<<20 {
			return
		}
		dst := make([]byte, size)
		err := Zlib(dst, src)
		parts := make([]byte, size)
		s := NewStream(parts, len(src), from(t, src))
		for n := 1; n < size; n *= 2 {
			s.To(n)
		}
		if _, e := s.To(size); (e == nil) != (err == nil) || err == nil && !bytes.Equal(dst, parts) {
			t.Fatalf("%v in parts, %v as a whole", e, err)
		}
		z, e := zlib.NewReader(bytes.NewReader(src))
		if e != nil {
			if err == nil {
				t.Fatalf("accepted what the standard library refuses: %v", e)
			}
			return
		}
		want, e := io.ReadAll(z)
		if (e == nil || e == zlib.ErrChecksum) && len(want) == size && (err != nil || !bytes.Equal(dst, want)) {
			t.Fatalf("%v, equal %v", err, bytes.Equal(dst, want))
		}
		if err == nil && (e == nil || e == zlib.ErrChecksum) && len(want) != size {
			t.Fatalf("%d bytes for %d", size, len(want))
		}
	})
}

func BenchmarkZlib(b *testing.B) {
	data := samples()["skewed"]
	src := compressed(b, 6, data)
	dst := make([]byte, len(data))
	b.SetBytes(int64(len(data)))
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if err := Zlib(dst, src); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			z, err := zlib.NewReader(bytes.NewReader(src))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(z, dst); err != nil {
				b.Fatal(err)
			}
		}
	})
}
