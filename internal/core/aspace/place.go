package aspace

import "gogrind/internal/guest"

// usable reports whether the guest may have r at all.
func (s *Space) usable(r guest.Range) bool {
	return s.cfg.Space.Covers(r) && !s.overTool(r)
}

func (s *Space) overTool(r guest.Range) bool {
	for _, t := range s.cfg.Tool {
		if t.Overlaps(r) {
			return true
		}
	}
	return false
}

// isFree reports whether r may be mapped without touching another mapping.
func (s *Space) isFree(r guest.Range) bool {
	return s.usable(r) && len(s.over(r)) == 0
}

// up finds the lowest free place for n bytes in zone.
func (s *Space) up(zone guest.Range, n, align uint64) (guest.Addr, bool) {
	a := alignUp(zone.Start, align)
	for i := s.from(zone.Start); ; i++ {
		if a >= zone.End || uint64(zone.End-a) < n {
			return 0, false
		}
		if i == len(s.maps) || uint64(a)+n <= uint64(s.maps[i].Start) {
			return a, true
		}
		a = alignUp(s.maps[i].End, align)
	}
}

// down finds the highest free place for n bytes in zone. top is the end of the hole that it is in, skipped the largest
// hole above that.
func (s *Space) down(zone guest.Range, n, align uint64) (at, top guest.Addr, skipped uint64, ok bool) {
	end := zone.End
	for i := s.from(end-1) - 1; ; i-- {
		// maps[i+1] starts at end, or contains it in the first round.
		if i+1 < len(s.maps) && s.maps[i+1].Start < end {
			end = s.maps[i+1].Start
		}
		if end <= zone.Start {
			return 0, 0, skipped, false
		}
		hole := guest.Range{Start: zone.Start, End: end}
		if i >= 0 {
			hole.Start = max(hole.Start, s.maps[i].End)
		}
		if hole.Len() >= n {
			if at = (end - guest.Addr(n)) &^ guest.Addr(align-1); at >= hole.Start {
				return at, end, skipped, true
			}
		}
		skipped = max(skipped, hole.Len())
		if hole.Start == zone.Start {
			return 0, 0, skipped, false
		}
		end = s.maps[i].Start
	}
}

// full is what is known of the upper part of Config.High: no hole has more than hole bytes above floor. A program with ten thousands of mappings would wait for each search through all of them.
type full struct {
	floor guest.Addr
	hole  uint64
}

// high is down in Config.High.
func (s *Space) high(n, align uint64) (guest.Addr, bool) {
	zone := s.cfg.High
	known := n > s.full.hole
	if known {
		zone.End = s.full.floor
	}
	a, top, skipped, ok := s.down(zone, n, align)
	if !ok {
		return 0, false
	}
	if known {
		skipped = max(skipped, s.full.hole)
	}
	if known || top < s.full.floor {
		s.full = full{floor: top, hole: skipped}
	}
	return a, true
}

// freed corrects what is known after r has become a hole.
func (s *Space) freed(r guest.Range) {
	zone := s.cfg.High
	r = clip(r, zone)
	if r.Empty() || r.End <= s.full.floor {
		return
	}
	// The hole may be larger than r.
	i := s.from(r.Start)
	hole := zone
	if i > 0 {
		hole.Start = max(hole.Start, s.maps[i-1].End)
	}
	if i < len(s.maps) {
		hole.End = min(hole.End, s.maps[i].Start)
	}
	if hole.Start <= s.full.floor {
		s.full.floor = hole.End // all of it is below
		return
	}
	s.full.hole = max(s.full.hole, hole.Len())
}

func alignUp(a guest.Addr, align uint64) guest.Addr {
	return (a + guest.Addr(align-1)) &^ guest.Addr(align-1)
}

// wish is what a mapping without a fixed address asks for.
type wish struct {
	n, align uint64
	hint     guest.Addr
	low      bool // in reach of the code cache when there is room
	low32    bool // below 2 GB or not at all
}

// place chooses an address for w: the hint if it is free, else by zone.
func (s *Space) place(w wish) (guest.Addr, bool) {
	hint := guest.Range{Start: w.hint, End: w.hint + guest.Addr(w.n)}
	if w.hint != 0 && !hint.Empty() && uint64(w.hint)%w.align == 0 && s.isFree(hint) &&
		(!w.low32 || s.cfg.Low32.Covers(hint)) {
		return w.hint, true
	}
	if w.low32 {
		return s.up(s.cfg.Low32, w.n, w.align)
	}
	if w.low {
		for _, z := range s.cfg.Low {
			if a, ok := s.up(z, w.n, w.align); ok {
				return a, true
			}
		}
	}
	return s.high(w.n, w.align)
}
