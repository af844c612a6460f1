// The bytes in front of a block with an alignment of its own.
#[repr(align(128))]
struct Line([u8; 128]);

fn main() {
    let mut b = std::hint::black_box(Box::new(Line([0; 128])));
    let p = b.0.as_mut_ptr();
    let at = if cfg!(twin) { 0 } else { -3 };
    unsafe { p.offset(at).write_volatile(1) };
    std::hint::black_box(&b);
}
