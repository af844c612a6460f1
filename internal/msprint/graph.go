package msprint

import (
	"fmt"
	"strings"
)

// unit is a unit of measure: values from limit on are divided by step and shown in the next larger one.
type unit struct {
	name        string
	limit, step float64
}

// The last unit of a list has no limit. Instructions and bytes are both divided by 1,024, from 1,000 on, so that no more
// than three digits stand before the point.
var units = map[string][]unit{
	"i":  {{"i", 1000, 1024}, {"ki", 1000, 1024}, {"Mi", 1000, 1024}, {"Gi", 1000, 1024}, {"Ti", 1000, 1024}, {"Pi", 0, 0}},
	"ms": {{"ms", 1000, 1000}, {"s", 3600, 3600}, {"h", 0, 0}},
	"B": {{"B", 1000, 1024}, {"KB", 1000, 1024}, {"MB", 1000, 1024}, {"GB", 1000, 1024}, {"TB", 1000, 1024},
		{"PB", 1000, 1024}, {"EB", 0, 0}},
}

// scale is v with its unit.
func scale(v uint64, list []unit) (text, name string) {
	x, i := float64(v), 0
	for ; list[i].limit != 0 && x >= list[i].limit; i++ {
		x /= list[i].step
	}
	name = list[i].name
	switch {
	case i == 0:
		return fmt.Sprintf("%d", v), name
	case x < 10:
		return fmt.Sprintf("%.3f", x), name
	case x < 100:
		return fmt.Sprintf("%.2f", x), name
	}
	return fmt.Sprintf("%.1f", x), name
}

// Marks of bars. A bar of a later one is drawn over one of those before it.
const (
	markPlain    = ':'
	markDetailed = '@'
	markPeak     = '#'
)

func (s *Snapshot) mark() byte {
	switch {
	case s.Peak:
		return markPeak
	case s.Tree != nil:
		return markDetailed
	}
	return markPlain
}

// graph draws memory over time, width columns by height rows.
func (f *File) graph(width, height int) string {
	var most uint64
	for i := range f.Snapshots {
		most = max(most, f.Snapshots[i].Total())
	}
	most = max(most, 1)
	end := max(f.Snapshots[len(f.Snapshots)-1].Time, 1)

	step := float64(most) / float64(height) // a row stands for this many bytes
	rows := make([][]byte, height)          // from the bottom
	for i := range rows {
		rows[i] = []byte(strings.Repeat(" ", width))
	}
	column := func(i int) int {
		return max(0, min(int(float64(f.Snapshots[i].Time)/float64(end)*float64(width)), width-1))
	}
	for i := range f.Snapshots {
		s := &f.Snapshots[i]
		x, mark := column(i), s.mark()
		top := 0
		for top < height && float64(top+1)*step <= float64(s.Total()) {
			top++
		}
		for y := range top {
			if over(mark, rows[y][x]) {
				rows[y][x] = mark
			}
		}
		if i+1 == len(f.Snapshots) || top == 0 {
			continue
		}
		for x++; x < column(i+1); x++ {
			rows[top-1][x] = mark
		}
	}

	var b strings.Builder
	label, name := scale(most, units["B"])
	fmt.Fprintf(&b, "%6s\n", name)
	for y := height - 1; y >= 0; y-- {
		axis := "     |"
		if y == height-1 {
			axis = fmt.Sprintf("%5s^", label)
		}
		fmt.Fprintf(&b, "%s%s\n", axis, rows[y])
	}
	label, name = scale(end, units[f.TimeUnit])
	fmt.Fprintf(&b, "   0 +%s>%s\n", strings.Repeat("-", width-1), name)
	fmt.Fprintf(&b, "     0%s%5s\n", strings.Repeat(" ", max(width-5, 0)), label)
	return b.String()
}

// over reports whether mark a may replace b in one place.
func over(a, b byte) bool {
	return strings.IndexByte(" :@#", a) >= strings.IndexByte(" :@#", b)
}
