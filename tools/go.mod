module gogrind/tools

go 1.26
