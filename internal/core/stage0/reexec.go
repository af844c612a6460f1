package stage0

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func entry() uintptr

// Marker is the environment variable that tells a process that it was started by Reexec; it is taken out of the environment
// before the guest sees it.
const Marker = "GOGRIND_REEXEC"

// Reexec starts the running executable again with stage0 as its entry point, for executables that were linked without the
// flag. It only returns when that fails.
func Reexec() error {
	if os.Getenv(Marker) != "" {
		return fmt.Errorf("stage0: the second start did not enter through stage0")
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("stage0: %w", err)
	}
	const entryOff = 24 // e_entry of an ELF64 header
	binary.LittleEndian.PutUint64(b[entryOff:], uint64(entry()))
	fd, err := unix.MemfdCreate("gogrind", 0)
	if err != nil {
		return fmt.Errorf("stage0: memfd: %w", err)
	}
	for n := 0; n < len(b); {
		w, err := unix.Write(fd, b[n:])
		if err != nil {
			return fmt.Errorf("stage0: memfd: %w", err)
		}
		n += w
	}
	env := append(os.Environ(), Marker+"="+strconv.Itoa(fd))
	return fmt.Errorf("stage0: exec: %w", unix.Exec("/proc/self/fd/"+strconv.Itoa(fd), os.Args, env))
}

// Image is the extent of the executable's own mappings, as /proc/self/maps has them, for executables that are not at ToolBase.
func Image() (lo, hi uint64, err error) {
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, 0, fmt.Errorf("stage0: %w", err)
	}
	here := uint64(entry())
	var runs [][2]uint64 // of adjacent mappings
	for _, line := range strings.Split(string(b), "\n") {
		var s, e uint64
		if n, _ := fmt.Sscanf(line, "%x-%x", &s, &e); n != 2 {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1][1] == s {
			runs[n-1][1] = e
		} else {
			runs = append(runs, [2]uint64{s, e})
		}
	}
	for _, r := range runs {
		if here >= r[0] && here < r[1] {
			return r[0], r[1], nil
		}
	}
	return 0, 0, fmt.Errorf("stage0: no mapping of the executable")
}

// ReserveLow reserves what is free of [lo, hi) after a start by Reexec, where stage0 found the executable itself in the way.
func ReserveLow(lo, hi uint64) error {
	_, _, e := unix.RawSyscall6(unix.SYS_MMAP, uintptr(lo), uintptr(hi-lo), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0)
	if e != 0 {
		return fmt.Errorf("stage0: reserving %#x-%#x: %w", lo, hi, e)
	}
	return nil
}
