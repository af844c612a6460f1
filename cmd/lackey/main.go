// Command lackey runs a program under the tool of that name.
package main

import (
	"os"

	"gogrind/internal/core"
	"gogrind/internal/lackey"
)

func main() { os.Exit(core.Main(lackey.New())) }
