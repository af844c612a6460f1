// A field that is dropped by hand, and once more by its owner.
use std::mem::ManuallyDrop;

struct Owner {
    name: ManuallyDrop<Box<[u8; 24]>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        unsafe { ManuallyDrop::drop(&mut self.name) };
    }
}

fn main() {
    let mut o = std::hint::black_box(Owner { name: ManuallyDrop::new(Box::new([1; 24])) });
    if !cfg!(twin) {
        unsafe { ManuallyDrop::drop(&mut o.name) };
    }
    drop(std::hint::black_box(o));
}
