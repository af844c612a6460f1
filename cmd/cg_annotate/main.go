// Command cg_annotate shows the results of cachegrind by function and source line.
package main

import (
	"os"

	"gogrind/internal/cgannotate"
)

func main() { os.Exit(cgannotate.Annotate(os.Args[1:], os.Stdout, os.Stderr)) }
