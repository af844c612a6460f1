// Isagen compiles instruction tables (*.tab) into the tables of package isa/amd64. The header of base.tab explains the
// notation. Isagen checks that each opcode's rows are disjoint or ordered, and that names it does not know stop it; it
// knows nothing about instructions beyond the notation.
//
//	isagen -o tables_gen.go base.tab x87.tab ...
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("o", "", "`file` to write; standard output if empty")
	list := flag.Bool("rows", false, "print the expanded rows instead of Go tables")
	flag.Parse()
	if err := run(*out, *list, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "isagen:", err)
		os.Exit(1)
	}
}

func run(out string, list bool, files []string) error {
	p := newParser()
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := p.file(filepath.Base(f), string(text)); err != nil {
			return err
		}
	}
	var text []byte
	if list {
		for _, r := range p.rows {
			text = fmt.Appendln(text, r)
		}
	} else {
		var err error
		if text, err = generate(p.rows); err != nil {
			return err
		}
	}
	if out == "" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o666)
}
