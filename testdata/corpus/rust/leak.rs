// Forgotten boxes: one lost, one kept in a static.
use std::sync::atomic::{AtomicPtr, Ordering};

static KEPT: AtomicPtr<u64> = AtomicPtr::new(std::ptr::null_mut());

#[inline(never)]
fn lose(n: usize) {
    let v = std::hint::black_box(vec![7u8; n]);
    if cfg!(twin) {
        drop(v);
    } else {
        std::mem::forget(v);
    }
}

fn main() {
    KEPT.store(Box::into_raw(Box::new(5)), Ordering::Relaxed);
    lose(30);
    lose(31);
}
