// strncpy of a string onto its own tail.
use std::ffi::c_char;

extern "C" {
    fn strncpy(to: *mut c_char, from: *const c_char, n: usize) -> *mut c_char;
}

fn main() {
    let mut a = std::hint::black_box(*b"sixteen letters.\0...............................");
    let p = a.as_mut_ptr() as *mut c_char;
    let to = std::hint::black_box(if cfg!(twin) { 24 } else { 8 });
    unsafe { strncpy(p.add(to), p.add(7), 8) };
    std::hint::black_box(&a);
}
