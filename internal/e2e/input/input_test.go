package input

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestStable: stored results and comparisons over time need the same inputs for ever.
func TestStable(t *testing.T) {
	tests := []struct{ name, text, sum string }{
		{"Text", Text(100000), "ec6f8703629152c3"},
		{"Source", Source(20), "9f96f5a25c3c6640"},
	}
	for _, tt := range tests {
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(tt.text)))[:16]; sum != tt.sum {
			t.Errorf("%s: sum %s, want %s: it begins %.80q", tt.name, sum, tt.sum, tt.text)
		}
	}
}
