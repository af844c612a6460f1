package imports

import (
	"slices"
	"testing"
)

func TestRepository(t *testing.T) {
	pkgs, err := List("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages, which cannot be all", len(pkgs))
	}
	for _, line := range Check(pkgs, Rules, Modules) {
		t.Error(line)
	}
}

func TestCheck(t *testing.T) {
	rules := []Rule{{"core", "core/*"}, {"core/jit", "isa"}, {"isa", ""}}
	modules := []string{"golang.org/x/sys"}
	tests := []struct {
		name string
		pkgs []Package
		want []string
	}{
		{"allowed", []Package{
			{"gogrind/internal/core", []string{"fmt", "gogrind/internal/core/jit"}},
			{"gogrind/internal/core/jit", []string{"gogrind/internal/isa", "gogrind/internal/core/jit/cache", "golang.org/x/sys/unix"}},
			{"gogrind/internal/isa", nil},
		}, nil},
		{"upwards", []Package{
			{"gogrind/internal/core", nil},
			{"gogrind/internal/core/jit", []string{"gogrind/internal/core"}},
			{"gogrind/internal/isa", []string{"example.org/x/sys"}},
		}, []string{"core/jit: may not import core", "isa: may not import example.org/x/sys"}},
		{"strangers", []Package{
			{"gogrind/internal/core", nil},
			{"gogrind/internal/isa", nil},
			{"gogrind/internal/util", nil},
		}, []string{"util: no rule for this package: add a row to tools/imports/rules.go", "core/jit: rule without a package"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Check(tt.pkgs, rules, modules); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"core/*", "core/jit", true},
		{"core/*", "core", false},
		{"core/*", "core/jit/cache", false},
		{"debuginfo/...", "debuginfo", true},
		{"debuginfo/...", "debuginfo/dwarf", true},
		{"debuginfo/...", "debuginfos", false},
	}
	for _, tt := range tests {
		if got := match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}
