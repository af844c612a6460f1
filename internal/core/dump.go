package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/corefile"
	"gogrind/internal/core/sched"
	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

// dumpCore writes the core file of the guest that is killed by the signal of info: to vgcore.PID, or behind the name of the log,
// as Valgrind does. No guest thread runs. The kernel is kept from writing another one, of the tool.
func (p *Process) dumpCore(t *sched.Thread, info signal.Info) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) != nil || limit.Cur == 0 {
		return
	}
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: limit.Max})
	f, err := createCore(p.coreName())
	if err != nil {
		p.log.Userf("%v", err)
		return
	}
	defer f.Close()
	c := p.core(t, info)
	if pages, err := os.Open("/proc/self/pagemap"); err == nil {
		defer pages.Close()
		c.Touched = func(r guest.Range) guest.Range { return touchedPages(pages, r) }
	}
	if err := c.WriteTo(f, limit.Cur); err != nil {
		p.log.Userf("%v", err)
	}
}

// coreName is the core file's name without what makes it different from one that is there.
func (p *Process) coreName() string {
	base := "vgcore"
	if p.opt.Log.Kind == options.ToFile {
		if name, err := p.names.Expand("log-file", p.opt.Log.Name); err == nil {
			base = name + ".core"
		}
	}
	return fmt.Sprintf("%s.%d", base, os.Getpid())
}

// createCore creates name, or name.1 and so on if that exists.
func createCore(name string) (*os.File, error) {
	const most = 1000
	for i := range most {
		file := name
		if i > 0 {
			file = fmt.Sprintf("%s.%d", name, i)
		}
		f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrExist)
}

// core is what there is to write when t is killed.
func (p *Process) core(t *sched.Thread, info signal.Info) *corefile.Core {
	group, _ := unix.Getpgid(0)
	session, _ := unix.Getsid(0)
	c := &corefile.Core{
		Signal: info.Signo(), Info: info,
		PID: os.Getpid(), Parent: os.Getppid(), Group: group, Session: session, UID: os.Getuid(), GID: os.Getgid(),
		Name: filepath.Base(p.image.Path), Args: strings.Join(p.image.Argv, " "),
		Read: p.space.ReadMem,
	}
	for _, v := range p.image.Auxv {
		c.Auxv = binary.LittleEndian.AppendUint64(c.Auxv, v)
	}
	add := func(x *sched.Thread) {
		th := corefile.Thread{TID: x.TID(), Regs: *x.Regs()}
		th.XSave, th.XCR0 = x.Context().XState()
		th.FP = th.XSave[:512]
		c.Threads = append(c.Threads, th)
	}
	add(t)
	p.sched.Threads(func(x tool.Thread) bool {
		if o := x.(*sched.Thread); o != t {
			add(o)
		}
		return true
	})
	p.space.Each(func(m aspace.Mapping) bool {
		c.Mappings = append(c.Mappings, corefile.Mapping{Range: m.Range, Prot: m.Prot, Path: filePath(m), Offset: m.Offset, Dump: dumped(m)})
		return true
	})
	return c
}

// filePath is the file that m is mapped from, "" if there is none.
func filePath(m aspace.Mapping) string {
	if strings.HasPrefix(m.Path, "/") {
		return m.Path
	}
	return ""
}

// dumped is how much of m goes to a core file: all of anonymous memory and of what may have been written to, of other files the
// first page, which has the header with the build id.
func dumped(m aspace.Mapping) uint64 {
	switch {
	case m.Prot&guest.Read == 0 && !m.Stored:
		return 0
	case filePath(m) == "":
		return m.Len()
	case m.Flags&unix.MAP_SHARED != 0:
		return 0
	case m.Prot&guest.Write != 0 || m.Stored:
		return m.Len()
	case m.Offset == 0:
		return min(m.Len(), guest.PageSize)
	}
	return 0
}

// touchedPages finds the first piece of r with pages in memory or swapped out, in the text of /proc/self/pagemap (proc(5)): a word a
// page, of which the two highest bits say so. File pages that are not in memory are left out as well: the file has them.
func touchedPages(pagemap *os.File, r guest.Range) guest.Range {
	const word, touched, batch = 8, 3 << 62, 1 << 16
	buf := make([]byte, batch)
	piece := guest.Range{}
	for a := r.Start; a < r.End; {
		b := buf[:min(batch, uint64(r.End-a)/guest.PageSize*word)]
		n, _ := pagemap.ReadAt(b, int64(a/guest.PageSize*word))
		if n < word {
			return guest.Range{Start: a, End: r.End} // not known: all of it
		}
		for i := 0; i+word <= n; i += word {
			in := binary.LittleEndian.Uint64(b[i:])&touched != 0
			switch {
			case in && piece.Empty():
				piece = guest.Range{Start: a, End: a + guest.PageSize}
			case in:
				piece.End = a + guest.PageSize
			case !piece.Empty():
				return piece
			}
			a += guest.PageSize
		}
	}
	return piece
}
