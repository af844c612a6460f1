package corefile

import (
	"encoding/binary"
)

// Types of notes: include/uapi/linux/elf.h. The names are those that the kernel gives.
const (
	ntPrStatus = 1
	ntFPRegs   = 2
	ntPrPSInfo = 3
	ntAuxv     = 6
	ntXState   = 0x202
	ntSigInfo  = 0x53494749
	ntFile     = 0x46494c45
)

// note appends a note: sizes, type, name and contents, the last two padded to four bytes.
func note(b []byte, name string, typ uint32, desc []byte) []byte {
	put := binary.LittleEndian
	b = put.AppendUint32(b, uint32(len(name)+1))
	b = put.AppendUint32(b, uint32(len(desc)))
	b = put.AppendUint32(b, typ)
	b = pad4(append(append(b, name...), 0))
	return pad4(append(b, desc...))
}

func pad4(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// notes are all notes in the kernel's order: the killed thread's status, the process, then the others' registers.
func (c *Core) notes() []byte {
	var b []byte
	for i := range c.Threads {
		t := &c.Threads[i]
		b = note(b, "CORE", ntPrStatus, c.prStatus(t))
		if i == 0 {
			b = note(b, "CORE", ntPrPSInfo, c.prPSInfo())
			b = note(b, "CORE", ntSigInfo, c.Info[:])
			b = note(b, "CORE", ntAuxv, c.Auxv)
			b = note(b, "CORE", ntFile, c.files())
		}
		if t.FP != nil {
			b = note(b, "CORE", ntFPRegs, t.FP)
		}
		if t.XSave != nil {
			x := append([]byte(nil), t.XSave...)
			binary.LittleEndian.PutUint64(x[xcr0Offset:], t.XCR0)
			b = note(b, "LINUX", ntXState, x)
		}
	}
	return b
}

// prPSInfo is struct elf_prpsinfo.
func (c *Core) prPSInfo() []byte {
	put := binary.LittleEndian
	b := make([]byte, 136)
	b[1] = 'R' // pr_sname
	for i, v := range []int{c.UID, c.GID, c.PID, c.Parent, c.Group, c.Session} {
		put.PutUint32(b[16+4*i:], uint32(v))
	}
	copy(b[40:55], c.Name)  // pr_fname of 16 bytes
	copy(b[56:135], c.Args) // pr_psargs of 80 bytes
	return b
}

// files is which file is mapped where: counts in pages, then the names.
func (c *Core) files() []byte {
	put := binary.LittleEndian
	var b, names []byte
	n := uint64(0)
	for _, m := range c.Mappings {
		if m.Path == "" {
			continue
		}
		n++
		b = put.AppendUint64(b, uint64(m.Start))
		b = put.AppendUint64(b, uint64(m.End))
		b = put.AppendUint64(b, m.Offset/page)
		names = append(append(names, m.Path...), 0)
	}
	head := put.AppendUint64(put.AppendUint64(nil, n), page)
	return append(append(head, b...), names...)
}
