package syswrap

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/signal"
)

// procText is the contents of f. What the guest shares with the tool is the kernel's; memory, signals, threads and limits are the
// guest's own.
func (c *Call) procText(f procFile) ([]byte, unix.Errno) {
	dir := "/proc/self/"
	if f.task {
		dir += "task/" + strconv.Itoa(f.tid) + "/"
	}
	kernel, err := os.ReadFile(dir + f.name) // fails where the guest's would, too
	if err != nil {
		return nil, unix.ENOENT
	}
	switch f.name {
	case "maps":
		return append(c.e.space.ProcMaps(), gateArea(kernel)...), 0
	case "smaps":
		return append(c.e.space.ProcSmaps(kernel), gateArea(kernel)...), 0
	case "smaps_rollup":
		return c.e.space.ProcSmapsRollup(kernelSmaps(), kernel), 0
	case "cmdline":
		return c.e.cfg.Cmdline, 0
	case "environ":
		return c.e.cfg.Environ, 0
	case "auxv":
		return c.e.cfg.Auxv, 0
	case "stat":
		return c.stat(f, kernel), 0
	case "statm":
		return c.statm(), 0
	case "status":
		return c.status(f, kernel), 0
	}
	return c.limitsText(kernel), 0
}

// gateArea is the end of the kernel's maps or smaps: the vsyscall page, which every process has that can use it, behind all that can be
// mapped. Empty where the kernel has none.
func gateArea(kernel []byte) []byte {
	i := bytes.LastIndex(kernel, []byte("\nffffffffff600000-")) // VSYSCALL_ADDR, asm/vsyscall.h
	if i < 0 {
		return nil
	}
	return kernel[i+1:]
}

// kernelSmaps is what the kernel says of all memory of the process. Empty if it can't be read.
func kernelSmaps() []byte {
	text, _ := os.ReadFile("/proc/self/smaps")
	return text
}

func (c *Call) usage() aspace.Usage { return c.e.space.Usage(kernelSmaps(), c.e.cfg.Code) }

// view is the state of f's thread, of the main thread for a process. ok is false if there is none.
func (c *Call) view(f procFile) (v signal.View, threads int, ok bool) {
	if c.e.cfg.View == nil {
		return v, 0, false
	}
	tid := f.tid
	if tid == 0 {
		tid = os.Getpid()
	}
	return c.e.cfg.View(tid)
}

// stat is the text of /proc/self/stat: fields by number as in proc_pid_stat(5).
func (c *Call) stat(f procFile, kernel []byte) []byte {
	// The second field is a name in parentheses that may hold anything; the third comes after the last parenthesis.
	end := bytes.LastIndexByte(kernel, ')') + 1
	fields := strings.Fields(string(kernel[end:]))
	set := func(nr int, v uint64) {
		if i := nr - 3; i >= 0 && i < len(fields) {
			fields[i] = strconv.FormatUint(v, 10)
		}
	}
	for nr, v := range c.e.cfg.Stat {
		set(nr, v)
	}
	u := c.usage()
	set(23, u.Size)
	set(24, u.RSS/pageSize)
	if v, threads, ok := c.view(f); ok {
		const shown = 1<<31 - 1 // these fields have no room for more
		set(20, uint64(threads))
		for i, s := range []signal.Set{v.Pending, v.Blocked, v.Ignored, v.Caught} {
			set(31+i, uint64(s)&shown)
		}
	}
	return append(kernel[:end:end], " "+strings.Join(fields, " ")+"\n"...)
}

const pageSize = 4096

// statm is the text of /proc/self/statm, in pages.
func (c *Call) statm() []byte {
	u := c.usage()
	return fmt.Appendf(nil, "%d %d %d %d 0 %d 0\n", u.Size/pageSize, u.RSS/pageSize, (u.File+u.Shmem)/pageSize, u.Exec/pageSize,
		(u.Data+u.Stack)/pageSize)
}

// status is the text of /proc/self/status.
func (c *Call) status(f procFile, kernel []byte) []byte {
	u := c.usage()
	kB := map[string]uint64{"VmPeak": u.Peak, "VmSize": u.Size, "VmHWM": u.PeakRSS, "VmRSS": u.RSS, "RssAnon": u.Anon, "RssFile": u.File,
		"RssShmem": u.Shmem, "VmData": u.Data, "VmStk": u.Stack, "VmExe": u.Exec, "VmLib": u.Lib, "VmSwap": u.Swap}
	v, threads, known := c.view(f)
	var b bytes.Buffer
	for line := range bytes.Lines(kernel) {
		key, value, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), ":\t")
		n, isSize := kB[key]
		switch {
		case isSize:
			fmt.Fprintf(&b, "%s:\t%8d kB\n", key, n>>10)
		case key == "FDSize":
			fmt.Fprintf(&b, "FDSize:\t%d\n", c.e.fdSize())
		case key == "Threads" && known:
			fmt.Fprintf(&b, "Threads:\t%d\n", threads)
		case known:
			held, _ := strconv.ParseUint(value, 16, 64)
			set, isSet := map[string]signal.Set{"SigPnd": v.Pending | signal.Set(held), "ShdPnd": v.Shared | signal.Set(held),
				"SigBlk": v.Blocked, "SigIgn": v.Ignored, "SigCgt": v.Caught}[key]
			if isSet {
				fmt.Fprintf(&b, "%s:\t%016x\n", key, uint64(set))
				continue
			}
			b.Write(line)
		default:
			b.Write(line)
		}
	}
	return b.Bytes()
}

// fdSize is the size of the guest's table of descriptors, as it would be natively: a power of two above the highest one, as the
// kernel lets it grow.
func (e *Engine) fdSize() int {
	const least = 256 // NR_OPEN_DEFAULT is 64, but shells have had descriptor 255 open
	highest := 0
	if dir, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, d := range dir {
			if n, err := strconv.Atoi(d.Name()); err == nil && !e.toolFD(int32(n)) {
				highest = max(highest, n)
			}
		}
	}
	return max(least, 1<<bits.Len(uint(highest)))
}

// limitsText is the text of /proc/self/limits.
func (c *Call) limitsText(kernel []byte) []byte {
	names := map[string]int{"Max open files": unix.RLIMIT_NOFILE, "Max address space": unix.RLIMIT_AS, "Max data size": unix.RLIMIT_DATA}
	value := func(n uint64) string {
		if n == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	own := c.e.Limits()
	var b bytes.Buffer
	const nameWidth, width = 26, 21 // of the columns (proc_pid_limits in fs/proc/base.c)
	for line := range bytes.Lines(kernel) {
		what, ok := names[strings.TrimSpace(string(line[:min(nameWidth, len(line))]))]
		if !ok || len(line) < nameWidth+2*width {
			b.Write(line)
			continue
		}
		fmt.Fprintf(&b, "%s%-*s%-*s%s", line[:nameWidth], width, value(own[what].Cur), width, value(own[what].Max), line[nameWidth+2*width:])
	}
	return b.Bytes()
}
