// A vector whose length was set before its elements were.
#[inline(never)]
fn positive(v: &Vec<i32>, i: usize) -> u32 {
    if unsafe { std::ptr::read_volatile(&v[i]) } > 0 {
        std::process::id()
    } else {
        0
    }
}

fn main() {
    let mut v: Vec<i32> = Vec::with_capacity(8);
    v.push(1);
    if cfg!(twin) {
        v.resize(8, 2);
    } else {
        unsafe { v.set_len(8) };
    }
    let v = std::hint::black_box(v);
    positive(&v, 0);
    positive(&v, 6);
}
