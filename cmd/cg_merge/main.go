// Command cg_merge adds up results of cachegrind.
package main

import (
	"os"

	"gogrind/internal/cgannotate"
)

func main() { os.Exit(cgannotate.Merge(os.Args[1:], os.Stdout, os.Stderr)) }
