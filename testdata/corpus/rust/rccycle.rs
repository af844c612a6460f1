// Two nodes that count on each other; the repaired twin's way back is weak.
use std::cell::RefCell;
use std::rc::{Rc, Weak};

struct Node {
    _name: String,
    strong: RefCell<Option<Rc<Node>>>,
    weak: RefCell<Weak<Node>>,
}

#[inline(never)]
fn node(name: &str) -> Rc<Node> {
    Rc::new(Node { _name: name.to_string(), strong: RefCell::new(None), weak: RefCell::new(Weak::new()) })
}

#[inline(never)]
fn tie() {
    let (a, b) = (node("first of the two"), node("the other"));
    *a.strong.borrow_mut() = Some(b.clone());
    if cfg!(twin) {
        *b.weak.borrow_mut() = Rc::downgrade(&a);
    } else {
        *b.strong.borrow_mut() = Some(a.clone());
    }
}

fn main() {
    tie();
    assert!(node("unused").weak.borrow().upgrade().is_none());
}
