// Package driver is the command "valgrind" for everything that calls it: it finds the tool that the options ask for beside
// itself and executes it. It looks at no option but --tool=, --version and what they need; the tool reads all of them again.
package driver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/options"
)

// compatible is the release of Valgrind whose options and formats the tools have.
const compatible = "3.19.0"

// aliases are tools whose executable has another name than Valgrind's --tool=.
var aliases = map[string]string{"none": "nulgrind"}

// Driver is what the command works with.
type Driver struct {
	Args, Env      []string // without the program's own name
	Dir            string   // where the tools are
	Stdout, Stderr io.Writer
	// Exec replaces the process; it returns only with an error.
	Exec func(path string, argv, env []string) error
}

// Main runs the command for this process.
func Main() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(os.Stderr, "valgrind: %v\n", err)
		return 1
	}
	d := Driver{Args: os.Args[1:], Env: os.Environ(), Dir: filepath.Dir(self), Stdout: os.Stdout, Stderr: os.Stderr, Exec: unix.Exec}
	return d.Run()
}

// Run answers --version, or executes the tool. It returns the exit status if there is no tool to execute.
func (d *Driver) Run() int {
	if text, ok := d.version(); ok {
		fmt.Fprintln(d.Stdout, text)
		return 0
	}
	name := options.ToolName(d.Args, d.Env)
	file := name
	if a, ok := aliases[name]; ok {
		file = a
	}
	err := error(unix.ENOENT)
	if isTool(file) {
		path := filepath.Join(d.Dir, file)
		// The tool's messages about its command line begin with this name.
		err = d.Exec(path, append([]string{options.DriverName}, options.ForTool(d.Args, name)...), d.Env)
	}
	text := err.Error()
	if errors.Is(err, unix.ENOENT) {
		text = "No such file or directory"
	}
	fmt.Fprintf(d.Stderr, "valgrind: failed to start tool '%s' for platform 'amd64-linux': %s\n", name, text)
	return 1
}

// isTool reports whether name may be that of a tool: a plain file name, and not that of the driver, which would execute itself
// for ever.
func isTool(name string) bool {
	for _, c := range name {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != "" && name != "valgrind"
}

// version answers --version: scripts take the number behind "valgrind-" apart, so nothing follows it. With -v before it there is
// more, as in Valgrind, and it says whose version this is.
func (d *Driver) version() (text string, ok bool) {
	verbose := false
	for _, a := range d.Args {
		switch {
		case a == "--version":
			ok = true
		case a == "-v" || a == "--verbose":
			verbose = true
		case !strings.HasPrefix(a, "-") || a == "--":
			return version(verbose), ok
		}
	}
	return version(verbose), ok
}

func version(verbose bool) string {
	if verbose {
		return "valgrind-" + compatible + "-gogrind-" + options.Version
	}
	return "valgrind-" + compatible
}
