// Command nulgrind runs a program under the tool of that name.
package main

import (
	"os"

	"gogrind/internal/core"
	"gogrind/internal/nulgrind"
)

func main() { os.Exit(core.Main(nulgrind.New())) }
