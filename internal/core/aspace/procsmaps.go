package aspace

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// The kernel's mappings of guest memory are not the guest's: protections differ, so that they split and merge elsewhere. What the
// kernel counts for one of its own is dealt out to the guest's mappings in it by their lengths.

// kernelArea is a mapping in the kernel's smaps, a part of which may be the guest's.
type kernelArea struct {
	guest.Range
	lines []areaLine // in the kernel's order
}

// areaLine is a line of smaps: a number of kB, or text.
type areaLine struct {
	key  string
	kB   uint64
	text string
}

// parseSmaps reads the text of /proc/PID/smaps.
func parseSmaps(text []byte) []kernelArea {
	var all []kernelArea
	for line := range bytes.Lines(text) {
		l := strings.TrimSuffix(string(line), "\n")
		key, value, ok := strings.Cut(l, ":")
		if !ok || strings.ContainsRune(key, ' ') { // a line of maps
			var a kernelArea
			if n, _ := fmt.Sscanf(l, "%x-%x", &a.Start, &a.End); n == 2 {
				all = append(all, a)
			}
			continue
		}
		if len(all) == 0 {
			continue
		}
		a := areaLine{key: key, text: strings.TrimSpace(value)}
		if number, ok := strings.CutSuffix(a.text, " kB"); ok {
			a.kB, _ = strconv.ParseUint(number, 10, 64)
			a.text = ""
		}
		last := &all[len(all)-1]
		last.lines = append(last.lines, a)
	}
	return all
}

// guestArea is a mapping of the guest's with its part of the kernel's numbers.
type guestArea struct {
	Mapping
	lines []areaLine
}

// kB is the number of line key.
func (g *guestArea) kB(key string) uint64 {
	for i := range g.lines {
		if g.lines[i].key == key {
			return g.lines[i].kB
		}
	}
	return 0
}

// areas deals out what the kernel says. Both lists are in ascending order.
func (s *Space) areas(smaps []byte) []guestArea {
	kernel := parseSmaps(smaps)
	var all []guestArea
	s.merged(func(m Mapping) {
		g := guestArea{Mapping: m}
		for len(kernel) > 0 && kernel[0].End <= m.Start {
			kernel = kernel[1:]
		}
		for i := 0; i < len(kernel) && kernel[i].Start < m.End; i++ {
			g.take(&kernel[i])
		}
		all = append(all, g)
	})
	return all
}

// take adds g's part of the numbers of a.
func (g *guestArea) take(a *kernelArea) {
	part, whole := clip(a.Range, g.Range).Len()/guest.PageSize, a.Len()/guest.PageSize
	if g.lines == nil {
		g.lines = make([]areaLine, len(a.lines))
		for i, l := range a.lines {
			g.lines[i] = areaLine{key: l.key, text: l.text}
		}
	}
	const pageKB = guest.PageSize >> 10
	for i := range min(len(a.lines), len(g.lines)) {
		l := &g.lines[i]
		switch l.key {
		case "Size":
			l.kB = g.Len() >> 10
		case "KernelPageSize", "MMUPageSize":
			l.kB = a.lines[i].kB
		case "VmFlags":
			l.text = g.flags(l.text)
		default:
			n := a.lines[i].kB
			if part != whole {
				n = n / pageKB * part / whole * pageKB
			}
			l.kB += n
		}
	}
}

// flags are the kernel's two-letter flags of a mapping with the guest's protection.
func (g *guestArea) flags(kernel string) string {
	var list []string
	for i, f := range []string{"rd", "wr", "ex"} {
		if g.Prot&(guest.Prot(1)<<i) != 0 {
			list = append(list, f)
		}
	}
	for _, f := range strings.Fields(kernel) {
		switch f {
		case "rd", "wr", "ex":
		case "nr":
			if g.Flags&unix.MAP_NORESERVE != 0 {
				list = append(list, f)
			}
		default:
			list = append(list, f)
		}
	}
	return strings.Join(list, " ") + " "
}

// ProcSmaps is the guest's /proc/self/smaps, made of the kernel's.
func (s *Space) ProcSmaps(kernel []byte) []byte {
	var b bytes.Buffer
	for _, g := range s.areas(kernel) {
		writeMapsLine(&b, g.Mapping)
		writeLines(&b, g.lines)
	}
	return b.Bytes()
}

// writeLines writes lines as the kernel aligns them: numbers end in column 24.
func writeLines(b *bytes.Buffer, lines []areaLine) {
	for _, l := range lines {
		if l.text != "" || l.key == "VmFlags" {
			if l.key == "VmFlags" {
				fmt.Fprintf(b, "%s: %s\n", l.key, l.text)
			} else {
				fmt.Fprintf(b, "%-16s%8s\n", l.key+":", l.text)
			}
			continue
		}
		fmt.Fprintf(b, "%-16s%8d kB\n", l.key+":", l.kB)
	}
}

// ProcSmapsRollup is the guest's /proc/self/smaps_rollup, made of the kernel's smaps and, for which lines there are, the kernel's
// smaps_rollup.
func (s *Space) ProcSmapsRollup(kernel, rollup []byte) []byte {
	all := s.areas(kernel)
	m := Mapping{Path: "[rollup]"}
	if len(all) > 0 {
		m.Range = guest.Range{Start: all[0].Start, End: all[len(all)-1].End}
	}
	var lines []areaLine
	for _, a := range parseSmaps(rollup) {
		lines = a.lines
	}
	for i := range lines {
		l := &lines[i]
		l.kB = 0
		for j := range all {
			g := &all[j]
			anon := g.Flags&unix.MAP_ANONYMOUS != 0
			switch l.key {
			case "Pss_Anon":
				if anon {
					l.kB += g.kB("Pss")
				}
			case "Pss_File":
				if !anon && !g.sharedMemory() {
					l.kB += g.kB("Pss")
				}
			case "Pss_Shmem":
				if !anon && g.sharedMemory() {
					l.kB += g.kB("Pss")
				}
			default:
				l.kB += g.kB(l.key)
			}
		}
	}
	var b bytes.Buffer
	writeMapsLine(&b, m)
	writeLines(&b, lines)
	return b.Bytes()
}

// sharedMemory reports whether the file behind g is memory: to the kernel, shmem.
func (g *guestArea) sharedMemory() bool {
	for _, p := range []string{"/dev/zero (deleted)", "/SYSV", "/memfd:", "/dev/shm/"} {
		if strings.HasPrefix(g.Path, p) {
			return true
		}
	}
	return false
}

// Usage is how much memory the guest uses, in bytes, as /proc/PID/status has it.
type Usage struct {
	Size, Peak                   uint64 // of mappings; the largest that was ever asked about
	RSS, PeakRSS                 uint64
	Anon, File, Shmem            uint64 // parts of RSS
	Data, Stack, Exec, Lib, Swap uint64 // private and writable; the main stack; the program's code; that of others
}

// Usage adds up the kernel's smaps for the guest. code is where the program's own code is.
func (s *Space) Usage(smaps []byte, code guest.Range) Usage {
	const startStack = 132 << 10 // what the kernel maps of a stack at once
	var u Usage
	for _, g := range s.areas(smaps) {
		rss, anon := g.kB("Rss")<<10, g.kB("Anonymous")<<10
		u.RSS += rss
		u.Anon += min(anon, rss)
		if g.sharedMemory() {
			u.Shmem += rss - min(anon, rss)
		} else {
			u.File += rss - min(anon, rss)
		}
		u.Swap += g.kB("Swap") << 10
		if g.Path == "[stack]" { // here it is whole from the start
			u.Stack += max(startStack, rss)
			u.Size += max(startStack, rss)
			continue
		}
		u.Size += g.Len()
		switch {
		case isData(g.Prot, g.Flags):
			u.Data += g.Len()
		case g.Prot&guest.Exec != 0:
			u.Lib += g.Len()
		}
	}
	u.Exec = uint64(code.End.PageUp() - code.Start.PageDown())
	u.Lib -= min(u.Lib, u.Exec)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peak, s.peakRSS = max(s.peak, u.Size), max(s.peakRSS, u.RSS)
	u.Peak, u.PeakRSS = s.peak, s.peakRSS
	return u
}
