package aspace

import (
	"fmt"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Flags of shmat that package unix does not name (linux/shm.h).
const (
	shmRemap = 0x4000
	shmExec  = 0x8000
)

// Shmat is the system call. Without an address the segment goes where other shared memory goes.
func (s *Space) Shmat(id int, addr guest.Addr, flags int) (guest.Addr, error) {
	// The size must be known to find a place. Reading it needs the permission that attaching needs, too.
	var ds unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &ds); err != nil {
		return 0, err
	}
	n := uint64(guest.Addr(ds.Segsz).PageUp())
	switch {
	case addr != 0 && addr%guest.PageSize != 0 && flags&unix.SHM_RND != 0:
		addr = addr.PageDown()
		if addr == 0 && flags&shmRemap != 0 {
			return 0, unix.EINVAL
		}
	case addr%guest.PageSize != 0, addr == 0 && flags&shmRemap != 0, n == 0:
		return 0, unix.EINVAL
	}
	var a guest.Addr
	err := s.update(func() (err error) {
		a, err = s.attach(id, addr, n, flags, &ds)
		return err
	})
	return a, err
}

func (s *Space) attach(id int, addr guest.Addr, n uint64, flags int, ds *unix.SysvShmDesc) (guest.Addr, error) {
	if addr == 0 {
		var ok bool
		if addr, ok = s.place(wish{n: n, align: guest.PageSize, low: flags&shmExec != 0}); !ok {
			return 0, unix.ENOMEM
		}
	} else if addr+guest.Addr(n) < addr {
		return 0, unix.EINVAL
	}
	r, err := s.fixedRange(addr, n)
	if err != nil {
		return 0, err
	}
	if flags&shmRemap == 0 && len(s.over(r)) > 0 {
		return 0, unix.EINVAL
	}
	if err := s.mayGrow(n-s.mapped(r), false); err != nil {
		return 0, err
	}
	undo, err := s.claim(r)
	if err != nil {
		return 0, err
	}
	// Exec needs read permission only, as the real mapping is not executable.
	if _, _, e := unix.Syscall(unix.SYS_SHMAT, uintptr(id), uintptr(addr), uintptr(flags&^shmExec|shmRemap)); e != 0 {
		undo()
		s.afterFailure(r)
		return 0, e
	}
	s.vanish(r)
	v := &vma{
		Range:   r,
		prot:    guest.Read | guest.Write,
		flags:   unix.MAP_SHARED,
		kind:    shm,
		file:    backing{path: fmt.Sprintf("/SYSV%08x (deleted)", uint32(ds.Perm.Key)), dev: 1, ino: uint64(id)},
		segment: addr,
	}
	if flags&unix.SHM_RDONLY != 0 {
		v.prot, v.file.noWrite = guest.Read, true
	}
	if flags&shmExec != 0 {
		v.prot |= guest.Exec
	}
	s.insert(v)
	s.note(event{kind: mapped, m: v.public().Contract()})
	return addr, nil
}

// Shmdt is the system call: it detaches what is left of the segment that was attached at addr. To the kernel, unmapping
// is detaching.
func (s *Space) Shmdt(addr guest.Addr) error {
	return s.update(func() error {
		var parts []guest.Range
		for _, v := range s.maps {
			if v.kind == shm && v.segment == addr {
				parts = append(parts, v.Range)
			}
		}
		if len(parts) == 0 {
			return unix.EINVAL
		}
		for _, r := range parts {
			if err := s.munmap(r); err != nil {
				return err
			}
		}
		return nil
	})
}
