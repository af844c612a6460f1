package massif

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// write writes the snapshots in Valgrind's format. The caller holds mu.
func (m *Massif) write(out io.Writer) error {
	w := bufio.NewWriter(out)
	m.writeSnapshots(w, m.rec.snaps)
	return w.Flush()
}

// ownOptions are the options of those given that are Massif's own: results have no others.
func ownOptions(given []string) (own []string) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	New().Flags(fs)
	for _, o := range given {
		name, _, _ := strings.Cut(strings.TrimLeft(o, "-"), "=")
		name = strings.TrimPrefix(name, "massif:")
		if fs.Lookup(name) != nil {
			own = append(own, o)
		}
	}
	return own
}

// writeSnapshots is write for some snapshots. The caller holds mu.
func (m *Massif) writeSnapshots(w *bufio.Writer, snaps []snapshot) {
	desc := "(none)"
	if own := ownOptions(m.command.Options); len(own) > 0 {
		desc = strings.Join(own, " ")
	}
	fmt.Fprintf(w, "desc: %s\ncmd: %s\ntime_unit: %s\n", desc, strings.Join(m.command.Args, " "), m.opts.timeUnit)
	root := heapRoot
	if m.opts.pagesAsHeap {
		root = pageRoot
	}
	order := m.contexts.order()
	const line = "#-----------"
	for i := range snaps {
		s := &snaps[i]
		fmt.Fprintf(w, "%s\nsnapshot=%d\n%s\ntime=%d\nmem_heap_B=%d\nmem_heap_extra_B=%d\nmem_stacks_B=%d\n",
			line, i, line, s.time, s.use.heap, s.use.extra, s.use.stacks)
		switch {
		case s.detail == nil:
			fmt.Fprintf(w, "heap_tree=empty\n")
			continue
		case s.peak:
			fmt.Fprintf(w, "heap_tree=peak\n")
		default:
			fmt.Fprintf(w, "heap_tree=detailed\n")
		}
		t := tree{w: w, threshold: m.opts.threshold, names: m.describe}
		t.write(root, m.contexts.leaves(s.detail, order), s.use.total())
	}
}

// Finish implements tool.Tool: it writes the results and says where they are.
func (m *Massif) Finish(tool.Exit) (status int, replace bool) {
	for _, name := range m.early {
		os.Remove(name) // exec has failed
	}
	m.conclude("")
	return 0, false
}

// Execing implements tool.ExecWatcher. The result of a program that runs under the tool afterwards has the same name, so that a
// number is put behind it here.
func (m *Massif) Execing(traced bool) {
	suffix := ""
	f := files{log: m.report.Log(), dir: m.dir}
	names := options.Expander{PID: f.log.PID(), Child: !m.host.FirstProcess()}
	if name, err := names.Expand("massif-out-file", m.opts.outFile); traced && err == nil {
		for n := 1; ; n++ {
			suffix = fmt.Sprintf(".%d", n)
			if _, err := os.Lstat(f.path(name + suffix)); err != nil {
				break
			}
		}
	}
	m.conclude(suffix)
}

// conclude writes the results, to files with suffix behind their names.
func (m *Massif) conclude(suffix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := files{log: m.report.Log(), dir: m.dir}
	names := options.Expander{PID: f.log.PID(), Child: !m.host.FirstProcess()}
	name, err := names.Expand("massif-out-file", m.opts.outFile)
	if err != nil {
		f.log.Userf("%v", err)
		name = spare(&names, defaultOut)
	}
	name += suffix
	native := f.write(name, spare(&names, defaultOut), m.write)
	if native == "" {
		return
	}
	prof, err := m.profileName(&names, native)
	switch {
	case err != nil:
		f.log.Userf("%v", err)
		prof = ""
	case prof != "":
		prof = f.write(prof+suffix, spare(&names, defaultProfile), m.writeProfile)
	}
	if suffix != "" {
		m.early = append(m.early, f.path(native))
		if prof != "" {
			m.early = append(m.early, f.path(prof))
		}
	}
	if m.measured() && suffix == "" && (m.core.XtreeMemory == xtreeAllocs || m.core.XtreeMemory == xtreeFull) {
		m.writeTree(m.core.XtreeMemoryFile)
	}
	if m.core.Verbosity > 0 {
		f.log.Userf("%s", m.summary(native, prof))
	}
}

// spare is the default name of a result.
func spare(x *options.Expander, pattern string) string {
	name, _ := x.Expand("", pattern) // it only fails for names that users give
	return name
}

// summary is the text at the end of a run: how much memory there was, and how to see more.
func (m *Massif) summary(native, prof string) string {
	peak := m.use.total()
	for i := range m.rec.snaps {
		peak = max(peak, m.rec.snaps[i].use.total())
	}
	text := fmt.Sprintf("Peak of recorded memory: %s bytes (%s snapshots)\nTo see more: ms_print %s",
		report.Commas(peak), report.Commas(uint64(len(m.rec.snaps))), native)
	if prof != "" {
		text += "\n         or: go tool pprof -http=: " + prof
	}
	return text
}
