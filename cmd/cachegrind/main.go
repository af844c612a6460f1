// Command cachegrind runs a program under the tool of that name.
package main

import (
	"os"

	"gogrind/internal/cachegrind"
	"gogrind/internal/core"
)

func main() { os.Exit(core.Main(cachegrind.New())) }
