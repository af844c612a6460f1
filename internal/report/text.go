package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/suppress"
)

// show renders a new entry that is not suppressed; r.mu is held.
func (r *Reporter) show(e *Entry) {
	r.counts.Shown++
	if r.cfg.Sink != nil {
		var supp *suppress.Finding
		if r.cfg.GenSuppressions == "all" && e.SuppKind != "" {
			supp = e.suppression(e.Frames)
		}
		r.cfg.Sink.Found(e, supp)
	} else {
		var b strings.Builder
		if r.cfg.Markers {
			fmt.Fprintln(&b, r.cfg.MarkBegin)
		}
		r.appendEntry(&b, e)
		if r.cfg.Markers {
			fmt.Fprintln(&b, r.cfg.MarkEnd)
		}
		r.log.Print(User, b.String())
		r.offerSuppression(e)
	}
	if r.cfg.ExitOnFirst {
		if r.cfg.Sink != nil {
			r.cfg.Sink.Cut()
		}
		r.log.Userf("\nExit program on first error (--exit-on-first-error=yes)")
	}
}

// appendEntry appends the lines of e, with the thread's heading if the entry before was another thread's.
func (r *Reporter) appendEntry(b *strings.Builder, e *Entry) {
	if e.Thread > 0 && e.Thread != r.thread {
		r.thread = e.Thread
		b.WriteString(r.threadHeading(e.Thread))
	}
	b.WriteString(e.Text)
	b.WriteByte('\n')
	r.cfg.View.appendStack(b, e.Frames)
	for i, a := range e.Aux {
		for line := range strings.SplitSeq(a.Text, "\n") {
			fmt.Fprintf(b, " %s\n", line)
		}
		r.cfg.View.appendStack(b, e.AuxFrames[i])
	}
	b.WriteByte('\n')
}

func (r *Reporter) threadHeading(thread int) string {
	if r.cfg.ThreadName != nil {
		if name := r.cfg.ThreadName(thread); name != "" {
			return fmt.Sprintf("Thread %d %s:\n", thread, name)
		}
	}
	return fmt.Sprintf("Thread %d:\n", thread)
}

// Message writes text, if any, and a stack to the log, with the heading of the thread if another one was shown before: what is said
// about a fatal signal, for instance. It is no finding and is not counted. thread may be 0.
func (r *Reporter) Message(thread int, text string, pcs []guest.Addr) {
	frames := r.cfg.View.Resolve(r.cfg.Symbols, pcs)
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	if thread > 0 && thread != r.thread {
		r.thread = thread
		b.WriteString(r.threadHeading(thread))
	}
	if text != "" {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	r.cfg.View.appendStack(&b, frames)
	if b.Len() > 0 {
		r.log.Print(User, b.String())
	}
}

// Frames names the calls of a stack as in findings.
func (r *Reporter) Frames(pcs []guest.Addr) []Frame { return r.cfg.View.Resolve(r.cfg.Symbols, pcs) }

// StackFrames names the calls of an interned stack as in findings.
func (r *Reporter) StackFrames(id uint32) []Frame {
	pcs, era := r.pcs(id, nil)
	frames, shown := r.cfg.View.resolve(r.cfg.Symbols, pcs, era)
	return frames[:shown]
}

// Describe is a frame as stack traces show it, without its address.
func (r *Reporter) Describe(f *Frame) string { return r.cfg.View.Describe(f) }

// summaryLine is the line that programs read the result from.
func (c *Counts) summaryLine() string {
	return fmt.Sprintf("ERROR SUMMARY: %d errors from %d contexts (suppressed: %d from %d)",
		c.Errors, c.Contexts, c.SuppressedErrors, c.SuppressedContexts)
}

// Summary writes the end of the log of a tool that reports errors.
func (r *Reporter) Summary() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cfg.Sink != nil {
		r.cfg.Sink.Finished(r.counts, r.recent(), r.used)
		return
	}
	if r.cfg.Verbosity < 1 && !r.cfg.ShowList {
		return
	}
	if r.cfg.Verbosity == 1 && !r.cfg.ShowList {
		r.log.Userf("For lists of detected and suppressed errors, rerun with: -s")
	}
	line := r.counts.summaryLine()
	r.log.Userf("%s", line)
	if !r.cfg.ShowList || r.counts.Contexts == 0 && len(r.used) == 0 {
		return
	}
	r.printList(r.rarest())
	if len(r.used) > 0 {
		r.printUsed()
		r.log.Userf("")
	}
	r.log.Userf("%s", line)
}

// printList writes the findings es, of the list at the end. r.mu is held.
func (r *Reporter) printList(es []*Entry) {
	for i, e := range es {
		var b strings.Builder
		fmt.Fprintf(&b, "\n%d errors in context %d of %d:\n", e.Count, i+1, r.counts.Contexts)
		r.appendEntry(&b, e)
		r.log.Print(User, b.String())
		if i+1 == r.cfg.DumpError {
			r.cfg.Dump(e.PCs)
		}
	}
}

// recent are the entries that were not suppressed, those seen last first.
func (r *Reporter) recent() []*Entry {
	es := slices.DeleteFunc(slices.Clone(r.list), func(e *Entry) bool { return e.Rule != nil })
	slices.SortFunc(es, func(a, b *Entry) int { return cmp.Compare(b.last, a.last) })
	return es
}

// rarest are the entries that were not suppressed, rarest first, and the most recent first among equals.
func (r *Reporter) rarest() []*Entry {
	es := r.recent()
	slices.SortStableFunc(es, func(a, b *Entry) int { return cmp.Compare(a.Count, b.Count) })
	return es
}

// Entries are all contexts but unique ones in the order of occurrence, for other renderings of the result.
func (r *Reporter) Entries() []*Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}
