// Two reference-counted nodes that keep each other.
use std::cell::RefCell;
use std::rc::Rc;

struct Node {
    other: RefCell<Option<Rc<Node>>>,
}

#[inline(never)]
fn work() {
    let a = Rc::new(Node { other: RefCell::new(None) });
    let b = Rc::new(Node { other: RefCell::new(Some(a.clone())) });
    if !cfg!(twin) {
        *a.other.borrow_mut() = Some(b.clone());
    }
    std::hint::black_box((&a, &b));
}

#[inline(never)]
fn wipe() {
    std::hint::black_box([0u64; 400]);
}

fn main() {
    work();
    wipe();
}
