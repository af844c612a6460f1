// A count that was lowered once too often: what is behind it is used afterwards.
use std::sync::Arc;

#[inline(never)]
fn first(p: *const [u32; 8]) -> u32 {
    unsafe { (p as *const u32).read_volatile() }
}

fn main() {
    let p = std::hint::black_box(Arc::into_raw(Arc::new([6u32; 8])));
    unsafe {
        if cfg!(twin) {
            std::hint::black_box(first(p));
            Arc::decrement_strong_count(p);
        } else {
            Arc::decrement_strong_count(p);
            std::hint::black_box(first(std::hint::black_box(p)));
        }
    }
}
