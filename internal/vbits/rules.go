package vbits

import "gogrind/internal/isa"

// ruleTable has rules by semantic class.
type ruleTable [isa.NumClasses]rule

// rules are those of all tables. A class that is missing has the rule of Machine.fallback.
var rules = merged(&intRules, &vecRules)

// merged puts tables together; no class is in two of them.
func merged(tables ...*ruleTable) (all ruleTable) {
	for _, t := range tables {
		for c, r := range t {
			if r != nil {
				all[c] = r
			}
		}
	}
	return all
}
