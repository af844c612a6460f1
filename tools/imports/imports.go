// Package imports checks that the packages of gogrind import each other only downwards, as the rows of rules.go allow.
//
// It looks at the go command's view of the repository (build constraints of this platform applied, tests left out) and
// changes nothing. DESIGN.md says why there are such rules.
package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"
)

// Module is the path of the module that is checked.
const Module = "gogrind"

// Package is what a rule needs to know about a package.
type Package struct {
	ImportPath string
	Imports    []string
}

// List returns the packages of the module at root that have non-test Go files.
func List(root string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("imports: go list: %w: %s", err, stderr.String())
	}
	var pkgs []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("imports: go list output: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// Check returns one line for each import that no rule allows, each package without a rule, and each rule without a
// package.
func Check(pkgs []Package, rules []Rule, modules []string) []string {
	var bad []string
	used := make([]bool, len(rules))
	for _, p := range pkgs {
		name := short(p.ImportPath)
		n := find(rules, name)
		if n < 0 {
			bad = append(bad, fmt.Sprintf("%s: no rule for this package: add a row to tools/imports/rules.go", name))
			continue
		}
		used[n] = true
		for _, imp := range p.Imports {
			if !allowed(name, imp, rules[n], modules) {
				bad = append(bad, fmt.Sprintf("%s: may not import %s", name, short(imp)))
			}
		}
	}
	for n, r := range rules {
		if !used[n] {
			bad = append(bad, fmt.Sprintf("%s: rule without a package", r.Package))
		}
	}
	return bad
}

// short drops what all packages of the module have in common.
func short(importPath string) string {
	s := strings.TrimPrefix(importPath, Module+"/")
	return strings.TrimPrefix(s, "internal/")
}

// find returns the index of the first rule whose pattern matches name, or -1.
func find(rules []Rule, name string) int {
	for n, r := range rules {
		if match(r.Package, name) {
			return n
		}
	}
	return -1
}

func allowed(name, imp string, r Rule, modules []string) bool {
	if !strings.HasPrefix(imp, Module+"/") {
		first, _, _ := strings.Cut(imp, "/")
		if !strings.Contains(first, ".") {
			return true // standard library
		}
		for _, m := range modules {
			if imp == m || strings.HasPrefix(imp, m+"/") {
				return true
			}
		}
		return false
	}
	target := short(imp)
	// A package may be split into a folder of its own parts: core/jit/x is core/jit's business.
	if strings.HasPrefix(target, name+"/") {
		return true
	}
	for _, m := range strings.Fields(r.MayImport) {
		if match(m, target) {
			return true
		}
	}
	return false
}

// match reports whether pattern matches name. "core/*" matches the packages directly below core, "..." after a slash
// everything below.
func match(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == prefix || strings.HasPrefix(name, prefix+"/")
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
