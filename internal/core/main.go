// Package core puts the parts together: Main reads the options, loads the guest, connects address space, translator, scheduler,
// system calls, heap and reports, runs the guest and returns the exit status. It is the only package that knows all the others,
// and does nothing else.
package core

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/loader"
	"gogrind/internal/core/stage0"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

// The guest's main thread has to be the process's first thread: programs compare gettid with getpid.
func init() { runtime.LockOSThread() }

// gcPercent lets the tool's own heap grow threefold between collections: translation and reports make little garbage, and
// every collection takes a core from the guest. Up to the first one firstPercent holds, with which the heap may reach 32 MB (4 MB at
// 100): most programs end before, and what there is early on, tables of symbols and translations, is no garbage.
const (
	gcPercent    = 200
	firstPercent = 800
)

// tuneCollector sets firstPercent, and gcPercent as soon as there has been a collection.
func tuneCollector() {
	debug.SetGCPercent(firstPercent)
	runtime.AddCleanup(new([16]byte), func(percent int) { debug.SetGCPercent(percent) }, gcPercent)
}

// Main runs the tool on the program of the command line and returns the exit status.
func Main(tl tool.Tool) int {
	tuneCollector()
	hidden, hideErr := hideDescriptors() // before anything opens a file, which starts the poller
	info := tl.Info()
	name := info.Name // that messages begin with
	if filepath.Base(os.Args[0]) == options.DriverName {
		name = options.DriverName
	}
	if fd, ok := os.LookupEnv(stage0.Marker); ok && stage0.Ran() {
		os.Unsetenv(stage0.Marker)
		if n, err := strconv.Atoi(fd); err == nil {
			unix.Close(n)
		}
	}
	opt, cmd, err := options.Parse(os.Args[1:], os.Environ(), info.Name, tl.Flags)
	if err != nil {
		return options.Finish(err, name, os.Getpid(), os.Stdout, os.Stderr)
	}
	if !stage0.Ran() {
		fmt.Fprintf(os.Stderr, "%s: built by a plain go build: only position-independent programs run; scripts/build makes an executable for all\n", info.Name)
		fmt.Fprintf(os.Stderr, "%s: %v\n", info.Name, stage0.Reexec())
		return 1
	}
	limits, err := startLimits()
	if err == nil {
		err = hideErr
	}
	if err == nil {
		err = wantLayout(limits)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	if path := os.Getenv("GOGRIND_CPUPROFILE"); path != "" {
		if stop, err := startProfile(path); err == nil {
			defer stop()
			profiling = stop
		}
	}
	p, err := newProcess(tl, opt, cmd, limits, hidden)
	if errors.Is(err, errReported) {
		return 1
	}
	var oe *options.Error
	if errors.As(err, &oe) { // found out when the log was opened
		return options.Finish(err, name, os.Getpid(), os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		var le *loader.Error
		if errors.As(err, &le) {
			return le.ExitCode()
		}
		return 1
	}
	status, err := p.sched.Run(p.image.Entry, p.image.SP, p.image.Stack)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return status
}

// errReported ends the process for a reason that the log has told already.
var errReported = errors.New("reported")

// profiling ends the profile of the tool itself, for developers ($GOGRIND_CPUPROFILE); nil when none is made.
var profiling func()

func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
