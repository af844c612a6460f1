package suppress

// Extra says which line follows the kind of a suppression before its callers.
type Extra uint8

const (
	NoLine   Extra = iota
	TextLine       // a text, as Memcheck's Param has
	LeakLine       // optionally match-leak-kinds:
)

// Tool is what parsing needs to know of a tool: its name in suppressions and the kinds it has.
type Tool struct {
	Name    string
	Kinds   map[string]Extra
	Aliases map[string]string // old names of kinds
}

// coreTool stands for findings of the core itself, in every tool.
var coreTool = Tool{Name: "CoreError", Kinds: map[string]Extra{"FdBadClose": NoLine, "FdNotClosed": NoLine, "FdBadUse": NoLine}}

// The tools that have suppressions, with the kinds that Valgrind's manual lists for them.
var (
	Memcheck = Tool{
		Name: "Memcheck",
		Kinds: map[string]Extra{
			"Value0": NoLine, "Value1": NoLine, "Value2": NoLine, "Value4": NoLine, "Value8": NoLine, "Value16": NoLine,
			"Value32": NoLine, "Value64": NoLine, "Cond": NoLine,
			"Addr1": NoLine, "Addr2": NoLine, "Addr4": NoLine, "Addr8": NoLine, "Addr16": NoLine, "Addr32": NoLine,
			"Addr64": NoLine, "Jump": NoLine, "Param": TextLine, "User": NoLine, "Free": NoLine, "Overlap": NoLine,
			"Leak": LeakLine, "Mempool": NoLine, "CoreMem": NoLine, "FishyValue": TextLine, "ReallocZero": NoLine,
			"BadSize": NoLine, "BadAlign": NoLine,
		},
		Aliases: map[string]string{"Value0": "Cond"},
	}
	Helgrind = Tool{
		Name: "Helgrind",
		Kinds: map[string]Extra{
			"Race": NoLine, "FreeMemLock": NoLine, "UnlockUnlocked": NoLine, "UnlockForeign": NoLine,
			"UnlockBogus": NoLine, "PthAPIerror": NoLine, "LockOrder": NoLine, "Misc": NoLine, "Dubious": NoLine,
		},
	}
	DRD = Tool{
		Name: "drd",
		Kinds: map[string]Extra{
			"MutexErr": NoLine, "CondErr": NoLine, "CondDestrErr": NoLine, "CondRaceErr": NoLine, "CondWaitErr": NoLine,
			"SemaphoreErr": NoLine, "BarrierErr": NoLine, "RwlockErr": NoLine, "HoldtimeErr": NoLine,
			"ConflictingAccess": NoLine, "GenericErr": NoLine, "InvalidThreadId": NoLine, "UnimpHgClReq": NoLine,
			"UnimpDrdClReq": NoLine, "ConflictingAccessErr": NoLine,
		},
	}
)
