// Command bench measures what programs cost under the tools: user and system time over that of a native run.
//
// Programs with threads are measured on the clock, and so is the start of a program that does nothing. How fast our tools translate
// is what --stats=brief says of a compiler. The last lines compare with what was promised (goals.go).
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
	tools := flag.String("tools", "nulgrind,memcheck,valgrind-none", "tools to measure: names of bin/, or valgrind-none, valgrind-memcheck...; options behind the name, as in cachegrind:--cache-sim=yes; profilers stands for cachegrind and massif, ours and Valgrind's, origins for memcheck with and without --track-origins=yes, leaks for memcheck with and without --leak-check=full")
	only := flag.String("only", "", "measure the programs whose names match this regular expression")
	limit := flag.Duration("limit", time.Minute, "time limit of one run")
	list := flag.Bool("list", false, "list the programs and stop")
	inputs := flag.String("inputs", "", "write the programs' inputs to this directory and stop")
	flag.Parse()
	if *inputs != "" {
		return writeInputs(*inputs)
	}
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
	under, more, err := runners(filepath.Join(*root, "bin"), strings.Split(*tools, ","))
	if err != nil {
		return err
	}
	for _, m := range append(missing, more...) {
		fmt.Printf("not measured: %s\n", m)
	}
	if *list {
		for _, p := range programs {
			fmt.Printf("%-12s %s\n", p.name, strings.Join(p.argv, " "))
		}
		return nil
	}
	var tables [kinds]*table
	for k := range kinds {
		var part []program
		for _, p := range programs {
			if p.kind == k {
				part = append(part, p)
			}
		}
		tables[k] = newTable(k, part, under)
	}
	for round := range *runs {
		for _, t := range tables {
			if err := t.round(temp, *limit); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, *runs, t.kind)
		}
	}
	for _, t := range tables {
		t.print(os.Stdout)
	}
	printGoals(os.Stdout, tables[:])
	return nil
}
