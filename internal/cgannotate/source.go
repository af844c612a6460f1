package cgannotate

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
)

// findSource finds a source file, as it is or in one of the directories, which end in a slash. dir is the one, "" for none.
func findSource(name string, dirs []string) (path, dir string, ok bool) {
	for _, d := range append([]string{""}, dirs...) {
		if st, err := os.Stat(d + name); err == nil && !st.IsDir() {
			return d + name, d, true
		}
	}
	return "", "", false
}

// includeDirs are the directories of -I, each with a slash behind it.
func (s *settings) includeDirs() []string {
	var dirs []string
	for _, d := range s.include {
		dirs = append(dirs, strings.TrimSuffix(d, "/")+"/")
	}
	return dirs
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

// readSource returns the lines of a file, none when it can't be read.
func readSource(path string) (text []string) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		for _, l := range bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
			text = append(text, string(l))
		}
	}
	return text
}

// eachShown calls show for each line that has counts, and for those around it, in ascending order, and marks gaps. end is the
// number of lines of the file: counts beyond it come last, without marks.
func (v *view) eachShown(w io.Writer, lines map[int][]int64, end int, show func(line int)) {
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
		for n := lo; n <= min(hi, end); n++ {
			show(n)
		}
		if hi > end {
			break
		}
		io.WriteString(w, marker(hi))
	}
	for _, n := range nums {
		if n > end {
			show(n)
		}
	}
}
