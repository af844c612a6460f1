package e2e

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/report/grammar"
)

// An xmlReport is protocol 4 as far as findings go, which come in the order of the document.
type xmlReport struct {
	Protocol int    `xml:"protocolversion"`
	Tool     string `xml:"protocoltool"`
	PID      int    `xml:"pid"`
	Args     struct {
		Options []string `xml:"vargv>arg"`
		Program string   `xml:"argv>exe"`
	} `xml:"args"`
	States []string   `xml:"status>state"`
	Errors []xmlError `xml:"error"`
	Fatal  []xmlFatal `xml:"fatal_signal"`
	Counts []struct{} `xml:"errorcounts"`
}

type xmlError struct {
	Kind  string    `xml:"kind"`
	What  string    `xml:"what"`
	Leak  string    `xml:"xwhat>text"`
	Parts []xmlPart `xml:",any"` // auxwhat and stack, in order
}

type xmlFatal struct {
	Signal int        `xml:"signo"`
	Name   string     `xml:"signame"`
	Event  string     `xml:"event"`
	Addr   string     `xml:"siaddr"`
	Frames []xmlFrame `xml:"stack>frame"`
}

type xmlPart struct {
	XMLName xml.Name
	Text    string     `xml:",chardata"`
	Frames  []xmlFrame `xml:"frame"`
}

type xmlFrame struct {
	Fn   string `xml:"fn"`
	Obj  string `xml:"obj"`
	File string `xml:"file"`
	Line int    `xml:"line"`
}

func unmarshal(data []byte, x *xmlReport) error {
	if err := xml.Unmarshal(data, x); err != nil {
		return fmt.Errorf("%w in\n%s", err, data)
	}
	return nil
}

// log is what the text log would be for the same findings.
func (x *xmlReport) log() string {
	var b strings.Builder
	frames := func(list []xmlFrame) {
		for i, f := range list {
			place := "in " + f.Obj
			if f.File != "" {
				place = fmt.Sprintf("%s:%d", f.File, f.Line)
			}
			fmt.Fprintf(&b, "==1==    %s 0x1: %s (%s)\n", []string{"at", "by"}[min(i, 1)], f.Fn, place)
		}
	}
	fatal := func() {
		for _, f := range x.Fatal {
			fmt.Fprintf(&b, "==1== Process terminating with default action of signal %d (%s)\n", f.Signal, f.Name)
			if f.Event != "" {
				fmt.Fprintf(&b, "==1==  %s at address 0x%s\n", f.Event, strings.ToUpper(f.Addr[2:]))
			}
			frames(f.Frames)
			b.WriteString("==1== \n")
		}
		x.Fatal = nil
	}
	for _, e := range x.Errors {
		if e.Leak != "" {
			fatal()
		}
		fmt.Fprintf(&b, "==1== %s%s\n", e.What, e.Leak)
		for _, p := range e.Parts {
			if p.XMLName.Local == "auxwhat" {
				fmt.Fprintf(&b, "==1==  %s\n", p.Text)
			}
			frames(p.Frames)
		}
		b.WriteString("==1== \n")
	}
	fatal()
	return b.String()
}

// TestXML: the XML report says the same as the text log.
func TestXML(t *testing.T) {
	tool := faultTool(t)
	for _, g := range s.guests(t, "fault") {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			skipStatic(t, tool, g)
			exe := s.executable(t, g)
			text := s.run(t, tool, faultCommand(exe))
			file := filepath.Join(t.TempDir(), "report.xml")
			c := faultCommand(exe)
			c.options = append(c.options, "--xml=yes", "--xml-file="+file)
			got := s.run(t, tool, c)
			s.verdict(t, checkXML(file, g.file, exe, text, got))
		})
	}
}

func checkXML(file, source, exe string, text, got result) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var x xmlReport
	if err := unmarshal(data, &x); err != nil {
		return err
	}
	if err := grammar.Check(data); err != nil {
		return fmt.Errorf("%w in\n%s", err, data)
	}
	if x.Protocol != 4 || x.Tool != "memcheck" || x.PID == 0 || x.Args.Program != exe || len(x.Counts) != 1 ||
		!slices.Contains(x.Args.Options, "--xml=yes") || !slices.Equal(x.States, []string{"RUNNING", "FINISHED"}) {
		return fmt.Errorf("protocol %d, tool %s, process %d, options %q, program %q, states %q, %d counts", x.Protocol, x.Tool, x.PID,
			x.Args.Options, x.Args.Program, x.States, len(x.Counts))
	}
	for _, word := range []string{"SUMMARY", "Command:", "Invalid", " at 0x"} {
		if strings.Contains(got.log, word) {
			return fmt.Errorf("%q in the text log beside the XML:\n%s", word, got.log)
		}
	}
	if got.status != text.status || got.stdout != text.stdout {
		return fmt.Errorf("status %d, output %q; with a text log %d, %q", got.status, got.stdout, text.status, text.stdout)
	}
	return compareFindings(parseLog(text.log, source).Findings, parseLog(x.log(), source).Findings, got)
}
