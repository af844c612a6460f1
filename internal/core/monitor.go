package core

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gogrind/internal/core/sched"
	"gogrind/internal/guest"
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

// monitorCommands are the commands that every tool has.
var monitorCommands = []string{"help", "v.set", "v.info", "v.wait", "v.kill", "v.translate", "v.do", "v.clo"}

// monitor executes a monitor command and reports whether there is such a command. Words may be cut as long as they are unique.
func (p *Process) monitor(t tool.Thread, cmd string) bool {
	words := strings.Fields(cmd)
	name, n := "", 2
	if len(words) > 0 {
		name, n = keyword(words[0], monitorCommands...)
	} else {
		words = []string{""}
	}
	m, _ := p.tool.(tool.Monitor)
	switch {
	case n > 1:
		p.log.Raw(ambiguous(words[0], monitorCommands))
		if m != nil && words[0] == "" {
			m.Monitor(t, words)
		}
		return true
	case n == 0:
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
		p.monitorSet(t, args)
	case "v.info":
		p.monitorInfo(t, args, cmd)
	case "v.wait":
		ms := 0
		if len(args) > 0 {
			ms, _ = strconv.Atoi(args[0])
		}
		p.log.Raw(fmt.Sprintf("gdbserver: continuing in %d ms ...\n", ms))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		p.log.Raw("gdbserver: continuing after wait ...\n")
	case "v.kill":
		p.log.Raw("monitor command request to kill this process\n")
		p.sched.Kill(t.(*sched.Thread))
	case "v.translate":
		p.log.Raw("v.translate: there is no intermediate code; see --trace-flags\n")
	case "v.do":
		p.mustKeyword(first(args), "expensive_sanity_check_general")
	case "v.clo":
		if len(args) == 0 {
			p.log.Raw("  dynamically changeable options:\n" + wrapWords(p.opt.Dynamic(p.ownDynamic()), "    ", 80))
		}
		for _, o := range args {
			p.changeOption(t, o)
		}
	}
	return true
}

// first is the first of words, "" if there is none.
func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// keyword finds the one of words that w is, or that w is the beginning of. n is the number of candidates.
func keyword(w string, words ...string) (found string, n int) {
	for _, k := range words {
		if k == w {
			return k, 1
		}
		if strings.HasPrefix(k, w) {
			found = k
			n++
		}
	}
	return found, n
}

// ambiguous is the message about a word that may be several.
func ambiguous(w string, words []string) string {
	var can []string
	for _, k := range words {
		if strings.HasPrefix(k, w) {
			can = append(can, k)
		}
	}
	if w == "" {
		w = "<empty string>"
	}
	return fmt.Sprintf("%s can match %s\n", w, strings.Join(can, " "))
}

// mustKeyword is keyword with a message when there is not just one.
func (p *Process) mustKeyword(w string, words ...string) (string, bool) {
	k, n := keyword(w, words...)
	switch {
	case n == 1:
		return k, true
	case n > 1 || w == "":
		p.log.Raw(ambiguous(w, words))
	default:
		p.log.Raw(fmt.Sprintf("%s does not match any of '%s'\n", w, strings.Join(words, " ")))
	}
	return "", false
}

func (p *Process) monitorSet(t tool.Thread, args []string) {
	what, ok := p.mustKeyword(first(args), "gdb_output", "log_output", "mixed_output", "merge-recursive-frames", "vgdb-error", "debuglog",
		"hostvisibility")
	if !ok {
		return
	}
	args = args[1:]
	switch what {
	case "gdb_output", "log_output", "mixed_output":
		p.log.Raw("valgrind output will go to log\n")
	case "merge-recursive-frames":
		p.setNumber(what, args, &p.opt.MergeRecursiveFrames)
		p.unwind.Merge = p.opt.MergeRecursiveFrames
	case "vgdb-error":
		p.setNumber(what, args, &p.opt.VGDBError)
	case "debuglog":
		p.setNumber(what, args, &p.opt.DebugLevel)
	case "hostvisibility":
		p.log.Raw("memory of the tool is never shown\n")
	}
}

// setNumber sets a number that a monitor command names.
func (p *Process) setNumber(what string, args []string, n *int) {
	v, err := strconv.Atoi(first(args))
	if err != nil || v < 0 {
		p.log.Raw("missing or malformed integer value\n")
		return
	}
	p.log.Raw(fmt.Sprintf("%s value changed from %d to %d\n", what, *n, v))
	*n = v
}

func (p *Process) monitorInfo(t tool.Thread, args []string, cmd string) {
	what, ok := p.mustKeyword(first(args), "all_errors", "n_errs_found", "last_error", "gdbserver_status", "memory", "scheduler", "stats",
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
		p.log.Raw(fmt.Sprintf("n_errs_found %d n_errs_shown %d (vgdb-error %d) %s\n", c.Errors, c.Shown, p.opt.VGDBError, strings.TrimSpace(msg)))
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
			return
		}
		p.OpenFDs("")
	}
}

// address reads the first word as an address.
func address(words []string) (guest.Addr, bool) {
	if len(words) == 0 {
		return 0, false
	}
	digits, ok := strings.CutPrefix(words[0], "0x") // other numbers are none, to Valgrind, too
	n, err := strconv.ParseUint(digits, 16, 64)
	return guest.Addr(n), ok && err == nil
}
