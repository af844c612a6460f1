# Sourced by the scripts: puts the Go toolchain on PATH where it is installed in the usual place but not on PATH.
if ! command -v go >/dev/null 2>&1; then
    PATH=$PATH:/usr/local/go/bin
fi
if ! command -v go >/dev/null 2>&1; then
    echo "gogrind: no Go toolchain found: run scripts/setup or install Go 1.26 from https://go.dev/dl" >&2
    exit 1
fi
