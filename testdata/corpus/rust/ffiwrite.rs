// A block of calloc's is written behind its end by a function that got its length wrong.
use std::ffi::c_void;

extern "C" {
    fn calloc(n: usize, size: usize) -> *mut c_void;
    fn free(p: *mut c_void);
}

#[inline(never)]
fn fill(p: *mut i16, n: usize) {
    for i in 0..n {
        unsafe { p.add(i).write_volatile(i as i16) };
    }
}

fn main() {
    unsafe {
        let p = calloc(10, 2) as *mut i16;
        fill(p, std::hint::black_box(if cfg!(twin) { 10 } else { 11 }));
        free(p as *mut c_void);
    }
}
