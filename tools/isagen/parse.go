package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Encoding spaces, in the order of the operand lists of a shape. mmx is sse's space with other registers.
var spaces = []string{"mmx", "sse", "vex", "evex"}

// parser expands the lines of tables into rows.
type parser struct {
	rows   []*row
	macros map[string]*macro
	lists  map[string][][]string
	shapes map[string][]string // operand lists by index into spaces; "" where the shape has none
	sets   map[string]string   // instruction set -> space
	class  string              // of the rows that follow
	set    string              // of rows that name none
}

type macro struct {
	params []string
	lines  []string
}

func newParser() *parser {
	return &parser{
		macros: map[string]*macro{},
		lists:  map[string][][]string{},
		shapes: map[string][]string{},
		sets:   map[string]string{},
	}
}

// file reads one table. Classes and default sets end with it; macros, lists, shapes and sets do not.
func (p *parser) file(name, text string) error {
	p.class, p.set = "", ""
	var def *macro
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		args := strings.Fields(rest)
		switch {
		case line == "":
		case word == "macro":
			if def != nil || len(args) == 0 {
				return fmt.Errorf("%s:%d: macro", name, i+1)
			}
			def = &macro{params: args[1:]}
			p.macros[args[0]] = def
		case word == "end":
			if def == nil {
				return fmt.Errorf("%s:%d: end without macro", name, i+1)
			}
			def = nil
		case def != nil:
			def.lines = append(def.lines, line)
		default:
			if err := p.line(line); err != nil {
				return fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
		}
	}
	if def != nil {
		return fmt.Errorf("%s: macro without end", name)
	}
	return nil
}

// line handles one line outside macro definitions: a directive, a macro call or a row.
func (p *parser) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	args := strings.Fields(rest)
	switch word {
	case "class":
		p.class = args[0]
		return nil
	case "isa":
		p.set = args[0]
		return p.checkSet(args[0])
	case "set":
		for _, n := range args[1:] {
			p.sets[n] = args[0]
		}
		return nil
	case "shape":
		return p.shape(args[0], rest)
	case "list":
		for _, a := range args[1:] {
			p.lists[args[0]] = append(p.lists[args[0]], strings.Split(a, ":"))
		}
		return nil
	case "each":
		l, ok := p.lists[args[0]]
		if !ok {
			return fmt.Errorf("no list %q", args[0])
		}
		for _, tuple := range l {
			if err := p.call(args[1], append(append([]string{}, tuple...), args[2:]...)); err != nil {
				return err
			}
		}
		return nil
	}
	if !strings.Contains(line, "|") {
		return p.call(word, args)
	}
	lines, err := alternatives(line)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := p.row(l); err != nil {
			return err
		}
	}
	return nil
}

// alternatives expands "a{b,c}d{e,f}" to "abde" and "acdf": all groups have the same number of alternatives.
func alternatives(line string) ([]string, error) {
	var lines []string
	for n := 0; ; n++ {
		out, rest := "", line
		count := 0
		for {
			before, after, ok := strings.Cut(rest, "{")
			out += before
			if !ok {
				break
			}
			group, tail, ok := strings.Cut(after, "}")
			alts := strings.Split(group, ",")
			if !ok || count != 0 && len(alts) != count {
				return nil, fmt.Errorf("alternatives in %q", line)
			}
			count = len(alts)
			out += alts[n]
			rest = tail
		}
		lines = append(lines, out)
		if n+1 >= count {
			return lines, nil
		}
	}
}

func (p *parser) checkSet(name string) error {
	if p.sets[name] == "" {
		return fmt.Errorf("no instruction set %q", name)
	}
	return nil
}

func (p *parser) shape(name, rest string) error {
	_, rest, ok := strings.Cut(rest, "=")
	lists := strings.Split(rest, ";")
	if !ok || len(lists) != len(spaces) {
		return fmt.Errorf("shape %s: %d operand lists", name, len(lists))
	}
	for i, l := range lists {
		lists[i] = strings.TrimSpace(l)
	}
	p.shapes[name] = lists
	return nil
}

// call expands a macro. $name in its lines stands for an argument, <name+hex> for the sum in hexadecimal, two digits.
func (p *parser) call(name string, args []string) error {
	m, ok := p.macros[name]
	if !ok {
		return fmt.Errorf("no macro %q", name)
	}
	if len(args) != len(m.params) {
		return fmt.Errorf("macro %s: %d arguments, want %d", name, len(args), len(m.params))
	}
	// Longer names first, as the replacer takes the first that fits.
	var pairs []string
	order := make([]int, len(args))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return len(m.params[order[i]]) > len(m.params[order[j]]) })
	for _, i := range order {
		pairs = append(pairs, "${"+m.params[i]+"}", args[i], "$"+m.params[i], args[i])
	}
	subst := strings.NewReplacer(pairs...)
	for _, l := range m.lines {
		l, err := sums(subst.Replace(l))
		if err != nil {
			return fmt.Errorf("macro %s: %w", name, err)
		}
		if err := p.line(l); err != nil {
			return fmt.Errorf("macro %s: %w", name, err)
		}
	}
	return nil
}

// sums evaluates the <hex+hex> of a line.
func sums(l string) (string, error) {
	for {
		before, rest, ok := strings.Cut(l, "<")
		if !ok {
			return l, nil
		}
		expr, after, ok := strings.Cut(rest, ">")
		if !ok {
			return "", fmt.Errorf("sum without end: %s", l)
		}
		var n uint64
		for _, t := range strings.Split(expr, "+") {
			v, err := strconv.ParseUint(t, 16, 8)
			if err != nil {
				return "", err
			}
			n += v
		}
		l = fmt.Sprintf("%s%02X%s", before, n, after)
	}
}
