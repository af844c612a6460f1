// Characters of strings that have moved or gone.
// case: cstr -DCSTR
// case: moved -DMOVED
// case: view -DVIEW
// flags: -std=c++17
#include "../corpus.h"
#include <string>
#include <string_view>

NOINLINE std::string make(int n) { return std::string(n, 'a'); }

int main()
{
#ifdef CSTR
	std::string keep = make(100);
	const char *p = PICK(make(100).c_str(), keep.c_str());
#elif defined MOVED
	std::string s = make(60);
	const char *p = s.c_str();
	s.append(200, 'b');
	PICK((void)0, p = s.c_str());
#else
	std::string s = make(50);
	std::string_view v = s;
	PICK((s = make(500)), s);
	const char *p = v.data();
#endif
	HIDE(p);
	USE(p[5]);
	return 0;
}
