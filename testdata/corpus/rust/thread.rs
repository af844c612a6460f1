// A thread that reads what its creator has dropped.
use std::thread;

struct Raw(*const u64);
unsafe impl Send for Raw {}

fn main() {
    let b = std::hint::black_box(Box::new([9u64; 4]));
    let raw = Raw(b.as_ptr());
    let mut kept = Some(b);
    if !cfg!(twin) {
        drop(kept.take());
    }
    thread::spawn(move || {
        let r = raw;
        std::hint::black_box(unsafe { r.0.add(2).read_volatile() });
    })
    .join()
    .unwrap();
    drop(kept);
}
