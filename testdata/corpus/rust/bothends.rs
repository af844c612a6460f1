// A ring of two ends whose index was not wrapped.
struct Ring {
    slots: Box<[u32]>,
    head: usize,
}

impl Ring {
    #[inline(never)]
    fn get(&self, n: usize) -> u32 {
        let mut i = self.head + n;
        if cfg!(twin) {
            i %= self.slots.len();
        }
        unsafe { self.slots.as_ptr().add(i).read_volatile() }
    }
}

fn main() {
    let r = std::hint::black_box(Ring { slots: vec![1; 12].into_boxed_slice(), head: 10 });
    std::hint::black_box(r.get(1) + r.get(4));
}
