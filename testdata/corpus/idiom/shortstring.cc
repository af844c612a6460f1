// Strings that keep their characters inside, with rubbish behind them.
// only: twin
#include "../corpus.h"
#include <algorithm>
#include <string>
#include <vector>

int main()
{
	std::vector<std::string> v;
	for (int i = 0; i < 20; i++)
		v.push_back(std::string(i % 5, 'a' + i));
	std::sort(v.begin(), v.end());
	std::swap(v[3], v[17]);
	std::string s = v[4] + v[5] + "tail";
	const char *p = s.data();
	HIDE(p);
	return p[0] == 0;
}
