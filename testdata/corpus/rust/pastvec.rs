// A read by get_unchecked behind the last element of a vector.
#[inline(never)]
fn at(v: &[u32], i: usize) -> u32 {
    unsafe { std::ptr::read_volatile(v.as_ptr().add(i)) }
}

fn main() {
    let v = std::hint::black_box(vec![1u32, 2, 3, 4, 5]);
    let i = if cfg!(twin) { 4 } else { 5 };
    std::hint::black_box(at(&v, i));
}
