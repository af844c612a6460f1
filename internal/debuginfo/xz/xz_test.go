package xz

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
)

// pack compresses with the xz program.
func pack(t testing.TB, data []byte, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("xz is not installed")
	}
	c := exec.Command("xz", append([]string{"-c"}, args...)...)
	c.Stdin = bytes.NewReader(data)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// samples are texts, code and noise.
func samples(t *testing.T) map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	exe = exe[:min(len(exe), 400<<10)]
	return map[string][]byte{
		"empty": nil, "one": {7}, "zeros": make([]byte, 1<<20), "noise": noise, "code": exe,
		"mixed": append(append(bytes.Repeat([]byte("hello, "), 5000), noise...), exe[:100000]...),
	}
}

func TestDecode(t *testing.T) {
	for name, data := range samples(t) {
		for _, args := range [][]string{{"-6"}, {"-0", "-Ccrc32"}, {"-9e", "-Csha256"}, {"-Cnone", "--block-size=65536"},
			{"--lzma2=lc=0,lp=4,pb=0"}, {"--lzma2=lc=4,lp=0,pb=4,dict=4096"}} {
			got, err := Decode(pack(t, data, args...), len(data))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s %v: %d bytes, %v; want %d", name, args, len(got), err, len(data))
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	data := bytes.Repeat([]byte("some text to compress. "), 1000)
	good := pack(t, data)
	if _, err := Decode(good, len(data)-1); err != errTooBig {
		t.Errorf("limit: %v", err)
	}
	for n := range len(good) - 40 { // the index and footer at the end are not read
		if _, err := Decode(good[:n], 1<<20); err == nil {
			t.Errorf("no error when cut to %d of %d bytes", n, len(good))
		}
	}
	for i := range len(good) - 40 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if got, err := Decode(bad, 1<<20); err == nil && !bytes.Equal(got, data) {
			t.Errorf("byte %d changed: wrong output without an error", i)
		}
	}
	if _, err := Decode(pack(t, data, "--x86", "--lzma2"), 1<<20); err == nil {
		t.Error("no error for an unknown filter")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(pack(f, []byte("hello hello hello hello")))
	f.Add(pack(f, bytes.Repeat([]byte{1, 2, 3}, 1000), "-Cnone"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := Decode(b, 1<<16); err == nil && len(out) > 1<<16 {
			t.Errorf("%d bytes", len(out))
		}
	})
}
