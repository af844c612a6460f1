// A structure's padding, compared as bytes.
#[repr(C)]
struct Pair {
    small: u8,
    large: u32,
}

#[inline(never)]
fn make(p: *mut Pair, n: u8) {
    unsafe {
        std::ptr::write_volatile(&raw mut (*p).small, n);
        std::ptr::write_volatile(&raw mut (*p).large, 4);
    }
}

#[inline(never)]
fn same(p: *const u8, i: usize) {
    if unsafe { p.add(i).read_volatile() } == 9 {
        std::process::abort();
    }
}

fn main() {
    let p = unsafe { std::alloc::alloc(std::alloc::Layout::new::<Pair>()) } as *mut Pair;
    make(p, 3);
    let i = if cfg!(twin) { 4 } else { 2 };
    same(std::hint::black_box(p) as *const u8, i);
    drop(unsafe { Box::from_raw(p) });
}
