// Instructions from the command line: TEXT makes a string of what is there, which needs no quotes then.
#define TEXT_(...) #__VA_ARGS__
#define TEXT(...) TEXT_(__VA_ARGS__)
#ifndef ARGS
#define ARGS
#endif
#ifndef OP2
#define OP2
#endif
#ifndef ARGS2
#define ARGS2
#endif
