package syswrap

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// procNames are the files of /proc/self that show the tool's program to the kernel and must show the guest's.
var procNames = []string{"exe", "maps", "smaps", "smaps_rollup", "cmdline", "environ", "auxv", "stat", "statm", "status", "limits"}

// procFile is one of procNames, of this process or of one of its threads.
type procFile struct {
	name string
	tid  int  // the thread, 0: the process
	task bool // it was named by the directory task
}

// procFile reports whether name, relative to dir, is one of procNames of this process, and which.
func (c *Call) procFile(dir int, name string) (procFile, bool) {
	base := path.Base(name)
	if !slices.Contains(procNames, base) {
		return procFile{}, false
	}
	if !path.IsAbs(name) {
		link := "/proc/self/cwd"
		if dir != atFDCWD {
			link = "/proc/self/fd/" + strconv.Itoa(dir)
		}
		d, err := os.Readlink(link)
		if err != nil {
			return procFile{}, false
		}
		name = path.Join(d, name)
	}
	part := strings.Split(path.Clean(name), "/")
	if len(part) < 4 || part[1] != "proc" || !c.self(part[2]) {
		return procFile{}, false
	}
	f := procFile{name: base}
	if part[2] == "thread-self" {
		f.tid, f.task = c.t.TID(), true
	}
	rest := part[3:]
	if len(rest) == 3 && rest[0] == "task" {
		tid, err := strconv.Atoi(rest[1])
		if err != nil {
			return procFile{}, false
		}
		f.tid, f.task = tid, true
		rest = rest[2:]
	}
	return f, len(rest) == 1
}

// self reports whether a name in /proc means this process.
func (c *Call) self(name string) bool {
	if name == "self" || name == "thread-self" {
		return true
	}
	pid, err := strconv.Atoi(name)
	return err == nil && (pid == os.Getpid() || pid == c.t.TID() || c.e.cfg.GuestTID != nil && c.e.cfg.GuestTID(pid))
}

// pathArg reads the file name in argument i, relative to the directory in argument dir (-1: the current one), and says
// which of procNames it is.
func (c *Call) pathArg(dir, i int) (file procFile, ok bool) {
	fd := atFDCWD
	if dir >= 0 {
		fd = int(int32(c.Args[dir]))
	}
	name, ok := c.loadString(c.Args[i], unix.PathMax)
	if !ok {
		return procFile{}, false // the kernel says why
	}
	return c.procFile(fd, name)
}

// setPath makes argument i the name of another file.
func (c *Call) setPath(i int, name string) { c.raw[i] = c.own(append([]byte(name), 0)) }

// followPath performs a call on a file name that follows symbolic links: /proc/self/exe leads to the guest's program.
func followPath(dir, i int) func(c *Call) int64 {
	return func(c *Call) int64 {
		if f, ok := c.pathArg(dir, i); ok && f.name == "exe" {
			c.setPath(i, c.e.cfg.Exe)
		}
		return c.perform()
	}
}

// followUnless is followPath for a call with directory and name in front, and flags in argument arg: with bit set, links
// are not followed.
func followUnless(arg int, bit uint64) func(c *Call) int64 {
	follow := followPath(0, 1)
	return func(c *Call) int64 {
		if c.Args[arg]&bit != 0 {
			return c.perform()
		}
		return follow(c)
	}
}

// openPath opens a file whose directory, name and flags are in the arguments given.
func openPath(dir, name, flags int) func(c *Call) int64 {
	return func(c *Call) int64 { return c.openProc(dir, name, c.Args[flags]) }
}

// openat2 has its flags in a structure.
func openat2(c *Call) int64 {
	flags, _ := c.load64(c.Args[2])
	return c.openProc(0, 1, flags)
}

func (c *Call) openProc(dir, name int, flags uint64) int64 {
	f, ok := c.pathArg(dir, name)
	if !ok || flags&unix.O_PATH != 0 && f.name != "exe" || f.name == "environ" && c.e.cfg.Environ == nil || f.name == "limits" && f.task {
		return c.perform()
	}
	if f.name == "exe" {
		if flags&unix.O_NOFOLLOW == 0 {
			c.setPath(name, c.e.cfg.Exe)
		}
		return c.perform()
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY {
		return errno(unix.EACCES)
	}
	return c.openText(f, flags)
}

// openText opens a file of ours that has the contents of the guest's file in /proc.
func (c *Call) openText(f procFile, flags uint64) int64 {
	text, e := c.procText(f)
	if e != 0 {
		return errno(e)
	}
	var mfd uint64
	if flags&unix.O_CLOEXEC != 0 {
		mfd = unix.MFD_CLOEXEC
	}
	create, _ := linux.SyscallNumber("memfd_create")
	fd := c.t.Raw(uintptr(create), [6]uint64{c.own(append([]byte(f.name), 0)), mfd})
	if fd < 0 {
		return fd
	}
	for len(text) > 0 {
		n, err := unix.Write(int(fd), text)
		if err != nil {
			unix.Close(int(fd))
			return errno(unix.ENOMEM)
		}
		text = text[n:]
	}
	if _, err := unix.Seek(int(fd), 0, unix.SEEK_SET); err != nil {
		unix.Close(int(fd))
		return errno(unix.EIO)
	}
	c.e.invent(int(fd))
	return fd
}

// readlink answers for /proc/self/exe.
func readlink(c *Call) int64 { return c.readlink(-1, 0) }

func readlinkat(c *Call) int64 { return c.readlink(0, 1) }

func (c *Call) readlink(dir, name int) int64 {
	f, ok := c.pathArg(dir, name)
	if !ok || f.name != "exe" {
		return c.perform()
	}
	size := int32(c.Args[name+2])
	if size <= 0 {
		return errno(unix.EINVAL)
	}
	b := []byte(c.e.cfg.Exe)
	b = b[:min(len(b), int(size))]
	if !c.store(c.Args[name+1], b) {
		return errno(unix.EFAULT)
	}
	return int64(len(b))
}

// getdents hides the tool's descriptors in /proc/self/fd and its threads in /proc/self/task.
func getdents(c *Call) int64 {
	hidden := c.hiddenNames()
	if hidden == nil {
		return c.perform()
	}
	b := make([]byte, min(Arg32(2).eval(c), 1<<20))
	c.raw[1], c.raw[2] = c.own(b), uint64(len(b))
	for {
		n := c.perform()
		if n <= 0 {
			return n
		}
		// A buffer full of hidden names would read as the end of the directory.
		if kept := c.visible(b[:n], hidden); len(kept) > 0 {
			if !c.store(c.Args[1], kept) {
				return errno(unix.EFAULT)
			}
			return int64(len(kept))
		}
	}
}

// hiddenNames says which names are hidden in the directory that argument 0 is, nil if none are.
func (c *Call) hiddenNames() func(name string) bool {
	var st unix.Statfs_t
	fd := int(int32(c.Args[0]))
	if unix.Fstatfs(fd, &st) != nil || st.Type != unix.PROC_SUPER_MAGIC {
		return nil
	}
	dir, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil
	}
	part := strings.Split(dir, "/")
	if len(part) < 4 || part[1] != "proc" || !c.self(part[2]) {
		return nil
	}
	number := func(f func(n int) bool) func(string) bool {
		return func(name string) bool {
			n, err := strconv.Atoi(name)
			return err == nil && f(n)
		}
	}
	switch part[len(part)-1] {
	case "fd", "fdinfo":
		return number(func(n int) bool { return c.e.toolFD(int32(n)) })
	case "task":
		if own := c.e.cfg.GuestTID; own != nil {
			return number(func(n int) bool { return !own(n) })
		}
	}
	return nil
}

// visible is what is left of directory entries without the hidden ones. Entries: ino u64, off u64, reclen u16, then type u8
// and name (getdents64) or name (getdents).
func (c *Call) visible(b []byte, hidden func(string) bool) []byte {
	nameAt := 19
	if c.row.name == "getdents" {
		nameAt = 18
	}
	var kept []byte
	for len(b) >= nameAt {
		size := int(b[16]) | int(b[17])<<8
		if size < nameAt || size > len(b) {
			break
		}
		name, _, _ := strings.Cut(string(b[nameAt:size]), "\x00")
		if !hidden(name) {
			kept = append(kept, b[:size]...)
		}
		b = b[size:]
	}
	return kept
}
