package debuginfo

import (
	"bytes"
	"fmt"

	"gogrind/internal/debuginfo/xz"
)

// maxMini bounds the decompressed size of .gnu_debugdata; real ones stay below some ten megabytes.
const maxMini = 1 << 28

// miniDebug is the object in .gnu_debugdata (a symbol table of the functions that the dynamic one lacks), nil when there
// is none. Caller holds o.mu.
func (o *Object) miniDebug() *elfFile {
	s := o.elf.section(".gnu_debugdata")
	if s == nil {
		return nil
	}
	f, err := func() (*elfFile, error) {
		b, err := o.elf.data(s)
		if err != nil {
			return nil, err
		}
		plain, err := xz.Decode(b, maxMini)
		if err != nil {
			return nil, err
		}
		f, err := readHeader(func() (File, error) { return memFile{bytes.NewReader(plain)}, nil })
		if err != nil {
			return nil, err
		}
		return f, f.loadSections()
	}()
	if err != nil {
		o.warn(fmt.Errorf(".gnu_debugdata: %w", err))
		return nil
	}
	return f
}
