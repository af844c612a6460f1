package imports

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// knowsProcessor finds files that are about amd64 whatever their name is.
var knowsProcessor = regexp.MustCompile(`"gogrind/internal/isa/amd64"|\bguest\.(RAX|RCX|RDX|RBX|RSP|RBP|RSI|RDI|R8|R11)\b`)

// TestPortingPage: docs/porting.md names each file that a port has to look at, or its directory, and no file that does not exist.
func TestPortingPage(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs/porting.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	dir := ""
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "internal/") {
			continue
		}
		for _, name := range strings.Split(cells[1], ",") {
			name = strings.TrimSpace(name)
			if !strings.HasPrefix(name, "internal/") {
				name = dir + name
			}
			dir = name[:strings.LastIndex(name, "/")+1]
			named[name] = true
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("the page names %s: %v", name, err)
			}
		}
	}
	found := 0
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		base := filepath.Base(rel)
		if !strings.Contains(base, "_amd64") {
			if filepath.Ext(base) != ".go" {
				return nil
			}
			source, err := os.ReadFile(path)
			if err != nil || !knowsProcessor.Match(source) {
				return err
			}
		}
		found++
		if !named[rel] && !named[filepath.Dir(rel)+"/"] && !named[filepath.Dir(filepath.Dir(rel))+"/"] {
			t.Errorf("%s is not in docs/porting.md", rel)
		}
		return nil
	})
	if err != nil || found < 40 {
		t.Errorf("%d files: %v", found, err)
	}
}
