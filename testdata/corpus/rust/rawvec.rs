// Two vectors that own one block.
fn main() {
    let mut v = std::mem::ManuallyDrop::new(std::hint::black_box(vec![5u8; 33]));
    unsafe {
        drop(Vec::from_raw_parts(v.as_mut_ptr(), v.len(), v.capacity()));
        if !cfg!(twin) {
            drop(Vec::from_raw_parts(std::hint::black_box(v.as_mut_ptr()), v.len(), v.capacity()));
        }
    }
}
