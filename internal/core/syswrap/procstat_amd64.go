package syswrap

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Offsets in struct stat (asm/stat.h).
const (
	statDev     = 0
	statIno     = 8
	statMode    = 24
	statSize    = 48
	statBlksize = 56
	statBlocks  = 64
)

// What a file of /proc/self has: nothing is known of its size, and C libraries choose buffers by its block size.
const (
	procMode    = unix.S_IFREG | 0o444
	procBlksize = 1024
)

// inode identifies a file.
type inode struct{ dev, ino uint64 }

// invent notes that the file behind fd stands for one of /proc.
func (e *Engine) invent(fd int) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.invented == nil {
		e.invented = make(map[inode]bool)
	}
	e.invented[inode{st.Dev, st.Ino}] = true
}

// statInvented gives a struct stat in argument buf the values of /proc where it is about a file of ours.
func statInvented(buf int) func(c *Call) {
	return func(c *Call) {
		c.e.mu.Lock()
		known := c.e.invented
		c.e.mu.Unlock()
		if known == nil {
			return
		}
		a := c.Args[buf]
		dev, _ := c.load64(a + statDev)
		ino, _ := c.load64(a + statIno)
		c.e.mu.Lock()
		ours := known[inode{dev, ino}]
		c.e.mu.Unlock()
		if !ours {
			return
		}
		put := binary.LittleEndian
		c.store(a+statMode, put.AppendUint32(nil, procMode))
		c.store(a+statSize, put.AppendUint64(nil, 0))
		c.store(a+statBlksize, put.AppendUint64(nil, procBlksize))
		c.store(a+statBlocks, put.AppendUint64(nil, 0))
	}
}
