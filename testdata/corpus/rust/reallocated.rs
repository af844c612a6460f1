// A block of alloc's that realloc has made smaller, used behind its new end.
use std::alloc::{alloc, dealloc, realloc, Layout};

fn main() {
    let old = Layout::from_size_align(100, 8).unwrap();
    let new = Layout::from_size_align(40, 8).unwrap();
    unsafe {
        let p = std::hint::black_box(alloc(old));
        let q = std::hint::black_box(realloc(p, old, 40));
        q.add(if cfg!(twin) { 39 } else { 44 }).write_volatile(2);
        dealloc(q, new);
    }
}
