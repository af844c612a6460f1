package debuginfo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// variablesC has variables of all kinds of types, each of its own size where that tells it from its neighbours.
const variablesC = `typedef const struct { short s; char c[5]; } inner;
union either { int i; char c[12]; };
struct outer { int first; inner in[3]; union either u; int grid[2][3]; struct { char unnamed; }; struct outer *next; int bits : 3, more : 5; };
enum color { red, green };
struct outer g_struct; char g_bytes[7]; static int g_grid[4][4]; union either g_union; volatile enum color g_enum; double g_none[0];
static void *g_pointers[3]; int (*g_function)(int);
void use(void *);
static inline __attribute__((always_inline)) int inlined(int x) { int in_inline[2] = {x}; use(in_inline); return in_inline[1]; }
int f(int n) {
	struct outer l_struct; char l_bytes[9];
	static int once[6];
	use(&l_struct); use(l_bytes); use(&n); use(once); use(g_grid); use(g_pointers);
	{ long l_block[2]; use(l_block); }
	inlined(n);
	return 0;
}
`

// buildVariables builds variablesC as an object without libraries.
func buildVariables(t *testing.T, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	dir := t.TempDir()
	src, out := filepath.Join(dir, "vars.c"), filepath.Join(dir, "vars")
	if err := os.WriteFile(src, []byte(variablesC), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-g", "-w", "-shared", "-fPIC", "-nostdlib", "-o", out, src}, flags...)
	cmd := exec.Command("gcc", args...)
	cmd.Dir = dir // where a split unit goes
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

var variableFlags = []string{"-gdwarf-2 -gstrict-dwarf", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gsplit-dwarf", "-gdwarf-5 -O1", "-gdwarf-4 -O2"}

// TestGlobals describes bytes of global variables.
func TestGlobals(t *testing.T) {
	rows := []struct {
		symbol string
		off    guest.Addr
		want   string
	}{
		{"g_bytes", 6, "g_bytes[6]+0 vars.c:5"},
		{"g_grid", 21, "g_grid+21 vars.c:5"},
		{"g_union", 5, "g_union+5 vars.c:5"},
		{"g_enum", 3, "g_enum+3 vars.c:5"},
		{"g_pointers", 17, "g_pointers[2]+1 vars.c:6"},
		{"g_function", 0, "g_function+0 vars.c:6"},
		{"g_struct", 0, "g_struct.first+0 vars.c:5"},
		{"g_struct", 4 + 8 + 1, "g_struct.in[1].s+1 vars.c:5"},
		{"g_struct", 4 + 16 + 6, "g_struct.in[2].c[4]+0 vars.c:5"},
		{"g_struct", 4 + 16 + 7, "g_struct.in[2]+7 vars.c:5"}, // padding
		{"g_struct", 28 + 9, "g_struct.u+9 vars.c:5"},
		{"g_struct", 40 + 13, "g_struct.grid+13 vars.c:5"},
		{"g_struct", 64, "g_struct.<anon_field>.unnamed+0 vars.c:5"},
		{"g_struct", 72, "g_struct.next+0 vars.c:5"},
		{"g_struct", 88, "none"},
	}
	for _, flags := range variableFlags {
		t.Run(flags, func(t *testing.T) {
			s := NewSpace(Options{Warn: func(m string) { t.Error(m) }})
			o, err := s.AddImage(buildVariables(t, strings.Fields(flags)...), 0x400000)
			if err != nil {
				t.Fatal(err)
			}
			at := map[string]guest.Addr{}
			o.Symbols(func(y Symbol) bool { at[y.Name] = y.Addr; return true })
			for _, r := range rows {
				if at[r.symbol] == 0 {
					t.Errorf("no symbol %s", r.symbol)
					continue
				}
				got := "none"
				if v, ok := s.Global(at[r.symbol] + r.off); ok {
					got = text(&v)
				}
				// What lies behind a variable is another one's.
				if got != r.want && (r.want != "none" || strings.HasPrefix(got, r.symbol)) {
					t.Errorf("%s+%d: %s, want %s", r.symbol, r.off, got, r.want)
				}
			}
		})
	}
}

func text(v *Variable) string {
	return fmt.Sprintf("%s%s+%d %s:%d", v.Name, v.Path, v.Offset, v.File, v.Line)
}

// flat is a frame in which all registers have one value, and memory is zero.
type flat uint64

func (r flat) Reg(uint64) (uint64, bool)  { return uint64(r), true }
func (flat) Read64(uint64) (uint64, bool) { return 0, true }
func (r flat) CFA() (uint64, bool)        { return uint64(r), true }

// TestLocals finds the local variables in scope at each address of a function: the compiler decides where they are, so all
// bytes of a frame are asked for.
func TestLocals(t *testing.T) {
	sizes := map[string]int{"l_struct": 88, "l_bytes": 9, "n": 4, "l_block": 16, "in_inline": 8, "x": 4}
	for _, flags := range variableFlags {
		t.Run(flags, func(t *testing.T) {
			s := NewSpace(Options{Warn: func(m string) { t.Error(m) }})
			o, err := s.AddImage(buildVariables(t, strings.Fields(flags)...), 0x400000)
			if err != nil {
				t.Fatal(err)
			}
			var f Symbol
			o.Symbols(func(y Symbol) bool { f = y; return y.Name != "f" })
			const cfa = 0x7ffe00000000
			most := map[string]int{} // bytes seen of each variable at an address
			for pc := f.Addr; pc < f.Addr+guest.Addr(f.Size); pc += 3 {
				seen := map[string]int{}
				for a := guest.Addr(cfa - 320); a < cfa+64; a++ {
					if v, ok := s.Local(pc, a, flat(cfa)); ok {
						seen[v.Name]++
						if v.File != "vars.c" || v.Line < 7 || v.Line > 15 {
							t.Fatalf("%#x: %s", pc, text(&v))
						}
					}
				}
				for name, n := range seen {
					most[name] = max(most[name], n)
					if seen["l_block"] > 0 && seen["in_inline"] > 0 {
						t.Errorf("%v: variables of two scopes", pc)
					}
				}
			}
			for name, n := range sizes {
				if name == "n" && most[name] == 0 || name == "x" && most[name] == 0 {
					continue // may live in a register
				}
				if most[name] != n {
					t.Errorf("%d bytes of %s, want %d", most[name], name, n)
				}
				delete(most, name)
			}
			if len(most) > 0 {
				t.Errorf("also found %v", most)
			}
			if strings.Contains(flags, "-O") {
				return
			}
			if v, ok := s.Local(f.Addr, cfa, flat(cfa)); ok {
				t.Errorf("found above the frame: %s", text(&v))
			}
		})
	}
}
