package request

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

const strAddr, bufAddr guest.Addr = 0x10000, 0x20000

func TestDispatch(t *testing.T) {
	mc := uint64(ToolBase('M', 'C'))
	for _, c := range []struct {
		name   string
		args   [6]uint64
		result uint64
		calls  []string
	}{
		{"running", [6]uint64{RunningOnValgrind}, 1, nil},
		{"discard", [6]uint64{DiscardTranslations, 0x1000, 0x20}, 0, []string{"discard 0x1000-0x1020"}},
		{"discard nothing", [6]uint64{DiscardTranslations, 0x1000, 0}, 0, nil},
		{"discard around the end", [6]uint64{DiscardTranslations, 0x1000, ^uint64(0)}, 0, nil},
		{"call0", [6]uint64{ClientCall0, 0x4000, 7, 8, 9}, 99, []string{"call 0x4000 [3]"}},
		{"call2", [6]uint64{ClientCall2, 0x4000, 7, 8, 9}, 99, []string{"call 0x4000 [3 7 8]"}},
		{"call3", [6]uint64{ClientCall3, 0x4000, 7, 8, 9}, 99, []string{"call 0x4000 [3 7 8 9]"}},
		{"errors", [6]uint64{CountErrors}, 42, nil},
		{"monitor", [6]uint64{GDBMonitorCommand, uint64(strAddr)}, 0, []string{`monitor "known"`}},
		{"monitor unknown", [6]uint64{GDBMonitorCommand, uint64(strAddr) + 1}, 1, []string{`monitor "nown"`}},
		{"option", [6]uint64{ChangeOption, uint64(strAddr)}, 0, []string{`option "known"`}},
		{"stack", [6]uint64{StackRegister, 0x1000, 0x1fff}, 5, []string{"register 0x1000-0x2000"}},
		{"stack upside down", [6]uint64{StackRegister, 0x1fff, 0x1000}, 5, []string{"register 0x1000-0x2000"}},
		{"deregister", [6]uint64{StackDeregister, 5}, 0, []string{"deregister 5"}},
		{"change", [6]uint64{StackChange, 5, 0x1000, 0x1fff}, 0, []string{"change 5 0x1000-0x2000"}},
		{"disable", [6]uint64{ChangeErrDisablement, 1}, 0, []string{"disable +1"}},
		{"enable", [6]uint64{ChangeErrDisablement, ^uint64(0)}, 0, []string{"disable -1"}},
		{"disable by 2", [6]uint64{ChangeErrDisablement, 2}, 0, nil},
		{"pdb", [6]uint64{LoadPDB, 1, 2, 3}, 0, nil},
		{"tool", [6]uint64{mc + 3, 1, 2, 3, 4, 5}, 1234, nil},
		{"mempool the tool knows", [6]uint64{CreateMempool}, 1234, nil},
		{"mempool it does not know", [6]uint64{MempoolExists}, 777, []string{`warn ["  unhandled client request: 0x130a (__+0x130a).  Perhaps" "  the program was made for another tool?"]`}},
		{"malloclike it does not know", [6]uint64{MallocLikeBlock, 1, 2, 3}, 0, nil},
		{"another tool's", [6]uint64{uint64(ToolBase('H', 'G')) + 1}, 777, []string{`warn ["  unhandled client request: 0x48470001 (HG+0x1).  Perhaps" "  the program was made for another tool?"]`}},
		{"too large", [6]uint64{1<<32 | RunningOnValgrind}, 777, []string{`warn ["  unhandled client request: 0x100001001 (__+0x1001).  Perhaps" "  the program was made for another tool?"]`}},
	} {
		core, tl := &fakeCore{}, &fakeTool{}
		core.mem.add(strAddr, []byte("known\x00"))
		d := &Dispatcher{Core: core, Tool: tl}
		if got := d.Dispatch(&fakeThread{}, c.args, 777); got != c.result || !slices.Equal(core.calls, c.calls) {
			t.Errorf("%s: result %d, calls %q, want %d, %q", c.name, got, core.calls, c.result, c.calls)
		}
		if c.result == 1234 && !slices.Equal(tl.got, c.args[:]) {
			t.Errorf("%s: tool got %d", c.name, tl.got)
		}
	}
}

func TestUnknownIsSaidOnce(t *testing.T) {
	core := &fakeCore{}
	d := &Dispatcher{Core: core}
	for i := range 3 {
		d.Dispatch(&fakeThread{}, [6]uint64{0x7000 + uint64(i)}, 0)
	}
	if len(core.calls) != 1 {
		t.Errorf("%q", core.calls)
	}
}

func TestHandle(t *testing.T) {
	core := &fakeCore{}
	d := &Dispatcher{Core: core}
	block := make([]byte, 48)
	binary.LittleEndian.PutUint64(block, MapIPToSrcLoc)
	binary.LittleEndian.PutUint64(block[8:], 0x4000)
	binary.LittleEndian.PutUint64(block[16:], uint64(bufAddr))
	buf := bytes.Repeat([]byte{'x'}, 100)
	core.mem.add(strAddr, block)
	core.mem.add(bufAddr, buf)
	th := &fakeThread{}
	th.regs.GPR[guest.RAX], th.regs.GPR[guest.RDX] = uint64(strAddr), 777
	d.Handle(th)
	want := append([]byte("a-file.c:17"), make([]byte, 53)...)
	if th.regs.GPR[guest.RDX] != 0 || !bytes.Equal(buf[:64], want) || buf[64] != 'x' {
		t.Errorf("result %d, buffer %q", th.regs.GPR[guest.RDX], buf)
	}
	// Unknown address: an empty string.
	binary.LittleEndian.PutUint64(block[8:], 0x5000)
	d.Handle(th)
	if buf[0] != 0 {
		t.Errorf("buffer %q", buf)
	}
	// A request that can't be read.
	th.regs.GPR[guest.RAX], th.regs.GPR[guest.RDX] = uint64(strAddr)+8, 777
	d.Handle(th)
	if th.regs.GPR[guest.RDX] != 777 {
		t.Errorf("result %d", th.regs.GPR[guest.RDX])
	}
}

// Codes are those of the installed header.
func TestCodesLikeHeader(t *testing.T) {
	out := preprocess(t, `#include <valgrind/valgrind.h>
#include <valgrind/memcheck.h>
`)
	for name, code := range map[string]uint64{
		"RUNNING_ON_VALGRIND": RunningOnValgrind, "DISCARD_TRANSLATIONS": DiscardTranslations, "CLIENT_CALL0": ClientCall0,
		"CLIENT_CALL1": ClientCall1, "CLIENT_CALL2": ClientCall2, "CLIENT_CALL3": ClientCall3, "COUNT_ERRORS": CountErrors,
		"GDB_MONITOR_COMMAND": GDBMonitorCommand, "CLO_CHANGE": ChangeOption, "MALLOCLIKE_BLOCK": MallocLikeBlock,
		"RESIZEINPLACE_BLOCK": ResizeInPlaceBlock, "FREELIKE_BLOCK": FreeLikeBlock, "CREATE_MEMPOOL": CreateMempool,
		"DESTROY_MEMPOOL": DestroyMempool, "MEMPOOL_ALLOC": MempoolAlloc, "MEMPOOL_FREE": MempoolFree,
		"MEMPOOL_TRIM": MempoolTrim, "MOVE_MEMPOOL": MoveMempool, "MEMPOOL_CHANGE": MempoolChange,
		"MEMPOOL_EXISTS": MempoolExists, "PRINTF": Printf, "PRINTF_BACKTRACE": PrintfBacktrace,
		"PRINTF_VALIST_BY_REF": PrintfVAListByRef, "PRINTF_BACKTRACE_VALIST_BY_REF": PrintfBacktraceByRef,
		"STACK_REGISTER": StackRegister, "STACK_DEREGISTER": StackDeregister, "STACK_CHANGE": StackChange,
		"LOAD_PDB_DEBUGINFO": LoadPDB, "MAP_IP_TO_SRCLOC": MapIPToSrcLoc, "CHANGE_ERR_DISABLEMENT": ChangeErrDisablement,
		"VEX_INIT_FOR_IRI": VexInitForIRI, "INNER_THREADS": InnerThreads,
	} {
		if want := fmt.Sprintf("VG_USERREQ__%s = 0x%x", name, code); !strings.Contains(out, want) {
			t.Errorf("the header does not say %s", want)
		}
	}
	if ToolBase('M', 'C') != 0x4d430000 {
		t.Errorf("base %#x", ToolBase('M', 'C'))
	}
}

func preprocess(t *testing.T, src string) string {
	t.Helper()
	cmd := exec.Command("gcc", "-E", "-")
	cmd.Stdin = strings.NewReader(src)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no gcc or no valgrind.h: %v", err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestMagicLikeHeader(t *testing.T) {
	obj := filepath.Join(t.TempDir(), "magic.o")
	if out, err := exec.Command("gcc", "-w", "-O1", "-c", "-o", obj, "testdata/magic.c").CombinedOutput(); err != nil {
		t.Skipf("no gcc or no valgrind.h: %v\n%s", err, out)
	}
	f, err := elf.Open(obj)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := f.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Kind{"request": Request, "nraddr": GetNRAddr, "noredir": CallNoRedir, "inject": InjectMarker}
	for _, s := range syms {
		kind, ok := want[s.Name]
		if !ok {
			continue
		}
		delete(want, s.Name)
		code := text[s.Value : s.Value+s.Size]
		found := 0
		for i := range code {
			if k, n, ok := Magic(code[i:]); ok {
				found++
				if k != kind || n != 19 {
					t.Errorf("%s: kind %d, length %d", s.Name, k, n)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %d sequences", s.Name, found)
		}
	}
	if len(want) != 0 {
		t.Errorf("not compiled: %v", want)
	}
}

func TestMagicRefuses(t *testing.T) {
	good := append(append([]byte(nil), preamble...), 0x48, 0x87, 0xdb)
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if _, _, ok := Magic(bad); ok {
			t.Errorf("accepted with byte %d wrong", i)
		}
		if _, _, ok := Magic(good[:i]); ok {
			t.Errorf("accepted %d bytes", i)
		}
	}
	if _, _, ok := Magic(good); !ok {
		t.Error("refused the right bytes")
	}
}
