package core

import (
	"strings"

	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// ownDynamic are the tool's options that may change while the program runs.
func (p *Process) ownDynamic() []string {
	if c, ok := p.tool.(tool.Changer); ok {
		return c.Dynamic()
	}
	return nil
}

// changeOption sets an option while the program runs, at the request of t.
func (p *Process) changeOption(t tool.Thread, option string) {
	p.StopOthers(t, func() {
		files := len(p.opt.Suppressions)
		told := p.opt.Verbosity > 0
		name, err := p.opt.Change(option, p.ownDynamic())
		if err != nil {
			p.log.Userf("%v", err)
			return
		}
		if told {
			p.log.Userf("Handling new value %s for option %s", option, name)
		}
		if r, ok := p.tool.(tool.HeapReplacer); ok {
			p.heap.Reconfigure(r.HeapConfig())
		}
		p.applyOptions(p.opt.Suppressions[files:])
	})
}

// applyOptions passes on options that others have a copy of. suppressions are new files. The other threads are stopped.
func (p *Process) applyOptions(suppressions []string) {
	p.log.SetStamp(p.opt.TimeStamp)
	p.unwind.Merge = p.opt.MergeRecursiveFrames
	p.redir.SetTrace(p.redirTrace())
	p.sched.SetTrace(p.schedulerTraces())
	p.report.Change(func(c *report.Config) {
		c.Verbosity, c.ShowList, c.GenSuppressions = p.opt.Verbosity, p.opt.ShowList(), p.opt.GenSuppressions
		c.Markers, c.MarkBegin, c.MarkEnd = p.opt.Markers, p.opt.MarkBegin, p.opt.MarkEnd
		c.View.ShowBelowMain, c.View.Offsets = p.opt.ShowBelowMain, p.opt.SymOffsets
		for _, f := range suppressions {
			if c.Suppressions == nil {
				break // the tool reports no errors
			}
			if err := c.Suppressions.AddFile(f); err != nil {
				p.log.Userf("%v", err)
			}
		}
	})
}

// redirTrace is where --trace-redir=yes and -v tell of replaced functions, nil without them.
func (p *Process) redirTrace() func(format string, args ...any) {
	if p.opt.TraceRedir || p.opt.Verbosity > 1 && !p.opt.XML {
		return p.log.Debugf
	}
	return nil
}

// wrapWords joins words in lines of at most width characters that begin with indent.
func wrapWords(words []string, indent string, width int) string {
	var b strings.Builder
	line := indent
	for _, w := range words {
		if len(line)+len(w) > width && line != indent {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += w + " "
	}
	if line != indent {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
