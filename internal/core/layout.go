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
// soft limit of the stack, the personality and the signal mask that the guest is to have.
const layoutVariable = "GOGRIND_LAYOUT"

// compatLayout is the personality that asks for mappings from the bottom up (linux/personality.h).
const compatLayout = 0x0200000

// wantLayout makes sure that the guest's address space could be reserved. With an unlimited stack, or the old personality, the
// kernel lays mappings out from the bottom up, and what it maps before our first instruction lies in the middle of the guest's
// range. Then the process starts again with what keeps it from that changed, and changes it back. l are the guest's limits, which
// the next start is told of.
func wantLayout(l memoryLimits) error {
	var soft uint64
	var persona int
	var mask uint64
	again := false
	if v, ok := os.LookupEnv(layoutVariable); ok {
		os.Unsetenv(layoutVariable)
		if _, err := fmt.Sscanf(v, "%d,%d,%x", &soft, &persona, &mask); err != nil {
			return fmt.Errorf("$%s: %w", layoutVariable, err)
		}
		again = true
		stage0.SetSignalMask(mask)
		if err := setLayout(soft, persona); err != nil {
			return err
		}
	}
	if _, _, high := stage0.Reserved(); high {
		return nil
	}
	if again {
		return errors.New("the address space of the program is taken")
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &lim); err != nil {
		return err
	}
	persona, err := personality(-1)
	if err != nil {
		return err
	}
	const stack = 8 << 20
	if err := setLayout(min(stack, lim.Cur), persona&^compatLayout); err != nil {
		return err
	}
	for sig := 1; sig <= 64; sig++ {
		if stage0.IgnoredSignals()>>(sig-1)&1 != 0 {
			vcpu.Ignore(sig)
		}
	}
	vcpu.SetMask(^uint64(0)) // what comes now waits for the next start
	for _, info := range stage0.WaitingSignals() {
		vcpu.Send(os.Getpid(), info)
	}
	env := append(os.Environ(), fmt.Sprintf("%s=%d,%d,%x", layoutVariable, lim.Cur, persona, stage0.SignalMask()))
	if v := l.variable(); v != "" {
		env = append(env, v)
	}
	return fmt.Errorf("starting again for another layout of the address space: %w", unix.Exec("/proc/self/exe", os.Args, env))
}

// limitsVariable tells a tool that was started by a tool which limits of memory its guest has: the process itself has none.
const limitsVariable = "GOGRIND_LIMITS"

// memoryLimits are RLIMIT_AS and RLIMIT_DATA of the guest.
type memoryLimits struct{ space, data unix.Rlimit }

// startLimits are those that the process was started with.
func startLimits() (l memoryLimits, err error) {
	if v, ok := os.LookupEnv(limitsVariable); ok {
		os.Unsetenv(limitsVariable)
		if _, err := fmt.Sscanf(v, "%d,%d,%d,%d", &l.space.Cur, &l.space.Max, &l.data.Cur, &l.data.Max); err != nil {
			return l, fmt.Errorf("$%s: %w", limitsVariable, err)
		}
		return l, nil
	}
	l.space.Cur, l.space.Max = stage0.SpaceLimit()
	l.data.Cur, l.data.Max = stage0.DataLimit()
	return l, nil
}

// variable is the environment variable that tells another tool of l, "" if there is nothing to tell.
func (l memoryLimits) variable() string {
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if l.space == none && l.data == none {
		return ""
	}
	return fmt.Sprintf("%s=%d,%d,%d,%d", limitsVariable, l.space.Cur, l.space.Max, l.data.Cur, l.data.Max)
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
