package core

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/stage0"
	"gogrind/internal/core/vcpu"
)

// layoutVariable tells a process that it was started again for the sake of the layout of its address space; the value is the
// soft limit of the stack, the personality, and the limits of the address space that the guest is to have.
const layoutVariable = "GOGRIND_LAYOUT"

// compatLayout is the personality that asks for mappings from the bottom up (linux/personality.h).
const compatLayout = 0x0200000

// wantLayout makes sure that the guest's address space could be reserved. With an unlimited stack, or the old personality, the
// kernel lays mappings out from the bottom up, and what it maps before our first instruction lies in the middle of the guest's
// range; a limit of the address space (ulimit -v) counts what is reserved. Then the process starts again with what keeps it from
// that changed, and changes it back, but for the limit of the address space, which only the guest sees: it is returned.
func wantLayout() (space unix.Rlimit, err error) {
	var soft uint64
	var persona int
	again := false
	if v, ok := os.LookupEnv(layoutVariable); ok {
		os.Unsetenv(layoutVariable)
		if _, err := fmt.Sscanf(v, "%d,%d,%d,%d", &soft, &persona, &space.Cur, &space.Max); err != nil {
			return space, fmt.Errorf("$%s: %w", layoutVariable, err)
		}
		again = true
		if err := setLayout(soft, persona); err != nil {
			return space, err
		}
	} else if err := unix.Getrlimit(unix.RLIMIT_AS, &space); err != nil {
		return space, err
	}
	if _, _, high := stage0.Reserved(); high {
		return space, nil
	}
	if again {
		return space, errors.New("the address space of the program is taken")
	}
	if err := unlimit(space); err != nil {
		return space, err
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &lim); err != nil {
		return space, err
	}
	if persona, err = personality(-1); err != nil {
		return space, err
	}
	const stack = 8 << 20
	if err := setLayout(min(stack, lim.Cur), persona&^compatLayout); err != nil {
		return space, err
	}
	for sig := 1; sig <= 64; sig++ {
		if stage0.IgnoredSignals()>>(sig-1)&1 != 0 {
			vcpu.Ignore(sig)
		}
	}
	vcpu.SetMask(stage0.SignalMask())
	env := append(os.Environ(), fmt.Sprintf("%s=%d,%d,%d,%d", layoutVariable, lim.Cur, persona, space.Cur, space.Max))
	return space, fmt.Errorf("starting again for another layout of the address space: %w", unix.Exec("/proc/self/exe", os.Args, env))
}

// unlimit raises the limit of the address space, if there is one, as far as is allowed.
func unlimit(space unix.Rlimit) error {
	const infinity = ^uint64(0)
	if space.Cur == infinity {
		return nil
	}
	if space.Max == infinity || unix.Geteuid() == 0 {
		if unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: infinity, Max: infinity}) == nil {
			return nil
		}
	}
	return fmt.Errorf("the address space is limited to %d KB (ulimit -v) for good: reserving the program's part needs a hard limit of unlimited", space.Max>>10)
}

// setLayout sets the soft limit of the stack and the personality.
func setLayout(soft uint64, persona int) error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &lim); err != nil {
		return err
	}
	lim.Cur = soft
	if err := unix.Setrlimit(unix.RLIMIT_STACK, &lim); err != nil {
		return fmt.Errorf("limit of the stack: %w", err)
	}
	_, err := personality(persona)
	return err
}

// personality sets the personality and returns the one before; -1 only asks.
func personality(p int) (old int, err error) {
	r, _, e := unix.RawSyscall(unix.SYS_PERSONALITY, uintptr(uint32(p)), 0, 0)
	if e != 0 {
		return 0, fmt.Errorf("personality: %w", e)
	}
	return int(r), nil
}
