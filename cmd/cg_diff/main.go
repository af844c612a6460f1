// Command cg_diff compares two results of cachegrind.
package main

import (
	"os"

	"gogrind/internal/cgannotate"
)

func main() { os.Exit(cgannotate.Diff(os.Args[1:], os.Stdout, os.Stderr)) }
