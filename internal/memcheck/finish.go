package memcheck

import (
	"fmt"

	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// log is where text goes that is no finding.
func (m *Memcheck) log() *report.Log { return m.report.Log() }

// loud reports whether summaries are written as text: not with -q, and not when results are XML.
func (m *Memcheck) loud() bool { return m.core.Verbosity > 0 && !m.core.XML }

// mainThread is the thread that leaks at the end are put down to.
const mainThread = 1

// Finish implements tool.Tool: it writes the heap summary, leaks and the error summary.
func (m *Memcheck) Finish(tool.Exit) (status int, replace bool) {
	if k := m.core.XtreeMemory; k == xtreeAllocs || k == xtreeFull {
		m.memoryTree("xtree-memory-file", m.core.XtreeMemoryFile)
	}
	m.heapSummary()
	if m.opts.leakCheck == "no" && !m.opts.xtreeLeak {
		if m.loud() {
			m.log().Userf("For a detailed leak analysis, rerun with: --leak-check=full\n\n")
		}
	} else if full := m.opts.leakCheck != "summary" || m.opts.xtreeLeak; full || m.core.XML || m.loud() || m.core.Stats != "no" {
		// A summary that nobody reads is not made: forked children of programs under -q end without a search of their memory.
		q := m.query(m.opts.leakCheck == "full" || m.opts.leakCheck == "yes" || m.opts.xtreeLeak, deltaAny)
		if m.opts.xtreeLeak {
			q.tree, q.treeOption = m.opts.xtreeLeakFile, "xtree-leak-file"
		}
		m.leakCheck(mainThread, q)
	}
	if m.undefinedSeen.Load() && !m.opts.origins && m.loud() && !m.core.XML {
		m.log().Userf("Use --track-origins=yes to see where uninitialised values come from")
	}
	m.report.Summary()
	if m.core.ErrorExitcode != 0 && m.report.Counts().Errors > 0 {
		return m.core.ErrorExitcode, true
	}
	return 0, false
}

func (m *Memcheck) heapSummary() {
	h := m.host.Heap()
	if h == nil || !m.loud() && !m.core.XML {
		return
	}
	st := h.Stats()
	m.mu.Lock()
	st.Allocs += m.customStats.Allocs
	st.Frees += m.customStats.Frees
	st.AllocBytes += m.customStats.AllocBytes
	for i := range m.custom { // blocks of pools are not counted, as by Valgrind
		st.LiveBlocks++
		st.LiveBytes += m.custom[i].Size
	}
	m.mu.Unlock()
	if m.core.XML {
		m.report.HeapSummary(report.HeapSummary{
			InUse: report.Amount{Bytes: st.LiveBytes, Blocks: st.LiveBlocks}, Allocs: st.Allocs, Frees: st.Frees, Bytes: st.AllocBytes,
		})
		return
	}
	m.log().Userf("%s", heapSummaryText(st))
}

func heapSummaryText(st tool.HeapStats) string {
	c := report.Commas
	return fmt.Sprintf("HEAP SUMMARY:\n    in use at exit: %s bytes in %s blocks\n"+
		"  total heap usage: %s allocs, %s frees, %s bytes allocated\n\n",
		c(st.LiveBytes), c(st.LiveBlocks), c(st.Allocs), c(st.Frees), c(st.AllocBytes))
}
