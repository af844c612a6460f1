package massif

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/profile"
	"gogrind/internal/tool"
)

// defaultProfile is the name of the profile, beside the native result.
const defaultProfile = "massif.pprof.%p.pb.gz"

// noProfile as a value of --pprof means that none is written.
const noProfile = "no"

// profileName is where the profile goes, "" for nowhere. native is where the native result is.
func (m *Massif) profileName(x *options.Expander, native string) (string, error) {
	switch m.opts.pprof {
	case noProfile:
		return "", nil
	case "":
		if st, err := os.Stat((&files{dir: m.dir}).path(native)); err != nil || !st.Mode().IsRegular() {
			return "", nil // a device or pipe: nothing lies beside it
		}
		return filepath.Join(filepath.Dir(native), spare(x, defaultProfile)), nil
	}
	return x.Expand("pprof", m.opts.pprof)
}

// highest is the detail of the highest use that is known, and the number of its snapshot. When memory was never given
// back after its peak, that is the end of the run.
func (m *Massif) highest() (*detail, int) {
	i := m.rec.peak()
	if i < 0 || m.rec.snaps[i].use.total() < m.use.total() {
		return m.contexts.capture(), len(m.rec.snaps) - 1
	}
	return m.rec.snaps[i].detail, i
}

// writeProfile writes the profile for go tool pprof. The caller holds mu.
func (m *Massif) writeProfile(w io.Writer) error {
	b := profile.New([]profile.Value{
		{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
		{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"},
	}, "inuse_space")
	b.Times(m.started, time.Since(m.started))
	m.mapObjects(b)
	d, number := m.highest()
	sums := d.sums(len(m.contexts.list))
	label := map[string]int64{"snapshot": int64(number)}
	calls := map[guest.Addr]profile.Call{}
	for i := 1; i < len(m.contexts.list); i++ {
		x := &m.contexts.list[i]
		if x.all.blocks == 0 {
			continue
		}
		stack := make([]profile.Call, len(x.pcs))
		for j, pc := range x.pcs {
			c, ok := calls[pc]
			if !ok {
				c = m.call(pc)
				calls[pc] = c
			}
			stack[j] = c
		}
		live := sums[i]
		b.Add(stack, label, int64(x.all.blocks), int64(x.all.bytes), int64(live.blocks), int64(live.bytes))
	}
	return b.Write(w)
}

// mapObjects makes the executable mappings known, those of the program first.
func (m *Massif) mapObjects(b *profile.Builder) {
	var maps []tool.Mapping
	m.host.Mappings(func(mp tool.Mapping) bool {
		if mp.Prot&guest.Exec != 0 && mp.Path != "" && mp.Path[0] == '/' {
			maps = append(maps, mp)
		}
		return true
	})
	if objs := m.symbols.Snapshot().Objects(); len(objs) > 0 {
		first := objs[0].Path
		slices.SortStableFunc(maps, func(a, b tool.Mapping) int {
			switch {
			case a.Path == first && b.Path != first:
				return -1
			case a.Path != first && b.Path == first:
				return 1
			}
			return 0
		})
	}
	for _, mp := range maps {
		id := ""
		if o := m.symbols.Object(mp.Start); o != nil {
			id = o.BuildID()
		}
		b.Map(profile.Mapping{Start: uint64(mp.Start), End: uint64(mp.End), Offset: mp.Offset, File: mp.Path, BuildID: id})
	}
}

// call describes the code at pc. What has no name is put down to its object.
func (m *Massif) call(pc guest.Addr) profile.Call {
	c := profile.Call{Addr: uint64(pc)}
	for _, f := range m.contexts.resolved(pc) {
		name := f.Fn
		switch {
		case name != "":
		case f.Obj != "":
			name = "[" + filepath.Base(f.Obj) + "]"
		default:
			name = "[unknown]"
		}
		file := f.File
		if file != "" && f.Dir != "" && !filepath.IsAbs(file) {
			file = filepath.Join(f.Dir, file)
		}
		c.Frames = append(c.Frames, profile.Frame{Function: name, Linkage: f.RawFn, File: file, Line: f.Line})
	}
	return c
}
