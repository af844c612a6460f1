package imports

// A Rule says which packages of the module a package may import. Standard library imports are always allowed.
type Rule struct {
	Package   string // path without "gogrind/" and "internal/", or a pattern of package path
	MayImport string // patterns separated by blanks
}

// Rules are tried in this order; the first that matches a package counts. They go from the top of the house to its
// ground: what runs a guest (core), tools, what is testable without running one, leaves.
var Rules = []Rule{
	{"cmd/nulgrind", "core nulgrind"},
	{"cmd/lackey", "core lackey"},
	{"cmd/valgrind", "driver"},
	{"cmd/memcheck", "core memcheck"},
	{"cmd/cachegrind", "core cachegrind"},
	{"cmd/cg_annotate", "cgannotate"},
	{"cmd/cg_diff", "cgannotate"},
	{"cmd/cg_merge", "cgannotate"},
	{"cmd/massif", "core massif"},
	{"cmd/ms_print", "msprint"},
	{"e2e", "report/grammar"},
	{"e2e/input", ""},

	{"core", "core/* guest linux options isa isa/amd64 tool report suppress debuginfo stack unwind shadow"},
	{"core/sched", "core/vcpu core/jit core/syswrap core/signal core/request core/aspace guest linux tool isa isa/amd64"},
	{"core/corefile", "guest"},
	{"core/redir", "core/jit debuginfo guest tool"},
	{"core/heap", "core/aspace core/redir guest stack tool"},
	{"core/syswrap", "core/aspace core/signal guest linux tool"},
	{"core/signal", "guest linux tool"},
	{"core/request", "guest tool"},
	{"core/strmem", "guest"},
	{"core/loader", "core/aspace guest linux"},
	{"core/jit", "core/vcpu isa isa/amd64 guest tool"},
	{"core/aspace", "guest linux tool"},
	{"core/vcpu", "guest"},
	{"core/stage0", ""},
	{"core/dispatch", ""},

	{"memcheck", "tool guest options isa isa/amd64 vbits shadow leak report suppress stack debuginfo xtree"},
	{"massif", "tool guest options isa isa/amd64 report stack debuginfo profile profile/code xtree"},
	{"msprint", "profile"},
	{"driver", "options"},
	{"lackey", "tool guest options isa isa/amd64 report debuginfo"},
	{"cgannotate", "cgfile options profile"},
	{"nulgrind", "tool"},
	{"cachegrind", "tool guest options isa isa/amd64 report debuginfo cgfile profile profile/code"},
	{"profile/code", "profile tool guest debuginfo"},
	{"profile", ""},

	{"tool", "guest isa isa/amd64 report stack"},
	{"report/grammar", ""},
	{"xtree", ""},
	{"report", "guest stack suppress debuginfo"},
	{"leak", "guest tool stack"},
	{"unwind", "guest debuginfo debuginfo/dwarf isa stack"},
	{"debuginfo/...", "guest debuginfo/..."},
	{"stack", "guest"},
	{"shadow", "guest"},

	{"vbits", "guest isa isa/amd64"},
	{"isa/amd64", "isa"},
	{"isa/amd64/synth", "isa/amd64"},
	{"isa", ""},
	{"options", ""},
	{"suppress", ""},
	{"cgfile", "profile"},
	{"linux", ""},
	{"guest", ""},
}

// Modules are the only modules that the product may use.
var Modules = []string{
	"golang.org/x/sys",
	"golang.org/x/arch",
	"github.com/peterbourgon/ff/v3",
	"github.com/google/pprof",
	"github.com/ianlancetaylor/demangle",
}
