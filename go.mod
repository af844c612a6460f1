module gogrind

go 1.26
