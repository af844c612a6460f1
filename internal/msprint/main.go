package msprint

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Exit codes.
const (
	exitUsage = 1
	exitFile  = 2
)

// version is the one of Valgrind's ms_print whose output this is; scripts look at it.
const version = "ms_print-3.19.0"

// Limits of --x and --y.
const (
	minSide = 4
	maxSide = 1000
)

func usage(w io.Writer) {
	fmt.Fprint(w, `usage: ms_print [options] massif-out-file

Shows a file written by Massif: a graph of memory over time, its snapshots, and where memory came from.

  -h --help             show this text
  --version             show the version
  --threshold=<m.n>     leave out what is below this percentage of the memory in use [1.0]
  --x=<4..1000>         width of the graph, in columns [72]
  --y=<4..1000>         height of the graph, in rows [20]

instead of the text:
  --pprof=<file>        write a profile of the peak for go tool pprof
  --folded              write the stacks of the peak as lines for flame graphs
`)
}

// side is an option --x or --y.
type side struct{ p *int }

func (s side) String() string { return "" }

func (s side) Set(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < minSide || n > maxSide {
		return fmt.Errorf("it must be between %d and %d", minSide, maxSide)
	}
	*s.p = n
	return nil
}

// percentage is the option --threshold.
type percentage struct{ p *float64 }

func (t percentage) String() string { return "" }

func (t percentage) Set(v string) error {
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || !(x >= 0 && x <= 100) {
		return errors.New("it must be between 0 and 100")
	}
	*t.p = x
	return nil
}

// Main runs the command with args and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	o := Options{Args: args, Threshold: 1, Width: 72, Height: 20}
	fs := flag.NewFlagSet("ms_print", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Var(percentage{&o.Threshold}, "threshold", "")
	fs.Var(side{&o.Width}, "x", "")
	fs.Var(side{&o.Height}, "y", "")
	showVersion := fs.Bool("version", false, "")
	pprof := fs.String("pprof", "", "")
	folded := fs.Bool("folded", false, "")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "ms_print: %v\n\n", err)
		usage(stderr)
		return exitUsage
	case *showVersion:
		fmt.Fprintln(stdout, version)
		return 0
	case fs.NArg() != 1:
		fmt.Fprintf(stderr, "ms_print: one file is needed\n\n")
		usage(stderr)
		return exitUsage
	}
	in, err := os.Open(fs.Arg(0))
	if err != nil {
		fmt.Fprintf(stderr, "ms_print: %v\n", err)
		return exitFile
	}
	defer in.Close()
	f, err := Read(in)
	if err != nil {
		fmt.Fprintf(stderr, "ms_print: %s: %v\n", fs.Arg(0), err)
		return exitFile
	}
	switch {
	case *pprof != "":
		err = f.writeProfile(*pprof)
	case *folded:
		err = f.Folded(stdout)
	default:
		err = f.Print(stdout, o)
	}
	if err != nil {
		fmt.Fprintf(stderr, "ms_print: %v\n", err)
		return exitFile
	}
	return 0
}
