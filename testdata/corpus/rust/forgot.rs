// A vector of strings, forgotten: its strings are lost with it.
#[inline(never)]
fn lose() {
    let v: Vec<String> = (0..3).map(|i| format!("string number {i}")).collect();
    let v = std::hint::black_box(v);
    if !cfg!(twin) {
        std::mem::forget(v);
    }
}

fn main() {
    lose();
}
