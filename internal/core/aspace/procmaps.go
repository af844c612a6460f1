package aspace

import (
	"bytes"
	"fmt"
	"strings"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// pathColumn is where the kernel starts the path in a line of /proc/PID/maps on 64-bit machines.
const pathColumn = 73

// ProcMaps is the guest's /proc/self/maps.
func (s *Space) ProcMaps() []byte {
	var b bytes.Buffer
	s.merged(func(m Mapping) { writeMapsLine(&b, m) })
	return b.Bytes()
}

// merged calls f for the mappings as the kernel would have them, which knows less of a mapping than we do.
func (s *Space) merged(f func(Mapping)) {
	var last Mapping
	s.Each(func(m Mapping) bool {
		m.Stored = false // makes no difference to the kernel
		if next := last; last.End == m.Start && (last.Flags&unix.MAP_ANONYMOUS != 0 || last.Offset+last.Len() == m.Offset) {
			next.Range, next.Offset = m.Range, m.Offset
			if next == m {
				last.End = m.End
				return true
			}
		}
		if !last.Empty() {
			f(last)
		}
		last = m
		return true
	})
	if !last.Empty() {
		f(last)
	}
}

func writeMapsLine(b *bytes.Buffer, m Mapping) {
	perm := []byte("---p")
	for i, c := range "rwx" {
		if m.Prot&(guest.Prot(1)<<i) != 0 {
			perm[i] = byte(c)
		}
	}
	if m.Flags&unix.MAP_SHARED != 0 {
		perm[3] = 's'
	}
	before := b.Len()
	fmt.Fprintf(b, "%08x-%08x %s %08x %02x:%02x %d ", uint64(m.Start), uint64(m.End), perm, m.Offset,
		unix.Major(m.Dev), unix.Minor(m.Dev), m.Inode)
	if m.Path != "" {
		for b.Len()-before < pathColumn {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ReplaceAll(m.Path, "\n", `\012`))
	}
	b.WriteByte('\n')
}
