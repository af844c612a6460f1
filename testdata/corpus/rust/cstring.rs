// A C string that was dropped before its pointer was used.
// library: the C library reads it
use std::ffi::{c_char, CString};

extern "C" {
    fn strlen(s: *const c_char) -> usize;
}

fn main() {
    let s = std::hint::black_box(CString::new("no longer than its owner").unwrap());
    let p = s.as_ptr();
    if cfg!(twin) {
        std::hint::black_box(unsafe { strlen(p) });
        drop(s);
    } else {
        drop(s);
        std::hint::black_box(unsafe { strlen(std::hint::black_box(p)) });
    }
}
