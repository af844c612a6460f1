package debuginfo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gogrind/internal/debuginfo/dwarf"
)

// systemDebug is where distributions install separate debug information.
const systemDebug = "/usr/lib/debug"

// debugRoots are the directories laid out as systemDebug, in order of search.
func (o *Object) debugRoots() []string {
	if x := o.space.opt.ExtraDebugPath; x != "" {
		return []string{x, systemDebug}
	}
	return []string{systemDebug}
}

// debugFile is the object's separate debug file, nil when there is none. Caller holds o.mu.
func (o *Object) debugFile() *elfFile {
	if o.debug != nil {
		if len(o.debug.sections) == 0 {
			return nil
		}
		return o.debug
	}
	o.debug = o.findDebugFile()
	if o.debug == nil {
		o.debug = &elfFile{loaded: true} // searched, not found
		return nil
	}
	return o.debug
}

func (o *Object) findDebugFile() *elfFile {
	if o.inMemory {
		return nil
	}
	o.identify()
	if f := o.byBuildID(o.buildID); f != nil {
		return f
	}
	if f := o.byDebugLink(); f != nil {
		return f
	}
	for _, root := range o.debugRoots() {
		for _, suffix := range []string{"", ".debug"} {
			if f := o.tryDebug(root+o.Path+suffix, o.buildID); f != nil {
				return f
			}
		}
	}
	return nil
}

// byBuildID looks for a debug file under its build id, also in debuginfod's cache.
func (o *Object) byBuildID(id string) *elfFile {
	if len(id) < 4 {
		return nil
	}
	for _, root := range o.debugRoots() {
		if f := o.tryDebug(filepath.Join(root, ".build-id", id[:2], id[2:]+".debug"), id); f != nil {
			return f
		}
	}
	cache := os.Getenv("DEBUGINFOD_CACHE_PATH")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil
		}
		cache = filepath.Join(dir, "debuginfod_client")
	}
	return o.tryDebug(filepath.Join(cache, id, "debuginfo"), id)
}

// byDebugLink follows .gnu_debuglink: file name, padding to 4 bytes, CRC-32 of the file.
func (o *Object) byDebugLink() *elfFile {
	s := o.elf.section(".gnu_debuglink")
	if s == nil {
		return nil
	}
	b, err := o.elf.data(s)
	if err != nil {
		o.warn(err)
		return nil
	}
	end := bytes.IndexByte(b, 0)
	if end <= 0 || (end+4)&^3+4 > len(b) {
		o.warn(fmt.Errorf(".gnu_debuglink is damaged"))
		return nil
	}
	name, crc := filepath.Base(string(b[:end])), binary.LittleEndian.Uint32(b[(end+4)&^3:])
	dir := filepath.Dir(o.Path)
	places := []string{filepath.Join(dir, name), filepath.Join(dir, ".debug", name)}
	for _, root := range o.debugRoots() {
		places = append(places, filepath.Join(root, dir, name), filepath.Join(root, name))
	}
	for _, p := range places {
		if p == o.Path || !o.mayMismatch(p) && !o.crcMatches(p, crc) {
			continue
		}
		if f := o.tryDebug(p, ""); f != nil {
			return f
		}
	}
	return nil
}

// mayMismatch reports whether the debug file path is taken although it was made for another object.
func (o *Object) mayMismatch(path string) bool {
	opt := &o.space.opt
	return opt.AllowMismatched && opt.ExtraDebugPath != "" && strings.HasPrefix(path, filepath.Clean(opt.ExtraDebugPath)+"/")
}

func (o *Object) crcMatches(path string, want uint32) bool {
	r, err := o.space.opt.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return false
	}
	return h.Sum32() == want
}

// tryDebug opens path as debug file; its build id must be id when both are known.
func (o *Object) tryDebug(path, id string) *elfFile {
	if path == o.Path {
		return nil
	}
	f, err := readHeader(func() (File, error) { return o.space.opt.Open(path) })
	if err != nil {
		return nil // mostly: no such file
	}
	defer f.hold()()
	if err := f.loadSections(); err != nil {
		o.warn(fmt.Errorf("%s: %w", path, err))
		return nil
	}
	if id != "" && !o.mayMismatch(path) {
		if got := f.buildID(); got != "" && got != id {
			return nil
		}
	}
	if len(f.sections) == 0 {
		return nil
	}
	return f
}

// openAlt opens the dwz supplementary file of f: .gnu_debugaltlink holds its name and build id.
func (o *Object) openAlt(f *elfFile) *dwarf.Data {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := debugData(f, ".gnu_debugaltlink")
	if err != nil {
		o.warn(err)
		return nil
	}
	end := bytes.IndexByte(b, 0)
	if end <= 0 {
		return nil
	}
	name, id := string(b[:end]), fmt.Sprintf("%x", b[end+1:])
	places := []string{name}
	if !filepath.IsAbs(name) {
		// Relative to the debug file itself, whose path is one of those searched before.
		places = nil
		for _, root := range o.debugRoots() {
			if len(o.buildID) > 2 {
				places = append(places, filepath.Join(root, ".build-id", o.buildID[:2], name))
			}
			places = append(places, filepath.Join(root, filepath.Dir(o.Path), name))
		}
		places = append(places, filepath.Join(filepath.Dir(o.Path), name))
	}
	for _, p := range places {
		if a := o.tryDebug(p, id); a != nil {
			return o.newDWARF(a)
		}
	}
	if a := o.byBuildID(id); a != nil {
		return o.newDWARF(a)
	}
	o.warn(fmt.Errorf("supplementary debug file %s is missing", name))
	return nil
}

// openSplit finds the split DWARF of the unit with the given id: in OBJECT.dwp or in the .dwo file that was named.
func (o *Object) openSplit(name, compDir string, id uint64) *dwarf.Data {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dwpDone {
		o.dwpDone = true
		o.dwp = o.openDWO(o.Path + ".dwp")
	}
	if o.dwp != nil {
		if d := o.dwp.Package(id); d != nil {
			return d
		}
	}
	places := []string{name}
	if !filepath.IsAbs(name) {
		places = []string{filepath.Join(compDir, name), filepath.Join(filepath.Dir(o.Path), name)}
	}
	places = append(places, filepath.Join(filepath.Dir(o.Path), filepath.Base(name)))
	for _, p := range places {
		if d := o.openDWO(p); d != nil {
			return d
		}
	}
	o.warn(fmt.Errorf("split debug file %s is missing", name))
	return nil
}

// openDWO opens a file of .dwo sections; nil when there is none.
func (o *Object) openDWO(path string) *dwarf.Data {
	f, err := readHeader(func() (File, error) { return o.space.opt.Open(path) })
	if err != nil {
		return nil
	}
	if err := f.loadSections(); err != nil {
		o.warn(fmt.Errorf("%s: %w", path, err))
		return nil
	}
	if f.section(".debug_info.dwo") == nil && f.section(".zdebug_info.dwo") == nil {
		return nil
	}
	return dwarf.New(dwarf.Source{
		Section: func(name string) (dwarf.Contents, error) {
			if name != ".debug_cu_index" && name != ".debug_tu_index" {
				name += ".dwo"
			}
			return debugContents(f, name)
		},
		Warn: func(err error) { o.warn(fmt.Errorf("%s: %w", path, err)) },
	})
}
