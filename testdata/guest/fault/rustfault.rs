// Rust: raw pointers beyond a Vec and after its drop, and a block that is forgotten.
// build: rustc -g -C opt-level=0
// build: rustc -g -C opt-level=2
// build: rustc -g -C opt-level=1 -C target-feature=+crt-static
/// Gives back x, which the optimiser knows nothing of any more. std::hint::black_box is too new for some distributions.
fn opaque<T>(x: T) -> T {
    let y = unsafe { std::ptr::read_volatile(&x) };
    std::mem::forget(x);
    y
}

#[inline(never)]
fn beyond(v: &[u32]) -> u32 {
    let end = if cfg!(clean) { v.len() - 1 } else { v.len() };
    unsafe { std::ptr::read_volatile(v.as_ptr().add(end)) }
}

#[inline(never)]
fn stale() -> u8 {
    let b = Box::new([7u8; 64]);
    let p = &b[10] as *const u8;
    if cfg!(clean) {
        return unsafe { std::ptr::read_volatile(p) };
    }
    drop(b);
    unsafe { std::ptr::read_volatile(p) }
}

mod store {
    pub struct Keeper;
    impl Keeper {
        #[inline(never)]
        pub fn forget(&self, n: usize) {
            let v = crate::opaque(vec![1u64; n]);
            if !cfg!(clean) {
                std::mem::forget(v);
            }
        }
    }
}

fn main() {
    let v: Vec<u32> = opaque((0..5).collect());
    let mut s = beyond(&v) as u64;
    s += stale() as u64;
    store::Keeper.forget(opaque(25));
    std::process::exit((s & 0) as i32);
}
