package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A finding is what a log says of one error or leak, without what differs between runs and tools: addresses, process
// ids, loss record numbers, and frames in code that is neither the program's own nor a replaced function.
type finding struct {
	Kind  string   `json:"kind"`            // "Invalid read of size 4", "definitely lost: 100 bytes in 1 blocks"
	Stack []string `json:"stack"`           // "sum (afterfree.c:14)", "free"
	Where string   `json:"where,omitempty"` // "8 bytes inside a block of size 16 free'd"
	// Block is the stack below Where; Alloc the one below "Block was alloc'd at".
	Block []string `json:"block,omitempty"`
	Alloc []string `json:"alloc,omitempty"`
	// Origin says what an undefined value was created by, and Created the stack below.
	Origin  string   `json:"origin,omitempty"`
	Created []string `json:"created,omitempty"`
}

func (f finding) String() string {
	var b strings.Builder
	frames := func(title string, list []string) {
		if title != "" {
			b.WriteString("\n  " + title)
		}
		for _, fr := range list {
			b.WriteString("\n    " + fr)
		}
	}
	b.WriteString(f.Kind)
	frames("", f.Stack)
	frames(f.Where, f.Block)
	if len(f.Alloc) > 0 {
		frames("allocated", f.Alloc)
	}
	frames(f.Origin, f.Created)
	return b.String()
}

// A report is all that a log says.
type report struct {
	Findings []finding `json:"findings"`
	// Summary holds the lines of the heap, leak and error summaries.
	Summary []string `json:"summary"`
}

var (
	logPrefix = regexp.MustCompile(`^==\d+== ?`)
	errorLine = regexp.MustCompile(`^(Invalid |Mismatched |Jump to the invalid |Source and destination |Argument '|Process terminating |` +
		`Conditional jump |Use of uninitialised |Syscall param |realloc\(\) with size 0|Illegal memory pool |` +
		`(?:Unaddressable|Uninitialised) byte\(s\) found during client check request|Stack overflow in thread )`)
	argument    = regexp.MustCompile(`([(,] ?)0x[0-9a-f]+`)
	leakLine    = regexp.MustCompile(`^(\d.* blocks) are (.*) in loss record [\d,]+ of [\d,]+$`)
	frameLine   = regexp.MustCompile(`^ +(?:at|by) 0x[0-9A-F]+: (.*) \(([^()]*)\)$`)
	addressLine = regexp.MustCompile(`^ Address 0x[0-9a-f]+ is (.*)$`)
	moreWhere   = regexp.MustCompile(`^ +(?:(\d+ bytes (?:below|above) stack pointer)|(in frame #.*)|(Access not within .*|Bad permissions .*))$`)
	ownFrame    = regexp.MustCompile(`:\d+\)$`)
	originLine  = regexp.MustCompile(`^ Uninitialised value was (created.*)$`)
	farAddress  = regexp.MustCompile(`0x[0-9A-Fa-f]{6,}`) // depends on the layout of the address space
	summaryLine = regexp.MustCompile(`^ *((?:in use at exit|total heap usage|definitely lost|indirectly lost|possibly lost|still reachable|` +
		`suppressed|ERROR SUMMARY): .*|All heap blocks were freed.*)$`)
)

// parseLog reads a log. source is the program's source file: other frames than its and replaced functions' are dropped.
func parseLog(log, source string) report {
	var r report
	var cur *finding
	var frames *[]string
	own := filepath.Base(source)
	for line := range strings.Lines(log) {
		text := strings.TrimRight(logPrefix.ReplaceAllString(line, ""), "\n")
		if m := summaryLine.FindStringSubmatch(text); m != nil {
			r.Summary = append(r.Summary, m[1])
			cur = nil
			continue
		}
		if kind := kindOf(text); kind != "" {
			r.Findings = append(r.Findings, finding{Kind: farAddress.ReplaceAllString(kind, "ADDRESS")})
			cur = &r.Findings[len(r.Findings)-1]
			frames = &cur.Stack
			continue
		}
		if cur == nil {
			continue
		}
		if m := frameLine.FindStringSubmatch(text); m != nil {
			if f := frameText(m[1], m[2], own); f != "" {
				*frames = append(*frames, f)
			}
		} else if m := addressLine.FindStringSubmatch(text); m != nil {
			cur.Where = farAddress.ReplaceAllString(m[1], "ADDRESS")
			frames = &cur.Block
		} else if m := moreWhere.FindStringSubmatch(text); m != nil {
			more := farAddress.ReplaceAllString(m[1]+m[2]+m[3], "ADDRESS")
			cur.Where = strings.TrimPrefix(cur.Where+"; "+more, "; ")
		} else if m := originLine.FindStringSubmatch(text); m != nil {
			cur.Origin = m[1]
			frames = &cur.Created
		} else if text == " Block was alloc'd at" {
			frames = &cur.Alloc
		} else if strings.TrimSpace(text) == "" {
			cur = nil
		}
	}
	// Errors come in the order in which they happened. Leaks are ordered by size, which leaves ties: by text here.
	// Those that the program's own code has no part in are left to the summaries.
	r.Findings = slices.DeleteFunc(r.Findings, func(f finding) bool { return isLeak(f) && !f.owned() })
	firstLeak := slices.IndexFunc(r.Findings, isLeak)
	if firstLeak >= 0 {
		slices.SortFunc(r.Findings[firstLeak:], func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	}
	return r
}

func isLeak(f finding) bool { return strings.Contains(f.Kind, " blocks") }

// owned reports whether a frame of the program's own source is in the stack.
func (f finding) owned() bool {
	return slices.ContainsFunc(f.Stack, func(frame string) bool { return ownFrame.MatchString(frame) })
}

func kindOf(text string) string {
	if m := leakLine.FindStringSubmatch(text); m != nil {
		return m[2] + ": " + m[1]
	}
	if errorLine.MatchString(text) {
		return argument.ReplaceAllString(text, "${1}ADDR")
	}
	return ""
}

// frameText is how a finding shows a frame, "" for one that it does not show.
func frameText(fn, place, own string) string {
	if strings.HasPrefix(place, "vg_replace_") || strings.Contains(place, "vgpreload_") {
		return fn // line numbers in the replacement functions are nobody's business
	}
	file, line, ok := strings.Cut(place, ":")
	if !ok || filepath.Base(file) != own {
		return ""
	}
	return fmt.Sprintf("%s (%s:%s)", fn, own, line)
}

func TestParseLog(t *testing.T) {
	log := `==12== Memcheck, a memory error detector
==12== Command: ./prog
==12== 
==12== Invalid read of size 4
==12==    at 0x109180: sum (prog.c:14)
==12==    by 0x4842AA: qsort (msort.c:3)
==12==    by 0x1091D4: main (prog.c:27)
==12==  Address 0x4a40048 is 8 bytes inside a block of size 16 free'd
==12==    at 0x484417B: free (vg_replace_malloc.c:872)
==12==    by 0x1091C8: A::B<(int)1>::main() (src/prog.c:26)
==12==  Block was alloc'd at
==12==    at 0x48465EF: calloc (in /x/vgpreload_memcheck-amd64-linux.so)
==12== 
==12== Invalid read of size 1
==12==    at 0x109185: look (prog.c:18)
==12==  Address 0x1ffeffeeb4 is on thread 1's stack
==12==  5916 bytes below stack pointer
==12== 
==12== Syscall param write(buf) points to uninitialised byte(s)
==12==    at 0x109186: put (prog.c:19)
==12==  Address 0x4a40040 is 0 bytes inside a block of size 16 alloc'd
==12==    at 0x48465EF: malloc (vg_replace_malloc.c:1)
==12==  Uninitialised value was created by a stack allocation
==12==    at 0x109180: main (prog.c:3)
==12== 
==12== Process terminating with default action of signal 11 (SIGSEGV)
==12==  Access not within mapped region at address 0x1FFE801FF8
==12==    at 0x109186: down (prog.c:20)
==12== 
==12== HEAP SUMMARY:
==12==     in use at exit: 0 bytes in 0 blocks
==12== 
==12== 192 (64 direct, 128 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 8
==12==    at 0x48465EF: calloc (vg_replace_malloc.c:1)
==12==    by 0x1091D4: main (prog.c:30)
==12== 
==12== 72,704 bytes in 1 blocks are still reachable in loss record 3 of 8
==12==    at 0x48465EF: malloc (vg_replace_malloc.c:1)
==12== 
==12== ERROR SUMMARY: 3 errors from 3 contexts (suppressed: 0 from 0)
`
	want := report{
		Findings: []finding{
			{
				Kind: "Invalid read of size 4", Stack: []string{"sum (prog.c:14)", "main (prog.c:27)"},
				Where: "8 bytes inside a block of size 16 free'd", Block: []string{"free", "A::B<(int)1>::main() (prog.c:26)"},
				Alloc: []string{"calloc"},
			},
			{Kind: "Invalid read of size 1", Stack: []string{"look (prog.c:18)"}, Where: "on thread 1's stack; 5916 bytes below stack pointer"},
			{
				Kind: "Syscall param write(buf) points to uninitialised byte(s)", Stack: []string{"put (prog.c:19)"},
				Where: "0 bytes inside a block of size 16 alloc'd", Block: []string{"malloc"},
				Origin: "created by a stack allocation", Created: []string{"main (prog.c:3)"},
			},
			{
				Kind: "Process terminating with default action of signal 11 (SIGSEGV)", Stack: []string{"down (prog.c:20)"},
				Where: "Access not within mapped region at address ADDRESS",
			},
			{Kind: "definitely lost: 192 (64 direct, 128 indirect) bytes in 1 blocks", Stack: []string{"calloc", "main (prog.c:30)"}},
		},
		Summary: []string{"in use at exit: 0 bytes in 0 blocks", "ERROR SUMMARY: 3 errors from 3 contexts (suppressed: 0 from 0)"},
	}
	if got := parseLog(log, "/elsewhere/prog.c"); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}
