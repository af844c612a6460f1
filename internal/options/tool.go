package options

import (
	"os"
	"path/filepath"
	"strings"
)

// DriverName is the name of the command that chooses a tool, and of the tools that it executes.
const DriverName = "valgrind"

// ToolName is the tool that a command line for "valgrind" asks for, "memcheck" by default: the last --tool= of the strongest
// source that has one. Option files that Parse would not read are not read here either, and Parse is the one to tell.
func ToolName(args, env []string) string {
	name := "memcheck"
	opts, _ := splitCommand(args)
	only := false
	for _, o := range opts {
		only = only || o == "--command-line-only=yes"
	}
	take := func(words []string) {
		for _, w := range words {
			if v, ok := strings.CutPrefix(w, "--tool="); ok {
				name = v
			}
		}
	}
	file := func(path string) {
		if _, ok := trusted(path); !ok {
			return
		}
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		if words, err := splitWords(f); err == nil {
			take(words)
		}
	}
	if !only {
		home, _ := lookup(env, "HOME")
		homeRC := filepath.Join(home, rcName)
		if home != "" {
			file(homeRC)
		}
		if v, ok := lookup(env, "VALGRIND_OPTS"); ok {
			words, _ := splitWords(strings.NewReader(v)) // a string can always be read
			take(words)
		}
		if home == "" || !sameFile(homeRC, rcName) {
			file("./" + rcName)
		}
	}
	take(opts)
	return name
}

// ForTool is args for tool itself: without each --tool= that names another one, as a later one does not override it there.
func ForTool(args []string, tool string) []string {
	opts, _ := splitCommand(args)
	var out []string
	for _, o := range opts {
		if v, ok := strings.CutPrefix(o, "--tool="); !ok || v == tool {
			out = append(out, o)
		}
	}
	return append(out, args[len(opts):]...)
}
