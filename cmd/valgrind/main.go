// Command valgrind runs the tool that --tool= names, memcheck by default.
package main

import (
	"os"

	"gogrind/internal/driver"
)

func main() { os.Exit(driver.Main()) }
