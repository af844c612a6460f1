// Package e2e tests the tools from outside: it builds guest programs from testdata/guest, runs them and real programs of
// the system natively and under each tool, and compares what can be seen: output, exit status, files, findings.
//
// It has tests only and imports nothing of the project but its inputs: what it knows of the tools is their command line and log.
// docs/testing.md says how to add a program. Flags after -args: see main_test.go.
package e2e
