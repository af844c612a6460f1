package cgannotate

import (
	"errors"
	"fmt"
	"io"

	"gogrind/internal/cgfile"
)

const diffUsage = `usage: cg_diff [options] <cachegrind-out-file1> <cachegrind-out-file2>

  -h --help             show this text
  -v --version          show the version
  --mod-filename=<expr> change names of files: s/old/new/, i and g may follow
  --mod-funcname=<expr> change names of functions

  The result is the second file minus the first, by function.
`

// Diff is cg_diff. It returns the exit status.
func Diff(args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "cg_diff: %v\n", err)
		return failed
	}
	modFile, modFunc := same, same
	var files []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch a {
		case "-h", "--help":
			io.WriteString(stdout, diffUsage)
			return 0
		case "-v", "--version":
			fmt.Fprintf(stdout, "cg_diff-%s\n", version)
			return 0
		}
		if a == "" || a[0] != '-' {
			files = append(files, a)
			continue
		}
		known := false
		for name, f := range map[string]*func(string) string{"--mod-filename": &modFile, "--mod-funcname": &modFunc} {
			v, next, ok, err := value(args, i, name)
			if !ok {
				continue
			}
			if err == nil {
				*f, err = Substitution(v)
			}
			if err != nil {
				return fail(err)
			}
			i, known = next, true
			break
		}
		if !known {
			io.WriteString(stderr, diffUsage)
			return failed
		}
	}
	if len(files) != 2 {
		io.WriteString(stderr, diffUsage)
		return failed
	}
	var p [2]*cgfile.Profile
	for i, f := range files {
		r, err := cgfile.ReadFile(f)
		if err != nil {
			return fail(err)
		}
		p[i] = r.Renamed(modFile, modFunc)
	}
	d, err := difference(p[0], p[1], files[0], files[1])
	if err != nil {
		return fail(err)
	}
	d.Sort()
	if err := d.Write(stdout); err != nil {
		return fail(errors.Join(errors.New("can't write the result"), err))
	}
	return 0
}
