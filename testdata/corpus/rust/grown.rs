// A pointer into a vector that has moved since, as it grew.
fn main() {
    let mut v = std::hint::black_box(vec![1u16; 10]);
    let p = v.as_mut_ptr();
    if cfg!(twin) {
        unsafe { p.add(3).write_volatile(4) };
    }
    v.reserve_exact(100_000);
    let v = std::hint::black_box(v);
    if !cfg!(twin) {
        unsafe { p.add(3).write_volatile(4) };
    }
    drop(v);
}
