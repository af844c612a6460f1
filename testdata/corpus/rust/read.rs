// A pointer of a vector that was dropped.
fn main() {
    let v = std::hint::black_box(vec![1u64, 2, 3]);
    let p = v.as_ptr();
    if cfg!(twin) {
        std::hint::black_box(unsafe { p.add(1).read_volatile() });
        drop(v);
    } else {
        drop(v);
        std::hint::black_box(unsafe { p.add(1).read_volatile() });
    }
}
