package cgannotate

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// findSource finds a source file, as it is or in one of the directories.
func findSource(name string, dirs []string) (path string, ok bool) {
	for _, d := range append([]string{""}, dirs...) {
		p := filepath.Join(d, name)
		if st, err := os.Stat(p); err == nil && !st.IsDir() {
			return p, true
		}
	}
	return "", false
}

// linesOf are the counts of a file's lines, those of all functions added up.
func (v *view) linesOf(file string) map[int][]int64 {
	lines := map[int][]int64{}
	for _, f := range v.Funcs {
		if f.File != file {
			continue
		}
		for n, c := range f.Lines {
			sum := lines[n]
			if sum == nil {
				sum = make([]int64, len(v.Events))
				lines[n] = sum
			}
			add(sum, c)
		}
	}
	return lines
}

// readSource returns the lines of a file, none when it can't be read, and the number of the last line that matters: of the
// file's end, or of the counts.
func readSource(path string, lines map[int][]int64) (text []string, last int) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		for _, l := range bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
			text = append(text, string(l))
		}
	}
	last = len(text)
	for n := range lines {
		last = max(last, n)
	}
	return text, last
}

// eachShown calls show for each line that has counts, and for those around it, in ascending order, and marks gaps. end is the
// number of lines of the file, last is that of the last line there is, with counts beyond the end.
func (v *view) eachShown(w io.Writer, lines map[int][]int64, end, last int, show func(line int)) {
	var nums []int
	for n := range lines {
		if n > 0 {
			nums = append(nums, n)
		}
	}
	slices.Sort(nums)
	for i := 0; i < len(nums); {
		lo := max(nums[i]-v.set.context, 1)
		hi := nums[i] + v.set.context
		for i++; i < len(nums) && nums[i]-v.set.context <= hi; i++ {
			hi = nums[i] + v.set.context
		}
		if lo > 1 {
			io.WriteString(w, marker(lo))
		}
		for n := lo; n <= min(hi, last); n++ {
			show(n)
		}
		if hi <= end {
			io.WriteString(w, marker(hi))
		}
	}
}
