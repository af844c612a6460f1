// Uninitialised bytes made a number by transmute, and that number an index.
use std::mem::MaybeUninit;

static TABLE: [u8; 256] = [1; 256];

#[inline(never)]
fn look(m: &MaybeUninit<[u8; 4]>) -> u8 {
    let n: u32 = unsafe { std::mem::transmute_copy(m) };
    unsafe { TABLE.as_ptr().add((n & 255) as usize).read_volatile() }
}

fn main() {
    let mut m: Box<MaybeUninit<[u8; 4]>> = Box::new(MaybeUninit::uninit());
    if cfg!(twin) {
        m.write([1, 2, 3, 4]);
    }
    std::hint::black_box(look(std::hint::black_box(&m)));
}
