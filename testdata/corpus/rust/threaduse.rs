// A thread uses what main has freed before it could start.
use std::sync::atomic::{AtomicUsize, Ordering};

static SHARED: AtomicUsize = AtomicUsize::new(0);

#[inline(never)]
fn look() -> u8 {
    let p = SHARED.load(Ordering::SeqCst) as *const u8;
    unsafe { p.add(2).read_volatile() }
}

fn main() {
    let v = std::hint::black_box(vec![4u8; 50]);
    SHARED.store(v.as_ptr() as usize, Ordering::SeqCst);
    if cfg!(twin) {
        std::hint::black_box(std::thread::spawn(look).join().unwrap());
        drop(v);
    } else {
        drop(v);
        std::hint::black_box(std::thread::spawn(look).join().unwrap());
    }
}
