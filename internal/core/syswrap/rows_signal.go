package syswrap

import (
	"gogrind/internal/guest"
	"gogrind/internal/linux"
)

func signalRows() []row {
	return []row{
		sys("rt_sigaction", A{Int("signum"), In("act", N(linux.SizeofSigaction)).Opt().Fields(
			F("->sa_handler", 0, 8), F("->sa_mask", 24, 8), F("->sa_flags", 8, 8)),
			Out("oldact", N(linux.SizeofSigaction)).Opt(), Addr("sigsetsize")},
			Before(sigactionBefore),
			Do(func(c *Call) int64 {
				return c.e.sig.Sigaction(c.t, int(int32(c.Args[0])), guest.Addr(c.Args[1]), guest.Addr(c.Args[2]), c.Args[3])
			})),
		sys("rt_sigprocmask", A{Int("how"), In("set", Arg(3)).Opt(), Out("oldset", Arg(3)).Opt(), Addr("sigsetsize")},
			Do(func(c *Call) int64 {
				return c.e.sig.Sigprocmask(c.t, int(int32(c.Args[0])), guest.Addr(c.Args[1]), guest.Addr(c.Args[2]), c.Args[3])
			})),
		sys("rt_sigpending", A{Out("set", Arg(1)), Addr("sigsetsize")}, Do(func(c *Call) int64 {
			return c.e.sig.Sigpending(c.t, guest.Addr(c.Args[0]), c.Args[1])
		})),
		sys("rt_sigsuspend", A{In("mask", Arg(1)), Addr("size")}, MayBlock, Do(func(c *Call) int64 {
			return c.e.sig.Sigsuspend(c.t, guest.Addr(c.Args[0]), c.Args[1])
		})),
		sys("rt_sigtimedwait", A{In("set", Arg(3)), Out("info", N(linux.SizeofSiginfo)).Opt(),
			In("timeout", N(linux.SizeofTimespec)).Opt(), Addr("sigsetsize")}, MayBlock, Do(func(c *Call) int64 {
			return c.e.sig.Sigtimedwait(c.t, guest.Addr(c.Args[0]), guest.Addr(c.Args[1]), guest.Addr(c.Args[2]), c.Args[3])
		})),
		sys("rt_sigqueueinfo", A{Int("pid"), Int("sig"), In("uinfo", N(linux.SizeofSiginfo))}),
		sys("rt_tgsigqueueinfo", A{Int("tgid"), Int("pid"), Int("sig"), In("uinfo", N(linux.SizeofSiginfo))}),
		sys("rt_sigreturn", A{}, Do(func(c *Call) int64 {
			c.out = Outcome{Kind: Sigreturn}
			return 0
		})),
		sys("sigaltstack", A{
			In("ss", N(linux.SizeofStackT)).Opt().Fields(F("", 0, 8), F("", 8, 4), F("", 16, 8)),
			Out("oss", N(linux.SizeofStackT)).Opt()}, Do(func(c *Call) int64 {
			return c.e.sig.Sigaltstack(c.t, guest.Addr(c.Args[0]), guest.Addr(c.Args[1]))
		})),
		sys("kill", A{Int("pid"), Int("signal")}),
		sys("tkill", A{Int("tid"), Int("sig")}),
		sys("tgkill", A{Int("tgid"), Int("tid"), Int("sig")}),
		sys("pause", A{}, MayBlock),
		sys("signalfd", A{Int("fd"), In("sigmask", Arg(2)).Text("signalfd(sigmask)"), Addr("sigsetsize")}, As("sys_signalfd"), NewFD),
		sys("signalfd4", A{Int("fd"), In("sigmask", Arg(2)).Text("signalfd(sigmask)"), Addr("sigsetsize"), Hex("flags")}, As("sys_signalfd4"), NewFD),
	}
}

// saRestorer is SA_RESTORER: act has a sa_restorer (include/uapi/asm/signal.h of x86).
const saRestorer = 0x04000000

// sigactionBefore checks sa_restorer, which counts only with its flag.
func sigactionBefore(c *Call) {
	act := c.Args[1]
	if flags, ok := c.load64(act + 8); act != 0 && ok && flags&saRestorer != 0 {
		c.read(c.text("act->sa_restorer"), act+16, 8)
	}
}

func timeRows() []row {
	return []row{
		sys("time", A{Out("t", N(8)).Opt()}),
		sys("gettimeofday", A{Out("tv", N(linux.SizeofTimeval)).Opt(), Out("tz", N(linux.SizeofTimezone)).Opt()}),
		sys("settimeofday", A{In("tv", N(linux.SizeofTimeval)).Opt(), In("tz", N(linux.SizeofTimezone)).Opt()}),
		sys("clock_gettime", A{Int("clk_id"), Out("tp", N(linux.SizeofTimespec))}),
		sys("clock_settime", A{Int("clk_id"), In("tp", N(linux.SizeofTimespec))}),
		sys("clock_getres", A{Int("clk_id"), Out("res", N(linux.SizeofTimespec)).Opt()}),
		sys("clock_nanosleep", A{Int("clkid"), Hex("flags"), In("rqtp", N(linux.SizeofTimespec)),
			Out("rmtp", N(linux.SizeofTimespec)).Opt().OnEINTR().Post(onlyInterrupted)}, MayBlock),
		sys("nanosleep", A{In("req", N(linux.SizeofTimespec)),
			Out("rem", N(linux.SizeofTimespec)).Opt().OnEINTR().Post(onlyInterrupted)}, MayBlock),
		sys("adjtimex", A{Out("buf", N(linux.SizeofTimex)).Mem("timex")}, Before(timexBefore(0))),
		sys("clock_adjtime", A{Int("id"), Out("buf", N(linux.SizeofTimex)).Text("adjtimex(timex)")}, Before(timexBefore(1))),
		sys("getitimer", A{Int("which"), Addr("value")}, Before(itimerOut("value", 1)), After(itimerOut("value", 1))),
		sys("setitimer", A{Int("which"), Addr("value"), Addr("ovalue")}, Before(setitimer), After(itimerOut("ovalue", 2))),
		sys("alarm", A{Int("seconds")}),
		sys("timer_create", A{Int("clockid"), Addr("evp"), Out("timerid", N(4))}, Before(timerCreate)),
		sys("timer_settime", A{Int("timerid"), Hex("flags"), In("value", N(linux.SizeofItimerspec)),
			Out("ovalue", N(linux.SizeofItimerspec)).Opt()}),
		sys("timer_gettime", A{Int("timerid"), Out("value", N(linux.SizeofItimerspec))}),
		sys("timer_getoverrun", A{Int("timerid")}),
		sys("timer_delete", A{Int("timerid")}),
		sys("timerfd_create", A{Int("clockid"), Hex("flags")}, NewFD),
		sys("timerfd_settime", A{FD("ufd"), Hex("flags"), In("utmr", N(linux.SizeofItimerspec)).Text("timerfd_settime(result)"),
			Out("otmr", N(linux.SizeofItimerspec)).Opt().Text("timerfd_settime(result)")}),
		sys("timerfd_gettime", A{FD("ufd"), Out("otmr", N(linux.SizeofItimerspec)).Text("timerfd_gettime(result)")}),
	}
}

// onlyInterrupted is the size of what is written when a call does not succeed: nothing on success.
var onlyInterrupted = Fn("all when interrupted", func(c *Call) uint64 {
	if c.Result < 0 {
		return ^uint64(0)
	}
	return 0
})

// timexBefore checks the fields that modes says are read. Bits and offsets: include/uapi/linux/timex.h.
func timexBefore(arg int) func(c *Call) {
	fields := []struct {
		bit  uint32
		name string
		off  uint64
		size uint64
	}{
		{0x0001, "offset", 8, 8}, {0x0002, "freq", 16, 8}, {0x0004, "maxerror", 24, 8}, {0x0008, "esterror", 32, 8},
		{0x0010, "status", 40, 4}, {0x0020 | 0x0080, "constant", 48, 8}, {0x4000, "tick", 88, 8},
	}
	return func(c *Call) {
		c.read(c.text("timex->modes"), c.Args[arg], 4)
		modes, ok := c.load32(c.Args[arg])
		for _, f := range fields {
			if ok && modes&f.bit != 0 {
				c.read(c.text("timex->"+f.name), c.Args[arg]+f.off, f.size)
			}
		}
	}
}

// itimerOut is a struct itimerval that the kernel writes, named by its fields.
func itimerOut(name string, arg int) func(c *Call) {
	return func(c *Call) {
		a := c.Args[arg]
		if a == 0 {
			return
		}
		if c.done {
			c.wrote(a, linux.SizeofItimerval)
			return
		}
		c.write(c.text("&"+name+"->it_interval"), a, linux.SizeofTimeval)
		c.write(c.text("&"+name+"->it_value"), a+linux.SizeofTimeval, linux.SizeofTimeval)
	}
}

func setitimer(c *Call) {
	if a := c.Args[1]; a != 0 {
		c.read(c.text("&value->it_interval"), a, linux.SizeofTimeval)
		c.read(c.text("&value->it_value"), a+linux.SizeofTimeval, linux.SizeofTimeval)
	}
	itimerOut("ovalue", 2)(c)
}

// timerCreate checks the fields of struct sigevent that count: include/uapi/asm-generic/siginfo.h.
func timerCreate(c *Call) {
	evp := c.Args[1]
	if evp == 0 {
		return
	}
	c.read(c.text("evp.sigev_value"), evp, 8)
	c.read(c.text("evp.sigev_signo"), evp+8, 4)
	c.read(c.text("evp.sigev_notify"), evp+12, 4)
	const threadID = 4 // SIGEV_THREAD_ID
	if n, ok := c.load32(evp + 12); ok && n&threadID != 0 {
		c.read(c.text("evp.sigev_notify_thread_id"), evp+16, 4)
	}
}
