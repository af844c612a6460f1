// Command massif runs a program under the heap profiler of that name.
package main

import (
	"os"

	"gogrind/internal/core"
	"gogrind/internal/massif"
)

func main() { os.Exit(core.Main(massif.New())) }
