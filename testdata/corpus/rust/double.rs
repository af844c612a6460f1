// A box that is dropped twice.
fn main() {
    let p = Box::into_raw(std::hint::black_box(Box::new([1u8; 40])));
    unsafe {
        drop(Box::from_raw(p));
        if !cfg!(twin) {
            drop(Box::from_raw(std::hint::black_box(p)));
        }
    }
}
