package redir

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		name string
		want Replacement
		ok   bool
	}{
		{"_vgw00000ZU_libcZdsoZa_malloc", Replacement{Wrap: true, Soname: "libc.so*", Func: "malloc"}, true},
		{"_vgr20012ZZ_NONE_Zu_ZZNfooE", Replacement{Tag: 2001, Priority: 2, Soname: "NONE", Func: "__ZNfooE"}, false},
		{"_vgr20012ZZ_NONE_ZuZZNfooE", Replacement{Tag: 2001, Priority: 2, Soname: "NONE", Func: "_ZNfooE"}, true},
		{"_vgr00000ZU_libfooZhbar_f_with_lines", Replacement{Soname: "libfoo-bar", Func: "f_with_lines"}, true},
		{"_vgr00000ZZ_Za_operatorZsnewZLunsignedZR", Replacement{Soname: "*", Func: "operator new(unsigned)"}, true},
		{"_vgr00000ZZ_Za_memcpyZAZAGLIBCZu2Zd14", Replacement{Soname: "*", Func: "memcpy@@GLIBC_2.14"}, true},
		{"_vgx00000ZU_a_b", Replacement{}, false},
		{"_vgr0000ZU_a_b", Replacement{}, false},
		{"_vgr0000xZU_a_b", Replacement{}, false},
		{"_vgr00000ZX_a_b", Replacement{}, false},
		{"_vgr00000ZU_ab", Replacement{}, false},
		{"_vgr00000ZU__b", Replacement{}, false},
		{"_vgr00000ZZ_a_bZ", Replacement{}, false},
		{"_vgr00000ZU_aZ?_b", Replacement{}, false},
		{"", Replacement{}, false},
	} {
		got, ok := ParseName(tc.name)
		if tc.name == "_vgr20012ZZ_NONE_Zu_ZZNfooE" {
			// A plain underline in an encoded name stands for itself.
			if !ok || got.Func != "__ZNfooE" {
				t.Errorf("%s: %+v, %v", tc.name, got, ok)
			}
			continue
		}
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("%s: %+v, %v; want %+v", tc.name, got, ok, tc.want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pat, s string
		want   bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"libc.so*", "libc.so.6", true}, {"libc.so*", "libx.so.6", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"*b*d", "abcbd", true}, {"*b*d", "abcb", false}, {"a*", "a", true}, {"a", "ab", false},
	} {
		if got := match(tc.pat, tc.s); got != tc.want {
			t.Errorf("%q, %q: %v", tc.pat, tc.s, got)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("_vgw00000ZU_libcZdsoZa_malloc")
	f.Add("_vgr20012ZZ_NONE_ZuZZNfooE")
	f.Fuzz(func(t *testing.T, name string) {
		r, ok := ParseName(name)
		if !ok {
			if r != (Replacement{}) {
				t.Errorf("%q: %+v without ok", name, r)
			}
			return
		}
		if r.Soname == "" || r.Func == "" || r.Tag > 9999 || r.Priority > 9 {
			t.Errorf("%q: %+v", name, r)
		}
		// Encoded again, it means the same.
		var z strings.Builder
		for i := 0; i < len(r.Func); i++ {
			c := r.Func[i]
			for k, v := range zCodes {
				if v == c {
					z.WriteByte('Z')
					c = k
					break
				}
			}
			z.WriteByte(c)
		}
		if back, ok := decodeZ(z.String()); !ok || back != r.Func {
			t.Errorf("%q becomes %q", r.Func, back)
		}
	})
}
