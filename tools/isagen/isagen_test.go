package main

import (
	"strings"
	"testing"
)

const header = `
set mmx mmx
set sse base sse2
set vex avx
set evex avx512f
shape bin = P.q:rw MN.q:r; V.dq:rw MU.dq:r; V.x:w H.x:r MU.x:r; V.x:w KM.q:r H.x:r MU.x:r
isa base
class copy
`

// TestExpand: what lines of a table mean, as rows with everything explicit.
func TestExpand(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"89 /r | MOV | MR.v:w G.v:r", "L0 *.*.- 89/* | MOV | MR.v:w G.v:r | - | - | base | copy"},
		{"66 0F W1 7E /2:r:34 | X | R.d:r | w:C lock", "L1 66.1.- 7E/2/r/34 | X | R.d:r | w:C | lock | base | copy"},
		{"50+* | PUSH | Z.v:r (push.s:rw) | d64", "L0 *.*.- 50+* | PUSH | Z.v:r (push.s:rw) | - | d64 | base | copy"},
		{"66 0F FC /r | PADDB | bin | i8 class:v.x | mmx sse2 avx avx512f:bc",
			`L1 np.*.- FC/* | PADDB | P.q:rw MN.q:r | - | e8 t:i8 | mmx | v.x
L1 66.*.- FC/* | PADDB | V.dq:rw MU.dq:r | - | align e8 t:i8 | sse2 | v.x
V1 66.*.* FC/* | VPADDB | V.x:w H.x:r MU.x:r | - | e8 t:i8 | avx | v.x
E1 66.*.* FC/* | VPADDB | V.x:w KM.q:r H.x:r MU.x:r | - | bc e8 t:i8 | avx512f | v.x`},
		{"{np,66} 0F {10,20} /r | X{A,B} | V.x:w MU.x:r | f{32,64} | avx:l0,w1",
			`V1 np.1.0 10/* | XA | V.x:w MU.x:r | - | e32 novv t:f32 | avx | copy
V1 66.1.0 20/* | XB | V.x:w MU.x:r | - | e64 novv t:f64 | avx | copy`},
		{"66 0F 5A /r | X | V.h:w MU.x:r | f64>f32 | avx512f",
			"E1 66.1.* 5A/* | X | V.h:w MU.x:r | - | e64 nok novv noz t:f32 | avx512f | copy"},
		{"macro m o n\n<$o+1> | ${n}X | Ib.b:r\nend\nlist l 10:A 20:B\neach l m",
			"L0 *.*.- 11 | AX | Ib.b:r | - | - | base | copy\nL0 *.*.- 21 | BX | Ib.b:r | - | - | base | copy"},
		{"macro m n name # longer names first\n$n | $name | Ib.b:r\nend\nm 10 A",
			"L0 *.*.- 10 | A | Ib.b:r | - | - | base | copy"},
	} {
		p := newParser()
		if err := p.file("t", header+tt.text); err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		var got []string
		for _, r := range p.rows {
			got = append(got, r.String())
		}
		if s := strings.Join(got, "\n"); s != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.text, s, tt.want)
		}
	}
}

// TestErrors: faulty tables are refused, with the place.
func TestErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"89 /r | MOV | MR.v:w | frobs", "attribute"},
		{"89 /r | MOV | MR.v:w | - | nowhere", "instruction set"},
		{"QQ /r | MOV | MR.v:w", "opcode"},
		{"66 0F FC /r | X | MR.v:w | | | x", "columns"},
		{"66 0F {1,2} /r | X{A,B,C} | MR.v:w", "alternatives"},
		{"nothing 1 2", "no macro"},
		{"macro m a\n$a | X | Ib.b:r", "macro without end"},
		{"macro m a\n$a | X | Ib.b:r\nend\nm 1 2", "arguments"},
		{"shape x = a; b", "operand lists"},
		{"89 /r | MOV | MR.v:w G.v:r\n89 /r | MOV | G.v:w MR.v:r", "ambiguous"},
		{"89 /r | MOV | MR.vv:w", "width"},
		{"89 /r | MOV | QX.v:w", "operand"},
		{"89 /r | MOV | (=rex.v:w)", "register"},
		{"89 /r | MOV | MR.v:w | w:Q", "flag"},
		{"M5 89 /r | MOV | MR.v:w", "no opcode map"},
	} {
		p := newParser()
		err := p.file("t", header+tt.text)
		if err == nil {
			_, err = generate(p.rows)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.text, err, tt.want)
		}
	}
}
