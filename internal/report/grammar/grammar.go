// Package grammar checks XML reports against the grammar of their protocol. It is for tests and knows nothing of how reports are
// written; the grammar itself is valgrind.dtd, which other validators read, too.
//
// It reads as much of the DTD language as that file uses: element declarations with sequences, choices, repetitions, mixed
// content and ANY. A document may have no attributes.
package grammar

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

//go:embed valgrind.dtd
var source string

// element is a declaration.
type element struct {
	content *regexp.Regexp // over names, each with a slash behind it; nil for ANY
	text    bool           // may hold text
	since   int            // first protocol
}

var (
	declaration = regexp.MustCompile(`(?s)<!ELEMENT\s+(\S+)\s+(.*?)>(?: <!-- (\d) -->)?`)
	word        = regexp.MustCompile(`[a-z_]+`)
)

// parse reads declarations.
func parse(dtd string) (map[string]element, error) {
	elements := map[string]element{}
	for _, m := range declaration.FindAllStringSubmatch(dtd, -1) {
		name, content, e := m[1], m[2], element{since: 4}
		if m[3] != "" {
			e.since, _ = strconv.Atoi(m[3])
		}
		if content == "ANY" {
			e.text = true
		} else {
			e.text = strings.Contains(content, "#PCDATA")
			expr := word.ReplaceAllString(strings.ReplaceAll(content, "#PCDATA", ""), "(?:$0/)")
			expr = strings.NewReplacer(",", "", " ", "", "\t", "", "\n", "").Replace(expr)
			var err error
			if e.content, err = regexp.Compile("^(?:" + expr + ")$"); err != nil {
				return nil, fmt.Errorf("grammar: %s: %w", name, err)
			}
		}
		elements[name] = e
	}
	if len(elements) == 0 {
		return nil, errors.New("grammar: no declarations")
	}
	return elements, nil
}

// node is an open element.
type node struct {
	name     string
	children strings.Builder
	text     strings.Builder
}

// Check returns an error if doc is not well-formed or breaks the rules of the protocol that it names.
func Check(doc []byte) error {
	elements, err := parse(source)
	if err != nil {
		return err
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	open := []*node{{}}
	protocol := 4
	free := 0 // how many of the open elements are inside one with any content
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("grammar: %w", err)
		}
		top := open[len(open)-1]
		fail := func(format string, args ...any) error {
			line, _ := d.InputPos()
			return fmt.Errorf("grammar: line %d: %s", line, fmt.Sprintf(format, args...))
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			top.children.WriteString(name + "/")
			open = append(open, &node{name: name})
			if free > 0 {
				free++
				continue
			}
			e, ok := elements[name]
			switch {
			case !ok:
				return fail("unknown element %s", name)
			case e.since > protocol:
				return fail("%s is not in protocol %d", name, protocol)
			case len(tok.Attr) > 0:
				return fail("%s has attributes", name)
			case e.content == nil:
				free = 1
			}
		case xml.EndElement:
			open = open[:len(open)-1]
			if free > 0 {
				free--
				continue
			}
			e := elements[top.name]
			if e.content != nil && !e.content.MatchString(top.children.String()) {
				return fail("%s holds %s", top.name, top.children.String())
			}
			text := strings.TrimSpace(top.text.String())
			if !e.text && text != "" {
				return fail("%s holds text %q", top.name, text)
			}
			if top.name == "protocolversion" {
				if protocol, err = strconv.Atoi(text); err != nil || protocol < 4 || protocol > 6 {
					return fail("protocol %q", text)
				}
			}
			if top.name == "kind" && len(open) > 1 && open[len(open)-1].name == "error" && kinds[text] > protocol {
				return fail("kind %s is not in protocol %d", text, protocol)
			}
		case xml.CharData:
			top.text.Write(tok)
		}
	}
	if got := open[0].children.String(); got != "valgrindoutput/" {
		return fmt.Errorf("grammar: the document is %q", got)
	}
	return nil
}

// kinds are the kinds of errors that protocols after 4 brought, by protocol. Kinds are an open list, and tools add others.
var kinds = map[string]int{
	"FdBadClose": 5, "FdNotClosed": 5, "FdBadUse": 5,
	"ReallocSizeZero": 5, "InvalidSizeAndAlignment": 5, "InvalidAlignment": 5, "InvalidSize": 5,
	"MismatchedAllocateDeallocateSize": 5, "MismatchedAllocateDeallocateAlignment": 5,
}
