// Memory that was allocated and never written decides a branch.
use std::alloc::{alloc, alloc_zeroed, dealloc, Layout};

fn main() {
    let layout = Layout::from_size_align(16, 8).unwrap();
    unsafe {
        let p = if cfg!(twin) { alloc_zeroed(layout) } else { alloc(layout) };
        let x = std::hint::black_box(p as *const u32).read_volatile();
        if x == 77 {
            std::hint::black_box(());
            std::process::abort();
        }
        dealloc(p, layout);
    }
}
