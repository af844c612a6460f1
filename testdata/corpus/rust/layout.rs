// Freed with a layout that differs from what was asked for in nothing that free sees; then read.
use std::alloc::{alloc_zeroed, dealloc, Layout};

fn main() {
    let layout = Layout::from_size_align(64, 32).unwrap();
    unsafe {
        let p = std::hint::black_box(alloc_zeroed(layout));
        let at = if cfg!(twin) { 63 } else { 64 };
        p.add(at).write_volatile(1);
        dealloc(p, layout);
    }
}
