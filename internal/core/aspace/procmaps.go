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
	s.Each(func(m Mapping) bool {
		writeMapsLine(&b, m)
		return true
	})
	return b.Bytes()
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
