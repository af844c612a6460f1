// A block of malloc's given to a box, which is freed once more by free.
use std::ffi::c_void;

extern "C" {
    fn malloc(n: usize) -> *mut c_void;
    fn free(p: *mut c_void);
}

fn main() {
    unsafe {
        let p = std::hint::black_box(malloc(48)) as *mut [u8; 48];
        p.write_bytes(1, 1);
        let b = Box::from_raw(p);
        let raw = std::hint::black_box(&*b as *const [u8; 48]);
        drop(std::hint::black_box(b));
        if !cfg!(twin) {
            free(raw as *mut c_void);
        }
    }
}
