// Half of a buffer copied from another that was only half set, then compared.
fn main() {
    let mut from: Vec<u8> = Vec::with_capacity(32);
    let mut to = vec![0u8; 32];
    unsafe {
        from.as_mut_ptr().write_bytes(7, if cfg!(twin) { 32 } else { 16 });
        std::ptr::copy_nonoverlapping(std::hint::black_box(from.as_ptr()), to.as_mut_ptr(), 32);
    }
    let p = std::hint::black_box(to.as_ptr());
    for i in [3, 20] {
        if unsafe { p.add(i).read_volatile() } == 9 {
            std::process::abort();
        }
    }
}
