package aspace

import (
	"slices"

	"gogrind/internal/guest"
)

// chunk is the unit in which a codeSet can tell at once that there is nothing.
const chunk = 2 << 20

// codeSet is a sparse set of pages. Nearly every question about it is about buffers and data, where no code is, so it
// counts its pages by chunk.
type codeSet struct {
	pages  map[guest.Addr]struct{}
	chunks map[guest.Addr]int
}

func newCodeSet() codeSet {
	return codeSet{pages: make(map[guest.Addr]struct{}), chunks: make(map[guest.Addr]int)}
}

func (c *codeSet) has(page guest.Addr) bool {
	_, ok := c.pages[page]
	return ok
}

// add reports whether page is new.
func (c *codeSet) add(page guest.Addr) bool {
	if c.has(page) {
		return false
	}
	c.pages[page] = struct{}{}
	c.chunks[page&^(chunk-1)]++
	return true
}

// remove takes a page out that is in.
func (c *codeSet) remove(page guest.Addr) {
	delete(c.pages, page)
	at := page &^ (chunk - 1)
	if c.chunks[at]--; c.chunks[at] == 0 {
		delete(c.chunks, at)
	}
}

// in returns the pages of r, which is page-aligned, in ascending order.
func (c *codeSet) in(r guest.Range) []guest.Addr {
	if len(c.pages) == 0 || r.Empty() {
		return nil
	}
	var pages []guest.Addr
	if r.Len()/chunk > uint64(len(c.chunks)) {
		for p := range c.pages {
			if r.Contains(p) {
				pages = append(pages, p)
			}
		}
		slices.Sort(pages)
		return pages
	}
	for at := r.Start &^ (chunk - 1); at < r.End; at += chunk {
		if c.chunks[at] == 0 {
			continue
		}
		part := clip(guest.Range{Start: at, End: at + chunk}, r)
		for p := part.Start; p < part.End; p += guest.PageSize {
			if c.has(p) {
				pages = append(pages, p)
			}
		}
	}
	return pages
}
