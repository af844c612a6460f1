package loader

import (
	"os"
	"testing"

	"gogrind/internal/core/aspace"
)

func TestSmoke(t *testing.T) {
	sp := aspace.New(aspace.Default(false))
	im, err := Load(sp, "/bin/true", []string{"true", "x"}, []string{"A=b"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%s", im, sp.ProcMaps())
	os.Stdout.Write(nil)
}
