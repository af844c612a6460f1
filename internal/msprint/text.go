package msprint

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Options say how a file is shown.
type Options struct {
	Args          []string // of the command line, for the head
	Threshold     float64  // percent
	Width, Height int      // of the graph
}

// Print writes the head, the graph, the table and the trees.
func (f *File) Print(out io.Writer, o Options) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s\nCommand:            %s\nMassif arguments:   %s\nms_print arguments: %s\n%s\n\n\n",
		ruler, f.Cmd, f.Desc, strings.Join(o.Args, " "), ruler)
	w.WriteString(f.graph(o.Width, o.Height))
	fmt.Fprintf(w, "\nNumber of snapshots: %d\n Detailed snapshots: [%s]\n\n", len(f.Snapshots), f.detailed())

	head := true
	for i := range f.Snapshots {
		s := &f.Snapshots[i]
		if head {
			fmt.Fprintf(w, "%s\n%3s %14s %16s %16s %13s %12s\n%s\n", ruler,
				"n", "time("+f.TimeUnit+")", "total(B)", "useful-heap(B)", "extra-heap(B)", "stacks(B)", ruler)
		}
		fmt.Fprintf(w, "%3d %14s %16s %16s %13s %12s\n", s.Number, commas(s.Time), commas(s.Total()), commas(s.Heap),
			commas(s.Extra), commas(s.Stacks))
		if head = s.Tree != nil; head {
			p := treePrinter{w, s.Total(), o.Threshold}
			p.line("", "", s.Tree.Bytes, s.Tree.Text)
			p.below("", s.Tree)
		}
	}
	return w.Flush()
}

const ruler = "--------------------------------------------------------------------------------"

// detailed lists the numbers of the detailed snapshots.
func (f *File) detailed() string {
	var list []string
	for i := range f.Snapshots {
		s := &f.Snapshots[i]
		switch {
		case s.Peak:
			list = append(list, strconv.Itoa(s.Number)+" (peak)")
		case s.Tree != nil:
			list = append(list, strconv.Itoa(s.Number))
		}
	}
	return strings.Join(list, ", ")
}

// commas is n with a comma between groups of three digits.
func commas(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// treePrinter writes a tree with lines that lead from a node to its children.
type treePrinter struct {
	w         *bufio.Writer
	total     uint64
	threshold float64
}

func (p *treePrinter) percent(bytes uint64) float64 {
	if p.total == 0 {
		return 0
	}
	return float64(bytes) * 100 / float64(p.total)
}

func (p *treePrinter) line(prefix, arrow string, bytes uint64, text string) {
	fmt.Fprintf(p.w, "%s%s%05.2f%% (%sB) %s\n", prefix, arrow, p.percent(bytes), commas(bytes), text)
}

// below writes what is below n; a node without children gets an empty line. Children below the threshold are added up.
func (p *treePrinter) below(prefix string, n *Node) {
	if len(n.Children) == 0 {
		fmt.Fprintf(p.w, "%s\n", prefix)
		return
	}
	var small uint64
	places := 0
	for i, c := range n.Children {
		if p.percent(c.Bytes) < p.threshold {
			small += c.Bytes
			places++
			continue
		}
		p.line(prefix, "->", c.Bytes, c.Text)
		next := "| "
		if i == len(n.Children)-1 {
			next = "  "
		}
		p.below(prefix+next, c)
	}
	if places > 0 {
		p.line(prefix, "->", small, fmt.Sprintf("in %d+ places, all below ms_print's threshold (%05.2f%%)", places, p.threshold))
		fmt.Fprintf(p.w, "%s\n", prefix)
	}
}
