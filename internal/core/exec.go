package core

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/sched"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/tool"
)

// nameVariable tells a tool that another one has exec'ed the first argument of its program, which need not be the name of
// the file. The program does not get to see it.
const nameVariable = "GOGRIND_ARGV0"

// firstVariable tells it which process the user started. The program does not get to see it, either.
const firstVariable = "GOGRIND_FIRST"

// exec prepares for another program in this process. It runs natively, unless --trace-children=yes: then the tool itself is
// what is executed, with the same options.
func (p *Process) exec(t *sched.Thread, a *syswrap.ExecArgs) (native bool, err error) {
	// A child that has only been forked to execute something has nothing to tell.
	w, watched := p.tool.(tool.ExecWatcher)
	watched = watched && !p.child && traceable(execFile(a)) == nil
	if native, err = p.prepareExec(a); err == nil && watched {
		largeFiles(func() { w.Execing(!native) })
	}
	return native, err
}

// largeFiles calls f with the size of files limited by the hard limit only: what the program allows itself is not meant for results.
func largeFiles(f func()) {
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &now) == nil && now.Cur < now.Max {
		wide := unix.Rlimit{Cur: now.Max, Max: now.Max}
		if unix.Setrlimit(unix.RLIMIT_FSIZE, &wide) == nil {
			defer unix.Setrlimit(unix.RLIMIT_FSIZE, &now)
		}
	}
	f()
}

func (p *Process) prepareExec(a *syswrap.ExecArgs) (native bool, err error) {
	if p.xml != nil && traceable(execFile(a)) == nil {
		p.xml.Exec() // a program that can't be executed all the same is rare, and costs a document with too many ends
	}
	if !p.opt.TraceChildren || skipped(p.opt.TraceChildrenSkip, a.Path) || skipped(p.opt.TraceChildrenSkipArg, a.Argv...) {
		return true, nil
	}
	file := execFile(a)
	switch err := traceable(file); {
	case errors.Is(err, errPrivileged):
		p.log.Userf("Warning: %s is setuid, setgid or not readable: it runs without %s", a.Path, p.tool.Info().Name)
		return true, nil
	case err != nil:
		return true, nil // the kernel knows the right answer, and can run things that we can't
	}
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	argv := append([]string{os.Args[0]}, ownOptions(os.Args[1:], len(p.cmd.Args))...)
	name, args := "", a.Argv
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	argv = append(append(argv, file), args...)
	env := make([]string, 0, len(a.Env)+1)
	for _, v := range a.Env {
		if !strings.HasPrefix(v, nameVariable+"=") && !strings.HasPrefix(v, firstVariable+"=") && !strings.HasPrefix(v, limitsVariable+"=") {
			env = append(env, v)
		}
	}
	env = append(env, fmt.Sprint(firstVariable, "=", p.first))
	if name != file {
		env = append(env, nameVariable+"="+name)
	}
	limits := p.sched.Engine().Limits()
	if v := (memoryLimits{limits[unix.RLIMIT_AS], limits[unix.RLIMIT_DATA]}).variable(); v != "" {
		env = append(env, v)
	}
	*a = syswrap.ExecArgs{DirFD: unix.AT_FDCWD, Path: self, Argv: argv, Env: env}
	return false, nil
}

// inheritedArgs is the program's argument list: as on our command line, but for the name that an exec'ing tool has passed.
func inheritedArgs(args []string) []string {
	name, ok := os.LookupEnv(nameVariable)
	if !ok {
		return args
	}
	os.Unsetenv(nameVariable)
	return append([]string{name}, args[1:]...)
}

// firstProcess is the id of the process that the user started: this one, unless another tool has exec'ed it.
func firstProcess() int {
	defer os.Unsetenv(firstVariable)
	if pid, err := strconv.Atoi(os.Getenv(firstVariable)); err == nil {
		return pid
	}
	return os.Getpid()
}

// FirstProcess implements tool.Host.
func (p *Process) FirstProcess() bool { return os.Getpid() == p.first }

// ownOptions are the options on a command line whose last words are the program and its arguments. Those of option files and
// of the environment are not among them: a new tool reads them itself.
func ownOptions(words []string, program int) []string {
	opts := words[:len(words)-program]
	if n := len(opts); n > 0 && opts[n-1] == "--" {
		opts = opts[:n-1]
	}
	return opts
}

// skipped reports whether one of names matches one of patterns, in which '*' stands for any characters and '?' for one.
func skipped(patterns []string, names ...string) bool {
	for _, pat := range patterns {
		expr := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pat))
		re, err := regexp.Compile("(?s)^(?:" + expr + ")$")
		if err != nil {
			continue
		}
		for _, n := range names {
			if re.MatchString(n) {
				return true
			}
		}
	}
	return false
}

// execFile is the file that a names, in a form that means the same to the next tool: it has a slash and needs no descriptor.
func execFile(a *syswrap.ExecArgs) string {
	file := a.Path
	if a.DirFD != unix.AT_FDCWD && !strings.HasPrefix(file, "/") {
		dir := fmt.Sprintf("/proc/self/fd/%d", a.DirFD)
		if link, err := os.Readlink(dir); err == nil && strings.HasPrefix(link, "/") && !strings.HasSuffix(link, " (deleted)") {
			dir = link
		}
		if file == "" {
			return dir
		}
		return dir + "/" + file
	}
	if !strings.Contains(file, "/") {
		file = "./" + file
	}
	return file
}

var errPrivileged = errors.New("needs privileges that a traced program does not get")

// traceable returns nil if file, or the interpreter that its first line names, is a program that the tool can run.
func traceable(file string) error {
	const maxScripts = 5 // as the kernel's limit on scripts that are run by scripts
	for range maxScripts {
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return unix.EACCES
		}
		if err := unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS); err != nil {
			return err
		}
		if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
			return errPrivileged
		}
		f, err := os.Open(file)
		if err != nil {
			return errPrivileged
		}
		head := make([]byte, 256) // what the kernel looks at
		n, err := io.ReadFull(f, head)
		f.Close()
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return unix.ENOEXEC
		}
		head = head[:n]
		if len(head) > 20 && string(head[:4]) == elf.ELFMAG {
			if elf.Class(head[4]) != elf.ELFCLASS64 || elf.Machine(uint16(head[18])|uint16(head[19])<<8) != elf.EM_X86_64 {
				return unix.ENOEXEC
			}
			return nil
		}
		line, ok := strings.CutPrefix(string(head), "#!")
		if !ok {
			return unix.ENOEXEC
		}
		line, _, _ = strings.Cut(line, "\n")
		words := strings.Fields(line)
		if len(words) == 0 {
			return unix.ENOEXEC
		}
		file = filepath.Clean(words[0])
	}
	return unix.ELOOP
}
