// A C string that was given away and never taken back.
use std::ffi::CString;

#[inline(never)]
fn give(s: &str) -> *mut std::ffi::c_char {
    CString::new(s).unwrap().into_raw()
}

fn main() {
    let mut p = give("this one is lost");
    if cfg!(twin) {
        drop(unsafe { CString::from_raw(p) });
    }
    p = std::hint::black_box(give("this one comes back"));
    drop(unsafe { CString::from_raw(p) });
}
