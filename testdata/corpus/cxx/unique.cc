// The object of a unique_ptr after reset, and of a shared_ptr whose owner is gone.
// case: unique -DUNIQUE
// case: shared
#include "../corpus.h"
#include <memory>

struct thing { long a = 1, b = 2; };

int main()
{
#ifdef UNIQUE
	auto p = std::make_unique<thing>();
	thing *raw = p.get();
	PICK(p.reset(), (void)0);
#else
	auto p = std::make_shared<thing>();
	thing *raw = p.get();
	PICK(p = nullptr, (void)0);
#endif
	HIDE(raw);
	USE(raw->b);
	return 0;
}
