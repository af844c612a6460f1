// A panic that is caught, and a guard whose drop reads freed memory on its way.
struct Guard(*mut u32);

impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        unsafe {
            if cfg!(twin) {
                std::hint::black_box(self.0.read_volatile());
            }
            drop(Box::from_raw(self.0));
            if !cfg!(twin) {
                std::hint::black_box(self.0.read_volatile());
            }
        }
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| {
        let _g = Guard(Box::into_raw(Box::new(3)));
        panic!("on purpose");
    });
    std::process::exit(caught.is_ok() as i32);
}
