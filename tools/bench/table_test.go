package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	tab := newTable([]program{{name: "one"}, {name: "two"}, {name: "three"}}, []runner{{name: "tool"}})
	for i, times := range [][]time.Duration{{100, 300, 200}, {100, 200}, {50}} {
		for _, d := range times {
			tab.native[i] = append(tab.native[i], d*time.Millisecond)
		}
	}
	tab.times[0][0] = []time.Duration{400 * time.Millisecond}
	tab.times[1][0] = []time.Duration{1200 * time.Millisecond}
	tab.fail(2, 0, errors.New("differs"))
	tab.fail(2, 0, errors.New("later"))
	var b strings.Builder
	tab.print(&b)
	want := `user+sys         native              tool
one               0.20s             2.00x
two               0.15s             8.00x
three             0.05s              fail
mean                           4.00x of 2
fail: three under tool: differs
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
