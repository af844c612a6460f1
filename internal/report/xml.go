package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gogrind/internal/suppress"
)

// XML writes findings in protocol 4, 5 or 6 of Valgrind's XML: 5 has findings about file descriptors, 6 summaries. It is a
// Sink; the order of calls is Begin, findings, Ended, findings about the end (leaks), and Finished through Reporter.Summary.
type XML struct {
	out      *Log
	file     bool // out is a regular file that nobody else writes to
	shared   bool // the document is that of the process that forked us,
	parent   int  // which is this one
	protocol int
	suppTool string
	thread   func(int) string
	unique   uint32 // numbers of descriptors count down from the highest, as findings count up
}

// XMLHead is the part of an XML report before the first finding.
type XMLHead struct {
	Tool    string   // "memcheck"
	Lines   []string // the banner
	Parent  int
	Comment string // --xml-user-comment, put in as it is
	Exe     string // our own executable
	Options []string
	Command []string
	// Protocol is 4, 5 or 6.
	Protocol int
}

// OpenXML opens the XML report of process pid. A file that can't be created is a *CreateError; what else can't be used is
// replaced by stderr, and log says so. suppTool and threadName are as in Config.
func OpenXML(t Target, pid int, log *Log, suppTool string, threadName func(int) string) (*XML, error) {
	x := &XML{out: &Log{fd: -1, pid: pid, start: time.Now(), words: xmlWords}, suppTool: suppTool, thread: threadName}
	notes, err := x.out.open(t)
	if err != nil {
		return nil, err
	}
	if notes != "" {
		log.Print(User, notes)
	}
	x.file = t.File != "" && regular(x.out.fd)
	return x, nil
}

// Forked is called in the child of a fork, as Log.Forked; the child begins its own report with Begin if file is not "". A child
// without a file of its own adds findings to its parent's report, and neither counts nor ends it.
func (x *XML) Forked(pid int, file string, silent bool) error {
	x.parent = x.out.PID()
	err := x.out.Forked(pid, file, silent)
	if x.shared = file == "" || err != nil; !x.shared {
		x.file = regular(x.out.fd)
	}
	return err
}

// Exec is called before another program takes the place of this one: the document ends there, because nothing of us will be
// left to end it.
func (x *XML) Exec() { x.end() }

// Begin writes the head of the report.
func (x *XML) Begin(h *XMLHead) {
	var b strings.Builder
	x.protocol = h.Protocol
	fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n\n<valgrindoutput>\n\n<protocolversion>%d</protocolversion>\n", x.protocol)
	fmt.Fprintf(&b, "<protocoltool>%s</protocoltool>\n\n<preamble>\n", escape(h.Tool))
	for _, l := range h.Lines {
		element(&b, 2, "line", l)
	}
	fmt.Fprintf(&b, "</preamble>\n\n<pid>%d</pid>\n<ppid>%d</ppid>\n<tool>%s</tool>\n", x.out.PID(), h.Parent, escape(h.Tool))
	if h.Comment != "" {
		fmt.Fprintf(&b, "<usercomment>%s</usercomment>\n", h.Comment)
	}
	b.WriteString("\n<args>\n  <vargv>\n")
	element(&b, 4, "exe", h.Exe)
	for _, o := range h.Options {
		element(&b, 4, "arg", o)
	}
	b.WriteString("  </vargv>\n  <argv>\n")
	for i, a := range h.Command {
		name := "arg"
		if i == 0 {
			name = "exe"
		}
		element(&b, 4, name, a)
	}
	b.WriteString("  </argv>\n</args>\n\n")
	x.put(b.String() + x.status("RUNNING") + "\n")
}

// Ended says that the guest has gone; findings after it are about what it left behind.
func (x *XML) Ended() {
	if !x.shared {
		x.put("\n" + x.status("FINISHED") + "\n")
	}
}

func (x *XML) status(state string) string {
	return fmt.Sprintf("<status>\n  <state>%s</state>\n  <time>%s</time>\n</status>\n", state, x.out.Elapsed())
}

// Found writes one finding.
func (x *XML) Found(e *Entry, supp *suppress.Finding) {
	var b strings.Builder
	fmt.Fprintf(&b, "<error>\n  <unique>0x%x</unique>\n  <tid>%d</tid>\n", e.Unique, e.Thread)
	if x.thread != nil && e.Thread > 0 {
		if name := x.thread(e.Thread); name != "" {
			element(&b, 2, "threadname", name)
		}
	}
	element(&b, 2, "kind", x.kind(e.Kind))
	if e.LeakedBlocks != 0 {
		fmt.Fprintf(&b, "  <xwhat>\n    <text>%s</text>\n    <leakedbytes>%d</leakedbytes>\n    <leakedblocks>%d</leakedblocks>\n  </xwhat>\n",
			escape(e.Text), e.LeakedBytes, e.LeakedBlocks)
	} else {
		element(&b, 2, "what", e.Text)
	}
	xmlStack(&b, e.Frames)
	for i, a := range e.Aux {
		for line := range strings.SplitSeq(a.Text, "\n") {
			if a.File == "" {
				element(&b, 2, "auxwhat", line)
				continue
			}
			fmt.Fprintf(&b, "  <xauxwhat><text>%s</text> <file>%s</file> <line>%d</line> </xauxwhat>\n", escape(line), escape(a.File), a.Line)
		}
		xmlStack(&b, e.AuxFrames[i])
	}
	if supp != nil {
		x.suppression(&b, supp)
	}
	b.WriteString("</error>\n\n")
	x.put(b.String())
}

// oldKinds are the kinds that protocol 4 has for findings that were given kinds of their own later: readers of that protocol know a
// closed list.
var oldKinds = map[string]string{
	"ReallocSizeZero": "FishyValue", "InvalidSizeAndAlignment": "FishyValue", "InvalidAlignment": "FishyValue", "InvalidSize": "FishyValue",
	"MismatchedAllocateDeallocateSize": "MismatchedFree", "MismatchedAllocateDeallocateAlignment": "MismatchedFree",
	"FdBadClose": "SyscallParam", "FdBadUse": "SyscallParam",
}

func (x *XML) kind(k string) string {
	if old, ok := oldKinds[k]; ok && x.protocol == 4 {
		return old
	}
	return k
}

func xmlStack(b *strings.Builder, frames []Frame) {
	if len(frames) == 0 {
		return
	}
	b.WriteString("  <stack>\n")
	for i := range frames {
		f := &frames[i]
		fmt.Fprintf(b, "    <frame>\n      <ip>0x%X</ip>\n", uint64(f.PC))
		optional(b, "obj", f.Obj)
		optional(b, "fn", f.Fn)
		if f.File != "" {
			optional(b, "dir", f.Dir)
			optional(b, "file", f.File)
			fmt.Fprintf(b, "      <line>%d</line>\n", f.Line)
		}
		b.WriteString("    </frame>\n")
	}
	b.WriteString("  </stack>\n")
}

func (x *XML) suppression(b *strings.Builder, f *suppress.Finding) {
	b.WriteString("  <suppression>\n    <sname>insert_a_suppression_name_here</sname>\n")
	element(b, 4, "skind", x.suppTool+":"+f.Kind)
	for _, l := range f.ExtraLines() {
		element(b, 4, "skaux", l)
	}
	for i := range f.Frames {
		if i == suppress.MaxCallers {
			break
		}
		what, name := f.Frames[i].Pattern()
		fmt.Fprintf(b, "    <sframe> <%s>%s</%s> </sframe>\n", what, escape(name), what)
	}
	// A name can't hold the end of a CDATA section unless someone wants to break readers.
	raw := strings.ReplaceAll(suppress.Generate(x.suppTool, f), "]]>", "]]&gt;")
	fmt.Fprintf(b, "    <rawtext>\n<![CDATA[\n%s]]>\n    </rawtext>\n  </suppression>\n", clean(raw))
}

// Descriptor writes a file descriptor that is still open at the end: protocol 5 has a kind for it.
//
// Protocol 4 has none, and nothing is written.
func (x *XML) Descriptor(thread, fd int, path, text string, frames []Frame) {
	if x.protocol == 4 {
		return
	}
	x.unique--
	var b strings.Builder
	fmt.Fprintf(&b, "<error>\n  <unique>0x%x</unique>\n  <tid>%d</tid>\n  <kind>FdNotClosed</kind>\n  <fd>%d</fd>\n", x.unique, thread, fd)
	if path != "" {
		element(&b, 2, "path", path)
	}
	element(&b, 2, "what", text)
	xmlStack(&b, frames)
	b.WriteString("</error>\n\n")
	x.put(b.String())
}

// Message writes text that the guest printed through a client request, with a stack if it asked for one.
func (x *XML) Message(thread int, text string, frames []Frame) {
	var b strings.Builder
	fmt.Fprintf(&b, "<clientmsg>\n  <tid>%d</tid>\n  <text>%s</text>\n", thread, escape(text))
	xmlStack(&b, frames)
	b.WriteString("</clientmsg>\n")
	x.put(b.String())
}

// FatalSignal is a signal that ends the guest.
type FatalSignal struct {
	Thread, Signal, Code int
	Name                 string // "SIGSEGV"
	Event                string // what happened at Addr, "" when it is not known
	Addr                 uint64
}

// Fatal reports the signal that ends the guest.
func (x *XML) Fatal(f *FatalSignal, frames []Frame) {
	var b strings.Builder
	fmt.Fprintf(&b, "<fatal_signal>\n  <tid>%d</tid>\n  <signo>%d</signo>\n  <signame>%s</signame>\n  <sicode>%d</sicode>\n",
		f.Thread, f.Signal, escape(f.Name), f.Code)
	if f.Event != "" {
		element(&b, 2, "event", f.Event)
		fmt.Fprintf(&b, "  <siaddr>0x%X</siaddr>\n", f.Addr)
	}
	xmlStack(&b, frames)
	b.WriteString("</fatal_signal>\n\n")
	x.put(b.String())
}

// Cut ends the report early.
func (x *XML) Cut() { x.end() }

// Finished writes the counts and ends the report.
func (x *XML) Finished(counts Counts, shown []*Entry, used []*suppress.Rule) {
	if x.shared {
		return
	}
	var b strings.Builder
	b.WriteString("<errorcounts>\n")
	for _, e := range shown {
		fmt.Fprintf(&b, "  <pair>\n    <count>%d</count>\n    <unique>0x%x</unique>\n  </pair>\n", e.Count, e.Unique)
	}
	b.WriteString("</errorcounts>\n\n")
	if x.protocol >= 6 {
		fmt.Fprintf(&b, "<error_summary>\n  <errors>%d</errors>\n  <error_contexts>%d</error_contexts>\n  <suppressed>%d</suppressed>\n"+
			"  <suppressed_contexts>%d</suppressed_contexts>\n</error_summary>\n\n",
			counts.Errors, counts.Contexts, counts.SuppressedErrors, counts.SuppressedContexts)
	}
	b.WriteString("<suppcounts>\n")
	for _, r := range used {
		n, _, _ := r.Used()
		fmt.Fprintf(&b, "  <pair>\n    <count>%d</count>\n    <name>%s</name>\n  </pair>\n", n, escape(r.Name))
	}
	b.WriteString("</suppcounts>\n\n")
	x.put(b.String())
	x.end()
}

func element(b *strings.Builder, indent int, name, text string) {
	fmt.Fprintf(b, "%*s<%s>%s</%s>\n", indent, "", name, escape(text), name)
}

func optional(b *strings.Builder, name, text string) {
	if text != "" {
		element(b, 6, name, text)
	}
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes s fit between tags.
func escape(s string) string { return escaper.Replace(clean(s)) }

// clean replaces what XML 1.0 does not allow even when escaped: arguments and names of symbols hold any bytes.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == utf8.RuneError || c == 0xfffe || c == 0xffff {
			return utf8.RuneError
		}
		return c
	}, s)
}
