package sched

import (
	"golang.org/x/sys/unix"

	"gogrind/internal/core/syswrap"
)

// fork makes a process.
func (t *Thread) fork(a *syswrap.CloneArgs) int64 {
	t.s.cfg.Warn("fork is not supported yet: it fails with ENOSYS")
	return -int64(unix.ENOSYS)
}
