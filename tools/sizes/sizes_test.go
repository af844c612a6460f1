// Package sizes checks the habits that a file's name and length can show: hand-written files stay below a thousand
// lines, unsafe is used only in files that say so in their names.
package sizes

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is where a file wants to be two files.
const maxLines = 1000

func TestFiles(t *testing.T) {
	seen := 0
	for _, dir := range []string{"../../cmd", "../../internal", "../../tools"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !(strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".s")) {
				return err
			}
			seen++
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			generated := strings.HasSuffix(path, "_gen.go") || strings.HasSuffix(path, "_gen.s")
			if n := bytes.Count(src, []byte("\n")); n > maxLines && !generated {
				t.Errorf("%s: %d lines, more than %d", path, n, maxLines)
			}
			if strings.HasSuffix(path, ".go") && !unsafeName(path) && importsUnsafe(t, path, src) {
				t.Errorf("%s: imports unsafe, but is not named *_unsafe.go", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Fatal("no source files found")
	}
}

// unsafeName reports whether a file's name says that it uses unsafe: x_unsafe.go, x_unsafe_amd64.go, x_unsafe_test.go.
// Tests that check offsets need unsafe.Offsetof and are excepted.
func unsafeName(path string) bool {
	base := filepath.Base(path)
	return strings.Contains(base, "_unsafe") || strings.HasSuffix(base, "_test.go")
}

func importsUnsafe(t *testing.T, path string, src []byte) bool {
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return false
	}
	for _, imp := range f.Imports {
		if imp.Path.Value == `"unsafe"` {
			return true
		}
	}
	return false
}
