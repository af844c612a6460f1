package vbits

import "gogrind/internal/isa"

// rules are by semantic class. A class that is missing has the rule of Machine.fallback.
var rules = [isa.NumClasses]rule{}
