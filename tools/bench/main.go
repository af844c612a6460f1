// Command bench measures what programs cost under the tools: user and system time, or time on the clock, over that of a native
// run.
//
// Programs, tools and native runs are interleaved, round by round, so that a machine that slows down slows all of them
// down; the median of the rounds counts. A run whose output or exit status differs from the native one, or that takes too
// long, counts as failed and is shown as such: a fast wrong answer is no result.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root := flag.String("root", ".", "root of the repository")
	runs := flag.Int("runs", 3, "rounds; the median counts")
	tools := flag.String("tools", "nulgrind,memcheck", "tools to measure: names of bin/, or valgrind-none, valgrind-memcheck...; options behind the name, as in cachegrind:--cache-sim=yes")
	wall := flag.Bool("wall", false, "measure time on the clock, for tools that use more than one processor")
	only := flag.String("only", "", "measure the programs whose names match this regular expression")
	limit := flag.Duration("limit", time.Minute, "time limit of one run")
	list := flag.Bool("list", false, "list the programs and stop")
	flag.Parse()
	var err error
	if *root, err = filepath.Abs(*root); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if flag.NArg() > 0 || *runs < 1 {
		return fmt.Errorf("bench: usage: bench [flags]; see -h")
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("bench: -only: %w", err)
	}
	temp, err := os.MkdirTemp("", "gogrind-bench-")
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(temp)
	programs, missing, err := prepare(*root, temp, pattern.MatchString)
	if err != nil {
		return err
	}
	for _, m := range missing {
		fmt.Printf("not measured: %s\n", m)
	}
	if *list {
		for _, p := range programs {
			fmt.Printf("%-12s %s\n", p.name, strings.Join(p.argv, " "))
		}
		return nil
	}
	under, err := runners(filepath.Join(*root, "bin"), strings.Split(*tools, ","))
	if err != nil {
		return err
	}
	t := newTable(programs, under)
	if *wall {
		t.what = "clock"
	}
	for round := range *runs {
		for i, p := range programs {
			want, err := p.measure(nil, temp, *limit, *wall)
			if err == nil && want.status != 0 {
				err = fmt.Errorf("exit status %d", want.status)
			}
			if err != nil {
				return fmt.Errorf("bench: %s natively: %w", p.name, err)
			}
			t.native[i] = append(t.native[i], want.time)
			for j, r := range under {
				got, err := p.measure(r.prefix, temp, *limit, *wall)
				if err == nil && (got.sum != want.sum || got.status != want.status) {
					err = fmt.Errorf("output or status differs from the native run")
				}
				if err != nil {
					t.fail(i, j, err)
					continue
				}
				t.times[i][j] = append(t.times[i][j], got.time)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, *runs, p.name)
		}
	}
	t.print(os.Stdout)
	return nil
}
