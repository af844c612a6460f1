# An interpreter at work: attribute look-ups, calls, dictionaries, integers, strings.
class Account:
    def __init__(self):
        self.total = 0
        self.by_key = {}

    def add(self, key, n):
        self.total += n
        self.by_key[key] = self.by_key.get(key, 0) + n


account = Account()
for i in range(700000):
    account.add(f"k{i % 997}", (i * 7919) % 1013)
primes = [n for n in range(2, 9000) if all(n % d for d in range(2, int(n**0.5) + 1))]
print(account.total, len(account.by_key), len(primes))
