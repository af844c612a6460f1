// A string's bytes taken for a C string: no zero ends them.
// library: the C library reads it
use std::ffi::{c_char, CStr};

#[inline(never)]
fn length(p: *const c_char) -> usize {
    unsafe { CStr::from_ptr(p) }.to_bytes().len()
}

fn main() {
    let mut s = String::with_capacity(21);
    s.push_str("twenty-one characters");
    if cfg!(twin) {
        s.pop();
        s.push('\0');
    }
    let s = std::hint::black_box(s);
    std::hint::black_box(length(s.as_ptr() as *const c_char));
}
