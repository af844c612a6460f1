// A box made of a local variable. The function begins with what is inlined of another.
#[inline(never)]
fn give(p: *mut [u64; 4]) {
    if !cfg!(twin) {
        drop(unsafe { Box::from_raw(p) });
    }
}

fn main() {
    let mut local = std::hint::black_box([7u64; 4]);
    give(std::hint::black_box(&mut local));
    std::hint::black_box(&local);
}
