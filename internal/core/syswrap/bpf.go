package syswrap

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// bpfField is a member of union bpf_attr: include/uapi/linux/bpf.h. In names, a test, info, query, ... comes before
// members of the anonymous structures, as there.
type bpfField struct {
	name string
	off  uint64
	size uint64
	// mem is what a member that is a pointer leads to; nil: it is none.
	mem func(c *Call, name string, p uint64)
}

// bpfNameSize is BPF_OBJ_NAME_LEN, the size of the members that are strings: what follows their zero does not matter.
const bpfNameSize = 16

// bpfRow is one command of bpf.
type bpfRow struct {
	in []bpfField
	// out are members that the command writes; what is behind pointers is marked by after.
	out   []bpfField
	after func(c *Call)
}

func bpfIn(size Size) func(c *Call, name string, p uint64) {
	return func(c *Call, name string, p uint64) { c.read(name, p, size.eval(c)) }
}

func bpfOut(size Size) func(c *Call, name string, p uint64) {
	return func(c *Call, name string, p uint64) { c.write(name, p, size.eval(c)) }
}

func bpfString(c *Call, name string, p uint64) { c.readString(name, p) }

// attr32 is the 32-bit member of the attribute at off.
func attr32(off uint64) Size {
	return Fn(fmt.Sprintf("attr[%d]", off), func(c *Call) uint64 {
		v, _ := c.load32(c.Args[1] + off)
		return uint64(v)
	})
}

// bpfMapSize is a size that the map with the descriptor in the attribute's first member has, as /proc tells it:
// "key_size" or "value_size". Values of per-CPU maps are one for each possible processor, rounded up to 8.
func bpfMapSize(what string) Size {
	return Fn("the map's "+what, func(c *Call) uint64 {
		fd, ok := c.load32(c.Args[1])
		text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(fd)))
		if !ok || err != nil {
			return 0
		}
		get := func(name string) uint64 {
			for line := range strings.Lines(string(text)) {
				if k, v, ok := strings.Cut(line, ":"); ok && k == name {
					n, _ := strconv.ParseUint(strings.TrimSpace(v), 0, 64)
					return n
				}
			}
			return 0
		}
		n := get(what)
		switch get("map_type") {
		case unix.BPF_MAP_TYPE_PERCPU_HASH, unix.BPF_MAP_TYPE_PERCPU_ARRAY, unix.BPF_MAP_TYPE_LRU_PERCPU_HASH,
			unix.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
			if what == "value_size" {
				n = (n + 7) &^ 7 * possibleCPUs()
			}
		}
		return n
	})
}

// possibleCPUs is the number of processors the kernel keeps per-CPU data for: one more than the last number in a list
// such as "0-3".
func possibleCPUs() uint64 {
	text, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		return 1
	}
	text = bytes.TrimSpace(text)
	last := text[bytes.LastIndexAny(text, ",-")+1:]
	n, err := strconv.ParseUint(string(last), 10, 32)
	if err != nil {
		return 1
	}
	return n + 1
}

func u32s(prefix string, off uint64, names ...string) []bpfField {
	var f []bpfField
	for i, n := range names {
		f = append(f, bpfField{prefix + n, off + 4*uint64(i), 4, nil})
	}
	return f
}

func bpfFields(parts ...[]bpfField) []bpfField {
	var all []bpfField
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func bpfPtr(name string, off uint64, mem func(*Call, string, uint64)) []bpfField {
	return []bpfField{{name, off, 8, mem}}
}

// wroteAt marks size bytes behind the pointer at off in the attribute.
func (c *Call) wroteAt(off uint64, size uint64) {
	if p, ok := c.load64(c.Args[1] + off); ok {
		c.wrote(p, size)
	}
}

var (
	bpfKey   = bpfPtr("key", 8, bpfIn(bpfMapSize("key_size")))
	bpfMapFD = u32s("", 0, "map_fd")
	bpfLog   = attr32(28)
)

// bpfRows are the commands of bpf whose members are known, by number. Of others, all of the attribute is read.
var bpfRows = sync.OnceValue(func() map[uint64]bpfRow {
	return map[uint64]bpfRow{
		unix.BPF_MAP_CREATE: {in: bpfFields(u32s("", 0, "map_type", "key_size", "value_size", "max_entries", "map_flags", "inner_map_fd",
			"numa_node"), []bpfField{{"map_name", 28, bpfNameSize, nil}}, u32s("", 44, "map_ifindex", "btf_fd", "btf_key_type_id",
			"btf_value_type_id"))},
		unix.BPF_MAP_LOOKUP_ELEM: {in: bpfFields(bpfMapFD, bpfKey, bpfPtr("value", 16, bpfOut(bpfMapSize("value_size")))),
			after: func(c *Call) { c.wroteAt(16, bpfMapSize("value_size").eval(c)) }},
		unix.BPF_MAP_UPDATE_ELEM: {in: bpfFields(bpfMapFD, bpfKey, bpfPtr("value", 16, bpfIn(bpfMapSize("value_size"))),
			[]bpfField{{"flags", 24, 8, nil}})},
		unix.BPF_MAP_DELETE_ELEM: {in: bpfFields(bpfMapFD, bpfKey)},
		unix.BPF_MAP_GET_NEXT_KEY: {in: bpfFields(bpfMapFD, bpfKey, bpfPtr("next_key", 16, bpfOut(bpfMapSize("key_size")))),
			after: func(c *Call) { c.wroteAt(16, bpfMapSize("key_size").eval(c)) }},
		unix.BPF_PROG_LOAD: {in: bpfFields(u32s("", 0, "prog_type", "insn_cnt"), bpfPtr("insns", 8, bpfIn(Times(attr32(4), 8))),
			bpfPtr("license", 16, bpfString), u32s("", 24, "log_level", "log_size"), bpfPtr("log_buf", 32, bpfOut(bpfLog)),
			u32s("", 40, "kern_version", "prog_flags"), []bpfField{{"prog_name", 48, bpfNameSize, nil}}, u32s("", 64, "prog_ifindex",
				"expected_attach_type")), after: func(c *Call) { c.wroteAt(32, bpfLog.eval(c)) }},
		unix.BPF_OBJ_PIN:     {in: bpfFields(bpfPtr("pathname", 0, bpfString), u32s("", 8, "bpf_fd", "file_flags"))},
		unix.BPF_OBJ_GET:     {in: bpfFields(bpfPtr("pathname", 0, bpfString), u32s("", 8, "bpf_fd", "file_flags"))},
		unix.BPF_PROG_ATTACH: {in: u32s("", 0, "target_fd", "attach_bpf_fd", "attach_type", "attach_flags")},
		unix.BPF_PROG_DETACH: {in: u32s("", 0, "target_fd", "attach_bpf_fd", "attach_type")},
		unix.BPF_PROG_TEST_RUN: {in: bpfFields(u32s("test.", 0, "prog_fd"), u32s("test.", 8, "data_size_in", "data_size_out"),
			bpfPtr("test.data_in", 16, bpfIn(attr32(8))), bpfPtr("test.data_out", 24, bpfOut(attr32(12))),
			u32s("test.", 32, "repeat")),
			out:   bpfFields(u32s("test.", 4, "retval"), u32s("test.", 12, "data_size_out"), u32s("test.", 36, "duration")),
			after: func(c *Call) { c.wroteAt(24, attr32(12).eval(c)) }},
		unix.BPF_PROG_GET_NEXT_ID:  {in: u32s("", 0, "start_id"), out: u32s("", 4, "next_id")},
		unix.BPF_MAP_GET_NEXT_ID:   {in: u32s("", 0, "start_id"), out: u32s("", 4, "next_id")},
		unix.BPF_BTF_GET_NEXT_ID:   {in: u32s("", 0, "start_id"), out: u32s("", 4, "next_id")},
		unix.BPF_PROG_GET_FD_BY_ID: {in: u32s("", 0, "prog_id")},
		unix.BPF_MAP_GET_FD_BY_ID:  {in: u32s("", 0, "map_id")},
		unix.BPF_BTF_GET_FD_BY_ID:  {in: u32s("", 0, "btf_id")},
		unix.BPF_OBJ_GET_INFO_BY_FD: {in: bpfFields(u32s("info.", 0, "bpf_fd", "info_len"), bpfPtr("info.info", 8, bpfOut(attr32(4)))),
			out: u32s("info.", 4, "info_len"), after: func(c *Call) { c.wroteAt(8, attr32(4).eval(c)) }},
		unix.BPF_PROG_QUERY: {in: bpfFields(u32s("query.", 0, "target_fd", "attach_type", "query_flags", "attach_flags"),
			bpfPtr("query.prog_ids", 16, bpfOut(Times(attr32(24), 4))), u32s("query.", 24, "prog_cnt")),
			out:   bpfFields(u32s("query.", 12, "attach_flags"), u32s("query.", 24, "prog_cnt")),
			after: func(c *Call) { c.wroteAt(16, Times(attr32(24), 4).eval(c)) }},
		unix.BPF_RAW_TRACEPOINT_OPEN: {in: bpfFields(bpfPtr("raw_tracepoint.name", 0, bpfString), u32s("raw_tracepoint.", 8, "prog_fd"))},
		unix.BPF_BTF_LOAD: {in: bpfFields(bpfPtr("btf", 0, bpfIn(attr32(16))), bpfPtr("btf_log_buf", 8, bpfOut(attr32(20))),
			u32s("", 16, "btf_size", "btf_log_size", "btf_log_level")), after: func(c *Call) { c.wroteAt(8, attr32(20).eval(c)) }},
		unix.BPF_TASK_FD_QUERY: {in: bpfFields(u32s("task_fd_query.", 0, "pid", "fd", "flags", "buf_len"),
			bpfPtr("task_fd_query.buf", 16, bpfOut(attr32(12)))),
			out: bpfFields(u32s("task_fd_query.", 12, "buf_len"), u32s("task_fd_query.", 24, "prog_id", "fd_type"),
				[]bpfField{{"task_fd_query.probe_offset", 32, 8, nil}, {"task_fd_query.probe_addr", 40, 8, nil}}),
			after: func(c *Call) { c.wroteAt(16, attr32(12).eval(c)) }},
	}
})

// bpfBefore checks the members of the command's attribute that lie within the size given.
func bpfBefore(c *Call) {
	attr, size := c.Args[1], Arg32(2).eval(c)
	row, ok := bpfRows()[c.Args[0]]
	if !ok {
		c.read(c.text("attr"), attr, size)
		return
	}
	for _, f := range row.in {
		if f.off+f.size > size || c.fault {
			continue
		}
		name := c.text("attr->" + f.name)
		if f.size == bpfNameSize {
			c.read(name, attr+f.off, c.stringLen(attr+f.off, f.size))
			continue
		}
		c.read(name, attr+f.off, f.size)
		if p, ok := c.load64(attr + f.off); ok && f.mem != nil && p != 0 {
			f.mem(c, name, p)
		}
	}
	for _, f := range row.out {
		if f.off+f.size <= size {
			c.write(c.text("attr->"+f.name), attr+f.off, f.size)
		}
	}
}

func bpfAfter(c *Call) {
	row := bpfRows()[c.Args[0]]
	for _, f := range row.out {
		c.wrote(c.Args[1]+f.off, f.size)
	}
	if row.after != nil {
		row.after(c)
	}
}
