package request

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestHeader: our header has the numbers that the dispatcher knows.
func TestHeader(t *testing.T) {
	data, err := os.ReadFile("../../../include/valgrind/valgrind.h")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{
		"RUNNING_ON_VALGRIND": RunningOnValgrind, "DISCARD_TRANSLATIONS": DiscardTranslations,
		"CLIENT_CALL0": ClientCall0, "CLIENT_CALL1": ClientCall1, "CLIENT_CALL2": ClientCall2, "CLIENT_CALL3": ClientCall3,
		"COUNT_ERRORS": CountErrors, "GDB_MONITOR_COMMAND": GDBMonitorCommand, "CLO_CHANGE": ChangeOption,
		"MALLOCLIKE_BLOCK": MallocLikeBlock, "FREELIKE_BLOCK": FreeLikeBlock, "RESIZEINPLACE_BLOCK": ResizeInPlaceBlock,
		"CREATE_MEMPOOL": CreateMempool, "DESTROY_MEMPOOL": DestroyMempool, "MEMPOOL_ALLOC": MempoolAlloc, "MEMPOOL_FREE": MempoolFree,
		"MEMPOOL_TRIM": MempoolTrim, "MOVE_MEMPOOL": MoveMempool, "MEMPOOL_CHANGE": MempoolChange, "MEMPOOL_EXISTS": MempoolExists,
		"PRINTF_VALIST_BY_REF": PrintfVAListByRef, "PRINTF_BACKTRACE_VALIST_BY_REF": PrintfBacktraceByRef,
		"STACK_REGISTER": StackRegister, "STACK_DEREGISTER": StackDeregister, "STACK_CHANGE": StackChange,
		"LOAD_PDB_DEBUGINFO": LoadPDB, "MAP_IP_TO_SRCLOC": MapIPToSrcLoc, "CHANGE_ERR_DISABLEMENT": ChangeErrDisablement,
		"INNER_THREADS": InnerThreads,
	}
	row := regexp.MustCompile(`VG_USERREQ__(\w+) = (0x[0-9a-f]+),\n`)
	n := 0
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		v, _ := strconv.ParseUint(m[2], 0, 64)
		if w, ok := want[m[1]]; !ok || w != v {
			t.Errorf("%s is %#x, want %#x", m[1], v, w)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d numbers, want %d", n, len(want))
	}
}
