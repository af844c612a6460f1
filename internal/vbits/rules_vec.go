package vbits

// vecRules are the rules of vector and mask instructions.
var vecRules = ruleTable{}
