package cgfile

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Write writes p in the order of its functions. Names that hold a line break, which the format can't express, get a blank in
// its place.
func (p *Profile) Write(out io.Writer) error {
	w := bufio.NewWriterSize(out, 64<<10)
	for _, d := range p.Desc {
		w.WriteString("desc: " + oneLine(d) + "\n")
	}
	w.WriteString("cmd: " + oneLine(p.Cmd) + "\n")
	w.WriteString("events: " + strings.Join(p.Events, " ") + "\n")
	file, first := "", true
	var buf []byte
	for _, f := range p.Funcs {
		if first || f.File != file {
			w.WriteString("fl=" + oneLine(f.File) + "\n")
			file, first = f.File, false
		}
		w.WriteString("fn=" + oneLine(f.Name) + "\n")
		for _, n := range f.SortedLines() {
			buf = appendCounts(strconv.AppendInt(buf[:0], int64(n), 10), f.Lines[n])
			w.Write(buf)
		}
	}
	w.Write(appendCounts([]byte("summary:"), p.Summary))
	return w.Flush() // reports the first error of all writes
}

func appendCounts(b []byte, counts []int64) []byte {
	for _, c := range counts {
		b = append(b, ' ')
		b = strconv.AppendInt(b, c, 10)
	}
	return append(b, '\n')
}

var lineBreaks = strings.NewReplacer("\n", " ", "\r", " ")

func oneLine(s string) string { return lineBreaks.Replace(s) }
