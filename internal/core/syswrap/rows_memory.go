package syswrap

import (
	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

func memoryRows() []row {
	return []row{
		sys("mmap", A{Addr("start"), Addr("length"), Addr("prot"), Addr("flags"),
			Int("fd"), Long("offset")}, Do(mmap)),
		sys("munmap", A{Addr("start"), Addr("length")}, Do(func(c *Call) int64 {
			return raw(c.e.space.Munmap(guest.Addr(c.Args[0]), c.Args[1]))
		})),
		sys("mremap", A{Addr("old_addr"), Addr("old_size"), Addr("new_size"), Addr("flags"),
			Addr("new_addr").When(when(3, unix.MREMAP_FIXED|unix.MREMAP_DONTUNMAP))}, Do(func(c *Call) int64 {
			return rawAddr(c.e.space.Mremap(guest.Addr(c.Args[0]), c.Args[1], c.Args[2], int(c.Args[3]), guest.Addr(c.Args[4])))
		})),
		sys("mprotect", A{Addr("addr"), Addr("len"), Addr("prot")}, Do(func(c *Call) int64 {
			return raw(c.e.space.Mprotect(guest.Addr(c.Args[0]), c.Args[1], int(c.Args[2])))
		})),
		sys("brk", A{Addr("end_data_segment")}, Do(func(c *Call) int64 {
			from := c.e.space.Brk(0)
			to := c.e.space.Brk(guest.Addr(c.Args[0]))
			if from != to && c.e.cfg.Break != nil {
				c.e.cfg.Break(c.t, from, to)
			}
			return int64(to)
		})),
		sys("madvise", A{Addr("start"), Addr("length"), Int("advice")}, Do(func(c *Call) int64 {
			return raw(c.e.space.Madvise(guest.Addr(c.Args[0]), c.Args[1], int(int32(c.Args[2]))))
		})),
		sys("msync", A{Addr("start"), Addr("length"), Hex("flags")}, Do(func(c *Call) int64 {
			return raw(c.e.space.Msync(guest.Addr(c.Args[0]), c.Args[1], int(int32(c.Args[2]))))
		})),
		sys("remap_file_pages", A{Addr("start"), Addr("size"), Addr("prot"), Long("pgoff"), Hex("flags")}, Do(func(c *Call) int64 {
			return raw(c.e.space.RemapFilePages(guest.Addr(c.Args[0]), c.Args[1], int(c.Args[2]), c.Args[3], int(c.Args[4])))
		})),
		sys("mincore", A{Addr("start"), Addr("length"), Out("vec", Fn("pages of arg1", pagesOf))}, Do(covered)),
		sys("mlock", A{Addr("addr"), Addr("len")}, Do(covered)),
		sys("mlock2", A{Addr("addr"), Addr("len"), Hex("flags")}, Do(covered)),
		sys("munlock", A{Addr("addr"), Addr("len")}, Do(covered)),
		sys("mlockall", A{Hex("flags")}, Do(mlockall)),
		sys("munlockall", A{}, Do(func(*Call) int64 { return 0 })),
		sys("pkey_mprotect", A{Addr("addr"), Addr("len"), Addr("prot"), Int("pkey")}, Do(func(c *Call) int64 {
			if int32(c.Args[3]) != -1 {
				return errno(unix.EINVAL) // pkey_alloc has given none
			}
			return raw(c.e.space.Mprotect(guest.Addr(c.Args[0]), c.Args[1], int(c.Args[2])))
		})),
		// No keys are left: what a processor without protection keys answers. The tool could not see their effect.
		sys("pkey_alloc", A{Hex(`"flags"`), Hex(`"access_rights"`)}, Do(func(c *Call) int64 {
			const rights = 3 // PKEY_DISABLE_ACCESS, PKEY_DISABLE_WRITE
			if c.Args[0] != 0 || c.Args[1]&^rights != 0 {
				return errno(unix.EINVAL)
			}
			return errno(unix.ENOSPC)
		})),
		sys("pkey_free", A{Int(`"pkey"`)}, Do(func(*Call) int64 { return errno(unix.EINVAL) })),
		sys("shmat", A{Int("shmid"), Addr("shmaddr"), Hex("shmflg")}, Do(func(c *Call) int64 {
			return rawAddr(c.e.space.Shmat(int(int32(c.Args[0])), guest.Addr(c.Args[1]), int(int32(c.Args[2]))))
		})),
		sys("shmdt", A{Addr("shmaddr")}, Do(func(c *Call) int64 { return raw(c.e.space.Shmdt(guest.Addr(c.Args[0]))) })),
		sys("mbind", A{Addr("start"), Addr("len"), Int("policy"), In("nodemask", nodes(4)).Opt(), Addr("maxnode"),
			Hex("flags")}),
		sys("set_mempolicy", A{Int("policy"), In("nodemask", nodes(2)).Opt(), Addr("maxnode")}),
		sys("get_mempolicy", A{Out("policy", N(4)).Opt(), Out("nodemask", nodes(2)).Opt(), Addr("maxnode"), Addr("addr"),
			Hex("flags")}),
		sys("set_mempolicy_home_node", A{Addr("start"), Addr("len"), Int("home_node"), Hex("flags")}),
		sys("migrate_pages", A{Int("pid"), Addr("maxnode"), In("old_nodes", nodes(1)), In("new_nodes", nodes(1))}),
		sys("move_pages", A{Int("pid"), Addr("nr_pages"), In("pages", Times(Arg(1), 8)), In("nodes", Times(Arg(1), 4)).Opt(),
			Out("status", Times(Arg(1), 4)), Hex("flags")}),
		sys("process_vm_readv", A{Int("pid"), IovOut("lvec", Arg(2)), Addr("liovcnt"),
			In("rvec", Times(Arg(4), linux.SizeofIovec)), Addr("riovcnt"), Addr("flags")}),
		sys("process_vm_writev", A{Int("pid"), IovIn("lvec", Arg(2)), Addr("liovcnt"),
			In("rvec", Times(Arg(4), linux.SizeofIovec)), Addr("riovcnt"), Addr("flags")}),
		sys("process_madvise", A{FD("pidfd"), In("vec", Times(Arg(2), linux.SizeofIovec)), Addr("vlen"), Int("advice"),
			Hex("flags")}),
		sys("process_mrelease", A{FD("pidfd"), Hex("flags")}),
		sys("membarrier", A{Int("cmd"), Hex("flags"), Int("cpu_id")}),
		Absent("mseal", "the tool must be able to change protections, so nothing can be sealed"),
		Absent("map_shadow_stack", "translated code runs without the processor's shadow stack"),
	}
}

// raw turns an error of AddressSpace into a raw result.
func raw(err error) int64 {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return errno(e)
	}
	return errno(unix.ENOMEM)
}

func rawAddr(a guest.Addr, err error) int64 {
	if err != nil {
		return raw(err)
	}
	return int64(a)
}

func mmap(c *Call) int64 {
	a := &c.Args
	if a[3]&unix.MAP_ANONYMOUS == 0 && c.e.toolFD(int32(a[4])) {
		return errno(unix.EBADF)
	}
	at, err := c.e.space.Mmap(guest.Addr(a[0]), a[1], int(int32(a[2])), int(int32(a[3])), int(int32(a[4])), a[5])
	if err == nil && a[3]&unix.MAP_ANONYMOUS == 0 && c.e.watch != nil {
		c.e.uringMapped(int32(a[4]), a[5], at)
	}
	return rawAddr(at, err)
}

// pagesOf is the number of pages that length bytes are.
func pagesOf(c *Call) uint64 { return (c.Args[1] + guest.PageSize - 1) / guest.PageSize }

// covered makes a call about a range of pages, which fails with ENOMEM where the guest has nothing mapped: to the kernel
// the reservation is mapped there.
func covered(c *Call) int64 {
	r := span(c.Args[0], c.Args[1])
	r = guest.Range{Start: r.Start.PageDown(), End: r.End.PageUp()}
	if c.Args[1] != 0 && !c.e.space.Covered(r) {
		return errno(unix.ENOMEM)
	}
	return c.perform()
}

// mlockall does nothing but check: it would lock the tool's memory and all reservations with the guest's.
func mlockall(c *Call) int64 {
	const all = unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT
	f := int(int32(c.Args[0]))
	if f == 0 || f&^all != 0 || f == unix.MCL_ONFAULT {
		return errno(unix.EINVAL)
	}
	return 0
}
