package massif

import (
	"bufio"
	"io"
	"strings"

	"gogrind/internal/options"
	"gogrind/internal/tool"
)

const monitorHelp = `massif monitor commands:
  snapshot [<filename>]
  detailed_snapshot [<filename>]
      write a snapshot, or a detailed one, of now to <filename>
             default <filename> is massif.vgdb.out
  all_snapshots [<filename>]
      write all snapshots taken so far to <filename>
             default <filename> is massif.vgdb.out
  xtmemory [<filename>]
        write an xtree memory profile to <filename> (default xtmemory.kcg.%p.%n)
`

// Defaults of monitor commands.
const (
	monitorOut  = "massif.vgdb.out"
	monitorTree = "xtmemory.kcg.%p.%n"
)

var _ tool.Monitor = (*Massif)(nil)

// MonitorHelp implements tool.Monitor.
func (*Massif) MonitorHelp() string { return monitorHelp }

// Monitor implements tool.Monitor. Words may be cut as long as they are unique.
func (m *Massif) Monitor(_ tool.Thread, words []string) (known bool) {
	name, n := "", 0
	for _, c := range []string{"help", "snapshot", "detailed_snapshot", "all_snapshots", "xtmemory"} {
		if strings.HasPrefix(c, words[0]) {
			name = c
			n++
		}
	}
	if n != 1 {
		return n > 1 // the core says what an empty command may be
	}
	file := monitorOut
	if name == "xtmemory" {
		file = monitorTree
	}
	if len(words) > 1 {
		file = words[1]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := snapshot{time: m.now(), use: m.use}
	switch name {
	case "help":
		m.report.Log().Raw(monitorHelp + "\n")
	case "snapshot":
		m.dump(file, []snapshot{now})
	case "detailed_snapshot":
		now.detail = m.contexts.capture()
		m.dump(file, []snapshot{now})
	case "all_snapshots":
		m.dump(file, m.rec.snaps)
	case "xtmemory":
		m.writeTree(file)
	}
	return true
}

// dump writes snapshots to a file of their own. The caller holds mu.
func (m *Massif) dump(pattern string, snaps []snapshot) {
	m.extra("monitor", pattern, monitorOut, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		m.writeSnapshots(b, snaps)
		return b.Flush()
	})
}

// extra writes a file beside the result, and returns its name; pattern is the value of the option of that name. The caller holds mu.
func (m *Massif) extra(option, pattern, spareName string, write func(io.Writer) error) string {
	f := files{log: m.report.Log(), dir: m.dir}
	names := options.Expander{PID: f.log.PID(), Child: !m.host.FirstProcess(), Seq: &m.treesSeen}
	name, err := names.Expand(option, pattern)
	if err != nil {
		f.log.Userf("%v", err)
		return ""
	}
	return f.write(name, spare(&names, spareName), write)
}
