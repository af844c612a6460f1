// An allocator of the program's own, in front of the system's, that gives one byte too few.
use std::alloc::{GlobalAlloc, Layout, System};

struct Short;

fn shortened(l: Layout) -> Layout {
    if cfg!(twin) || l.size() != 100 {
        l
    } else {
        Layout::from_size_align(99, l.align()).unwrap()
    }
}

unsafe impl GlobalAlloc for Short {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        System.alloc(shortened(l))
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        System.dealloc(p, shortened(l))
    }
}

#[global_allocator]
static HEAP: Short = Short;

fn main() {
    let mut v: Vec<u8> = Vec::with_capacity(std::hint::black_box(100));
    unsafe { v.as_mut_ptr().add(99).write_volatile(1) };
    std::hint::black_box(&v);
}
