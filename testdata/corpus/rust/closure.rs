// A closure given to C code as a pointer, and dropped before it was called.
type Callback = Box<dyn Fn(u32) -> u32>;

#[inline(never)]
fn call(user: *const Callback, n: u32) -> u32 {
    let factor = user as *const usize; // the closure's data and its table
    std::hint::black_box(unsafe { factor.read_volatile() });
    n + 1
}

fn main() {
    let factor = std::hint::black_box(3);
    let user: *mut Callback = Box::into_raw(Box::new(Box::new(move |n| n * factor)));
    unsafe {
        assert_eq!((*user)(2), 6);
        if cfg!(twin) {
            std::hint::black_box(call(user, 1));
            drop(Box::from_raw(user));
        } else {
            drop(Box::from_raw(user));
            std::hint::black_box(call(std::hint::black_box(user), 1));
        }
    }
}
