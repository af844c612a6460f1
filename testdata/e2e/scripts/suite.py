# Runs test modules of python's own suite and prints what passes, without times. "-Class.test" leaves a test out.
import io
import sys
import unittest


class Output:
    """Standard output without what tests print themselves: resolutions of timers, random waits, numbers of threads."""

    def write(self, text):
        return len(text)

    def __getattr__(self, name):
        return getattr(sys.__stdout__, name)


def tests(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite):
            yield from tests(t)
        else:
            yield t


names = [a for a in sys.argv[1:] if a[0] != "-"]
without = [a[1:] for a in sys.argv[1:] if a[0] == "-"]
del sys.argv[1:]
sys.stdout = Output()
suite = unittest.defaultTestLoader.loadTestsFromNames(names)
if without:
    suite = unittest.TestSuite(t for t in tests(suite) if not t.id().endswith(tuple("." + w for w in without)))
result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
print(result.testsRun, "tests", file=sys.__stdout__)
for kind in "failures", "errors", "unexpectedSuccesses":
    for case in getattr(result, kind):
        print(kind, str(case[0] if isinstance(case, tuple) else case), file=sys.__stdout__)
