// A string slice that outlives its string.
fn main() {
    let s = std::hint::black_box(String::from("one two three four five"));
    let word: &'static [u8] = unsafe { std::mem::transmute(s.as_bytes()) };
    let mut s = Some(s);
    if !cfg!(twin) {
        drop(s.take());
    }
    let p = std::hint::black_box(word.as_ptr());
    std::hint::black_box(unsafe { p.add(8).read_volatile() });
    drop(s);
}
