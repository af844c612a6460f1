package core

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gogrind/internal/core/sched"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

// monitorHelp describes the commands that every tool has. Those for debugging gogrind itself and for gdb have no effect.
const monitorHelp = `general valgrind monitor commands:
  help [debug]            : this text
  v.wait [<ms>]           : sleep <ms> (default 0) then continue
  v.info all_errors       : show all errors found so far
  v.info last_error       : show last error found
  v.info location <addr>  : show what is known about <addr>
  v.info n_errs_found [msg] : show the number of errors found so far and the given msg
  v.info open_fds         : show open file descriptors
  v.kill                  : kill the process
  v.clo <clo_option>...   : change options; without one, show which can change
  v.set gdb_output|log_output|mixed_output : where answers go: to the log
  v.set merge-recursive-frames <num> : merge recursive calls in max <num> frames
`

// monitor executes a monitor command and reports whether there is such a command. Words may be cut as long as they are unique.
func (p *Process) monitor(t tool.Thread, cmd string) bool {
	words := strings.Fields(cmd)
	if len(words) == 0 {
		return false
	}
	name, known := keyword(words[0], "help", "v.set", "v.info", "v.wait", "v.kill", "v.clo")
	m, _ := p.tool.(tool.Monitor)
	if !known {
		return m != nil && m.Monitor(t, words)
	}
	args := words[1:]
	switch name {
	case "help":
		p.log.Raw(monitorHelp + "\n")
		if m != nil {
			p.log.Raw(m.MonitorHelp() + "\n")
		}
	case "v.set":
		p.monitorSet(args)
	case "v.info":
		p.monitorInfo(t, args, cmd)
	case "v.wait":
		ms := 0
		if len(args) > 0 {
			ms, _ = strconv.Atoi(args[0])
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
	case "v.kill":
		p.log.Raw("monitor command request to kill this process\n")
		p.sched.Kill(t.(*sched.Thread))
	case "v.clo":
		if len(args) == 0 {
			names := options.Dynamic()
			if c, ok := p.tool.(tool.Changer); ok {
				names = append(names, c.Dynamic()...)
			}
			p.log.Raw("  dynamically changeable options:\n    --" + strings.Join(names, " --") + "\n")
		}
		for _, o := range args {
			p.changeOption(o)
		}
	}
	return true
}

// keyword finds the one of words that begins with w.
func keyword(w string, words ...string) (found string, ok bool) {
	for _, k := range words {
		if k == w {
			return k, true
		}
		if strings.HasPrefix(k, w) {
			if ok {
				return "", false
			}
			found, ok = k, true
		}
	}
	return found, ok
}

// mustKeyword is keyword with a message when there is none.
func (p *Process) mustKeyword(w string, words ...string) (string, bool) {
	k, ok := keyword(w, words...)
	switch {
	case ok:
	case w == "":
		p.log.Raw("<empty string> can match " + strings.Join(words, " ") + "\n")
	default:
		p.log.Raw(fmt.Sprintf("%s does not match any of '%s '\n", w, strings.Join(words, " ")))
	}
	return k, ok
}

func (p *Process) monitorSet(args []string) {
	if len(args) == 0 {
		args = []string{""}
	}
	what, ok := p.mustKeyword(args[0], "gdb_output", "log_output", "mixed_output", "merge-recursive-frames")
	if !ok {
		return
	}
	switch what {
	case "gdb_output", "log_output", "mixed_output":
		p.log.Raw("valgrind output will go to log\n")
	case "merge-recursive-frames":
		var n int
		var err error = strconv.ErrSyntax
		if len(args) > 1 {
			n, err = strconv.Atoi(args[1])
		}
		if err != nil || n < 0 {
			p.log.Raw("missing or malformed integer value\n")
			return
		}
		p.changeOption(fmt.Sprintf("--%s=%d", what, n))
		p.log.Raw(fmt.Sprintf("%s value changed to %d\n", what, n))
	}
}

func (p *Process) monitorInfo(t tool.Thread, args []string, cmd string) {
	if len(args) == 0 {
		args = []string{""}
	}
	what, ok := p.mustKeyword(args[0], "all_errors", "n_errs_found", "last_error", "gdbserver_status", "memory", "scheduler", "stats",
		"open_fds", "exectxt", "location", "unwind")
	if !ok {
		return
	}
	switch what {
	case "all_errors":
		p.report.ShowAll()
	case "last_error":
		if !p.report.ShowLast() {
			p.log.Userf("No errors yet")
		}
	case "n_errs_found":
		c := p.report.Counts()
		_, msg, _ := strings.Cut(cmd, args[0])
		p.log.Raw(fmt.Sprintf("n_errs_found %d n_errs_shown %d %s\n", c.Errors, c.Shown, strings.TrimSpace(msg)))
	case "location":
		a, ok := address(args[1:])
		if !ok {
			p.log.Raw("missing or malformed address\n")
			return
		}
		if d, ok := p.tool.(interface {
			Describe(t tool.Thread, a guest.Addr)
		}); ok {
			d.Describe(t, a)
		}
	case "scheduler":
		p.sched.Threads(func(th tool.Thread) bool {
			p.log.Raw(fmt.Sprintf("\nThread %d: (lwpid %d)\n", th.ID(), th.TID()))
			if th == t {
				p.report.Message(0, "", p.callers(th))
			}
			return true
		})
	case "memory", "stats":
		s := p.trans.Stats()
		p.log.Raw(fmt.Sprintf("jit: %d fragments, %d guest instructions, %d bytes guest, %d bytes host, %d flushes\n",
			s.Fragments, s.Insts, s.GuestBytes, s.HostBytes, s.Flushes))
	case "open_fds":
		if p.opt.TrackFDs == "no" {
			p.log.Raw("Valgrind must be started with --track-fds=[yes|all] to show open fds\n")
		}
	}
}

// address reads the first word as an address.
func address(words []string) (guest.Addr, bool) {
	if len(words) == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(words[0], 0, 64)
	return guest.Addr(n), err == nil
}

// changeOption sets an option while the program runs.
func (p *Process) changeOption(option string) {
	var own []string
	if c, ok := p.tool.(tool.Changer); ok {
		own = c.Dynamic()
	}
	if err := p.opt.Change(option, own); err != nil {
		p.log.Userf("%v", err)
	}
	if r, ok := p.tool.(tool.HeapReplacer); ok {
		p.heap.Reconfigure(r.HeapConfig())
	}
}
