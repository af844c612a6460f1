package grammar

import (
	"strings"
	"testing"
)

// document makes a report of the given protocol with body between the two states.
func document(protocol, body, end string) string {
	return "<?xml version=\"1.0\"?>\n<valgrindoutput>\n<protocolversion>" + protocol + "</protocolversion>\n<protocoltool>memcheck</protocoltool>" +
		"<preamble><line>x</line></preamble><pid>1</pid><ppid>2</ppid><tool>memcheck</tool><usercomment><a><b/></a>x</usercomment>" +
		"<args><vargv><exe>v</exe></vargv><argv><exe>p</exe><arg>q</arg></argv></args>" +
		"<status><state>RUNNING</state><time>0</time></status>" + body + end + "</valgrindoutput>"
}

const (
	finished = "<status><state>FINISHED</state><time>1</time></status><errorcounts></errorcounts><suppcounts></suppcounts>"
	stack    = "<stack><frame><ip>0x1</ip><obj>o</obj><fn>f</fn><dir>d</dir><file>f.c</file><line>3</line></frame><frame><ip>0x2</ip></frame></stack>"
)

func report(kind, rest string) string {
	return "<error><unique>0x0</unique><tid>1</tid><kind>" + kind + "</kind>" + rest + "</error>"
}

func TestCheck(t *testing.T) {
	rows := []struct {
		doc, want string // part of the error, "" for none
	}{
		{document("4", "", finished), ""},
		{document("4", "", ""), ""}, // ended early
		{document("4", report("InvalidRead", "<what>w</what>"+stack+"<auxwhat>a</auxwhat><auxwhat>b</auxwhat>"+stack), finished), ""},
		{document("4", report("Leak_DefinitelyLost", "<xwhat><text>t</text><leakedbytes>1</leakedbytes><leakedblocks>1</leakedblocks></xwhat>"), finished), ""},
		{document("5", report("FdNotClosed", "<fd>3</fd><path>p</path><what>w</what>"+stack), finished), ""},
		{document("6", "", strings.Replace(finished, "<suppcounts>", "<error_summary><errors>1</errors><error_contexts>1</error_contexts>"+
			"<suppressed>0</suppressed><suppressed_contexts>0</suppressed_contexts></error_summary><suppcounts>", 1)), ""},
		{document("7", "", finished), "protocol"},
		{document("4", report("FdNotClosed", "<what>w</what>"), finished), "kind FdNotClosed is not in protocol 4"},
		{document("4", report("InvalidRead", "<fd>3</fd><what>w</what>"), finished), "fd is not in protocol 4"},
		{document("5", "<all_heap_blocks_freed>true</all_heap_blocks_freed>", finished), "all_heap_blocks_freed is not in protocol 5"},
		{document("4", report("InvalidRead", stack), finished), "error holds"},
		{document("4", report("InvalidRead", "<what>w</what><stack></stack>"), finished), "stack holds"},
		{document("4", report("InvalidRead", "<what>w</what>"+strings.Replace(stack, "<line>3</line>", "", 1)), finished), "frame holds"},
		{document("4", report("InvalidRead", "<what>w<b/></what>"), finished), "unknown element b"},
		{document("4", "loose", finished), "holds text"},
		{document("4", "<pid>1</pid>", finished), "valgrindoutput holds"},
		{strings.Replace(document("4", "", finished), "<pid>", "<pid a=\"1\">", 1), "attributes"},
		{document("4", "", finished) + document("4", "", finished), "the document is"},
		{strings.TrimSuffix(document("4", "", finished), "</valgrindoutput>"), "unexpected EOF"},
		{"", "the document is"},
	}
	for _, r := range rows {
		err := Check([]byte(r.doc))
		if r.want == "" && err != nil || r.want != "" && (err == nil || !strings.Contains(err.Error(), r.want)) {
			t.Errorf("%s\n%v, want %q", r.doc, err, r.want)
		}
	}
}
