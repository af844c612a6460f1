package dwarf

import (
	"slices"
	"testing"
)

// stingy are Contents that give no byte more than they are asked for.
type stingy struct {
	all  []byte
	most uint64 // that was asked for
}

func (s *stingy) Size() uint64 { return uint64(len(s.all)) }

func (s *stingy) Prefix(n uint64) ([]byte, error) {
	s.most = max(s.most, min(n, s.Size()))
	return s.all[:s.most:s.most], nil
}

// TestPrefix: what is found does not depend on how much of a section was read, and the units behind the one looked at are not.
func TestPrefix(t *testing.T) {
	for _, version := range []string{"-gdwarf-2", "-gdwarf-4", "-gdwarf-5"} {
		secs := map[string]*stingy{}
		for i, b := range seed(t, version) {
			if n := fuzzSections[i]; n == ".debug_info" || n == ".debug_line" {
				b = append(slices.Clone(b), make([]byte, 4<<10)...) // no unit, and looked at by nobody
			}
			secs[fuzzSections[i]] = &stingy{all: b}
		}
		open := func(section func(n string) Contents) *Data {
			return New(Source{Section: func(n string) (Contents, error) { return section(n), nil }, Warn: func(err error) { t.Error(err) }})
		}
		parts := open(func(n string) Contents {
			if s := secs[n]; s != nil {
				return s
			}
			return nil
		})
		whole := open(func(n string) Contents {
			if s := secs[n]; s != nil {
				return Bytes(s.all)
			}
			return nil
		})
		found := 0
		for _, r := range func() []unitRange { whole.unitFor(0x1000); return whole.index }() {
			for pc := r.low; pc < r.high; pc++ {
				want, wantEnd := whole.Lookup(pc, true, nil)
				got, end := parts.Lookup(pc, true, nil)
				if !slices.Equal(got, want) || end != wantEnd {
					t.Errorf("%s: %#x: %v up to %#x, of all sections %v up to %#x", version, pc, got, end, want, wantEnd)
				}
				found += len(want)
			}
		}
		if found == 0 {
			t.Errorf("%s: nothing found", version)
		}
		for _, n := range []string{".debug_info", ".debug_line"} {
			if s := secs[n]; s.most == 0 || s.most > s.Size()-(4<<10)+maxHeader {
				t.Errorf("%s: %d of %d bytes of %s were read", version, s.most, s.Size(), n)
			}
		}
	}
}
