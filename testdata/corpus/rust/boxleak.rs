// Boxes leaked on purpose: what nobody keeps is lost.
#[inline(never)]
fn leak(n: usize) -> usize {
    let s: &'static mut [u32] = Box::leak(vec![3u32; n].into_boxed_slice());
    let kept = s[n - 1] as usize;
    if cfg!(twin) {
        drop(unsafe { Box::from_raw(s) });
    }
    kept
}

fn main() {
    std::hint::black_box(leak(std::hint::black_box(21)));
    std::hint::black_box(leak(std::hint::black_box(22)));
}
