"""Classes, generators, big integers, exceptions, regular expressions, json, hashing, threads that do not overlap."""
import hashlib
import itertools
import json
import re
import sys
import zlib

text = sys.stdin.read()
words = re.findall(r"[A-Za-z]+", text)
count = {}
for w in words:
    count[w.lower()] = count.get(w.lower(), 0) + 1
print(sorted(count.items(), key=lambda kv: (-kv[1], kv[0]))[:10])


class Node:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


def build(lo, hi):
    if lo >= hi:
        return None
    mid = (lo + hi) // 2
    return Node(mid, build(lo, mid), build(mid + 1, hi))


print(sum(build(0, 5000)), len(list(itertools.permutations(range(7)))))
print(2**521 - 1, pow(3, 10**5, 10**9 + 7), 3 ** 2000 % 10**30)
caught = 0
for i in range(2000):
    try:
        [][i]
    except IndexError:
        caught += 1
print(caught, hashlib.sha256(text.encode()).hexdigest(), zlib.crc32(text.encode()))
doc = {"list": list(range(100)), "float": 0.1 + 0.2, "nested": {"a": [None, True]}}
print(json.dumps(json.loads(json.dumps(doc)))[:200])
print(len(zlib.compress(text.encode(), 9)), "%.17g" % (sum(1 / n for n in range(1, 20000))))
sys.exit(7)
