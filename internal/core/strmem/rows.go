package strmem

// Routines, by their place in the table that assembly makes.
const (
	rStrlen = iota
	rStrnlen
	rStrchr
	rStrchrnul
	rRawmemchr
	rMemchr
	rMemrchr
	rStrrchr
	rStrcmp
	rStrncmp
	rMemcmp
	rMemmove
	rMemcpy
	rMempcpy
	rMemcpyChk
	rMemmoveChk
	rBcopy
	rMemset
	rStrcpy
	rStpcpy
	rStrcpyChk
	rStpcpyChk
	rStrcat
	rStrncat
	rStrncpy
	rStpncpy
	rStrlcpy
	rStrstr
	rStrspn
	rStrcspn
	rStrpbrk
	rWcslen
	rWcsnlen
	rWcscpy
	rWcscmp
	rWcsncmp
	rWcschr
	rWcsrchr
	rWmemchr
	rStrcasecmp
	rStrncasecmp
	rStrcasestr
	numRoutines
)

// lines are the line numbers of frames. Those of the functions seen most are from logs of Valgrind 3.19, others are numbers nearby:
// nothing matches them, but the text needs one.
var lines = [numRoutines]int{
	rStrlen:      494,
	rStrnlen:     463,
	rStrchr:      242,
	rStrchrnul:   1489,
	rRawmemchr:   1520,
	rMemchr:      971,
	rMemrchr:     1001,
	rStrrchr:     211,
	rStrcmp:      924,
	rStrncmp:     658,
	rMemcmp:      1123,
	rMemmove:     1385,
	rMemcpy:      1035,
	rMempcpy:     1650,
	rMemcpyChk:   1740,
	rMemmoveChk:  1585,
	rBcopy:       1543,
	rMemset:      1358,
	rStrcpy:      553,
	rStpcpy:      1190,
	rStrcpyChk:   1611,
	rStpcpyChk:   1634,
	rStrcat:      309,
	rStrncat:     356,
	rStrncpy:     599,
	rStpncpy:     1246,
	rStrlcpy:     624,
	rStrstr:      1800,
	rStrspn:      1955,
	rStrcspn:     1905,
	rStrpbrk:     1860,
	rWcslen:      2010,
	rWcsnlen:     2035,
	rWcscpy:      2110,
	rWcscmp:      2060,
	rWcsncmp:     2085,
	rWcschr:      2140,
	rWcsrchr:     2165,
	rWmemchr:     2190,
	rStrcasecmp:  711,
	rStrncasecmp: 736,
	rStrcasestr:  1825,
}

// row is one symbol that is replaced. Of the names that a library gives to one function the first row counts, and is printed: it is
// the one that Valgrind prints.
type row struct {
	symbol  string
	routine int
	arg     string // the function's name in messages, if it is not the symbol
	linker  bool   // replaced in dynamic linkers, too
	calls   string // the function of the same library that the routine calls
}

var rows = []row{
	{symbol: "strlen", routine: rStrlen, linker: true},
	{symbol: "strnlen", routine: rStrnlen},
	{symbol: "__strnlen", routine: rStrnlen},
	{symbol: "index", routine: rStrchr, linker: true},
	{symbol: "strchr", routine: rStrchr, linker: true},
	{symbol: "strchrnul", routine: rStrchrnul},
	{symbol: "__strchrnul", routine: rStrchrnul},
	{symbol: "rawmemchr", routine: rRawmemchr},
	{symbol: "__rawmemchr", routine: rRawmemchr},
	{symbol: "memchr", routine: rMemchr},
	{symbol: "memrchr", routine: rMemrchr},
	{symbol: "rindex", routine: rStrrchr, linker: true},
	{symbol: "strrchr", routine: rStrrchr, linker: true},
	{symbol: "strcmp", routine: rStrcmp, linker: true},
	{symbol: "strncmp", routine: rStrncmp},
	{symbol: "bcmp", routine: rMemcmp},
	{symbol: "memcmp", routine: rMemcmp},
	{symbol: "__memcmpeq", routine: rMemcmp},
	{symbol: "memmove", routine: rMemmove},
	{symbol: "memcpy", routine: rMemcpy},
	{symbol: "mempcpy", routine: rMempcpy, linker: true},
	{symbol: "__mempcpy", routine: rMempcpy, arg: "mempcpy", linker: true},
	{symbol: "__memcpy_chk", routine: rMemcpyChk, arg: "memcpy_chk"},
	{symbol: "__memmove_chk", routine: rMemmoveChk, arg: "memmove_chk"},
	{symbol: "bcopy", routine: rBcopy},
	{symbol: "memset", routine: rMemset},
	{symbol: "strcpy", routine: rStrcpy},
	{symbol: "stpcpy", routine: rStpcpy, linker: true},
	{symbol: "__stpcpy", routine: rStpcpy, arg: "stpcpy", linker: true},
	{symbol: "__strcpy_chk", routine: rStrcpyChk, arg: "strcpy_chk"},
	{symbol: "__stpcpy_chk", routine: rStpcpyChk, arg: "stpcpy_chk"},
	{symbol: "strcat", routine: rStrcat},
	{symbol: "strncat", routine: rStrncat},
	{symbol: "strncpy", routine: rStrncpy},
	{symbol: "stpncpy", routine: rStpncpy},
	{symbol: "__stpncpy", routine: rStpncpy, arg: "stpncpy"},
	{symbol: "strlcpy", routine: rStrlcpy},
	{symbol: "strstr", routine: rStrstr},
	{symbol: "strspn", routine: rStrspn},
	{symbol: "strcspn", routine: rStrcspn},
	{symbol: "strpbrk", routine: rStrpbrk},
	{symbol: "wcslen", routine: rWcslen},
	{symbol: "wcsnlen", routine: rWcsnlen},
	{symbol: "wcscpy", routine: rWcscpy},
	{symbol: "wcscmp", routine: rWcscmp},
	{symbol: "wcsncmp", routine: rWcsncmp},
	{symbol: "wcschr", routine: rWcschr},
	{symbol: "wcsrchr", routine: rWcsrchr},
	{symbol: "wmemchr", routine: rWmemchr},
	{symbol: "strcasecmp", routine: rStrcasecmp, calls: "tolower"},
	{symbol: "strncasecmp", routine: rStrncasecmp, calls: "tolower"},
	{symbol: "strcasecmp_l", routine: rStrcasecmp, calls: "tolower_l"},
	{symbol: "strncasecmp_l", routine: rStrncasecmp, calls: "tolower_l"},
	{symbol: "strcasestr", routine: rStrcasestr, calls: "tolower"},
}
