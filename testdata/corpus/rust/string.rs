// The bytes of a string after it was shortened and given back.
fn main() {
    let mut s = std::hint::black_box(String::from("a string of some length"));
    s.truncate(4);
    let p = s.as_ptr();
    if !cfg!(twin) {
        s.shrink_to_fit();
    }
    std::hint::black_box(unsafe { p.add(10).read_volatile() });
    drop(s);
}
