package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A knownFailure is a line of one of knownFiles: the name of a test, which may hold * (within one part of
// the name), and why it fails. The list must shrink: a listed test that passes fails.
type knownFailure struct{ test, reason, file string }

var knownFiles = []string{"testdata/e2e/known-failures.txt", "testdata/corpus/known-failures.txt"}

func readKnown(file string) ([]knownFailure, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []knownFailure
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		test, reason, ok := strings.Cut(line, " ")
		if reason = strings.TrimSpace(reason); !ok || reason == "" {
			return nil, fmt.Errorf("e2e: %s:%d: want \"Test/name reason\"", file, n)
		}
		list = append(list, knownFailure{test, reason, filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)})
	}
	return list, lines.Err()
}

func (s *suite) knownFailure(test string) (k knownFailure, is bool) {
	for _, k := range s.known {
		if ok, err := path.Match(k.test, test); err == nil && ok {
			return k, true
		}
	}
	return knownFailure{}, false
}

// verdict ends the subtest t: err is what is wrong, nil if nothing is.
func (s *suite) verdict(t *testing.T, err error) {
	t.Helper()
	k, known := s.knownFailure(t.Name())
	switch {
	case known && err != nil:
		s.skip(t, "known failure: "+k.reason)
	case known:
		t.Errorf("passes, but is in testdata/%s (%s): remove the line", k.file, k.reason)
	case err != nil:
		t.Error(err)
	}
}
