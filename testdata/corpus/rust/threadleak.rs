// What a thread allocates and forgets.
#[inline(never)]
fn work(n: usize) -> usize {
    let b = std::hint::black_box(vec![1u8; n].into_boxed_slice());
    let sum = b.len();
    if !cfg!(twin) {
        std::mem::forget(b);
    }
    sum
}

fn main() {
    let t = std::thread::spawn(|| work(77));
    assert_eq!(t.join().unwrap(), 77);
}
