// A vector made of a pointer into another one's middle.
fn main() {
    let mut v = std::mem::ManuallyDrop::new(std::hint::black_box(vec![5u8; 64]));
    let at = if cfg!(twin) { 0 } else { 16 };
    unsafe {
        let p = std::hint::black_box(v.as_mut_ptr().add(at));
        drop(Vec::from_raw_parts(p, 8, 64));
    }
}
