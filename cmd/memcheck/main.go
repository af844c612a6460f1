// Command memcheck runs a program under the tool of that name.
package main

import (
	"os"

	"gogrind/internal/core"
	"gogrind/internal/memcheck"
)

func main() { os.Exit(core.Main(memcheck.New())) }
