// Command ms_print shows the results of Massif, Valgrind's or ours.
package main

import (
	"os"

	"gogrind/internal/msprint"
)

func main() { os.Exit(msprint.Main(os.Args[1:], os.Stdout, os.Stderr)) }
