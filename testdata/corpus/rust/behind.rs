// An unchecked index behind the end of a boxed slice.
#[inline(never)]
fn get(s: &[u32], i: usize) -> u32 {
    unsafe { s.as_ptr().add(i).read_volatile() }
}

fn main() {
    let s = std::hint::black_box(vec![1u32; 6].into_boxed_slice());
    std::hint::black_box(get(&s, if cfg!(twin) { 5 } else { 6 }));
}
