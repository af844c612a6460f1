# Runs test modules of python's own suite and prints what passes, without times.
import io
import sys
import unittest

names = sys.argv[1:]
del sys.argv[1:]
result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(unittest.defaultTestLoader.loadTestsFromNames(names))
print(result.testsRun, "tests", file=sys.__stdout__)
for kind in "failures", "errors", "unexpectedSuccesses":
    for case in getattr(result, kind):
        print(kind, str(case[0] if isinstance(case, tuple) else case), file=sys.__stdout__)
