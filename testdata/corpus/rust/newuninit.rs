// A boxed slice of uninitialised bytes, written to a file.
use std::io::Write;

fn main() {
    let mut b = Box::<[u8]>::new_uninit_slice(40);
    let set = if cfg!(twin) { 40 } else { 30 };
    for slot in &mut b[..set] {
        slot.write(b'x');
    }
    let b = std::hint::black_box(unsafe { b.assume_init() });
    std::fs::File::create("/dev/null").unwrap().write_all(&b).unwrap();
}
