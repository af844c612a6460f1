package aspace

import (
	"os"
	"strconv"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// The calls below work on real mappings, by address: the slices of package unix's wrappers would mean nothing here.

func hostMmap(r guest.Range, prot, flags, fd int, off uint64) (guest.Addr, error) {
	a, _, e := unix.Syscall6(unix.SYS_MMAP, uintptr(r.Start), uintptr(r.Len()), uintptr(prot), uintptr(flags),
		uintptr(fd), uintptr(off))
	if e != 0 {
		return 0, e
	}
	return guest.Addr(a), nil
}

func hostMunmap(r guest.Range) error {
	_, _, e := unix.Syscall(unix.SYS_MUNMAP, uintptr(r.Start), uintptr(r.Len()), 0)
	return errOf(e)
}

func hostMprotect(r guest.Range, prot int) error {
	_, _, e := unix.Syscall(unix.SYS_MPROTECT, uintptr(r.Start), uintptr(r.Len()), uintptr(prot))
	return errOf(e)
}

func hostMadvise(r guest.Range, advice int) error {
	_, _, e := unix.Syscall(unix.SYS_MADVISE, uintptr(r.Start), uintptr(r.Len()), uintptr(advice))
	return errOf(e)
}

func hostMsync(r guest.Range, flags int) error {
	_, _, e := unix.Syscall(unix.SYS_MSYNC, uintptr(r.Start), uintptr(r.Len()), uintptr(flags))
	return errOf(e)
}

func hostRemapFilePages(r guest.Range, page uint64, flags int) error {
	_, _, e := unix.Syscall6(unix.SYS_REMAP_FILE_PAGES, uintptr(r.Start), uintptr(r.Len()), 0, uintptr(page), uintptr(flags), 0)
	return errOf(e)
}

func hostMremap(from guest.Range, newLen uint64, flags int, to guest.Addr) (guest.Addr, error) {
	a, _, e := unix.Syscall6(unix.SYS_MREMAP, uintptr(from.Start), uintptr(from.Len()), uintptr(newLen),
		uintptr(flags), uintptr(to), 0)
	if e != 0 {
		return 0, e
	}
	return guest.Addr(a), nil
}

// errOf turns an errno into an error that is nil for success.
func errOf(e unix.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}

// realProt is the protection of the real mapping for a guest page of protection p that holds no translated code.
func realProt(p guest.Prot) int {
	if p&guest.Exec != 0 {
		p = p&^guest.Exec | guest.Read
	}
	return int(p)
}

const reserveFlags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED

// release makes r a hole: reserved memory, or nothing at all without a reservation.
func (s *Space) release(r guest.Range) error {
	if !s.cfg.Reserved {
		return hostMunmap(r)
	}
	_, err := hostMmap(r, unix.PROT_NONE, reserveFlags, -1, 0)
	return err
}

// claim makes sure that MAP_FIXED over r destroys nothing but mappings of the guest: without a reservation, the holes
// of r may be someone else's. It returns a function that takes the claim back.
func (s *Space) claim(r guest.Range) (undo func(), err error) {
	if s.cfg.Reserved {
		return func() {}, nil
	}
	var got []guest.Range
	undo = func() {
		for _, g := range got {
			hostMunmap(g) // what has just been mapped; there is nothing to do about a failure
		}
	}
	for _, h := range s.holes(r) {
		const flags = reserveFlags&^unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE
		if _, err := hostMmap(h, unix.PROT_NONE, flags, -1, 0); err != nil {
			undo()
			return nil, unix.ENOMEM
		}
		got = append(got, h)
	}
	return undo, nil
}

// holes returns the parts of r that are not mapped.
func (s *Space) holes(r guest.Range) []guest.Range {
	var holes []guest.Range
	next := r.Start
	for _, v := range s.over(r) {
		if v.Start > next {
			holes = append(holes, guest.Range{Start: next, End: v.Start})
		}
		next = v.End
	}
	if next < r.End {
		holes = append(holes, guest.Range{Start: next, End: r.End})
	}
	return holes
}

// fileInfo is what must be known of an open file to map it.
type fileInfo struct {
	backing
	// hugePage is the page size of a file on hugetlbfs, 0 for other files.
	hugePage uint64
}

// describe asks the kernel about fd. shared mappings of a file that is open for reading only stay read-only.
func describe(fd int, shared bool) (fileInfo, error) {
	const hugetlbfsMagic = 0x958458f6 // linux/magic.h
	var f fileInfo
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return f, err
	}
	f.dev, f.ino = st.Dev, st.Ino
	// The name is for people and debug information only: a file without one can be mapped all the same.
	f.path, _ = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if shared {
		mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		f.noWrite = err == nil && mode&unix.O_ACCMODE == unix.O_RDONLY
	}
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) == nil {
		f.noExec = fs.Flags&unix.ST_NOEXEC != 0
		if fs.Type == hugetlbfsMagic {
			f.hugePage = uint64(fs.Bsize)
		}
	}
	return f, nil
}
