// Package code describes the code of a guest in profiles: the objects it is mapped from, and the functions and lines at an address.
//
// It neither measures nor counts, and looks up nothing that its callers did not.
package code

import (
	"path/filepath"
	"slices"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/profile"
	"gogrind/internal/tool"
)

// Map makes the executable mappings of files known to b, with the build ids of their objects, those of the program first. It must
// be called before the first sample is added.
func Map(b *profile.Builder, h tool.Host, symbols *debuginfo.Space) {
	var maps []tool.Mapping
	h.Mappings(func(m tool.Mapping) bool {
		if m.Prot&guest.Exec != 0 && m.Path != "" && m.Path[0] == '/' {
			maps = append(maps, m)
		}
		return true
	})
	if objs := symbols.Snapshot().Objects(); len(objs) > 0 {
		program := objs[0].Path
		slices.SortStableFunc(maps, func(x, y tool.Mapping) int { return after(x.Path == program) - after(y.Path == program) })
	}
	for _, m := range maps {
		id := ""
		if o := symbols.Object(m.Start); o != nil {
			id = o.BuildID()
		}
		b.Map(profile.Mapping{Start: uint64(m.Start), End: uint64(m.End), Offset: m.Offset, File: m.Path, BuildID: id})
	}
}

// after orders what is first before what is not.
func after(first bool) int {
	if first {
		return 0
	}
	return 1
}

// Call describes the code at pc, whose frames are innermost first. What has no name is put down to its object. With pc 0 the
// place is known by its names only: code that is not mapped any more.
func Call(pc guest.Addr, frames []debuginfo.Frame) profile.Call {
	c := profile.Call{Addr: uint64(pc), Frames: make([]profile.Frame, 0, len(frames))}
	for i := range frames {
		f := &frames[i]
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
