// A write through a pointer into a vector that has grown since.
fn main() {
    let mut v = std::hint::black_box(vec![0u16; 4]);
    let mut p = v.as_mut_ptr();
    v.extend_from_slice(&[1; 500]);
    if cfg!(twin) {
        p = v.as_mut_ptr();
    }
    unsafe { p.add(2).write_volatile(7) };
    std::hint::black_box(&v);
}
