package cgannotate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gogrind/internal/cgfile"
)

const mergeUsage = `cg_merge: Merges multiple cachegrind output files into one
cg_merge: usage: cg_merge [-o outfile] [files-to-merge]
`

// Merge is cg_merge. It returns the exit status.
func Merge(args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "cg_merge: %v\n", err)
		return failed
	}
	out := ""
	var files []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-h" || a == "--help":
			io.WriteString(stdout, mergeUsage)
			return 0
		case a == "--version":
			fmt.Fprintf(stdout, "cg_merge-%s\n", version)
			return 0
		case a == "-o":
			if i++; i == len(args) {
				io.WriteString(stderr, mergeUsage)
				return failed
			}
			out = args[i]
		case strings.HasPrefix(a, "-o"):
			out = a[2:]
		default:
			files = append(files, a)
		}
	}
	if len(files) == 0 {
		io.WriteString(stderr, mergeUsage)
		return failed
	}
	var sum *cgfile.Profile
	for _, f := range files {
		fmt.Fprintf(stderr, "cg_merge: parsing %s\n", f)
		p, err := cgfile.ReadFile(f)
		if err != nil {
			return fail(err)
		}
		if sum == nil {
			sum = p
			continue
		}
		fmt.Fprintf(stderr, "cg_merge: merging %s\n", f)
		if err := sum.Accumulate(p, 1); err != nil {
			return fail(fmt.Errorf("%s: %w", f, err))
		}
	}
	sum.Sort()
	if out == "" {
		fmt.Fprintln(stderr, "cg_merge: writing (stdout)")
		if err := sum.Write(stdout); err != nil {
			return fail(err)
		}
		return 0
	}
	fmt.Fprintf(stderr, "cg_merge: writing %s\n", out)
	w, err := os.Create(out)
	if err == nil {
		err = errors.Join(sum.Write(w), w.Close())
	}
	if err != nil {
		return fail(err)
	}
	return 0
}
