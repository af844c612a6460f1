// A part of a local array that was never set.
use std::mem::MaybeUninit;

#[inline(never)]
fn look(p: *const i64) {
    if unsafe { p.read_volatile() } == 5 {
        std::process::abort();
    }
}

fn main() {
    let mut a: [MaybeUninit<i64>; 8] = [MaybeUninit::uninit(); 8];
    for (i, slot) in a.iter_mut().enumerate() {
        if i != 3 || cfg!(twin) {
            slot.write(1);
        }
    }
    std::hint::black_box(&mut a);
    look(a[3].as_ptr());
}
