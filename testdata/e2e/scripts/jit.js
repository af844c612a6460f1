// Long enough for every tier of the engine to compile, and to throw away what it has compiled.
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
console.log(fib(24));
const list = [];
for (let i = 0; i < 20000; i++) list.push({ a: i, b: 's' + i, c: [i, i * 2, i / 3] });
const text = JSON.stringify(list);
console.log(text.length, JSON.parse(text)[777].c);
const map = new Map();
for (let i = 0; i < 100000; i++) map.set(i, (map.get(i - 1) || 0) + i % 7);
console.log(map.size, map.get(99999));
let x = 0;
for (let i = 0; i < 3e6; i++) x = (x * 31 + i) | 0;
console.log(x);
class A { f() { return 1; } }
class B extends A { f() { return super.f() + 1; } }
let sum = 0;
for (let i = 0; i < 1e5; i++) sum += (i % 3 ? new A() : new B()).f();
console.log(sum);
function add(a, b) { return a + b; } // optimised for numbers, then used for strings
for (let i = 0; i < 1e5; i++) sum = add(sum, i);
console.log(sum, add('a', 1), add(1n, 2n));
console.log('abc def ghi'.replace(/(\w+) (\w+)/, '$2 $1'));
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0,
	10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
console.log(new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.add(40, 2));
setTimeout(() => console.log('timer'), 10);
Promise.resolve(1).then((v) => console.log('promise', v));
