// Package input makes the texts that programs under test and under measurement work on. They are the same in every run
// and on every machine.
package input

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Preprocessed writes Source(n) after preprocessing to dir/source.i. It returns that name and the path of the compiler proper,
// which is "cc1" where there is no GCC.
func Preprocessed(dir string, n int) (source, cc1 string, err error) {
	source = filepath.Join(dir, "source.i")
	if _, err := exec.LookPath("gcc"); err != nil {
		return source, "cc1", nil
	}
	c := filepath.Join(dir, "source.c")
	if err := os.WriteFile(c, []byte(Source(n)), 0o666); err != nil {
		return "", "", fmt.Errorf("input: %w", err)
	}
	if out, err := exec.Command("gcc", "-E", "-o", source, c).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("input: gcc -E: %w: %s", err, out)
	}
	out, err := exec.Command("gcc", "-print-prog-name=cc1").Output()
	if err != nil {
		return "", "", fmt.Errorf("input: gcc -print-prog-name: %w", err)
	}
	return source, strings.TrimSpace(string(out)), nil
}

// lcg is a generator of pseudo-random numbers that is the same everywhere (constants: Knuth's MMIX).
type lcg uint64

func (g *lcg) next(n int) int {
	*g = *g*6364136223846793005 + 1442695040888963407
	return int(uint64(*g) >> 33 % uint64(n))
}

// Text is at least n bytes of lines of words and numbers, neither random nor trivially repetitive.
func Text(n int) string {
	g := lcg(1)
	syllables := strings.Fields("ba co di fu ge ha ki lo mu ne or pa qui re so ta un va we xy za th st ing er")
	vocabulary := make([]string, 3000)
	for i := range vocabulary {
		for range 1 + g.next(4) {
			vocabulary[i] += syllables[g.next(len(syllables))]
		}
	}
	var b strings.Builder
	for b.Len() < n {
		for range 3 + g.next(9) {
			// Multiplying two draws makes some words much more frequent than others, as in prose.
			b.WriteString(vocabulary[g.next(60)*g.next(50)])
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d\n", g.next(100000))
	}
	return b.String()
}

// Source is C source of n functions that a compiler has some work with.
func Source(n int) string {
	g := lcg(n)
	var b strings.Builder
	b.WriteString("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n\n" +
		"struct item { int key; double weight; struct item *next; char name[32]; };\n\n")
	for i := range n {
		fmt.Fprintf(&b, "int f%d(struct item *list, const char *s, size_t n) {\n\tint a[%d], sum = %d;\n", i, 4+g.next(60), g.next(100))
		fmt.Fprintf(&b, "\tfor (size_t i = 0; i < sizeof a / sizeof a[0]; i++)\n\t\ta[i] = (int)(i * %du ^ n) %% %d;\n", g.next(9999), 3+g.next(500))
		fmt.Fprintf(&b, "\tfor (struct item *p = list; p; p = p->next) {\n\t\tif (p->key %% %d == %d && strlen(p->name) > %d)\n", 2+g.next(9), g.next(2), g.next(20))
		fmt.Fprintf(&b, "\t\t\tsum += (int)(sqrt(p->weight) * %d.5);\n\t\telse\n\t\t\tp->key = a[(unsigned)p->key %% %d] << %d;\n\t}\n", g.next(50), 1+g.next(4), g.next(9))
		fmt.Fprintf(&b, "\tswitch (sum & 7) {\n")
		for c := range 6 {
			fmt.Fprintf(&b, "\tcase %d:\n\t\tsum = sum * %d + a[%d];\n\t\tbreak;\n", c, g.next(77), g.next(4))
		}
		fmt.Fprintf(&b, "\tdefault:\n\t\tfor (size_t k = 0; s[k]; k++)\n\t\t\tsum = (sum << 5) - sum + s[k];\n\t}\n")
		if i > 0 {
			fmt.Fprintf(&b, "\tif (n > %d)\n\t\tsum += f%d(list, s + (*s != 0), n / 2);\n", g.next(40), g.next(i))
		}
		b.WriteString("\treturn sum;\n}\n\n")
	}
	return b.String()
}
