package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The corpus: many small programs, each with one kind of fault and a repaired twin (TWIN defined). First comment lines:
//
//	// case: long -DT=long       one program for each such line; none: one program. Words with two dashes are options; once as below
//	// flags: -mavx2 -lm         arguments for the compiler in all cases
//	// options: --track-origins=yes   for the tool
//	// needs: avx2               CPU flags without which it is skipped
//	// levels: -O0               optimisation, where it is not the default of the language
//	// only: twin                there is no fault: the program is what must not be reported
//	// once: why                 runs as it is, never in several threads of one process
//	// library: why              the faults are in functions of the C library, whose own accesses and frames don't matter
//	// frames: 1                 how many frames of the program's own are compared, where Valgrind's unwinder gives up early
//	// shared: yes               the source is built as PROGRAM.so too, with LIBRARY defined
//
// Programs are compared with what Valgrind says of them in findings.json beside them, which holds for one compiler.
const (
	corpusDir   = "testdata/corpus"
	corpusStore = corpusDir + "/findings.json"
	// corpusSize is how many programs with faults there are at least.
	corpusSize = 250
)

// corpusEnv asks for more than a quick run, which builds a program in one way: "builds" for all levels, static linking and compilers, "threads" for several
// threads and many runs, "consumers" for suppressions of all programs, "derive" for Valgrind's findings anew, "modes" for all modes of code; "all" for all.
const corpusEnv = "GOGRIND_CORPUS"

func corpusAsks(what string) bool {
	asked := strings.Split(os.Getenv(corpusEnv), ",")
	return slices.Contains(asked, what) || slices.Contains(asked, "all")
}

// A seeded program is one case of one source of the corpus, built in one way.
type seeded struct {
	guest
	title   string // "invalid/write/long"
	options []string
	clean   bool // has no fault
	once    bool
	frames  int  // 0: all
	loose   bool // the faults are in code of the C library
}

// corpusBuilds are the ways to build a language's programs: those of which a quick run takes one, and more.
var corpusBuilds = map[string]struct{ quick, more []string }{
	".c":  {[]string{"gcc -O0", "gcc -O2"}, []string{"gcc -O1", "gcc -O3", "gcc -O2 -static", "clang -O0", "clang -O2"}},
	".cc": {[]string{"g++ -O0", "g++ -O2"}, []string{"g++ -O1", "g++ -O3", "g++ -O2 -static", "clang++ -O0", "clang++ -O2"}},
	".rs": {[]string{"rustc -Copt-level=0", "rustc -Copt-level=2"}, []string{"rustc -Copt-level=3"}},
}

// corpus finds the programs, in one way to build them, or in all if more is true.
func (s *suite) corpus(t *testing.T, more bool) []seeded {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.root, corpusDir, "*/*.*"))
	if err != nil {
		t.Fatal(err)
	}
	var list []seeded
	for _, file := range files {
		builds, ok := corpusBuilds[filepath.Ext(file)]
		if !ok {
			continue // a header
		}
		ways := builds.quick
		if more {
			ways = slices.Concat(ways, builds.more)
		}
		programs, err := readProgram(file, ways, more)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, programs...)
	}
	return list
}

func readProgram(file string, ways []string, more bool) ([]seeded, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var p seeded
	var cases [][]string
	var flags, levels []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, comment := strings.CutPrefix(lines.Text(), "// ")
		if !comment {
			break
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		words := strings.Fields(strings.ReplaceAll(value, `"`, ""))
		switch key {
		case "case":
			cases = append(cases, words)
		case "flags":
			flags = words
		case "levels":
			levels = words
		case "options":
			p.options = words
		case "needs":
			p.needs = words
		case "only":
			p.clean = true
		case "once":
			p.once = true
		case "library":
			p.loose = true
		case "frames":
			if p.frames, err = strconv.Atoi(words[0]); err != nil {
				return nil, fmt.Errorf("e2e: %s: %w", file, err)
			}
		case "shared":
			p.library = true
		}
	}
	p.file = file
	stem := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if cases == nil {
		cases = [][]string{{""}}
	}
	var list []seeded
	for _, c := range cases {
		for i, way := range ways {
			words := strings.Fields(way)
			if levels != nil && !slices.Contains(levels, words[1]) || p.library && slices.Contains(words, "-static") {
				continue
			}
			q := p
			q.title = strings.TrimSuffix(stem+"/"+c[0], "/")
			if h := crc32.ChecksumIEEE([]byte(q.title)); !more && levels == nil && int(h>>3)%len(ways) != i {
				continue
			}
			q.name = q.title + "/" + strings.ReplaceAll(strings.Join(words, ""), "-Copt-level=", "-O")
			q.build = slices.Concat(words[:1], []string{"-g"}, words[1:], flags)
			for _, w := range c[1:] {
				if w == "once" {
					q.once = true
				} else if strings.HasPrefix(w, "--") {
					q.options = append(slices.Clip(q.options), w)
				} else {
					q.build = append(q.build, w)
				}
			}
			list = append(list, q)
		}
	}
	return list, lines.Err()
}

func (p seeded) command(exe string) command {
	c := faultCommand(exe)
	c.options = append(c.options, p.options...)
	return c
}

// corpusReport is what Valgrind says of a program.
type corpusReport struct {
	Key string `json:"key"` // of the program's content when this was derived
	report
}

// corpusData is the content of corpusStore.
type corpusData struct {
	Valgrind  string
	Compilers map[string]string
	Reports   map[string]corpusReport // by name of the program
}

// key changes with what the findings of p depend on.
func (p seeded) key() (string, error) {
	return contentKey(p.guest, slices.Concat(p.build, p.options))
}

// TestCorpus compares, program by program and finding by finding, what memcheck says of the corpus with what Valgrind
// says. Of a twin it says nothing, leaving alone blocks still reachable, and runs it as it runs natively.
func TestCorpus(t *testing.T) {
	data, err := readCorpus()
	if err != nil {
		t.Fatal(err)
	}
	tool := faultTool(t)
	titles := map[string]bool{}
	for _, p := range s.corpus(t, corpusAsks("builds")) {
		if !p.clean {
			titles[p.title] = true
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			skipStatic(t, tool, p.guest)
			if _, err := exec.LookPath(p.build[0]); err != nil {
				s.skip(t, p.build[0]+" is not installed")
			}
			if !p.clean {
				t.Run("fault", func(t *testing.T) { s.fault(t, tool, p, data) })
			}
			t.Run("twin", func(t *testing.T) { s.twin(t, tool, p) })
		})
	}
	if len(titles) < corpusSize {
		t.Errorf("%d programs with faults, want %d", len(titles), corpusSize)
	}
}

func (s *suite) fault(t *testing.T, tool string, p seeded, data corpusData) {
	exe := s.executable(t, p.guest)
	want := s.expected(t, p, data)
	status := statusOf(want)
	got := s.run(t, tool, p.command(exe))
	rep := parseLog(got.log, p.file)
	if isStatic(p.guest) {
		want.Summary, rep.Summary = last(want.Summary), last(rep.Summary)
		for i, l := range rep.Summary {
			rep.Summary[i] = suppressedSome.ReplaceAllString(l, "(suppressed: 0 from 0)") // of the C library's own blocks
		}
	}
	for _, r := range []*report{&want, &rep} {
		sameWords(r)
		if p.loose {
			sameFaults(r)
		}
		p.shorten(r)
	}
	err := errors.Join(compareFindings(want.Findings, rep.Findings, got), compareSummary(want.Summary, rep.Summary, got))
	if got.status != status {
		err = errors.Join(err, fmt.Errorf("exit status %d, want %d%s", got.status, status, tail(got)))
	}
	s.verdict(t, err)
}

// shorten leaves the frames of r's findings that are compared.
func (p seeded) shorten(r *report) {
	for i := range r.Findings {
		if f := &r.Findings[i]; p.frames > 0 && !isLeak(*f) {
			f.Stack = f.Stack[:min(p.frames, len(f.Stack))]
		}
	}
}

var (
	countedErrors = regexp.MustCompile(`^ERROR SUMMARY: \d+ errors from`)
	// suppressedSome ends the summary of a run with suppressed errors.
	suppressedSome = regexp.MustCompile(`\(suppressed: \d+ from \d+\)$`)
	faultText      = regexp.MustCompile(`Access not within|Bad permissions for`)
)

// sameWords takes out of r where Valgrind is known not to be exact: it counts some errors twice (stores of one and two bytes),
// and takes an address without a mapping for one without permission if something is near.
func sameWords(r *report) {
	for i, l := range r.Summary {
		r.Summary[i] = countedErrors.ReplaceAllString(l, "ERROR SUMMARY: errors from")
	}
	for i := range r.Findings {
		r.Findings[i].Where = faultText.ReplaceAllString(r.Findings[i].Where, "Fault in")
	}
}

var fatalSignal = regexp.MustCompile(`^Process terminating with default action of signal (\d+)`)

// statusOf is the exit status of a program of which this was said: a signal's, errorExit if there were errors, or else its own,
// which is 0.
func statusOf(r report) int {
	for _, f := range r.Findings {
		if m := fatalSignal.FindStringSubmatch(f.Kind); m != nil {
			n, _ := strconv.Atoi(m[1]) // digits
			return 128 + n
		}
	}
	if strings.HasPrefix(strings.Join(last(r.Summary), ""), "ERROR SUMMARY: 0 errors") {
		return 0
	}
	return errorExit
}

var (
	accessSize  = regexp.MustCompile(`^(Invalid (?:read|write)|Use of uninitialised value) of size \d+`)
	offsetWords = regexp.MustCompile(`[\d,]+ bytes (?:(inside|before|after) |(below))`)
)

// sameFaults leaves of the findings in functions of a library what does not depend on how those are written: what is wrong,
// where the program called them, and with which block. One call is one finding of each kind.
func sameFaults(r *report) {
	var list []finding
	for _, f := range r.Findings {
		f.Kind = accessSize.ReplaceAllString(f.Kind, "$1")
		f.Where = offsetWords.ReplaceAllString(f.Where, "$2")
		f.Stack = slices.DeleteFunc(f.Stack, func(frame string) bool { return !ownFrame.MatchString(frame) })
		same := func(g finding) bool { return g.String() == f.String() }
		if isLeak(f) || !slices.ContainsFunc(list, same) {
			list = append(list, f)
		}
	}
	r.Findings = list
	r.Summary = slices.DeleteFunc(r.Summary, func(l string) bool { return strings.HasPrefix(l, "ERROR SUMMARY") })
}

// expected is what is stored of p, if p is still what it was then, or else what the installed Valgrind says.
func (s *suite) expected(t *testing.T, p seeded, data corpusData) report {
	t.Helper()
	key, err := p.key()
	if err != nil {
		t.Fatal(err)
	}
	want, ok := data.Reports[p.name]
	if ok && want.Key == key {
		return want.report
	}
	if ok && data.Compilers[p.build[0]] == version(p.build[0]) {
		t.Fatalf("%s was changed since its findings were derived: run TestCorpusFindings with -update", p.name)
	}
	if _, err := exec.LookPath("valgrind"); err != nil {
		s.skip(t, "no findings are stored for this way to build, and Valgrind is not installed")
	}
	return s.deriveProgram(t, p, "")
}

// deriveProgram asks the installed Valgrind of p, or of its twin.
func (s *suite) deriveProgram(t *testing.T, p seeded, defines ...string) report {
	t.Helper()
	defines = slices.DeleteFunc(slices.Clone(defines), func(d string) bool { return d == "" })
	c := p.command(s.executable(t, dynamic(p.guest), defines...))
	// Beside derive's reason: places in loops that Valgrind unrolls are not exact.
	c.options = append(c.options, "--vex-guest-chase=no", "--vex-iropt-unroll-thresh=0")
	r := s.run(t, "valgrind", c)
	rep := parseLog(r.log, p.file)
	if len(rep.Summary) == 0 {
		t.Fatalf("Valgrind says nothing of %s%s", p.name, tail(r))
	}
	return rep
}

func (s *suite) twin(t *testing.T, tool string, p seeded) {
	exe := s.executable(t, p.guest, "TWIN")
	want := s.run(t, native, command{argv: []string{exe}})
	c := p.command(exe)
	c.options = append(c.options, "--show-leak-kinds=definite,indirect,possible")
	got := s.run(t, tool, c)
	err := differ(want, got)
	rep := parseLog(got.log, p.file)
	if err == nil && len(rep.Findings) > 0 {
		err = fmt.Errorf("%d findings in a program without faults:\n%s%s", len(rep.Findings), join(rep.Findings), tail(got))
	}
	if err == nil && !strings.HasPrefix(strings.Join(last(rep.Summary), ""), "ERROR SUMMARY: 0 errors") {
		err = fmt.Errorf("errors in a program without faults:%s", tail(got))
	}
	s.verdict(t, err)
}

// TestCorpusFindings derives the stored findings again from the installed Valgrind where a program has changed since, or,
// with "derive" or -update of programs named by -run, of all. With -update, it stores them.
func TestCorpusFindings(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		s.skip(t, "valgrind is not installed: stored findings are not derived again")
	}
	if !*updateFlag && !corpusAsks("derive") {
		s.skip(t, corpusEnv+" does not ask for derive")
	}
	data, err := readCorpus()
	if err != nil {
		t.Fatal(err)
	}
	fresh := corpusData{Valgrind: version("valgrind"), Compilers: map[string]string{}, Reports: map[string]corpusReport{}}
	for _, p := range s.corpus(t, true) {
		key, err := p.key()
		if err != nil {
			t.Fatal(err)
		}
		// What this run does not derive stays, if it still holds.
		if old, ok := data.Reports[p.name]; ok && old.Key == key {
			fresh.Reports[p.name] = old
		}
		fresh.Compilers[p.build[0]] = version(p.build[0])
	}
	const saveEvery = 20
	derived := 0
	var mu sync.Mutex // guards fresh and derived
	t.Run("derive", func(t *testing.T) {
		for _, p := range s.corpus(t, corpusAsks("builds")) {
			key, err := p.key()
			if err != nil {
				t.Fatal(err)
			}
			old, ok := fresh.Reports[p.name]
			if ok && !corpusAsks("derive") {
				continue
			}
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				made := corpusReport{Key: key}
				if !p.clean {
					if made.report = s.deriveProgram(t, p); len(made.Findings) == 0 {
						t.Errorf("Valgrind finds no fault in %s: it needs a better one", p.name)
					}
				}
				if !p.clean && !corpusAsks("derive") {
					// TestCorpus runs the twin.
				} else if clean := s.deriveProgram(t, p, "TWIN"); !strings.HasPrefix(strings.Join(last(clean.Summary), ""), "ERROR SUMMARY: 0 ") ||
					slices.ContainsFunc(clean.Findings, func(f finding) bool { return !strings.HasPrefix(f.Kind, "still reachable") }) {
					t.Errorf("Valgrind finds faults in the twin:\n%s%v", join(clean.Findings), clean.Summary)
				}
				if !*updateFlag && !reflect.DeepEqual(normal(made.report), normal(old.report)) {
					t.Errorf("Valgrind says\n%s%q\nstored is\n%s%q", join(made.Findings), made.Summary, join(old.Findings), old.Summary)
				}
				if !t.Failed() {
					mu.Lock()
					defer mu.Unlock()
					fresh.Reports[p.name] = made
					if derived++; *updateFlag && derived%saveEvery == 0 {
						if err := writeCorpus(fresh); err != nil { // so that an interrupted run is not in vain
							t.Fatal(err)
						}
					}
				}
			})
		}
	})
	if *updateFlag {
		if err := writeCorpus(fresh); err != nil {
			t.Fatal(err)
		}
	}
}

func readCorpus() (data corpusData, err error) {
	text, err := os.ReadFile(filepath.Join(s.root, corpusStore))
	if os.IsNotExist(err) && *updateFlag {
		return data, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &data)
	}
	return data, err
}

// writeCorpus stores data, a line for each program: differences of versions are to be read by people.
func writeCorpus(data corpusData) error {
	var b strings.Builder
	compilers, err := json.Marshal(data.Compilers)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "{\n\"Valgrind\": %q,\n\"Compilers\": %s,\n\"Reports\": {", data.Valgrind, compilers)
	names := make([]string, 0, len(data.Reports))
	for name := range data.Reports {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		line, err := json.Marshal(data.Reports[name])
		if err != nil {
			return err
		}
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&b, "%s\n%q: %s", comma, name, line)
	}
	b.WriteString("\n}\n}\n")
	return os.WriteFile(filepath.Join(s.root, corpusStore), []byte(b.String()), 0o666)
}
