package report

import (
	"strconv"
	"strings"
)

// Banner is the head of a log.
type Banner struct {
	Title   string // "Memcheck, a memory error detector"
	Version string // our name and version: "gogrind-0.1.0"
	Command []string
	// Parent is the parent's process id, shown when the log does not go to a terminal's or caller's descriptor; else 0.
	Parent int
}

// compatible names the Valgrind whose formats ours are. Scripts that cut the banner off look for this line's ends.
const compatible = "Using Valgrind-3.19.0 formats, not the code of Valgrind and LibVEX; rerun with -h for copyright info"

// Lines are the lines of the banner without prefix, and without the empty line that ends it.
func (b *Banner) Lines() []string {
	lines := []string{b.Title, "This is " + b.Version + ", written from scratch in Go; BSD-3-Clause licence.", compatible,
		"Command: " + QuoteCommand(b.Command)}
	if b.Parent != 0 {
		lines = append(lines, "Parent PID: "+strconv.Itoa(b.Parent))
	}
	return lines
}

// Banner writes the head of the log.
func (l *Log) Banner(b *Banner) { l.Print(User, strings.Join(b.Lines(), "\n")+"\n\n") }

// QuoteCommand joins a command in the banner's form: spaces, angle brackets and backslashes are escaped by a backslash,
// control characters and bytes beyond ASCII are shown as "_".
func QuoteCommand(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, c := range []byte(a) {
			switch {
			case strings.IndexByte(` \<>`, c) >= 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c >= 0x7f:
				b.WriteByte('_')
			default:
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}
