// An enum's value assumed to be there.
use std::mem::MaybeUninit;

#[derive(Clone, Copy)]
#[repr(u8)]
enum Light {
    Red = 1,
    Green = 2,
}

#[inline(never)]
fn number(l: *const Light) -> u32 {
    if unsafe { (l as *const u8).read_volatile() } == Light::Red as u8 {
        10
    } else {
        20
    }
}

fn main() {
    let mut l = Box::new(MaybeUninit::<Light>::uninit());
    if cfg!(twin) {
        l.write(Light::Green);
    }
    std::hint::black_box(number(std::hint::black_box(&l).as_ptr()));
}
