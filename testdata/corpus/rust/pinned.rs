// A value that refers to itself, and was moved: the reference stays behind, in what was freed.
struct Own {
    data: [u16; 30],
    me: *const u16,
}

fn main() {
    let mut b = Box::new(Own { data: [8; 30], me: std::ptr::null() });
    b.me = &b.data[9];
    let b = std::hint::black_box(b);
    let moved = if cfg!(twin) { b } else { Box::new(*std::hint::black_box(b)) };
    let moved = std::hint::black_box(moved);
    std::hint::black_box(unsafe { moved.me.read_volatile() });
    std::hint::black_box(&moved.data);
}
