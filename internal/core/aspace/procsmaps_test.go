package aspace

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// areaText is a mapping in the kernel's smaps.
func areaText(head, rss, flags string) string {
	return head + " 00000000 00:00 0 \nSize:                 64 kB\nKernelPageSize:        4 kB\nRss:    " + strings.Repeat(" ", 12-len(rss)) + rss +
		" kB\nAnonymous:              0 kB\nTHPeligible:           0\nVmFlags: " + flags + " \n"
}

// Mappings that the kernel has split count together, those that it has merged get their parts by length, and what is not the
// guest's is left out.
func TestSmaps(t *testing.T) {
	s := New(Config{Space: guest.Range{Start: pg, End: 1 << 46}})
	add := func(start, end guest.Addr, prot guest.Prot, flags int) {
		s.maps = append(s.maps, &vma{Range: guest.Range{Start: start, End: end}, prot: prot, flags: flags})
	}
	const private = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	add(0x10000, 0x20000, guest.Read|guest.Write, private) // two of the kernel's
	add(0x30000, 0x34000, guest.Read, private)             // these two are one of the kernel's
	add(0x34000, 0x40000, guest.Read|guest.Exec, private)  // of which they are a quarter and three
	add(0x50000, 0x60000, guest.Read, unix.MAP_SHARED)     // in the middle of one
	kernel := areaText("00001000-00002000 rw-p", "4", "rd wr") +
		areaText("00010000-00014000 r--p", "8", "rd mr mw me") + areaText("00014000-00020000 rw-p", "12", "rd wr mr mw me") +
		areaText("00030000-00040000 r--p", "64", "rd mr nr") + areaText("00048000-00068000 r--s", "128", "rd sh")
	got := string(s.ProcSmaps([]byte(kernel)))
	for _, want := range []string{
		"00010000-00020000 rw-p 00000000 00:00 0 \nSize:                 64 kB\nKernelPageSize:        4 kB\nRss:                  20 kB\n" +
			"Anonymous:             0 kB\nTHPeligible:           0\nVmFlags: rd wr mr mw me \n",
		"00030000-00034000 r--p 00000000 00:00 0 \nSize:                 16 kB\nKernelPageSize:        4 kB\nRss:                  16 kB\n",
		"00034000-00040000 r-xp 00000000 00:00 0 \nSize:                 48 kB\nKernelPageSize:        4 kB\nRss:                  48 kB\n",
		"VmFlags: rd ex mr \n",
		"00050000-00060000 r--s 00000000 00:00 0 \nSize:                 64 kB\nKernelPageSize:        4 kB\nRss:                  64 kB\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "Size: "); n != 8 {
		t.Errorf("%d lines with a size:\n%s", n, got)
	}
	u := s.Usage([]byte(kernel), guest.Range{Start: 0x34000, End: 0x36000})
	if u.Size != 0x30000 || u.RSS != 148<<10 || u.Data != 0x10000 || u.Exec != 0x2000 || u.Lib != 0xa000 || u.PeakRSS != u.RSS {
		t.Errorf("usage %+v", u)
	}
	if u = s.Usage(nil, guest.Range{}); u.RSS != 0 || u.PeakRSS != 148<<10 {
		t.Errorf("usage later %+v", u)
	}
}

// The kernel's own text of this process goes through unchanged where mappings are the same.
func TestSmapsOfKernel(t *testing.T) {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Space: guest.Range{Start: pg, End: 1 << 47}})
	areas := parseSmaps(text)
	if len(areas) < 5 {
		t.Fatalf("%d mappings in\n%s", len(areas), text)
	}
	for i, a := range areas[:3] {
		v := &vma{Range: a.Range, prot: guest.Read, flags: unix.MAP_PRIVATE}
		v.file.path = fmt.Sprint("/", i) // so that they stay apart
		s.maps = append(s.maps, v)
	}
	lines := func(b []byte) (l []string) {
		for line := range strings.Lines(string(b)) {
			if k, _, ok := strings.Cut(line, ":"); ok && !strings.ContainsRune(k, ' ') && k != "VmFlags" {
				l = append(l, line)
			}
		}
		return l
	}
	kernel := lines(text)
	got := lines(s.ProcSmaps(text))
	if len(got) == 0 || strings.Join(got, "") != strings.Join(kernel[:len(got)], "") {
		t.Errorf("got\n%swant\n%s", strings.Join(got, ""), strings.Join(kernel[:len(got)], ""))
	}
}
