package options_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gogrind/internal/cachegrind"
	"gogrind/internal/lackey"
	"gogrind/internal/massif"
	"gogrind/internal/memcheck"
	"gogrind/internal/nulgrind"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

var update = flag.Bool("update", false, "write docs/options.md")

const docFile = "../../docs/options.md"

// A note says of an option how far it is like Valgrind's; without one it is the same. field is the field of options.Core behind an
// option that has no effect: where it is used, the note is out of date.
type note struct{ level, text, field string }

// Levels of support.
const (
	same     = "as in Valgrind"
	differs  = "differs"
	accepted = "accepted"
)

// coreNotes are by option of the core.
var coreNotes = map[string]note{
	"verbose":               {differs, "functions that are replaced are listed when they are found, not when they are first called; nothing about files and channels that there are not", ""},
	"gen-suppressions":      {differs, "in XML inside of the error only: Valgrind prints it a second time behind it, where the protocol has no place for it", ""},
	"vgdb":                  {accepted, "nothing listens yet", "VGDB"},
	"vgdb-error":            {differs, "shown and set by monitor commands; nothing waits for gdb", ""},
	"vgdb-stop-at":          {accepted, "", "VGDBStopAt"},
	"vgdb-poll":             {accepted, "there is nothing to poll", "VGDBPoll"},
	"vgdb-shadow-registers": {accepted, "", "VGDBShadowRegisters"},
	"vgdb-prefix":           {accepted, "", "VGDBPrefix"},
	"version":               {differs, "says `gogrind-` and our version; the driver says `valgrind-3.19.0`", ""},
	"tool":                  {differs, "each tool is an executable of its own; the driver `valgrind` takes any", ""},
	"debuginfo-server":      {accepted, "", "DebuginfoServer"},
	"enable-debuginfod":     {accepted, "", "EnableDebuginfod"},
	"fair-sched":            {accepted, "threads run in parallel and do not take turns", "FairSched"},
	"scheduling-quantum":    {accepted, "threads run in parallel and do not take turns", "SchedulingQuantum"},
	"sanity-level":          {differs, "from 3 on our map of memory is compared with the kernel's at each change; other checks are not optional", ""},
	"trace-notbelow":        {differs, "numbers of fragments, from 0; not given with `--trace-flags`: all", ""},
	"trace-notabove":        {differs, "numbers of fragments, from 0; not given with `--trace-flags`: all", ""},
	"trace-flags":           {differs, "any bit shows guest and host code of each fragment: there are no phases in between", ""},
	"profile-flags":         {differs, "any bit shows guest code of the blocks, too", ""},
	"profile-interval":      {differs, "number of blocks entered, looked at 50 times a second", ""},
	"trace-symtab":          {differs, "lists what was read, without how", ""},
	"trace-cfi":             {differs, "lists the rules for stack frames, without how they were read", ""},
	"debug-dump":            {differs, "lists what was understood: symbols, decoded lines, rules for frames", ""},
	"dump-error":            {differs, "guest and host code as for `--trace-flags`; not only with `-v` but also with `-s`", ""},
	"xml":                   {differs, "without a place for the XML it is refused, where Valgrind says so and goes on", ""},
	"num-transtab-sectors":  {differs, "a sector is 8 MB of translated code", ""},
	"max-threads":           {differs, "no limit unless given; a thread too many ends the run with status 1 after the results", ""},
	"max-stackframe":        {differs, "there is no warning: coroutines are recognised by other means, too", ""},
	"main-stacksize":        {differs, "the resource limit as it is, without Valgrind's 16 MB", ""},
	"aspace-minaddr":        {differs, "holds for everything, also the program itself", ""},
	"show-emwarns":          {differs, "for the few instructions that are emulated (DESIGN.md)", ""},
	"progress-interval":     {differs, "no count of blocks run", ""},
	"sim-hints":             {differs, "`lax-ioctls` and `no-nptl-pthread-stackcache` (where debug information of libc is installed) do something", ""},
	"smc-check":             {differs, "`stack` is `all-non-file`: writes to translated pages are seen wherever they are", ""},
	"modify-fds":            {differs, "of Valgrind 3.25 and later", ""},
	"track-fds":             {differs, "texts of 3.19; XML as of 3.24; `bad` is ours", ""},
	"trace-signals":         {differs, "fewer lines", ""},
	"trace-sched":           {differs, "there is no lock to pass on: threads, system calls, stops of all threads", ""},
	"d":                     {differs, "fewer lines", ""},
	"stats":                 {differs, "lines on translation, exits and versions of code; brief is new", ""},
}

// tools are the tools whose options the page lists.
var tools = []tool.Tool{memcheck.New(), massif.New(), cachegrind.New(), lackey.New(), nulgrind.New()}

// TestDoc: docs/options.md is made from the flag sets: go test ./internal/options -run Doc -update
func TestDoc(t *testing.T) {
	want := page(t)
	if *update {
		if err := os.WriteFile(docFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the flag sets say: run this test with -update", docFile)
	}
}

// toolNotes are by option of a tool.
var toolNotes = map[string]note{
	"check-heap-args": {differs, "the errors of 3.22 and later, off because 3.19 does not have them", ""},
	"ignore-fn":       {differs, "realloc leaves a block ignored, and ignores what such a function reallocates; Valgrind's sums are wrong then", ""},
}

// TestNotes: an option that is said to have no effect has none, and every note is about an option that exists.
func TestNotes(t *testing.T) {
	have := map[string]bool{}
	for _, d := range options.Describe("memcheck", nil) {
		have[d.Name] = true
	}
	for name, n := range coreNotes {
		if !have[name] {
			t.Errorf("a note about --%s, which does not exist", name)
		}
		if n.field == "" {
			continue
		}
		out, _ := exec.Command("grep", "-rlw", "--include=*.go", "--exclude=*_test.go", "--exclude-dir=options", n.field, "..").Output()
		for _, file := range strings.Fields(string(out)) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(`\b(opt|opts|core)\.` + n.field + `\b`).Match(text) {
				t.Errorf("--%s has an effect in %s: its note is out of date", name, file)
			}
		}
	}
}

func page(t *testing.T) []byte {
	var b bytes.Buffer
	b.WriteString(`# Options

Made from the flag sets by internal/options with go test -run Doc -update; do not edit.

Options are read from ~/.valgrindrc, $VALGRIND_OPTS, ./.valgrindrc and the command line, later ones winning, unless
--command-line-only=yes. There --TOOL:name=value is for one tool only. Of the levels of support, "` + same + `" means effect and
messages of 3.19, "` + differs + `" says what is different, and "` + accepted + `" options are checked and have no effect.
`)
	core := options.Describe("memcheck", nil)
	section(&b, core, coreNotes)
	for _, tl := range tools {
		name := tl.Info().Name
		own := options.Describe(name, tl.Flags)
		var list []options.Description
		for _, d := range own {
			if d.Group == "options of "+name {
				list = append(list, d)
			}
		}
		if len(list) > 0 {
			section(&b, list, toolNotes)
		}
	}
	if bytes.Count(b.Bytes(), []byte("\n")) < 200 {
		t.Errorf("the page has only %d lines", bytes.Count(b.Bytes(), []byte("\n")))
	}
	return b.Bytes()
}

// section writes a table for each group of list.
func section(b *bytes.Buffer, list []options.Description, notes map[string]note) {
	group := ""
	for _, d := range list {
		if d.Group != group {
			group = d.Group
			fmt.Fprintf(b, "\n## %s%s\n\n| option | default | what it does | support |\n|---|---|---|---|\n", strings.ToUpper(group[:1]), group[1:])
		}
		n := notes[d.Name]
		if n.level == "" {
			n.level = same
			if strings.HasPrefix(group, "accepted") {
				n.level = accepted
			}
		}
		if n.text != "" {
			n.level += ": " + n.text
		}
		cell := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "<", `\<`) }
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", strings.ReplaceAll(d.Spelling, "|", `\|`), cell(d.Default), cell(d.Usage), n.level)
	}
}
