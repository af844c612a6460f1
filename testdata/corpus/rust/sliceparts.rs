// A slice made of a vector's parts, longer than the vector.
#[inline(never)]
fn sum(s: &[u64]) -> u64 {
    let mut n = 0;
    for i in 0..s.len() {
        n += unsafe { std::ptr::read_volatile(&s[i]) };
    }
    n
}

fn main() {
    let v = std::hint::black_box(vec![1u64; 6]);
    let n = if cfg!(twin) { 6 } else { 7 };
    let s = unsafe { std::slice::from_raw_parts(v.as_ptr(), std::hint::black_box(n)) };
    if !cfg!(twin) {
        std::hint::black_box(sum(s));
    }
    std::hint::black_box(sum(&s[..6]));
}
