package cgannotate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"gogrind/internal/cgfile"
	"gogrind/internal/profile"
)

// Exit status of all three programs when something is wrong.
const failed = 1

// Annotate is cg_annotate: args are the arguments behind the program's name. It returns the exit status.
func Annotate(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, lookupEnv)
	switch {
	case errors.Is(err, errUsage):
		if err != errUsage {
			fmt.Fprintf(stderr, "cg_annotate: %v\n", err)
		}
		io.WriteString(stderr, usage)
		return failed
	case err != nil:
		fmt.Fprintf(stderr, "cg_annotate: %v\n", err)
		return failed
	case s.help:
		io.WriteString(stdout, usage)
		return 0
	case s.vers:
		fmt.Fprintf(stdout, "cg_annotate-%s\n", version)
		return 0
	}
	if err := annotate(s, args, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "cg_annotate: %v\n", err)
		return failed
	}
	return 0
}

func annotate(s *settings, args []string, stdout, stderr io.Writer) error {
	files, sources := s.split()
	if len(sources) > 0 && s.style == styleAuto {
		s.style = styleClassic
	}
	for _, f := range sources {
		if _, _, ok := findSource(f, s.includeDirs()); !ok {
			//lint:ignore ST1005 the text is that of Valgrind's cg_annotate
			return fmt.Errorf("File %s not found in any of: %s", f, strings.Join(append([]string{""}, s.includeDirs()...), " "))
		}
	}
	p, err := load(s, files, stderr)
	if err != nil {
		return err
	}
	if s.pprof != "" {
		f, err := os.Create(s.pprof)
		if err != nil {
			return err
		}
		return errors.Join(p.WritePprof(f, time.Time{}, 0), f.Close())
	}
	v, err := newView(p, s, files)
	if err != nil {
		return err
	}
	if s.folded != "" {
		f, err := os.Create(s.folded)
		if err != nil {
			return err
		}
		return errors.Join(v.foldedStacks(f), f.Close())
	}
	w := bufio.NewWriter(stdout)
	if s.style == styleClassic {
		v.classic(w, sources)
	} else {
		v.grouped(w, append([]string{"cg_annotate"}, args...), sources)
	}
	return w.Flush()
}

// split tells result files from source files, which up to Valgrind 3.20 could follow a result file: what comes behind the first
// file and does not begin like a result is source.
func (s *settings) split() (files, sources []string) {
	for i, f := range s.files {
		if i == 0 || isResult(f) {
			files = append(files, f)
		} else {
			sources = append(sources, f)
		}
	}
	return files, sources
}

func isResult(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		l := lines.Text()
		if strings.TrimSpace(l) == "" || l[0] == '#' {
			continue // comments are like #include
		}
		word, _, ok := strings.Cut(l, ":")
		return ok && (word == "desc" || word == "cmd" || word == "events")
	}
	return false
}

// load reads the files and makes one profile of them.
func load(s *settings, files []string, stderr io.Writer) (*cgfile.Profile, error) {
	var all []*cgfile.Profile
	for _, f := range files {
		p, err := cgfile.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if err := p.Check(); err != nil {
			fmt.Fprintf(stderr, "cg_annotate: warning: %s: %v\n", f, err)
		}
		all = append(all, p.Renamed(s.modFile, s.modFunc))
	}
	if s.diff {
		if len(all) != 2 {
			return nil, errors.New("--diff needs two files")
		}
		return difference(all[0], all[1], files[0], files[1])
	}
	sum := all[0]
	for _, p := range all[1:] {
		if err := sum.Accumulate(p, 1); err != nil {
			return nil, err
		}
		if p.Cmd != all[0].Cmd && !strings.Contains(sum.Cmd, p.Cmd) {
			sum.Cmd += "; " + p.Cmd
		}
	}
	return sum, nil
}

// difference is b minus a, by function.
func difference(a, b *cgfile.Profile, nameA, nameB string) (*cgfile.Profile, error) {
	d := b.Folded()
	if err := d.Accumulate(a.Folded(), -1); err != nil {
		return nil, err
	}
	d.Desc = []string{"Files compared:   " + nameA + "; " + nameB}
	d.Cmd = a.Cmd + "; " + b.Cmd
	return d, nil
}

// foldedStacks writes a line "file;function count" for each function; those that count nothing, or less than that in a
// difference, have no place in a flame graph.
func (v *view) foldedStacks(w io.Writer) error {
	var f profile.Folded
	for _, fn := range v.Funcs {
		if n := fn.Total(len(v.Events))[v.sort[0]]; n > 0 {
			f.Add([]string{fn.Name, fn.File}, uint64(n))
		}
	}
	return f.Write(w)
}
