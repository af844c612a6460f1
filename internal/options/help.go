package options

import (
	"flag"
	"fmt"
	"strings"
)

// debugMark begins the usage text of options that only --help-debug shows.
const debugMark = "debug: "

// dynamic are the core's options that can be changed while a program runs.
var dynamic = []string{"v", "verbose", "q", "quiet", "d", "stats", "vgdb", "vgdb-poll", "vgdb-error", "vgdb-stop-at",
	"error-markers", "show-error-list", "s", "show-below-main", "time-stamp", "trace-children",
	"child-silent-after-fork", "trace-sched", "trace-signals", "trace-symtab", "trace-cfi", "debug-dump",
	"trace-redir", "trace-syscalls", "sym-offsets", "progress-interval", "merge-recursive-frames", "suppressions",
	"trace-flags", "trace-notbelow", "trace-notabove", "profile-flags", "gen-suppressions"}

// question finds options that ask for information, in $VALGRIND_OPTS and on the command line. It comes before all
// checks: --version is answered whatever else is there.
func (p *parser) question(opts, env []string) error {
	all := opts
	if v, ok := lookup(env, "VALGRIND_OPTS"); ok {
		words, _ := splitWords(strings.NewReader(v)) // a string can be read
		all = append(words, opts...)
	}
	help := 0
	for _, o := range all {
		switch o {
		case "--version":
			return &Answer{"gogrind-" + Version + "\n"}
		case "-h", "--help":
			help++
		case "--help-debug":
			help += 2
		case "--help-dyn-options":
			return &Answer{p.helpDynamic()}
		}
	}
	if help > 0 {
		return &Answer{p.help(help > 1)}
	}
	return nil
}

// help is the text of --help, generated from the declarations.
func (p *parser) help(debug bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s [options] program [arguments]\n", p.tool)
	for _, g := range p.groups {
		if g.debug && !debug || len(g.names) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n  %s; [default]:\n", g.title)
		for _, n := range g.names {
			p.helpFlag(&b, p.fs.Lookup(n), debug)
		}
	}
	b.WriteString("\n  Options are also read from ~/.valgrindrc, $VALGRIND_OPTS and ./.valgrindrc;\n" +
		"  there, --TOOL:name=value is for one tool only.\n")
	return b.String()
}

// cutDebug takes the mark of options that only --help-debug shows off a usage text.
func cutDebug(usage string) (string, bool) { return strings.CutPrefix(usage, debugMark) }

// helpFlag writes the lines of one option.
func (p *parser) helpFlag(b *strings.Builder, f *flag.Flag, debug bool) {
	usage, isDebug := cutDebug(f.Usage)
	if isDebug && !debug {
		return
	}
	left := spelling(f)
	if f.DefValue != "" {
		usage += " [" + f.DefValue + "]"
	}
	// 30 columns for the option, as readers of such lists are used to.
	const column = 30
	if len(left) >= column {
		fmt.Fprintf(b, "    %s\n    %*s%s\n", left, column, "", usage)
		return
	}
	fmt.Fprintf(b, "    %-*s%s\n", column, left, usage)
}

// spelling is an option as it is written, with its argument.
func spelling(f *flag.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	syntax := "<value>"
	if s, ok := f.Value.(syntaxer); ok {
		syntax = s.Syntax()
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return "--" + f.Name
	}
	return "--" + f.Name + "=" + syntax
}

func (p *parser) helpDynamic() string {
	var b strings.Builder
	b.WriteString("options that can be changed while a program runs (vgdb's v.clo, VALGRIND_CLO_CHANGE), beside the tool's:\n")
	for _, n := range dynamic {
		if f := p.fs.Lookup(n); f != nil {
			fmt.Fprintf(&b, "    %s\n", spelling(f))
		}
	}
	return b.String()
}
