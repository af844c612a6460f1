// A count that was raised by hand and never lowered.
use std::sync::Arc;

#[inline(never)]
fn share() {
    let a = Arc::new([1u64; 12]);
    let p = Arc::into_raw(a);
    unsafe {
        if !cfg!(twin) {
            Arc::increment_strong_count(p);
        }
        drop(Arc::from_raw(p));
    }
}

fn main() {
    share();
}
