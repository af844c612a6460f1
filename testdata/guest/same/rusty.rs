// Rust: collections, traits, panics that are caught, threads that are joined, process exit status.
// build: rustc -O
// build: rustc -C opt-level=0
// build: rustc -C opt-level=2 -C panic=unwind -C target-feature=+crt-static
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

trait Shape {
    fn area(&self) -> f64;
}
struct Square(f64);
struct Circle(f64);
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}
impl Shape for Circle {
    fn area(&self) -> f64 {
        std::f64::consts::PI * self.0 * self.0
    }
}

struct Noisy<'a>(&'a std::cell::Cell<u32>);
impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1)
    }
}

fn checked(v: &[u32], i: usize) -> u32 {
    v[i]
}

fn main() {
    let shapes: Vec<Box<dyn Shape>> = (0..1000)
        .map(|i| if i % 2 == 0 { Box::new(Square(i as f64)) as Box<dyn Shape> } else { Box::new(Circle(i as f64)) })
        .collect();
    println!("area {:.3}", shapes.iter().map(|s| s.area()).sum::<f64>());

    let mut words = HashMap::new();
    for w in "the cat and the dog and the bird".split(' ') {
        *words.entry(w).or_insert(0) += 1;
    }
    let sorted: BTreeMap<_, _> = words.iter().collect();
    println!("{sorted:?}");

    std::panic::set_hook(Box::new(|_| {}));
    let drops = std::cell::Cell::new(0);
    let mut caught = 0;
    for i in 0..50 {
        let r = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _n = Noisy(&drops);
            checked(&[1, 2, 3], i % 6)
        }));
        caught += r.is_err() as u32;
    }
    println!("caught {caught}, dropped {}", drops.get());

    let handles: Vec<_> = (0..4u64).map(|i| std::thread::spawn(move || (0..10000u64).fold(i, |a, b| a.wrapping_mul(31) ^ b))).collect();
    let sums: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
    println!("{sums:?}");

    let mut text = String::new();
    for i in 0..200u128 {
        write!(text, "{:x}", i.pow(7)).unwrap();
    }
    println!("{} {}", text.len(), text.bytes().map(u64::from).sum::<u64>());
    println!("{:?} {:?}", "12x".parse::<i32>().is_err(), "3.5e3".parse::<f64>());
    std::process::exit(17);
}
